"""Rules of steps, undos, pivot and order: each with the smallest definition that breaks it, and the mend it is given."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from saga import Command, DefinitionError, Reply, Saga, Undone
from tests.unit import shop
from tests.unit.shop import faults_of, only_fault, order_saga

REASON = "a mail cannot be called back"


def test_all_faults_come_at_once_each_with_its_line() -> None:
    saga: Saga[Any] = Saga("Bad Name", version=0, starts_on=shop.OrderPlaced, key=lambda placed: placed.order_id)
    saga.step()(shop.accept)
    saga.pivot(deadline="soon", when=lambda placed: placed.gift)(shop.authorize)
    with pytest.raises(DefinitionError) as caught:
        saga.compile()
    whats = [fault.what for fault in caught.value.faults]
    assert whats == [
        "'Bad Name' is no name for a saga",
        "version=0 is no definition version",
        "the pivot authorize has a when: skipped, there would be no point of no return",
        "accept has no undo",
        "it has no deadline",
        "deadline='soon' is no span",
    ]
    line = shop.accept.__code__.co_firstlineno
    assert f"shop.py:{line} accept: accept has no undo -- add @accept.undo" in str(caught.value)


def test_a_saga_without_steps_is_refused() -> None:
    fault = only_fault(order_saga("empty"))
    assert fault.what == "the saga has no step"
    assert fault.mend == "add one with @empty.step(deadline=...)"
    assert fault.where.startswith("shop.py:")


def test_a_step_before_the_pivot_has_an_undo_or_a_reason() -> None:  # S8
    saga = order_saga("without-undo")
    saga.step(deadline="1s")(shop.authorize)
    saga.pivot(deadline="1s")(shop.capture)
    fault = only_fault(saga)
    assert fault.what == "authorize has no undo"
    assert fault.mend == (
        'add @authorize.undo, or no_undo="the reason why nothing has to be undone", or let it depend on the pivot capture'
    )


@pytest.mark.parametrize("reason", ["", "  ", True])
def test_no_undo_says_why(reason: Any) -> None:
    saga = order_saga("no-reason")
    saga.step(deadline="1s", no_undo=reason)(shop.notify)
    assert only_fault(saga).mend.startswith("say why nothing has to be undone")


def test_an_undo_and_no_undo_exclude_each_other() -> None:
    saga = order_saga("both")
    saga.step(deadline="1s", no_undo=REASON)(shop.accept).undo(shop.reject_order)
    assert only_fault(saga).mend == "keep one of the two"


def test_a_step_has_one_undo() -> None:
    saga = order_saga("twice")
    step = saga.step(deadline="1s")(shop.accept)
    step.undo(shop.reject_order)
    step.undo(shop.reject_order)
    fault = only_fault(saga)
    assert (fault.what, fault.mend) == ("accept has a second undo", "keep one of them")


def void_only(placed: shop.OrderPlaced) -> shop.VoidPayment:
    return shop.VoidPayment(order_id=placed.order_id)


def test_nothing_at_or_after_the_pivot_is_undone() -> None:  # S8
    saga = order_saga("too-late")
    saga.step(deadline="1s")(shop.authorize).undo(shop.void_payment)
    saga.pivot(deadline="1s")(shop.capture).undo(void_only)
    saga.step(deadline="1s", after=["capture"])(shop.accept).undo(shop.reject_order)
    assert [fault.what for fault in faults_of(saga)] == [
        "it undoes capture, which is the pivot, the point of no return and is never undone",
        "it undoes accept, which comes after the pivot capture and is never undone",
    ]
    assert {fault.mend for fault in faults_of(saga)} == {"remove the undo, or move the pivot"}


def test_no_undo_at_or_after_the_pivot_says_nothing() -> None:
    saga = order_saga("needless")
    saga.pivot(deadline="1s", no_undo=REASON)(shop.accept)
    saga.step(deadline="1s", after=["accept"], no_undo=REASON)(shop.notify)
    assert [fault.mend for fault in faults_of(saga)] == ["remove no_undo"] * 2


def test_there_is_one_pivot() -> None:
    saga = order_saga("two-pivots")
    saga.pivot(deadline="1s")(shop.accept)
    saga.pivot(deadline="1s", after=["accept"])(shop.notify)
    fault = only_fault(saga)
    assert fault.what == "notify is a second pivot; accept is the first"
    assert fault.mend == "make one of them a step: a saga has one point of no return"


def test_a_pivot_is_always_wanted() -> None:
    saga = order_saga("maybe-pivot")
    saga.pivot(deadline="1s", when=lambda placed: placed.gift)(shop.accept)
    assert only_fault(saga).mend == "remove when=, or make two definitions"


def test_a_step_whose_input_is_missing_is_not_told_that_it_lacks_an_undo() -> None:
    saga = order_saga("unknown-place")
    saga.pivot(deadline="1s")(shop.accept)

    @saga.step(deadline="1s")
    def wait(nobody: shop.PaymentCaptured) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    assert only_fault(saga).what == "no step answers with `nobody: PaymentCaptured`"


def test_steps_that_wait_for_each_other_are_refused_with_the_way_round() -> None:
    saga = order_saga("circle")

    @saga.step(deadline="1s", no_undo=REASON)
    def pay(order: shop.OrderAccepted) -> shop.AuthorizePayment:
        return shop.AuthorizePayment(order_id="1")

    @saga.step(deadline="1s", no_undo=REASON)
    def take(stock: shop.StockReserved) -> shop.AcceptOrder:
        return shop.AcceptOrder(order_id="1", lines=1)

    @saga.step(deadline="1s", no_undo=REASON)
    def keep(payment: shop.PaymentAuthorized) -> shop.ReserveStock:
        return shop.ReserveStock(order_id="1", lines=1)

    saga.step(deadline="1s", no_undo=REASON, after=[keep])(shop.notify)
    fault = only_fault(saga)
    assert fault.what == "these steps wait for each other: pay -> keep -> take -> pay"
    assert fault.mend == "let one of them do without the other's reply"


def test_each_circle_is_named_once_also_around_the_pivot() -> None:
    saga = order_saga("circles")
    saga.pivot(deadline="1s", after=["reserve"])(shop.accept)
    saga.step(deadline="1s", after=["accept"])(shop.reserve)
    saga.step(deadline="1s", after=["wrap"])(shop.notify)
    saga.step(deadline="1s", after=["notify"])(shop.wrap)
    assert [fault.what.partition(": ")[2] for fault in faults_of(saga)] == ["accept -> reserve -> accept", "notify -> wrap -> notify"]


def test_a_step_cannot_come_after_itself() -> None:
    saga = order_saga("self")
    saga.step(deadline="1s", after=["notify"], no_undo=REASON)(shop.notify)
    assert only_fault(saga).what == "these steps wait for each other: notify -> notify"


@pytest.mark.parametrize("after", [["nowhere"], [shop.accept_order], [7]])
def test_after_names_steps_of_the_same_saga(after: Any) -> None:
    saga = order_saga("after")
    saga.step(deadline="1s", after=after, no_undo=REASON)(shop.notify)
    assert only_fault(saga).mend == "name a step of the same saga"


def test_after_is_a_list() -> None:
    saga = order_saga("after-list")
    saga.step(deadline="1s", no_undo=REASON)(shop.accept)
    saga.step(deadline="1s", after="accept", no_undo=REASON)(shop.notify)
    assert only_fault(saga).mend == "write after=[step]"


def test_two_steps_of_one_name_are_refused() -> None:
    saga = order_saga("namesakes")
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    saga.step(deadline="1s", no_undo=REASON)(shop.notify)
    fault = only_fault(saga)
    assert fault.what == "a second step is called notify"
    assert fault.mend == "give it another name: events and command ids hold it"


async def soon(placed: shop.OrderPlaced) -> shop.NotifyCustomer:
    return shop.NotifyCustomer(order_id="1")


def many(placed: shop.OrderPlaced) -> shop.NotifyCustomer:  # type: ignore[misc]
    yield shop.NotifyCustomer(order_id="1")


BUILDERS: list[tuple[Any, str]] = [
    (lambda placed: shop.NotifyCustomer(order_id=placed.order_id), "write it as a def with annotations"),
    (functools.partial(shop.notify), "write it as a def with annotations"),
    (shop.accept_order, "write it as a def with annotations"),
    (soon, "write it as a plain def; effects belong to participants"),
    (many, "write it as a plain def; effects belong to participants"),
]


@pytest.mark.parametrize(("builder", "mend"), BUILDERS)
def test_a_builder_is_a_plain_def(builder: Any, mend: str) -> None:
    saga = order_saga("builders")
    saga.step(deadline="1s", no_undo=REASON)(builder)
    assert mend in [fault.mend for fault in faults_of(saga)]
    undone = order_saga("undo-builders")
    undone.step(deadline="1s")(shop.accept).undo(builder)
    assert mend in [fault.mend for fault in faults_of(undone)]


def returning(annotation: object) -> Callable[..., Any]:
    def tell(placed: shop.OrderPlaced) -> annotation:  # type: ignore[valid-type]
        return None

    return tell


NO_COMMANDS = [
    None,
    str,
    shop.OrderAccepted,
    Command,
    Command[shop.OrderAccepted],
    shop.AcceptOrder | None,
    shop.AcceptOrder | shop.WrapGift,
]


@pytest.mark.parametrize("annotation", NO_COMMANDS)
def test_a_step_and_an_undo_return_one_command(annotation: object) -> None:
    done, undone = order_saga("returns"), order_saga("undo-returns")
    done.step(deadline="1s", no_undo=REASON)(returning(annotation))
    undone.step(deadline="1s")(shop.accept).undo(returning(annotation))
    mend = "return one class made as class Ship(Command[Shipped], to=...); use when= to skip"
    assert only_fault(done).mend == only_fault(undone).mend == mend


def test_a_step_says_what_it_returns() -> None:
    def tell(placed: shop.OrderPlaced):
        return shop.NotifyCustomer(order_id="1")

    saga = order_saga("returns-nothing")
    saga.step(deadline="1s", no_undo=REASON)(tell)
    assert only_fault(saga).mend == "annotate it with the command that it sends"


def test_a_command_that_can_only_be_refused_is_no_step() -> None:
    class No(Reply, by="order"):
        reason: str

    class Beg(Command[No], to="order", refused=No):
        order_id: str

    saga = order_saga("hopeless")
    saga.step(deadline="1s", no_undo=REASON)(returning(Beg))
    fault = only_fault(saga)
    assert fault.what == "Beg has no reply that says that it succeeded"
    assert fault.mend == "name one in the type argument, as class Beg(Command[Shipped], to=...)"


def test_an_undo_goes_to_the_participant_of_its_do() -> None:
    class ForgetOrder(Command[Undone], to="archive"):
        order_id: str

    saga = order_saga("elsewhere")
    saga.step(deadline="1s")(shop.accept).undo(returning(ForgetOrder))
    fault = only_fault(saga)
    assert fault.what == "it sends ForgetOrder to archive, but AcceptOrder went to order"
    assert fault.mend == "send the undo to order, which remembers the do"


@pytest.mark.parametrize("when", [lambda: True, lambda a, b: a == b, lambda *a: bool(a)])
def test_a_lambda_when_takes_one_argument(when: Any) -> None:
    saga = order_saga("lambda-when")
    saga.step(deadline="1s", when=when, no_undo=REASON)(shop.notify)
    fault = only_fault(saga)
    assert fault.mend == "for more, write it as a def with annotations"
    assert fault.where.endswith("(when of notify)")


def test_a_when_answers_yes_or_no() -> None:
    def wanted(placed: shop.OrderPlaced) -> str:
        return "yes"

    saga = order_saga("text-when")
    saga.step(deadline="1s", when=wanted, no_undo=REASON)(shop.notify)  # type: ignore[arg-type]
    assert only_fault(saga).mend == "let it return bool"


def test_a_when_is_a_function() -> None:
    saga = order_saga("constant-when")
    saga.step(deadline="1s", when=True, no_undo=REASON)(shop.notify)  # type: ignore[arg-type]
    assert only_fault(saga).mend == "write it as a def with annotations"
