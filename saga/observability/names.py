"""Every metric, its labels and a sentence. A name is API: dashboards and alerts hang on it."""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """How a metric behaves."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    GAUGE = "gauge"


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric. `unit` follows UCUM: s, By, 1."""

    name: str
    kind: Kind
    sentence: str
    labels: tuple[str, ...] = ()
    unit: str = "1"


def _counter(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(name, Kind.COUNTER, sentence, labels)


def _seconds(name: str, sentence: str, *labels: str) -> Metric:
    return Metric(name, Kind.HISTOGRAM, sentence, labels, "s")


def _gauge(name: str, sentence: str, *labels: str, unit: str = "1") -> Metric:
    return Metric(name, Kind.GAUGE, sentence, labels, unit)


SAGAS_STARTED = _counter("saga.started", "Sagas started.", "definition")
SAGAS_ENDED = _counter("saga.ended", "Sagas ended, by outcome: completed, compensated, cancelled.", "definition", "outcome")
SAGA_SECONDS = _seconds("saga.duration", "From a saga's start to its end.", "definition", "outcome")
STEP_SECONDS = _seconds("saga.step.duration", "From a step's issue to its success, resends included.", "definition", "step")
SAGAS_OPEN = _gauge("saga.open", "Sagas that have not ended, by status.", "status")
TROUBLES = _counter(
    "saga.troubles", "Events that somebody should look at: contradictions, reopenings, parked undos, failed builds.", "event"
)

BATCH_SECONDS = _seconds("saga.batch.duration", "Database time of one batch transaction, decisions included.")
BATCH_INPUTS = Metric("saga.batch.inputs", Kind.HISTOGRAM, "Inputs handled by one batch transaction.")
CONFLICTS = _counter("saga.conflicts", "Appends that a rival replica won; the batch is decided again.")
UNKNOWN_COMMITS = _counter("saga.unknown_commits", "Commits without an answer; the batch is decided again from the streams.")
FOLD_RELOADS = _counter("saga.fold_reloads", "Folds that were read from the database because they were not in memory.")
FOLD_ERRORS = _counter("saga.fold_errors", "Sagas that could not be folded or decided and were quarantined.")
INPUTS_IGNORED = _counter("saga.inputs.ignored", "Inputs that changed nothing, by reason; duplicates are among them.", "reason")
RECORDS_HELD = _counter("saga.records.held", "Records that were set aside to wait, by reason.", "reason")
RECORDS_DEAD = _counter("saga.records.dead", "Records that nobody can use, by reason.", "reason")
REPLY_AGE = _seconds("saga.reply.age", "Age of a reply's record when it was decided; the sender's clock, only to look at.")

COMMANDS_SENT = _counter("saga.commands.sent", "Commands acknowledged by the broker.")
LIFECYCLE_SENT = _counter("saga.lifecycle.sent", "Changes of sagas' lives acknowledged by the broker.")
RESENDS = _counter("saga.commands.resent", "Commands sent with an attempt above one.")
SENDS_FAILED = _counter("saga.commands.failed", "Records that the broker did not acknowledge; their pointers are claimed later.")
SENDS_EXPIRED = _counter("saga.commands.expired", "Unsent commands dropped because their claim had passed.")
POINTERS_CLAIMED = _counter("saga.pointers.claimed", "Outbox pointers taken over after their claim had passed.")
TICK_LATENESS = _seconds("saga.tick.lateness", "How late a deadline was fired, by the database's clock.")

OUTBOX_POINTERS = _gauge("saga.outbox.pointers", "Pointers in the outbox.")
OUTBOX_AGE = _gauge("saga.outbox.age", "Age of the oldest pointer.", unit="s")
HELD_RECORDS = _gauge("saga.held", "Records that wait now.")
DEAD_LETTERS = _gauge("saga.dead_letters", "Dead letters that were not redriven.")
CONSUMER_LAG = _gauge("saga.consumer.lag", "Records behind the high watermark, by topic.", "topic")
WATCHDOG_RESTARTS = _counter("saga.watchdog.restarts", "Parts replaced because they made no progress.", "loop")
LOOP_ERRORS = _counter("saga.loop.errors", "Unexpected errors of a loop: bugs.", "loop")
INCIDENTS = _counter("saga.incidents", "What the log or the database did that no retry mends, by kind.", "kind")
REQUESTS_DENIED = _counter("saga.requests.denied", "Requests of REST that the gate refused, by reason.", "reason")
PARTICIPANT_ANSWERS = _counter(
    "saga.participant.answers", "Commands answered, by what they ask (do, undo, fence) and outcome; without repetitions.", "kind", "outcome"
)
PARTICIPANT_REPEATED = _counter("saga.participant.repeated", "Commands that came again and got their first answer again.", "kind")
PARTICIPANT_SET_ASIDE = _counter("saga.participant.set_aside", "Records that no participant can answer, by reason.", "reason")
PARTICIPANT_SECONDS = _seconds(
    "saga.participant.answer.duration", "From a command's turn to the commit of its answer; long work from its beginning.", "kind"
)
BUILD_INFO = _gauge("saga.build.info", "Always 1; the labels say which release runs on which Python.", "version", "python")

ALL: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))

SPANS = {
    "saga <definition>": "A whole saga, from its start to its end.",
    "send <topic>": "A command handed to the broker.",
    "process <topic>": "A reply that changed its saga.",
}
