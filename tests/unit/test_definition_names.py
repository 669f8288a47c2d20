"""Names in annotations: resolved with the globals of the function and the names that were in sight where it was written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from saga import Command, DomainEvent, Reply, Saga, Undone
from saga.definition.graph import FromOwnReply, FromReply, FromStart
from tests.unit.shop import faults_of, only_fault, order_saga

if TYPE_CHECKING:
    from collections.abc import Mapping as Named

    from tests.unit.shop import OrderAccepted
else:
    from tests.unit.shop import OrderPlaced


class Knocked(DomainEvent, by="door"):
    who: str


class Opened(Reply, by="door"):
    wide: bool = True


class Open(Command[Opened], to="door"):
    who: str


class Close(Command[Undone], to="door"):
    who: str


DOOR = Saga("door", version=1, starts_on=Knocked, key=lambda knocked: knocked.who)


@DOOR.step(deadline="1s")
def open_door(knocked: Knocked) -> Open:
    return Open(who=knocked.who)


@open_door.undo
def close_door(knocked: Knocked, opened: Annotated[Opened, open_door] | None) -> Close:
    return Close(who=knocked.who)


def test_annotations_that_are_texts_are_resolved() -> None:
    node = DOOR.compile().steps["open_door"]
    assert node.build.sources == {"knocked": FromStart()}
    assert node.undo is not None
    assert node.undo.sources == {"knocked": FromStart(), "opened": FromOwnReply((Opened,))}


def inner_saga() -> Saga[Any]:
    """All of it local: the start event, a reply, a command, a `when`, and a step that an annotation names."""

    class Rang(DomainEvent, by="door"):
        who: str

    class Heard(Reply, by="door"):
        loud: bool

    class Listen(Command[Heard], to="door"):
        who: str

    saga = Saga("inner", version=1, starts_on=Rang, key=lambda rang: rang.who)

    def loud_enough(heard: Heard) -> bool:
        return heard.loud

    @saga.step(deadline="1s", no_undo="nothing happened")
    def listen(rang: Rang) -> Listen:
        return Listen(who=rang.who)

    @saga.step(deadline="1s", when=loud_enough)
    def answer(rang: Rang, heard: Annotated[Heard, listen]) -> Open:
        return Open(who=rang.who)

    @answer.undo
    def shut(rang: Rang, sent: Open, opened: Opened | None) -> Close:
        return Close(who=rang.who)

    return saga


def test_a_definition_inside_a_function_sees_its_locals() -> None:
    node = inner_saga().compile().steps["answer"]
    heard = node.build.sources["heard"]
    assert isinstance(heard, FromReply)
    assert (heard.step, [reply.__name__ for reply in heard.reply]) == ("listen", ["Heard"])
    assert node.when is not None
    assert node.when.sources == {"heard": heard}


def test_an_import_under_type_checking_is_named_as_such() -> None:
    saga = order_saga("checked-only")

    @saga.step(deadline="1s", no_undo="nothing happened")
    def peek(order: OrderAccepted) -> Open:
        return Open(who="me")

    fault = only_fault(saga)
    assert fault.what == "OrderAccepted is imported under TYPE_CHECKING, so it does not exist when the program runs"
    assert fault.mend == "move the import of OrderAccepted out of the if"
    assert fault.where.startswith("test_definition_names.py:")
    assert fault.where.endswith(" peek")


def test_an_import_under_type_checking_may_have_another_name() -> None:
    saga = order_saga("renamed")

    @saga.step(deadline="1s", no_undo="nothing happened")
    def peek(order: Named) -> Open:
        return Open(who="me")

    assert only_fault(saga).mend == "move the import of Named out of the if"


def test_every_name_that_does_not_resolve_is_a_fault_of_its_own() -> None:
    saga = order_saga("unknown-names")

    @saga.step(deadline="1s", no_undo="nothing happened")
    def peek(placed: OrderPlaced, a: Nobody, b: Open.Nothing, c: OrderAccepted) -> Nowhere:  # type: ignore[name-defined]  # noqa: F821
        return None

    faults = faults_of(saga)
    assert [fault.mend for fault in faults] == [
        "import Nobody, or define it above the function",
        "annotate it with a class",
        "move the import of OrderAccepted out of the if",
        "import Nowhere, or define it above the function",
    ]
    assert faults[1].what.startswith("the annotation 'Open.Nothing' of b cannot be read")
