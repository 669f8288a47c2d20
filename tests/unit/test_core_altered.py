"""A changed copy is what `dataclasses.replace` makes of a value, and leaves the value as it was."""

from dataclasses import replace

import pytest

from saga.core.altered import altered
from saga.core.state import Do, State, Step, StepId


def test_a_copy_is_what_replace_makes() -> None:
    step = Step(StepId("pay"), "compensable", (), Do.ISSUED)
    changes = {"do": Do.SUCCEEDED, "reply": b"{}", "happened": True}
    assert altered(step, **changes) == replace(step, **changes)  # type: ignore[arg-type]
    assert step.do is Do.ISSUED
    assert hash(altered(step)) == hash(step)


def test_a_copy_shares_what_did_not_change_and_has_the_rest_for_itself() -> None:
    state = State()
    copy = altered(state, version=3)
    assert type(copy) is State
    assert (state.version, copy.version) == (0, 3)
    assert copy.steps is state.steps


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(AttributeError):
        altered(State(), versoin=3)
