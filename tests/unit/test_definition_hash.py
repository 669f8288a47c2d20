"""The hash of a version: pinned, blind to what may be mended under running sagas, and awake to every change of the graph."""

from collections.abc import Callable
from typing import Any

import pytest

from saga import Command, Retry, Saga, Undone
from saga.definition.graph import Definition
from tests.unit import shop

GOLDEN = "5e5e76038196e3b27dd6e6a3ae86b062e041c7a4de41aba4b1d586a2d09dede7"


def base(**changes: Any) -> Definition:
    """(authorize, reserve) -> accept (pivot) -> notify; each argument changes one thing."""
    name, version = changes.get("name", "hashed"), changes.get("version", 1)
    saga = Saga(name, version=version, starts_on=shop.OrderPlaced, key=lambda placed: placed.order_id, owner=changes.get("owner", ""))
    builder = changes.get("builder", shop.authorize)
    step = saga.step(deadline=changes.get("deadline", "1s"), retry=changes.get("retry"), when=changes.get("when"))(builder)
    step.undo(deadline=changes.get("undo_deadline"))(changes.get("undo", shop.void_payment))
    extra = changes.get("extra", shop.reserve)
    saga.step(deadline="1s", after=changes.get("after", []), no_undo=changes.get("reason", "released by itself"))(extra)
    saga.pivot(deadline="1s")(shop.accept)
    for last in changes.get("after_pivot", [shop.notify]):
        saga.step(deadline="1s", after=["accept"])(last)
    return saga.compile()


def mended_authorize() -> Callable[..., shop.AuthorizePayment]:
    def authorize(order_placed: shop.OrderPlaced) -> shop.AuthorizePayment:
        return shop.AuthorizePayment(order_id="another body, another parameter name")

    return authorize


def test_the_hash_of_the_order_saga_is_pinned() -> None:  # S12
    assert shop.FULFIL_ORDER.compile().hash == GOLDEN


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"owner": "somebody else"},
        {"deadline": "9m"},
        {"undo_deadline": "8m"},
        {"retry": Retry(attempts=9)},
        {"builder": mended_authorize()},
        {"reason": "another reason"},
    ],
)
def test_what_may_be_mended_does_not_change_the_hash(change: dict[str, Any]) -> None:
    assert base(**change).hash == base().hash


def other_start(placed: shop.OrderPlaced) -> shop.WrapGift:
    return shop.WrapGift(order_id=placed.order_id)


def undo_by_other_type() -> Callable[..., Any]:
    class CancelPayment(Command[Undone], to="payment"):
        order_id: str

    def void_payment(placed: shop.OrderPlaced) -> CancelPayment:
        return CancelPayment(order_id=placed.order_id)

    return void_payment


def command_of_other_schema_version() -> Callable[..., Any]:
    class AuthorizePayment(Command[shop.PaymentAuthorized | shop.PaymentDeclined], to="payment", refused=shop.PaymentDeclined, version=2):
        order_id: str

    def authorize(placed: shop.OrderPlaced) -> AuthorizePayment:
        return AuthorizePayment(order_id=placed.order_id)

    return authorize


def command_with_other_replies() -> Callable[..., Any]:
    class AuthorizePayment(Command[shop.PaymentAuthorized], to="payment"):
        order_id: str

    def authorize(placed: shop.OrderPlaced) -> AuthorizePayment:
        return AuthorizePayment(order_id=placed.order_id)

    return authorize


@pytest.mark.parametrize(
    "change",
    [
        {"name": "hashed-otherwise"},
        {"when": lambda placed: placed.gift},
        {"after": ["authorize"]},
        {"after_pivot": []},
        {"extra": other_start},
        {"undo": undo_by_other_type()},
        {"builder": command_of_other_schema_version()},
        {"builder": command_with_other_replies()},
    ],
)
def test_a_change_of_the_graph_changes_the_hash(change: dict[str, Any]) -> None:  # S12
    assert base(**change).hash != base().hash


def test_an_undo_instead_of_a_reason_changes_the_hash() -> None:
    with_reason, with_undo = shop.order_saga("undone"), shop.order_saga("undone")
    with_reason.step(deadline="1s", no_undo="nothing to do")(shop.accept)
    with_undo.step(deadline="1s")(shop.accept).undo(shop.reject_order)
    assert with_reason.compile().hash != with_undo.compile().hash


def test_the_kind_of_a_step_changes_the_hash() -> None:
    step, pivot = shop.order_saga("kinds"), shop.order_saga("kinds")
    step.step(deadline="1s", no_undo="nothing to do")(shop.accept)
    pivot.pivot(deadline="1s")(shop.accept)
    assert step.compile().hash != pivot.compile().hash


def test_the_order_of_writing_does_not_change_the_hash() -> None:
    one, other = shop.order_saga("written"), shop.order_saga("written")
    for saga, builders in ((one, (shop.accept, shop.notify)), (other, (shop.notify, shop.accept))):
        for builder in builders:
            saga.step(deadline="1s", no_undo="nothing to do")(builder)
    assert one.compile().hash == other.compile().hash
