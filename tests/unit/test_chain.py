"""I18: whatever order and however often changes come, a follower gets each once and every saga's in the order of versions."""

from datetime import UTC, datetime
from itertools import permutations
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from saga.runtime.chain import HELD, Chain, Told
from saga.wire import LifecycleMessage

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = {1: "started", 4: "turned-back", 7: "parked", 9: "ended"}
BEFORE = {1: 0, 4: 1, 7: 4, 9: 7}


def change(version: int, saga: int = 1, what: str = "", previous: int | None = None) -> Told:
    message = LifecycleMessage(
        saga_id=UUID(int=saga),
        tenant="default",
        definition="tiny",
        definition_version=1,
        key="1042",
        version=version,
        previous=BEFORE[version] if previous is None else previous,
        what=what or WORDS[version],
        status="running",
        waits_for="",
        at=NOON,
        event="SagaStarted",
        step="",
        cause="",
        causation="",
    )
    return Told(message, 0, version)


def given_on(chain: Chain, *records: Told) -> list[int]:
    return [told.message.version for record in records for told in chain.take(record, 0.0)]


@pytest.mark.parametrize("order", list(permutations(WORDS)))
def test_a_reader_from_the_beginning_gets_every_change_in_order(order: tuple[int, ...]) -> None:  # I18
    chain = Chain(whole=True)
    assert given_on(chain, *(change(version) for version in order)) == [1, 4, 7, 9]
    assert list(chain.held()) == []


@settings(derandomize=True, database=None, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(list(WORDS)), st.integers(1, 3)), max_size=40))
def test_copies_are_dropped_and_no_version_goes_back(records: list[tuple[int, int]]) -> None:  # I14, I18
    chain = Chain()
    got: dict[UUID, list[int]] = {}
    for version, saga in records:
        for told in chain.take(change(version, saga), 0.0):
            got.setdefault(told.message.saga_id, []).append(told.message.version)
    for versions in got.values():
        assert versions == sorted(set(versions))


def test_who_joins_in_between_gets_the_first_change_that_comes_and_none_before_it() -> None:
    chain = Chain()
    assert given_on(chain, change(4), change(1), change(9), change(7), change(9)) == [4, 7, 9]


def test_what_a_broker_has_lost_is_waited_for_and_then_gone_past() -> None:  # K8
    chain = Chain(patience=5.0)
    assert given_on(chain, change(1), change(7)) == [1]
    assert chain.overdue(4.9) == []
    assert [told.message.version for told in chain.held()] == [7]
    assert [told.message.version for told in chain.overdue(5.0)] == [7]
    assert given_on(chain, change(4), change(9)) == [9]


def test_a_step_is_given_on_behind_the_change_that_it_follows() -> None:
    chain = Chain(whole=True)
    step = change(5, what="step-issued", previous=4)
    assert given_on(chain, change(1), step, change(4), change(7)) == [1, 4, 5, 7]
    assert given_on(chain, change(6, what="step-issued", previous=4)) == []


def test_what_is_held_back_is_bounded() -> None:
    chain = Chain(whole=True)
    assert sum(len(chain.take(change(4, saga), 0.0)) for saga in range(1, HELD + 2)) == HELD + 1
    assert list(chain.held()) == []
