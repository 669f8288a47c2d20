"""What a definition compiles to: edges, kinds, the pivot's barrier, order, spans."""

from datetime import timedelta

import pytest

from saga import Command, DomainEvent, Reply, Retry, Saga
from saga.definition.graph import FromOwnReply, FromReply, FromStart, StepKind
from tests.unit import shop


def second(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_the_order_saga_waits_for_what_its_signatures_name() -> None:
    graph = shop.FULFIL_ORDER.compile()
    assert {name: node.after for name, node in graph.steps.items()} == {
        "accept_order": (),
        "authorize_payment": ("accept_order",),
        "reserve_stock": ("accept_order",),
        "capture_payment": ("authorize_payment", "reserve_stock"),
        "ship": ("capture_payment",),
        "confirm_order": ("ship",),
    }
    assert graph.pivot == "capture_payment"
    assert (graph.name, graph.version, graph.owner) == ("fulfil-order", 1, "checkout")
    assert graph.key(shop.OrderPlaced(order_id="1042")) == "1042"


def test_kinds_follow_from_the_pivot() -> None:  # S8
    kinds = {name: node.kind for name, node in shop.FULFIL_ORDER.compile().steps.items()}
    before, after = StepKind.COMPENSATABLE, StepKind.RETRIABLE
    assert kinds == {
        "accept_order": before,
        "authorize_payment": before,
        "reserve_stock": before,
        "capture_payment": StepKind.PIVOT,
        "ship": after,
        "confirm_order": after,
    }


def test_without_a_pivot_every_step_can_be_undone() -> None:
    graph = shop.NO_UNDO.compile()
    assert graph.pivot is None
    assert {node.kind for node in graph.steps.values()} == {StepKind.COMPENSATABLE}
    assert graph.steps["notify"].no_undo == "a mail cannot be called back"
    assert graph.steps["notify"].undo is None


def test_the_barrier_makes_the_pivot_wait_for_what_it_does_not_take() -> None:  # S8
    capture = shop.SIDE_BY_SIDE.compile().steps["capture"]
    assert capture.after == ("authorize", "reserve")
    assert capture.barrier == ("reserve",)
    conditional = shop.CONDITIONAL.compile().steps["capture"]
    assert conditional.barrier == ("wrap",)


def test_the_barrier_has_an_edge_from_the_last_step_of_a_branch_only() -> None:
    saga = shop.order_saga("long-branch")
    saga.step(deadline="1s")(shop.authorize).undo(shop.void_payment)
    saga.step(deadline="1s")(shop.accept).undo(shop.reject_order)
    saga.step(deadline="1s", after=["accept"])(shop.reserve).undo(shop.release_stock)
    saga.pivot(deadline="1s")(shop.capture)
    saga.step(deadline="1s", after=["capture", "accept"])(shop.notify)
    graph = saga.compile()
    assert graph.steps["capture"].barrier == ("reserve",)
    assert graph.steps["notify"].kind is StepKind.RETRIABLE


def test_the_barrier_adds_nothing_to_what_the_pivot_waits_for_anyway() -> None:
    assert shop.FULFIL_ORDER.compile().steps["capture_payment"].barrier == ()


def test_a_pivot_first_needs_nothing_and_may_stand_alone() -> None:
    saga = shop.order_saga("pivot-alone")
    saga.pivot(deadline="1s")(shop.accept)
    node = saga.compile().steps["accept"]
    assert (node.kind, node.after, node.barrier) == (StepKind.PIVOT, (), ())


def test_steps_are_in_topological_order_and_ties_in_the_order_of_writing() -> None:
    saga = shop.order_saga("written-backwards")
    saga.step(deadline="1s", after=["reserve", "accept"], no_undo="a mail")(shop.notify)
    saga.step(deadline="1s")(shop.reserve).undo(shop.release_stock)
    saga.step(deadline="1s")(shop.accept).undo(shop.reject_order)
    assert list(saga.compile().steps) == ["reserve", "accept", "notify"]


def test_each_parameter_has_its_source() -> None:
    steps = shop.FULFIL_ORDER.compile().steps
    authorize = steps["authorize_payment"]
    assert authorize.build.sources == {"placed": FromStart(), "order": FromReply("accept_order", (shop.OrderAccepted,))}
    assert authorize.build.returns is authorize.command is shop.AuthorizePayment
    assert authorize.undo is not None
    assert authorize.undo.sources == {"placed": FromStart(), "payment": FromOwnReply((shop.PaymentAuthorized,))}
    assert (authorize.undo.name, authorize.undo.returns) == ("void_payment", shop.VoidPayment)


def test_a_lambda_when_takes_the_start_event() -> None:
    when = shop.CONDITIONAL.compile().steps["wrap"].when
    assert when is not None
    assert (when.name, when.returns, dict(when.sources)) == ("when of wrap", bool, {"placed": FromStart()})


def test_a_when_with_annotations_takes_replies_and_waits_for_them() -> None:
    saga = shop.order_saga("asked-when")
    saga.step(deadline="1s")(shop.reserve).undo(shop.release_stock)

    def wanted(placed: shop.OrderPlaced, stock: shop.StockReserved) -> bool:
        return placed.gift

    saga.step(deadline="1s", when=wanted)(shop.wrap).undo(shop.unwrap)
    graph = saga.compile()
    assert graph.steps["wrap"].after == ("reserve",)
    assert graph.required_by("reserve") == ("wrap",)


def test_who_needs_a_reply_that_may_be_missing_is_not_required() -> None:
    saga = shop.order_saga("may-be-missing")
    saga.step(deadline="1s", when=lambda placed: placed.gift)(shop.wrap).undo(shop.unwrap)

    @saga.step(deadline="1s", no_undo="a mail cannot be called back")
    def tell(placed: shop.OrderPlaced, wrapped: shop.GiftWrapped | None) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id=placed.order_id)

    graph = saga.compile()
    assert graph.steps["tell"].build.sources["wrapped"] == FromReply("wrap", (shop.GiftWrapped,), optional=True)
    assert graph.required_by("wrap") == ()
    assert graph.dependents("wrap") == ("tell",)


def test_spans_and_retries_have_defaults_by_kind() -> None:
    steps = shop.SIDE_BY_SIDE.compile().steps
    before, after = steps["reserve"], steps["arrange"]
    assert (before.deadline, before.undo_deadline) == (second(10), second(10))
    assert (before.retry.attempts, before.retry.first, before.retry.cap) == (3, second(1), second(30))
    for stubborn in (before.undo_retry, steps["capture"].retry, after.retry):
        assert (stubborn.first, stubborn.cap) == (second(1), second(300))


def test_what_is_left_out_of_a_retry_is_the_default() -> None:
    saga = shop.order_saga("own-spans")
    step = saga.step(deadline=second(4), retry=Retry(attempts=7))(shop.accept)
    step.undo(deadline="1m", retry=Retry(first="200ms"))(shop.reject_order)
    node = saga.compile().steps["accept"]
    assert (node.deadline, node.undo_deadline) == (second(4), second(60))
    assert (node.retry.attempts, node.retry.first, node.retry.cap) == (7, second(1), second(30))
    assert (node.undo_retry.first, node.undo_retry.cap) == (second(0.2), second(300))


def test_participants_are_those_asked_and_the_one_who_starts() -> None:
    assert shop.FULFIL_ORDER.compile().participants() == ("inventory", "order", "payment", "shipping")


def test_a_definition_is_compiled_once() -> None:
    assert shop.ONE_STEP.compile() is shop.ONE_STEP.compile()


def test_a_step_added_later_is_compiled_too() -> None:
    saga = shop.order_saga("grown")
    saga.step(deadline="1s")(shop.accept).undo(shop.reject_order)
    assert list(saga.compile().steps) == ["accept"]
    saga.step(deadline="1s")(shop.reserve).undo(shop.release_stock)
    assert list(saga.compile().steps) == ["accept", "reserve"]


def test_a_compiled_graph_cannot_be_changed() -> None:
    graph = shop.ONE_STEP.compile()
    with pytest.raises(TypeError):
        graph.steps["other"] = graph.steps["accept"]  # type: ignore[index]


def test_every_success_type_of_a_command_is_taken_as_their_union() -> None:
    class Placed(DomainEvent, by="shop"):
        id: str = "1"

    class Early(Reply, by="hall"):
        at: int = 1

    class Late(Reply, by="hall"):
        at: int = 2

    class Book(Command[Early | Late], to="hall"):
        id: str = "1"

    saga = Saga("unions", version=1, starts_on=Placed, key=lambda placed: placed.id)

    @saga.step(deadline="1s", no_undo="free of charge")
    def first(placed: Placed) -> Book:
        return Book()

    @saga.step(deadline="1s", no_undo="free of charge")
    def then(booked: Late | Early) -> shop.NotifyCustomer:
        return shop.NotifyCustomer(order_id=str(booked.at))

    assert saga.compile().steps["then"].build.sources == {"booked": FromReply("first", (Late, Early))}
