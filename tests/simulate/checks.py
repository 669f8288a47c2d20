"""The invariants, once all is at rest: on what really happened (the participants' ledger), what was sent, and what is stored.

The ledger knows sagas by tenant, definition and key, and steps by name, so nothing of the coordinator's own ids or words is needed to
see that something happened twice, out of order, or against an end.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from uuid import UUID

import orjson

from saga.core import events as e
from saga.core.evolve import evolve
from saga.core.project import SagaRow, row_of, status_of
from saga.core.state import Do, Sending, State, StepId, Undo
from saga.core.upcast import decode
from saga.definition.graph import Definition, StepKind
from saga.ports.access import FIRST_HASH, linked
from saga.testing.store import MemoryStore
from tests.explore.rules import RULES, Broken
from tests.simulate.participants import Effect, Of, Participants, Sent
from tests.simulate.shapes import DEFINITIONS

RESTING = frozenset(("completed", "compensated", "cancelled", "parked"))
UNANSWERED = "no-answer"
PER_SAGA = ("I1", "I2", "I3", "I5", "I6", "I7", "I8", "I12", "I13", "I15", "I16", "I18")


class Judge:
    """What was checked, how often, and what did not hold."""

    def __init__(self) -> None:
        self.checked: Counter[str] = Counter()
        self.broken: list[tuple[str, str]] = []

    def held(self, invariants: Iterable[str], times: int = 1) -> None:
        """These were checked."""
        for invariant in invariants:
            self.checked[invariant] += times

    def say(self, invariant: str, story: str) -> None:
        """This did not hold."""
        self.broken.append((invariant, story))


class Court:
    """One world at rest, judged."""

    def __init__(self, judge: Judge, store: MemoryStore, participants: Participants) -> None:
        self.judge = judge
        self.data = store.data
        self.participants = participants
        self.issued: dict[str, Sent] = {}
        self.lives: dict[UUID, dict[int, int]] = {}

    def sagas(self, orders: Sequence[tuple[str, str]]) -> None:
        """Every saga by itself, and that each order has one of each definition."""
        streams: defaultdict[Of, list[UUID]] = defaultdict(list)
        for saga_id, bodies in self.data.events.items():
            state = self._stream(saga_id, bodies)
            of = Of(*state.business)
            streams[of].append(saga_id)
            self._row(of, self.data.rows[saga_id], row_of(saga_id, state))
            effects = self.participants.ledger.get(of, [])
            judge_effects(self.judge, of, effects)
            judge_end(self.judge, of, state, effects)
        wanted = {Of(tenant, name, key) for tenant, key in orders for name in DEFINITIONS}
        for of in sorted(wanted ^ streams.keys()):
            self.judge.say("I13", f"{of} has {len(streams[of])} sagas, and {'was' if of in wanted else 'was never'} ordered")
        for of, found in streams.items():
            if len(found) > 1:
                self.judge.say("I13", f"{of} has {len(found)} sagas")
        for of in sorted(self.participants.ledger.keys() - streams.keys()):
            self.judge.say("I4", f"{of} has effects and no saga")
        self.judge.held(PER_SAGA, len(wanted))

    def commands(self) -> None:
        """Every command that a participant has seen was issued, by that saga, with that body."""
        for fault in self.participants.wrong:
            self.judge.say("I4", fault)
        for command_id, sent in self.participants.sent.items():
            issued = self.issued.get(command_id)
            if issued != sent:
                invariant = "I16" if issued is not None and issued.of.tenant != sent.of.tenant else "I4"
                self.judge.say(invariant, f"command {command_id} was sent as {sent} and issued as {issued}")
        self.judge.held(("I4",), len(self.participants.sent))

    def told(self, records: Iterable[bytes | None]) -> None:
        """Each change of a saga's life is told, the same each time, and names the one before."""
        told: dict[tuple[str, int], bytes] = {}
        for body in records:
            life = orjson.loads(body or b"{}")
            saga_id, version = str(life["saga_id"]), int(life["version"])
            if told.setdefault((saga_id, version), body or b"") != body:
                self.judge.say("I18", f"version {version} of {saga_id} is told in two ways")
        for saga_id, lives in self.lives.items():
            for version, previous in lives.items():
                body = told.pop((str(saga_id), version), None)
                if body is None or orjson.loads(body)["previous"] != previous:
                    self.judge.say("I18", f"version {version} of {saga_id} is told as {body!r}")
        for saga_id, version in told:
            self.judge.say("I18", f"version {version} of {saga_id} is told and is no change")

    def audited(self, accepted: Iterable[str]) -> None:
        """Every act that was accepted has one row that says so, and the chains hold. A refusal may stand beside it: decided before
        a commit of unknown outcome, told to nobody, and decided otherwise when the saga had moved."""
        said: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for tenant, chain in self.data.audit.items():
            before = FIRST_HASH
            for position, row in enumerate(chain, 1):
                if row != linked(row.entry, position, row.at, before) or row.entry.tenant != tenant:
                    self.judge.say("I17", f"row {position} of the audit of {tenant} is not what was written: {row}")
                before = row.hash
                said[row.entry.input_id][row.entry.outcome] += 1
        for input_id in accepted:
            refusals = said[input_id]["refused"]
            if refusals > 1 or said[input_id].total() - refusals != 1:
                self.judge.say("I17", f"{input_id} was accepted, and the audit has of it {dict(said[input_id])}")
        self.judge.held(("I17",), sum(outcomes.total() for outcomes in said.values()))

    def nothing_waits(self) -> None:
        """The tables that must be empty are."""
        if self.data.outbox:
            self.judge.say("I19", f"{len(self.data.outbox)} pointers wait although all is at rest")
        if self.data.held:
            self.judge.say("I10", f"{len(self.data.held)} records are held although all is at rest")
        for row in self.data.dead.values():
            self.judge.say("I10", f"dead letter {row.letter.reason}: {row.letter.detail} ({row.letter.record})")
        if self.data.quarantined:
            self.judge.say("I10", f"{len(self.data.quarantined)} sagas are quarantined")
        self.judge.held(("I10", "I19"))

    def _stream(self, saga_id: UUID, bodies: Sequence[bytes]) -> State:
        """Fold it once, and look at each event in the fold that it was appended to."""
        state, lives = State(), {}
        first = decode(bodies[0])
        if not isinstance(first, e.SagaStarted):
            self.judge.say("I1", f"{saga_id} begins with {type(first).__name__}")
            return state
        definition = DEFINITIONS[first.definition]
        for number, body in enumerate(bodies):
            event = decode(body)
            if number:
                self._event(saga_id, definition, state, event)
            try:
                state = evolve(state, event)
            except (LookupError, TypeError) as error:
                self.judge.say("I1", f"{saga_id} at version {state.version}: {type(event).__name__} does not fold ({type(error).__name__})")
                break
            self._issue(state, event)
            if state.life.version == state.version:
                lives[state.version] = state.life.previous
        self.lives[saga_id] = lives
        return state

    def _event(self, saga_id: UUID, definition: Definition, state: State, event: e.Event) -> None:
        for rule in RULES:
            try:
                rule(definition, state, event)
            except Broken as broken:
                self.judge.say(broken.invariant, f"{saga_id} at version {state.version}: {broken.rule}")
        if isinstance(event, e.SagaStarted) or (isinstance(event, e.StepIssued | e.UndoIssued) and event.command_id in state.commands):
            self.judge.say("I1", f"{saga_id} at version {state.version}: {type(event).__name__} stands in the stream already")
        if isinstance(event, e.StepFailed | e.UndoFailed | e.StepResent | e.UndoResent):
            self._deadline(saga_id, state, event)

    def _deadline(self, saga_id: UUID, state: State, event: e.StepFailed | e.UndoFailed | e.StepResent | e.UndoResent) -> None:
        step = state.steps[StepId(event.step, event.branch)]
        sending: Sending | None = step.undo_sending if isinstance(event, e.UndoFailed | e.UndoResent) else step.sending
        fires = event.code == UNANSWERED if isinstance(event, e.StepFailed | e.UndoFailed) else not event.actor
        if isinstance(event, e.StepResent) and step.undo is Undo.FENCED and state.last_progress == event.at:
            return  # the same decision heard from its fence that it is done: it is sent at once, to fetch its answer
        if fires and sending is not None and (sending.due_at is None or sending.due_at > event.at):
            self.judge.say("I15", f"{saga_id} at version {state.version}: {type(event).__name__} of {event.step}, due {sending.due_at}")

    def _issue(self, state: State, event: e.Event) -> None:
        if isinstance(event, e.StepIssued | e.UndoIssued):
            start = state.start
            undoes = event.undoes if isinstance(event, e.UndoIssued) else ""
            of = Of(start.tenant, start.definition, start.key)
            self.issued[event.command_id] = Sent(event.body, event.type, undoes, of)

    def _row(self, of: Of, row: SagaRow, whole: SagaRow) -> None:
        due, wanted = row.due_at, whole.due_at
        if wanted is not None and (due is None or due > wanted):
            self.judge.say("I8", f"the row of {of} is due {due}, its fold {wanted}")
        if (row.version, row.status, row.ended, row.tenant, row.key) != (whole.version, whole.status, whole.ended, whole.tenant, whole.key):
            self.judge.say("I8", f"the row of {of} is {row}, its events say {whole}")
        if whole.status not in RESTING:
            self.judge.say("I2", f"{of} is {whole.status} although all is at rest: {whole.waits_for}")


def judge_effects(judge: Judge, of: Of, effects: Sequence[Effect]) -> None:
    """What happened happened once, in the order of the graph, and nothing was undone beside the pivot."""
    steps = DEFINITIONS[of.definition].steps
    places: dict[Effect, int] = {}
    for place, effect in enumerate(effects):
        if places.setdefault(effect, place) != place:
            judge.say("I3", f"{effect} of {of} happened twice")
    for effect, place in places.items():
        for before in steps[effect.step].after:
            if effect.kind == "do":
                if places.get(Effect(before, "do"), -1) > place or places.get(Effect(before, "undo"), place) < place:
                    judge.say("I5", f"{effect.step} of {of} happened before {before}, or after its undo: {effects}")
            elif places.get(Effect(before, "undo"), place) < place:
                judge.say("I6", f"{before} of {of} was undone before {effect.step}: {effects}")
        if effect.kind == "undo" and places.get(Effect(effect.step, "do"), place) >= place:
            judge.say("I3", f"{effect.step} of {of} was undone without having been done: {effects}")
    pivot = DEFINITIONS[of.definition].pivot
    if pivot and Effect(pivot, "do") in places and any(effect.kind == "undo" for effect in places):
        judge.say("I7", f"{of} passed its pivot, and something was undone: {effects}")


def judge_end(judge: Judge, of: Of, state: State, effects: Sequence[Effect]) -> None:
    """An end says what is true: all was done, or nothing is left; so nothing is sold twice and no money is kept (I12)."""
    if status_of(state) == "completed":
        for name in DEFINITIONS[of.definition].steps:
            step = state.step(name)
            skipped = step is not None and step.do is Do.SKIPPED
            by_hand = step is not None and step.skipped_by_hand
            if Effect(name, "undo") in effects or (not by_hand and (Effect(name, "do") in effects) is skipped):
                judge.say("I6", f"{of} is completed, and {name} says otherwise: {effects}")
    elif state.ended:
        for name, node in DEFINITIONS[of.definition].steps.items():
            step = state.step(name)
            by_hand = step is not None and (step.undo is Undo.SKIPPED or step.skipped_by_hand)
            left = Effect(name, "do") in effects and Effect(name, "undo") not in effects
            if left and not by_hand and (node.undo is not None or node.kind is not StepKind.COMPENSATABLE):
                judge.say(
                    "I6" if name not in ("capture_payment", "capture") else "I12", f"{of} is {state.ended}, and {name} stays: {effects}"
                )
