"""Rules of names, of what stands in `Saga(...)`, and of spans: each with the smallest definition that breaks it, and its mend."""

import operator
from datetime import timedelta
from typing import Any

import pytest

from saga import Retry, Saga
from tests.unit import shop
from tests.unit.shop import faults_of, only_fault, order_saga

REASON = "a mail cannot be called back"


@pytest.mark.parametrize("name", ["", "Fulfil", "1st", "fulfil_order", "fulfil order", "-a", "a\n", "é", "a" * 64, 7])
def test_a_saga_has_a_kebab_case_name(name: Any) -> None:
    saga = Saga(name, version=1, starts_on=shop.OrderPlaced, key=lambda placed: placed.order_id)
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    assert only_fault(saga).mend == 'write it in kebab-case, as "fulfil-order", at most 63 characters'


@pytest.mark.parametrize("version", [0, -1, True, "1", 1.0, None, 2**31])
def test_versions_count_from_one(version: Any) -> None:
    saga = Saga("versions", version=version, starts_on=shop.OrderPlaced, key=lambda placed: placed.order_id)
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    assert only_fault(saga).mend == "count from 1"


def test_an_owner_is_a_name() -> None:
    nobody: Any = None
    saga = Saga("owner", version=1, starts_on=shop.OrderPlaced, key=lambda placed: placed.order_id, owner=nobody)
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    assert only_fault(saga).mend == "name the team that is called when a saga parks"


def tell() -> shop.NotifyCustomer:
    return shop.NotifyCustomer(order_id="1")


@pytest.mark.parametrize("starts_on", [shop.OrderAccepted, str, "OrderPlaced", None])
def test_a_saga_starts_on_a_domain_event(starts_on: Any) -> None:
    saga: Saga[Any] = Saga("start", version=1, starts_on=starts_on, key=lambda placed: placed.order_id)
    saga.step(deadline="1s", no_undo=REASON)(tell)
    assert only_fault(saga).mend == "give a class made as class OrderPlaced(DomainEvent, by=...)"


@pytest.mark.parametrize("name", ["naïve", "a" * 64])
def test_a_step_has_a_plain_name(name: str) -> None:
    def tell(placed: shop.OrderPlaced) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    tell.__name__ = name
    saga = order_saga("names")
    saga.step(deadline="1s", no_undo=REASON)(tell)
    assert only_fault(saga).mend == "use letters a-z, digits and _, at most 63 characters"


async def later(placed: shop.OrderPlaced) -> str:
    return placed.order_id


def of_reply(order: shop.OrderAccepted) -> str:
    return order.order_id


def to_number(placed: shop.OrderPlaced) -> int:
    return placed.lines


@pytest.mark.parametrize("key", [None, "order_id", later, lambda: "1", lambda a, b: a + b, of_reply, to_number])
def test_a_key_is_a_function_of_the_start_event(key: Any) -> None:
    saga = Saga("keys", version=1, starts_on=shop.OrderPlaced, key=key)
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    assert only_fault(saga).mend == "give a function of the start event that returns a str, as key=lambda placed: placed.order_id"


def of_start(placed: shop.OrderPlaced) -> str:
    return placed.order_id


@pytest.mark.parametrize("key", [of_start, operator.attrgetter("order_id"), lambda placed, more="": placed.order_id + more])
def test_a_key_may_be_any_callable_of_one_argument(key: Any) -> None:
    saga = Saga("keys", version=1, starts_on=shop.OrderPlaced, key=key)
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    assert saga.compile().key is key


@pytest.mark.parametrize("deadline", ["", "soon", "10", "0s", 10, timedelta(0)])
def test_a_deadline_is_a_span(deadline: Any) -> None:
    saga = order_saga("spans")
    saga.step(deadline=deadline)(shop.accept).undo(deadline=deadline)(shop.reject_order)
    faults = faults_of(saga)
    assert [fault.what for fault in faults] == [f"deadline={deadline!r} is no span"] * 2
    assert [fault.where.rpartition(" ")[2] for fault in faults] == ["accept", "reject_order"]
    assert faults[0].mend.startswith('write a span as "200ms", "10s", "5m", "1h" or a timedelta')


def test_a_deadline_must_be_given() -> None:
    saga = order_saga("no-deadline")
    saga.step(no_undo=REASON)(shop.notify)
    fault = only_fault(saga)
    assert fault.what == "it has no deadline"
    assert fault.mend == 'say how long one attempt waits for its answer, as deadline="10s"'


ATTEMPTS: Any = 2.5


@pytest.mark.parametrize(
    ("retry", "mend"),
    [
        (Retry(attempts=0), "send at least once and at most 1000 times"),
        (Retry(attempts=True), "send at least once and at most 1000 times"),
        (Retry(attempts=ATTEMPTS), "send at least once and at most 1000 times"),
        (Retry(first="never"), 'write a span as "200ms"'),
        (Retry(cap="0s"), 'write a span as "200ms"'),
        (Retry(first="1m", cap="1s"), "let cap be at least first"),
        ("3 times", "write retry=Retry(attempts=5"),
    ],
)
def test_a_retry_makes_sense(retry: Any, mend: str) -> None:
    saga = order_saga("retries")
    saga.step(deadline="1s", retry=retry)(shop.accept).undo(retry=retry)(shop.reject_order)
    assert [fault.mend.startswith(mend) for fault in faults_of(saga)] == [True, True]


def test_a_first_wait_above_the_default_cap_lifts_the_cap() -> None:
    saga = order_saga("slow")
    saga.step(deadline="1s", retry=Retry(first="2m"), no_undo=REASON)(shop.notify)
    assert saga.compile().steps["notify"].retry.cap == timedelta(minutes=2)
