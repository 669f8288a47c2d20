"""Who gives a parameter its value, and what is refused: each rule with the smallest definition that breaks it."""

from typing import Annotated

import pytest

from saga import Command, Reply, Undone
from saga.definition.graph import FromOwnReply, FromReply
from tests.unit import shop
from tests.unit.shop import faults_of, only_fault, order_saga


class Booked(Reply, by="hotel"):
    room: int = 1


class Full(Reply, by="hotel"):
    reason: str = "full"


class Book(Command[Booked | Full], to="hotel", refused=Full):
    order_id: str


class Unbook(Command[Undone], to="hotel"):
    order_id: str


def book(placed: shop.OrderPlaced) -> Book:
    return Book(order_id=placed.order_id)


def rebook(placed: shop.OrderPlaced) -> Book:
    return Book(order_id=placed.order_id)


def unbook(placed: shop.OrderPlaced) -> Unbook:
    return Unbook(order_id=placed.order_id)


def hotel(name: str = "hotel"):
    """Two steps with one reply type."""
    saga = order_saga(name)
    first = saga.step(deadline="1s")(book)
    second = saga.step(deadline="1s")(rebook)
    first.undo(unbook)
    second.undo(unbook)
    return saga, first, second


def test_the_reply_of_two_steps_is_told_apart_by_annotated() -> None:
    saga, _, second = hotel()

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(one: Annotated[Booked, "book"], other: Annotated[Booked, second]) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id=f"{one.room}{other.room}")

    sources = saga.compile().steps["tell"].build.sources
    assert sources == {"one": FromReply("book", (Booked,)), "other": FromReply("rebook", (Booked,))}


@pytest.mark.parametrize("inside", [True, False])
def test_none_may_stand_inside_and_outside_annotated(inside: bool) -> None:
    saga, first, _ = hotel()
    first.undos.clear()

    if inside:

        @first.undo
        def undo(booked: Annotated[Booked | None, first]) -> Unbook:
            return Unbook(order_id="1")
    else:

        @first.undo
        def undo(booked: Annotated[Booked, first] | None) -> Unbook:
            return Unbook(order_id="1")

    built = saga.compile().steps["book"].undo
    assert built is not None
    assert built.sources == {"booked": FromOwnReply((Booked,))}


def test_other_metadata_of_annotated_says_nothing() -> None:
    saga = order_saga("metadata")
    saga.step(deadline="1s")(book).undo(unbook)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(booked: Annotated[Booked, 7]) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    assert saga.compile().steps["tell"].after == ("book",)


def test_a_reply_that_two_steps_give_is_refused() -> None:
    saga, _, _ = hotel()

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(booked: Booked) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    fault = only_fault(saga)
    assert fault.what == "`booked: Booked` is the reply of book and rebook"
    assert fault.mend == "say whose: Annotated[Booked, book]"


def test_an_undo_does_not_guess_either_whose_reply_is_meant() -> None:
    saga, first, _ = hotel()
    first.undos.clear()

    @first.undo
    def undo(booked: Booked | None) -> Unbook:
        return Unbook(order_id="1")

    assert only_fault(saga).mend == "say whose: Annotated[Booked, book]"


def test_a_reply_that_nobody_gives_is_refused() -> None:
    saga = order_saga("nobody")

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(booked: Booked) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    fault = only_fault(saga)
    assert fault.what == "no step answers with `booked: Booked`"
    assert fault.mend == "add the step that does, or take a reply that some step gives"
    assert fault.where.startswith("test_definition_inputs.py:")
    assert fault.where.endswith(" tell")


@pytest.mark.parametrize("wanted", [Full, Booked | Full])
def test_a_refusal_is_seen_by_no_step(wanted: object) -> None:
    saga = order_saga("refusal")
    saga.step(deadline="1s")(book).undo(unbook)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(answer: wanted) -> shop.NotifyCustomer:  # type: ignore[valid-type]
        return shop.NotifyCustomer(order_id="1")

    fault = only_fault(saga)
    assert "book answers when it refuses" in fault.what
    assert fault.mend == "take only what book answers when it succeeds"


def test_part_of_what_a_step_may_succeed_with_is_refused() -> None:
    class Suite(Reply, by="hotel"):
        floor: int

    class BookAny(Command[Booked | Suite], to="hotel"):
        order_id: str

    saga = order_saga("part")

    @saga.step(deadline="1s", no_undo="free")
    def book_any(placed: shop.OrderPlaced) -> BookAny:
        return BookAny(order_id=placed.order_id)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(booked: Booked) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    assert only_fault(saga).mend == "take `booked: Booked | Suite`"


def test_a_union_of_the_replies_of_two_steps_is_refused() -> None:
    saga = order_saga("mixed")
    saga.step(deadline="1s")(book).undo(unbook)
    saga.step(deadline="1s")(shop.accept).undo(shop.reject_order)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(either: Booked | shop.OrderAccepted) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    fault = only_fault(saga)
    assert "mixes replies of several steps" in fault.what
    assert fault.mend.startswith("take the reply of each step in a parameter of its own")


def test_annotated_must_name_a_step_that_gives_the_reply() -> None:
    saga, _, _ = hotel()

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(order: Annotated[shop.OrderAccepted, "book"]) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    assert only_fault(saga).mend == "take Booked"


def test_annotated_must_name_a_step_of_the_same_saga() -> None:
    saga, _, _ = hotel()
    _, stranger, _ = hotel("other")

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(one: Annotated[Booked, stranger], other: Annotated[Booked, "nowhere"]) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    assert [fault.what for fault in faults_of(saga)] == [
        "Annotated names <step book>, which is no step of this saga",
        "Annotated names 'nowhere', which is no step of this saga",
    ]


@pytest.mark.parametrize("wanted", [shop.OrderPlaced | None, Annotated[shop.OrderPlaced, "accept"]])
def test_the_start_event_is_taken_plainly(wanted: object) -> None:
    saga = order_saga("start")
    saga.step(deadline="1s")(shop.accept).undo(shop.reject_order)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(placed: wanted) -> shop.NotifyCustomer:  # type: ignore[valid-type]
        return shop.NotifyCustomer(order_id="1")

    assert only_fault(saga).mend == "take OrderPlaced alone"


@pytest.mark.parametrize("wanted", [str, int | None, shop.OrderPlaced | Booked])
def test_what_is_neither_start_nor_reply_is_refused(wanted: object) -> None:
    saga = order_saga("foreign")
    saga.step(deadline="1s")(book).undo(unbook)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(thing: wanted) -> shop.NotifyCustomer:  # type: ignore[valid-type]
        return shop.NotifyCustomer(order_id="1")

    assert only_fault(saga).mend == "take the start event OrderPlaced or the reply of a step"


@pytest.mark.parametrize("wanted", [list[str], None, "Booked, Full", Annotated[Booked, "book", "rebook"]])
def test_an_annotation_that_is_no_class_is_refused(wanted: object) -> None:
    saga, _, _ = hotel()

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(thing: wanted) -> shop.NotifyCustomer:  # type: ignore[valid-type]
        return shop.NotifyCustomer(order_id="1")

    fault = only_fault(saga)
    assert fault.mend in (
        "take the start event or the reply of a step",
        "write Reply, Reply | None or Annotated[Reply, step]",
        "annotate it with a class",
    )


def test_a_step_takes_no_command() -> None:
    saga = order_saga("command")

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(sent: shop.NotifyCustomer) -> shop.NotifyCustomer:
        return sent

    assert only_fault(saga).mend == "take the reply to it instead"


def test_a_step_cannot_wait_for_its_own_reply() -> None:
    saga = order_saga("own")

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(notified: shop.CustomerNotified) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    fault = only_fault(saga)
    assert "it would wait for itself" in fault.what
    assert fault.mend == "take what is there before"


def test_the_reply_of_a_step_with_when_is_taken_with_none() -> None:
    saga = order_saga("skipped")
    saga.step(deadline="1s", when=lambda placed: placed.gift)(shop.wrap).undo(shop.unwrap)

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(wrapped: shop.GiftWrapped) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id=wrapped.paper)

    fault = only_fault(saga)
    assert fault.what == "`wrapped: GiftWrapped` is the reply of wrap, which has a when and may be skipped"
    assert fault.mend == "take `wrapped: GiftWrapped | None`"


def test_a_step_may_come_after_a_step_with_when() -> None:
    saga = order_saga("after-when")
    first = saga.step(deadline="1s", when=lambda placed: placed.gift)(shop.wrap)
    first.undo(shop.unwrap)
    saga.step(deadline="1s", after=[first], no_undo="a mail")(shop.notify)
    assert saga.compile().steps["notify"].after == ("wrap",)


def test_parameters_are_named_and_annotated() -> None:
    saga = order_saga("parameters")

    @saga.step(deadline="1s", no_undo="a mail")
    def tell(bare, *rest: shop.OrderPlaced, **more: shop.OrderPlaced) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id="1")

    mends = [fault.mend for fault in faults_of(saga)]
    assert mends == [
        "annotate it with the start event or with the reply that it takes",
        "take each input as a named parameter",
        "take each input as a named parameter",
    ]
