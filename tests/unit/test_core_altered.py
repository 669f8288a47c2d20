"""A changed copy is what `dataclasses.replace` makes of a value, and is as frozen as that."""

from dataclasses import FrozenInstanceError, replace

import pytest

from saga.core.altered import altered
from saga.core.state import Do, State, Step, StepId


def test_a_copy_is_what_replace_makes() -> None:
    step = Step(StepId("pay"), "compensable", (), Do.ISSUED)
    changes = {"do": Do.SUCCEEDED, "reply": b"{}", "happened": True}
    assert altered(step, **changes) == replace(step, **changes)  # type: ignore[arg-type]
    assert step.do is Do.ISSUED
    assert hash(altered(step)) == hash(step)


def test_a_copy_is_of_the_same_class_and_frozen() -> None:
    copy = altered(State(), version=3)
    assert type(copy) is State
    assert copy.clock  # its methods are there
    with pytest.raises(FrozenInstanceError):
        copy.version = 4  # type: ignore[misc]


def test_a_name_that_is_no_field_is_refused() -> None:
    with pytest.raises(AttributeError):
        altered(State(), versoin=3)
