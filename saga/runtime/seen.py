"""What the runtime shows of itself: one place that turns what happened into metrics, spans and log lines, once a batch.

The loops say what happened in their own words and know no metric; names and labels are declared in `observability.names`. Logs carry
saga id, step and trace id, and never a payload (hazard A12).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from saga.core import events as e
from saga.core.effects import CommandToSend
from saga.core.inputs import ReplyInput
from saga.core.state import State, StepId
from saga.observability import names as n
from saga.observability.telemetry import Telemetry
from saga.observability.tracing import trace_id
from saga.ports.messaging import OutboundRecord, TopicPartition
from saga.ports.streams import Pointer
from saga.runtime.work import Appended, Dead, Held, Nothing, Work

_ENDS: Mapping[type[e.Event], str] = {e.SagaCompleted: "completed", e.SagaCompensated: "compensated", e.SagaCancelled: "cancelled"}
_TO_LOG = (e.ReplyIgnored, e.SagaReopened, e.UndoParked, e.UndoRefused, e.BuildFailed)


class Seen:
    """The runtime's witness: each method is called when the thing has happened, after the commit where there is one."""

    def __init__(self, telemetry: Telemetry, lifecycle: str = "") -> None:
        self._telemetry = telemetry
        self._lifecycle = lifecycle
        self._metrics = telemetry.metrics
        self._log = telemetry.logger("saga.runtime")

    def new_trace(self, parent: str) -> str:
        """The trace context of a new saga, joined to what led to it."""
        return self._telemetry.tracing.new_saga_trace(parent)

    def batch(self, inputs: int, seconds: float) -> None:
        """A batch is committed."""
        self._metrics.observe(n.BATCH_SECONDS, seconds)
        self._metrics.observe(n.BATCH_INPUTS, inputs)

    def settled(self, work: Work, now: datetime) -> None:
        """What came of a work is committed."""
        match work.result:
            case Appended(saga_id, events, state):
                self._appended(str(saga_id), events, state)
                self._processed(work, now)
                if work.lateness is not None:
                    self._metrics.observe(n.TICK_LATENESS, work.lateness)
            case Nothing(_, why):
                self._metrics.count(n.INPUTS_IGNORED, reason=why.value)
            case Held(_, reason):
                self._metrics.count(n.RECORDS_HELD, reason=reason)
            case Dead(target, reason, detail):
                self._dead(work, target, reason, detail)
            case _:
                pass

    def ignored_records(self, reasons: Sequence[str]) -> None:
        """Records that are none of our business, or of an older epoch."""
        for reason, count in Counter(reasons).items():
            self._metrics.count(n.INPUTS_IGNORED, count, reason=reason)

    def conflict(self) -> None:
        """A rival was first."""
        self._metrics.count(n.CONFLICTS)

    def unknown_commit(self) -> None:
        """Nobody knows whether a batch is in the database; it is decided again."""
        self._metrics.count(n.UNKNOWN_COMMITS)
        self._log.warning("the outcome of a commit is unknown; the batch is decided again from the streams")

    def timeline_changed(self, before: str, after: str) -> None:
        """The database failed over."""
        self._log.warning("the database is on another timeline: all folds and unsent commands are dropped", before=before, after=after)

    def quarantined(self, work: Work, error: Exception) -> None:
        """A saga cannot be folded or decided."""
        self._metrics.count(n.FOLD_ERRORS)
        self._log.error("a saga is quarantined", saga_id=work.target, error=type(error).__name__, exc_info=error)

    def fold_reloads(self, count: int) -> None:
        """Folds that were not in memory."""
        self._metrics.count(n.FOLD_RELOADS, count)

    @contextmanager
    def sending(self, pointer: Pointer, command: CommandToSend) -> Iterator[str]:
        """Around a send: yields the trace context to put on the wire."""
        with self._telemetry.tracing.span(
            f"send {command.participant}.commands", command.traceparent, {"saga.id": str(pointer.saga_id), "saga.step": command.step}
        ) as traceparent:
            yield traceparent

    def sent(self, commands: Sequence[CommandToSend], records: Sequence[OutboundRecord], acknowledged: Sequence[bool]) -> None:
        """A batch was sent: these commands, in these records, and among them what is told of sagas' lives."""
        done = sum(acknowledged)
        told = sum(record.topic == self._lifecycle for record, ok in zip(records, acknowledged, strict=True) if ok)
        self._metrics.count(n.COMMANDS_SENT, done - told)
        self._metrics.count(n.LIFECYCLE_SENT, told)
        if missing := len(acknowledged) - done:
            self._metrics.count(n.SENDS_FAILED, missing)
        if resent := sum(command.attempt > 1 for command in commands):
            self._metrics.count(n.RESENDS, resent)

    def swept(self, claimed: int, unwanted: int) -> None:
        """Pointers that others, or a lost acknowledgement, left behind."""
        if claimed:
            self._metrics.count(n.POINTERS_CLAIMED, claimed)
            self._log.info("took over commands that were not known to be sent", claimed=claimed, unwanted=unwanted)

    def expired(self, count: int) -> None:
        """Unsent memory older than its claim was dropped; the pointers are still there."""
        if count > 0:
            self._metrics.count(n.SENDS_EXPIRED, count)

    def drain_cut(self, left: int) -> None:
        """Not everything went out before the drain's time was over."""
        self._log.warning("the drain was cut; others will send the rest", left=left)

    def loop_failed(self, loop: str, error: Exception) -> None:
        """A loop met what it does not know: a bug."""
        self._metrics.count(n.LOOP_ERRORS, loop=loop)
        self._log.error("a loop failed and goes on", loop=loop, error=type(error).__name__, exc_info=error)

    def outage(self, loop: str, text: str) -> None:
        """A server is away: one line, at the first failure of a row."""
        self._log.warning("waiting", loop=loop, fault=text)

    def watchdog(self, loop: str) -> None:
        """No progress: the part is replaced."""
        self._metrics.count(n.WATCHDOG_RESTARTS, loop=loop)
        self._log.warning("no progress; the part is replaced", loop=loop)

    def lag(self, lag: Mapping[TopicPartition, int]) -> None:
        """Records behind, by topic."""
        totals: Counter[str] = Counter()
        for place, behind in lag.items():
            totals[place.topic] += behind
        self._metrics.set_each(n.CONSUMER_LAG, "topic", totals)

    def figures(self, figures: Mapping[str, Any]) -> None:
        """Counts that the database keeps."""
        self._metrics.set_each(n.SAGAS_OPEN, "status", figures.get("open", {}))
        self._metrics.set(n.OUTBOX_POINTERS, figures.get("outbox", 0))
        self._metrics.set(n.OUTBOX_AGE, figures.get("outbox_age", 0.0))
        self._metrics.set(n.HELD_RECORDS, figures.get("held", 0))
        self._metrics.set(n.DEAD_LETTERS, figures.get("dead", 0))

    def _appended(self, saga_id: str, events: Sequence[e.Event], state: State) -> None:
        definition = state.start.definition
        for event in events:
            if isinstance(event, e.SagaStarted):
                self._metrics.count(n.SAGAS_STARTED, definition=definition)
            elif isinstance(event, e.StepSucceeded):
                self._step(event, state)
            elif type(event) in _ENDS:
                self._ended(saga_id, _ENDS[type(event)], event, state)
            elif isinstance(event, _TO_LOG):
                trace = trace_id(state.start.traceparent)
                self._metrics.count(n.TROUBLES, event=type(event).__name__)
                self._log.warning(type(event).__name__, saga_id=saga_id, step=getattr(event, "step", ""), trace_id=trace)

    def _step(self, event: e.StepSucceeded, state: State) -> None:
        sending = state.steps[StepId(event.step, event.branch)].sending
        if sending is not None:
            seconds = (event.at - sending.issued_at).total_seconds()
            self._metrics.observe(n.STEP_SECONDS, seconds, definition=state.start.definition, step=event.step)

    def _ended(self, saga_id: str, outcome: str, event: e.Event, state: State) -> None:
        start = state.start
        self._metrics.count(n.SAGAS_ENDED, definition=start.definition, outcome=outcome)
        self._metrics.observe(n.SAGA_SECONDS, (event.at - start.at).total_seconds(), definition=start.definition, outcome=outcome)
        attributes = {"saga.id": saga_id, "saga.outcome": outcome}
        self._telemetry.tracing.saga_ended(start.traceparent, start.definition, start.at, event.at, attributes)
        self._log.info("saga ended", saga_id=saga_id, definition=start.definition, outcome=outcome, trace_id=trace_id(start.traceparent))

    def _processed(self, work: Work, now: datetime) -> None:
        if isinstance(work.given, ReplyInput) and work.traceparent:
            with self._telemetry.tracing.span(f"process {work.given.participant}.events", work.traceparent, {"saga.id": work.target}):
                self._metrics.observe(n.REPLY_AGE, 0.0 if work.record is None else _age(work.record.timestamp_ms, now))

    def _dead(self, work: Work, target: str, reason: str, detail: str) -> None:
        self._metrics.count(n.RECORDS_DEAD, reason=reason)
        record = work.record
        place = f"{record.topic}/{record.partition}/{record.offset}" if record else ""
        self._log.warning("dead letter", target=target, reason=reason, detail=detail, record=place)


def _age(timestamp_ms: int, now: datetime) -> float:
    return max(0.0, now.timestamp() - timestamp_ms / 1000)
