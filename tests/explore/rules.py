"""What must hold for every decision, from the events alone and the fold before them, and for every fold.

Written from the design and not from the code: nothing of `compensation` or `forward` is used here. What must hold of the world around
the fold stands in `truths.py`.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from saga.core import events as e
from saga.core.decide import decide
from saga.core.evolve import evolve, fold
from saga.core.inputs import UNUSABLE, Decision, Input, ReplyInput, Tick
from saga.core.project import row_of, status_of
from saga.core.state import Do, Sending, State, Step, Undo, next_due
from saga.core.upcast import decode, encode
from saga.definition.graph import Definition, StepKind
from saga.messages import Outcome
from saga.testing.scenario import NOON

ANY_SAGA = UUID(int=0)
INSTANT = timedelta(microseconds=1)
_FIRED = (e.StepFailed, e.StepResent, e.UndoFailed, e.UndoResent)


class Broken(Exception):
    """A rule that does not hold, by the invariant it belongs to; `move` is the last line of the story, if it is not a state of its own."""

    def __init__(self, invariant: str, rule: str, move: str = "") -> None:
        self.invariant = invariant
        self.rule = rule
        self.move = move
        super().__init__(rule)


@contextmanager
def telling(move: str) -> Iterator[None]:
    """A rule broken in here was broken by this move."""
    try:
        yield
    except Broken as broken:
        raise Broken(broken.invariant, broken.rule, move) from broken


def check_decision(definition: Definition, state: State, given: Input, decision: Decision) -> None:
    """Every event fits the fold that it is appended to, and the decision as a whole fits its input."""
    if decision.ignored in UNUSABLE:
        raise Broken("K1", f"an honest reply is called {decision.ignored}")
    if isinstance(given, ReplyInput):
        _check_reply(state, given, decision)
    after = state
    for event in decision.events:
        for rule in RULES:
            rule(definition, after, event)
        after = evolve(after, event)
    if isinstance(given, ReplyInput):
        _settled_by_its_own_answer(state, after, given)
    if any(step.do is Do.IN_DOUBT for step in after.steps.values()) and after.turned_back is None:
        raise Broken("I5", "in doubt, and not turned back")


def check_copy(definition: Definition, state: State, given: ReplyInput) -> None:
    """K1: the same reply again changes nothing."""
    if decide(definition, state, given, NOON).events:
        raise Broken("K1", f"a copy of a reply was decided on: {given.outcome} of {state.commands[given.command_id]}")


def check_again(definition: Definition, state: State, given: Input, decision: Decision, after: State) -> None:
    """I1 and I8: the same question has the same answer, what is stored folds to the same state, and the row says what the fold says."""
    if after.version != state.version + len(decision.events):
        raise Broken("I1", f"{len(decision.events)} events bring version {state.version} to {after.version}")
    if decide(definition, state, given, NOON).events != decision.events:
        raise Broken("I8", f"{type(given).__name__} is decided in another way when it is decided again")
    if fold((decode(encode(event)) for event in decision.events), state) != after:
        raise Broken("I8", "the events as they are stored fold to another state than those that were decided")
    if decision.events:
        row = row_of(ANY_SAGA, after)
        dues = [due for due in _dues(after) if due is not None]
        if (row.status, row.version) != (status_of(after), after.version) or (dues and (row.due_at is None or row.due_at > min(dues))):
            raise Broken(
                "I8", f"the row says {row.status}, due at {row.due_at}; the fold {status_of(after)}, due at {min(dues, default=None)}"
            )


def check_tick(definition: Definition, state: State, decision: Decision, after: State) -> None:
    """I15: what is not due does not fire, a tick fires what is due and nothing else, and what fired does not fire again."""
    if decide(definition, state, Tick(), NOON - INSTANT).events:
        raise Broken("I15", "a deadline fires before it is due")
    due = {sending.command_id for sending in _awaited(state) if sending.due_at is not None and sending.due_at <= NOON}
    for event in decision.events:
        if isinstance(event, _FIRED) and event.command_id not in due:
            raise Broken("I15", f"{type(event).__name__} of {event.step}, whose deadline is not due")
    fired = {event.command_id for event in decision.events if isinstance(event, _FIRED)}
    again = decide(definition, after, Tick(), NOON).events
    if any(event.command_id in fired for event in again if isinstance(event, _FIRED)):
        raise Broken("I15", "a deadline fires twice")


def check_fold(definition: Definition, state: State) -> None:
    """I2: a saga that neither ended nor parked waits for something that will happen."""
    if status_of(state) in ("running", "compensating") and next_due(state) is None:
        raise Broken("I2", "not ended, not parked, and nothing is awaited")
    if state.life.status != status_of(state):
        raise Broken("I18", f"the saga is {status_of(state)}, and the last that was told of its life is {state.life.status}")
    if state.ended:
        for name in definition.steps:
            step = state.step(name)
            if step is not None and (step.awaits_do or (state.turned_back is not None and _undo_pending(definition, step))):
                raise Broken("I6", f"{state.ended}, and {name} is not settled")


def _check_reply(state: State, given: ReplyInput, decision: Decision) -> None:
    ref = state.commands[given.command_id]
    step = state.steps[ref.of]
    sending = step.undo_sending if ref.undo else step.sending
    bound = given.outcome in (Outcome.FAILED, Outcome.IN_PROGRESS)
    if bound and decision.events and (sending is None or (sending.command_id, sending.attempt) != (given.command_id, given.attempt)):
        raise Broken("K13", "failed or in-progress counted for an attempt that does not run")


def _settled_by_its_own_answer(before: State, after: State, given: ReplyInput) -> None:
    ref = before.commands[given.command_id]
    for of, step in before.steps.items():
        now = after.steps[of]
        opened = step.undo in (None, Undo.NOTHING) and now.undo in (Undo.ISSUED, Undo.PARKED)
        changed = now.undo is not step.undo and not opened
        if step.fence and step.kind == "pivot" and now.undo in (Undo.FENCED, Undo.PARKED) and now.do is Do.SUCCEEDED and ref.of == of:
            continue  # the pivot's own success answers what its fence asks
        given_up = step.awaits_undo and not step.fence and now.do not in (Do.SUCCEEDED, Do.IN_DOUBT)
        if (changed or given_up) and not (ref.undo and ref.of == of):
            raise Broken("K13", f"the undo of {of.step} was settled by an answer to something else")


def _issued_in_order(definition: Definition, state: State, event: e.Event) -> None:
    if not isinstance(event, e.StepIssued | e.StepResent):
        return
    if state.turned_back is not None or state.ended:
        raise Broken("I5", f"the do of {event.step} is sent after the saga turned back or ended")
    for name in definition.steps[event.step].after:
        step = state.step(name)
        if step is None or step.do not in (Do.SUCCEEDED, Do.SKIPPED):
            raise Broken("I5", f"{event.step} is issued before {name} succeeded")


def _undone_in_order(definition: Definition, state: State, event: e.Event) -> None:
    if not isinstance(event, e.UndoIssued | e.UndoResent) or _fences_the_pivot(definition, state, event):
        return
    if state.turned_back is None or state.ended:
        raise Broken("I5", f"an undo of {event.step} is sent in a saga that did not turn back, or ended")
    if any(step.awaits_do for step in state.steps.values()):
        raise Broken("I5", f"the undo of {event.step} is sent while a do is awaited")
    pivot = state.step(definition.pivot) if definition.pivot else None
    if isinstance(event, e.UndoIssued) and pivot is not None and pivot.do is Do.SUCCEEDED and pivot.undo not in (Undo.SKIPPED, Undo.UNDONE):
        raise Broken("I7", f"an undo of {event.step} is issued after the pivot succeeded")
    if isinstance(event, e.UndoIssued) and event.generation == 0:
        for name in _descendants(definition, event.step):
            step = state.step(name)
            if step is not None and _undo_pending(definition, step):
                raise Broken("I6", f"the undo of {event.step} is issued before that of {name} is settled")


def _fences_the_pivot(definition: Definition, state: State, event: e.UndoIssued | e.UndoResent) -> bool:
    """A fence of the pivot is asked for by a person, and goes out before the saga turns back; once out, it is sent until answered."""
    step = state.step(event.step)
    if definition.steps[event.step].kind is not StepKind.PIVOT or step is None or state.ended:
        return False
    if isinstance(event, e.UndoResent):
        return step.fence and step.awaits_undo
    return event.kind == "fence" and bool(event.actor) and step.awaits_do and state.turned_back is None


def _paused_sends_nothing(_: Definition, state: State, event: e.Event) -> None:
    if state.paused is not None and isinstance(event, e.StepIssued | e.StepResent | e.UndoIssued | e.UndoResent):
        raise Broken("I5", f"{type(event).__name__} of {event.step} in a saga that is paused")


def _never_undone(definition: Definition, state: State, event: e.Event) -> None:
    if isinstance(event, e.UndoIssued) and _fences_the_pivot(definition, state, event):
        return
    if isinstance(event, e.StepDoubted | e.UndoIssued) and definition.steps[event.step].kind is not StepKind.COMPENSATABLE:
        raise Broken("I7", f"{event.step} is at or after the pivot, and is doubted or undone")


def _ends_once(_: Definition, state: State, event: e.Event) -> None:
    if state.ended and not isinstance(event, e.StepSucceeded | e.SagaReopened):
        raise Broken("I2", f"{type(event).__name__} in a saga that is {state.ended}")


def _issued_once(_: Definition, state: State, event: e.Event) -> None:
    if isinstance(event, e.StepIssued | e.UndoIssued) and event.command_id in state.commands:
        raise Broken("I4", f"{type(event).__name__} of {event.step} takes an id that was issued before")


def _within_the_budget(definition: Definition, state: State, event: e.Event) -> None:
    """S1: by itself a compensatable do is sent as often as its definition says, and not once more."""
    if isinstance(event, e.StepResent) and not event.actor and definition.steps[event.step].kind is StepKind.COMPENSATABLE:
        step = state.step(event.step)
        since = step.sending.budget_from if step and step.sending else 1
        if event.attempt - since + 1 > definition.steps[event.step].retry.attempts:
            raise Broken("S1", f"{event.step} is sent once more than its definition says")


def _skipped_when_stuck(definition: Definition, state: State, event: e.Event) -> None:
    """V5: a person skips a parked undo, or a stuck step after the pivot, and nothing else."""
    if not isinstance(event, e.UndoSkipped) and not (isinstance(event, e.StepSkipped) and event.cause == "operator"):
        return
    step = state.step(event.step)
    if isinstance(event, e.UndoSkipped):
        allowed = step is not None and (step.undo is Undo.PARKED or (step.undo_unanswered and step.awaits_undo))
    else:
        stuck = step is not None and (step.do in (Do.REFUSED, Do.BUILD_FAILED) or (step.unanswered and step.awaits_do))
        allowed = stuck and definition.steps[event.step].kind is StepKind.RETRIABLE
    if not allowed:
        raise Broken("I6", f"{event.step} is skipped and nothing is stuck there")


RULES = (
    _issued_in_order,
    _undone_in_order,
    _paused_sends_nothing,
    _never_undone,
    _ends_once,
    _issued_once,
    _within_the_budget,
    _skipped_when_stuck,
)


def _undo_pending(definition: Definition, step: Step) -> bool:
    undoable = definition.steps[step.id.step].undo is not None
    if step.undo in (Undo.ISSUED, Undo.RETRYING, Undo.PARKED):
        return True
    if step.undo is Undo.NOTHING:
        return undoable and step.happened
    return step.undo is None and (step.do is Do.IN_DOUBT or (step.do is Do.SUCCEEDED and undoable)) and _may_be_undone(definition, step)


def _may_be_undone(definition: Definition, step: Step) -> bool:
    return definition.steps[step.id.step].kind is StepKind.COMPENSATABLE


def _descendants(definition: Definition, name: str) -> Iterable[str]:
    for after in definition.steps.values():
        if name in after.after:
            yield after.name
            yield from _descendants(definition, after.name)


def _awaited(state: State) -> Iterator[Sending]:
    for step in state.steps.values():
        if step.awaits_do and step.sending is not None:
            yield step.sending
        if step.awaits_undo and step.undo_sending is not None:
            yield step.undo_sending


def _dues(state: State) -> Iterator[datetime | None]:
    if not state.ended and state.paused is None:
        for sending in _awaited(state):
            yield sending.due_at
