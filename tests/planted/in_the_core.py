"""Defects of `saga/core` and of the plan of a batch. All but the last few are found by the search for the shortest story."""

from collections.abc import Sequence

from tests.planted.planted import Edit, Planted, found_by_search, found_by_tests

_ACTS, _BACK, _EVOLVE = "saga/core/acts.py", "saga/core/compensation.py", "saga/core/evolve.py"
_FORWARD, _TABLE, _TICKS = "saga/core/forward.py", "saga/core/table.py", "saga/core/ticks.py"
_UNDO, _PLAN, _STATE = "saga/core/undo_table.py", "saga/runtime/plan.py", "saga/core/state.py"

SEARCHED: Sequence[Planted] = (
    found_by_search(
        "undo order wrong",
        "stock is released while the payment that depends on it is still being voided",
        "two",
        Edit(_BACK, "may_undo = all(map(settled.__getitem__, draft.definition.dependents(node.name)))", "may_undo = True"),
    ),
    found_by_search(
        "late success dropped",
        "a card is charged after the deadline, the saga ends compensated and the charge stays",
        "one weak",
        Edit(_TABLE, "    (Do.IN_DOUBT, Outcome.SUCCEEDED): succeed_in_doubt,\n", ""),
    ),
    found_by_search(
        "success after a refusal dropped",
        "a participant says no and then does it after all; nobody undoes it",
        "one weak",
        Edit(_TABLE, "    (Do.REFUSED, Outcome.SUCCEEDED): succeed_refused,\n", ""),
    ),
    found_by_search(
        "pivot undone",
        "a cancel turns back while the capture is on its way: captured and voided",
        "pivot",
        Edit(_ACTS, "if pivot is not None and pivot.do is not Do.BUILD_FAILED:", "if pivot is not None and pivot.do is Do.SUCCEEDED:"),
    ),
    found_by_search(
        "doubtful pivot turned back",
        "a pivot that nobody answered in time is given up like any other step",
        "pivot",
        Edit(_FORWARD, "attempts=retry.attempts if node.kind is StepKind.COMPENSATABLE else 0,", "attempts=retry.attempts,"),
    ),
    found_by_search(
        "refusal after the pivot turns back",
        "the carrier refuses an optional shipment, and an order that is paid for is undone",
        "pivot",
        Edit(_TABLE, "    if a.node.kind is not StepKind.RETRIABLE:\n        turn_back", "    if a.node.kind:\n        turn_back"),
    ),
    found_by_search(
        "deadline fires twice",
        "a deadline that has fired stays due and fires again with the next tick",
        "two, failing",
        Edit(
            _EVOLVE,
            "do=Do.RETRYING, sending=_due(step.sending, event.retry_at), detail",
            "do=Do.RETRYING, sending=step.sending, detail",
        ),
    ),
    found_by_search(
        "deadline fires early",
        "a step is given up a moment before its time is over",
        "two, failing",
        Edit(_TICKS, "sending.due_at <= now", "sending.due_at <= now.replace(hour=23)"),
    ),
    found_by_search(
        "fold reads the clock",
        "the same stream folds to another state on another day",
        "one",
        Edit(_EVOLVE, "last_progress=event.at, inputs", "last_progress=datetime.now(event.at.tzinfo), inputs"),
    ),
    found_by_search(
        "one attempt too many",
        "a step with two attempts is sent three times before it is in doubt",
        "two, failing",
        Edit(_STATE, "return self.attempt - self.budget_from + 1", "return self.attempt - self.budget_from"),
    ),
    found_by_search(
        "failure of an old attempt counted",
        "a copy of the first failure ends the attempt that runs now, until the budget is burnt",
        "one",
        Edit("saga/core/replies.py", "return issued and given.attempt == sending.attempt", "return issued"),
    ),
    found_by_search(
        "generation of an undo not raised",
        "the undo of a success that came late has the id of the one that found nothing, and gets its answer",
        "one weak",
        Edit(_BACK, "else step.undo_sending.generation + 1\n", "else step.undo_sending.generation\n"),
    ),
    found_by_search(
        "undo while a do is awaited",
        "an undo overtakes the do of a branch that is not settled",
        "side by side",
        Edit(_BACK, "    if any(step.do is Do.ISSUED for step in draft.state.steps.values()):\n        return\n", ""),
    ),
    found_by_search(
        "step between attempts forgotten when turning back",
        "a step waits for its next attempt while the others are undone",
        "side by side",
        Edit(_BACK, "if waiting.do is Do.RETRYING:", "if waiting.do is Do.REFUSED and waiting.unanswered:"),
    ),
    found_by_search(
        "refusal of a do settles its undo",
        "the do is refused by the tombstone, and nobody waits for the undo's own answer",
        "one",
        Edit(_TABLE, "(Do.IN_DOUBT, Outcome.REFUSED): refuse_in_doubt,", "(Do.IN_DOUBT, Outcome.REFUSED): refuse_back,"),
    ),
    found_by_search(
        "nothing-to-undo never asked again",
        "an effect is known, its undo found nothing, and the saga waits for ever",
        "one weak",
        Edit(_BACK, "return step.undo is Undo.NOTHING and step.happened and node.undo is not None", "return False"),
    ),
    found_by_search(
        "fence forgotten",
        "a step without undo is in doubt, and nobody makes sure that it never happens",
        "fenced",
        Edit(_BACK, "return node.undo is not None or step.do is Do.IN_DOUBT", "return node.undo is not None"),
    ),
    found_by_search(
        "resent after turning back",
        "a do is sent again while its undo is prepared",
        "side by side",
        Edit(
            _TICKS,
            "    if draft.state.turned_back is not None:\n        doubt(draft, step, NO_ANSWER)\n",
            "    if draft.state.turned_back is not None:\n        resend(draft, step)\n",
        ),
    ),
    found_by_search(
        "pause does not stop the saga",
        "a person pauses a saga, and the next step goes out all the same",
        "two, paused",
        Edit(
            _FORWARD,
            "in draft.definition.steps.values() if draft.state.paused is None else ():\n        if draft.state.step(node.name) is None",
            "in draft.definition.steps.values():\n        if draft.state.step(node.name) is None",
        ),
    ),
    found_by_search(
        "deadline fires in a pause",
        "a person pauses a saga, and its command is sent again",
        "two, paused",
        Edit(_TICKS, "if draft.state.ended or draft.state.paused is not None:", "if draft.state.ended:"),
    ),
    found_by_search(
        "fence that found the pivot done turns back",
        "the pivot happened, its fence says so, and the saga is undone",
        "fenced pivot",
        Edit(
            _UNDO,
            "    if a.step.do is Do.REFUSED:\n",
            "    if a.step.do is Do.ISSUED:\n        _fenced_off(a)\n    elif a.step.do is Do.REFUSED:\n",
        ),
    ),
    found_by_search(
        "undone beside a pivot that happened",
        "a pivot succeeded after it was refused, and a person's retry undoes what stood before it",
        "fenced pivot weak",
        Edit(_ACTS, "return pivot is not None and pivot.happened and pivot.undo is Undo.PARKED", "return False"),
    ),
    found_by_search(
        "issued before all it depends on",
        "the pivot goes out when the first of two branches has succeeded",
        "shop",
        Edit(
            _FORWARD,
            "and all(_is_settled(draft, name) for name in node.after):",
            "and (not node.after or any(_is_settled(draft, name) for name in node.after)):",
        ),
    ),
    found_by_search(
        "completed too early",
        "the saga is completed as soon as one step is done",
        "two",
        Edit(
            _FORWARD,
            "if all(_is_settled(draft, name) for name in draft.definition.steps):",
            "if any(_is_settled(draft, name) for name in draft.definition.steps):",
        ),
    ),
    found_by_search(
        "ended saga not reopened",
        "a success comes after the end, and what follows from it is appended to a saga that is over",
        "one weak",
        Edit(
            _TABLE,
            "    if ended:\n        a.draft.emit(e.SagaReopened",
            "    if not ended and a.draft.state.ended:\n        a.draft.emit(e.SagaReopened",
        ),
    ),
    found_by_search(
        "skip accepted when not allowed",
        "a person skips a step that is on its way, and it happens unseen",
        "afterwards",
        Edit(_ACTS, "node.kind is not StepKind.RETRIABLE or not stuck:", "node.kind is not StepKind.RETRIABLE:"),
    ),
    found_by_search(
        "do retried by hand after turning back",
        "a person's retry sends a do whose undo is on its way",
        "side by side",
        Edit(
            _ACTS,
            "    if draft.state.turned_back is not None:\n        _retry_undo(",
            "    if draft.state.turned_back is not None and not step.awaits_do:\n        _retry_undo(",
        ),
    ),
    found_by_search(
        "undo that was refused counts as done",
        "a refund is refused, and the saga ends compensated with the money kept",
        "one",
        Edit(_EVOLVE, "undo = Undo.FENCED if step.fence else Undo.PARKED", "undo = Undo.FENCED"),
    ),
    found_by_search(
        "empty decision taken on a stale fold",
        "a replica's old fold has no use for a reply, its offset is committed, and the reply is lost",
        "replicas, one",
        Edit(_PLAN, "        if not stream.events:\n            self.batch.checks[saga_id] = stream.base\n", "        return\n"),
    ),
    found_by_search(
        "no pointer for an undo",
        "a replica dies between its commit and its send, and the undo waits for a deadline",
        "replicas, one",
        Edit(
            "saga/core/effects.py",
            "    return isinstance(event, _SENDING_EVENTS)\n",
            "    return isinstance(event, e.StepIssued | e.StepResent)\n",
        ),
    ),
    found_by_search(
        "takeover sends nothing",
        "what another replica claims from the outbox is taken for unwanted",
        "replicas, one",
        Edit("saga/core/effects.py", "    if sending is None or not awaited or", "    if sending is None or awaited or"),
    ),
)

TIMED: Sequence[Planted] = (
    found_by_tests(
        "pause does not stop the clock",
        "a failure during a long pause is tried again at once when the saga goes on",
        "unit",
        "tests/unit/test_core_pause.py",
        Edit(_STATE, "return now if self.paused is None else self.paused.at", "return now"),
    ),
    found_by_tests(
        "resume does not move deadlines",
        "after a pause of an hour every deadline is over at once",
        "unit",
        "tests/unit/test_core_pause.py",
        Edit(_EVOLVE, "    span = event.at - state.clock(event.at)\n", "    span = event.at - event.at\n"),
    ),
    found_by_tests(
        "old pointer revives a do",
        "a takeover sends a do of a saga that has turned back",
        "flow",
        "tests/flow/test_crashes.py::test_a_takeover_never_sends_a_do_of_a_saga_that_has_turned_back",
        Edit("saga/core/effects.py", "step.do is Do.ISSUED and state.turned_back is None", "step.do is not Do.SUCCEEDED"),
        Edit("saga/core/effects.py", "    if sending is None or not awaited or (", "    if sending is None or ("),
    ),
    found_by_tests(
        "shorter backoff after another error",
        "every error begins the backoff anew, and a participant that is down gets all the load",
        "unit",
        "tests/unit/test_core_forward.py",
        Edit("saga/core/backoff.py", "first_ms * 2 ** min(used - 1, 30)", "first_ms"),
    ),
)
