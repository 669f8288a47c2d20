"""Small sagas in the words that an author uses, one for each shape that tests/explore sees all of. Frozen with each release's corpus.

ONE           a                           FENCED    a -> n (no undo) -> c
TWO           a -> b                      DIAMOND   a -> (b, c) -> d
SIDE_BY_SIDE  a, b                        SOMETIMES s (when gift), a -> p (pivot)
PIVOT         a -> p (pivot) -> r         SHOP      (a, b) -> p (pivot) -> r
FAULTY        a -> b, whose builders raise for a gift
"""

from typing import Annotated

from saga import Command, DomainEvent, Reply, Retry, Saga, Undone


class Placed(DomainEvent, by="street"):
    """Starts every shape."""

    order_id: str
    gift: bool = False


class Done(Reply, by="works"):
    """It is done."""

    note: str = "done"


class No(Reply, by="works"):
    """It is not, and never will be."""

    why: str = "no"


class Work(Command[Done | No], to="works", refused=No):
    """Do a step."""

    order_id: str
    step: str
    note: str = ""


class Unwork(Command[Undone], to="works"):
    """Undo a step."""

    order_id: str
    step: str


TWICE = Retry(attempts=2, first="1s", cap="4s")


def _saga(name: str) -> Saga[Placed]:
    return Saga(name, version=1, starts_on=Placed, key=lambda placed: placed.order_id, owner="tests")


ONE, TWO, SIDE_BY_SIDE, PIVOT = _saga("one"), _saga("two"), _saga("side-by-side"), _saga("with-pivot")
FENCED, DIAMOND, SOMETIMES, SHOP = _saga("fenced"), _saga("diamond"), _saga("sometimes"), _saga("small-shop")
FAULTY = _saga("faulty")


@ONE.step(deadline="10s", retry=TWICE)
def one_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@one_a.undo
def one_not_a(placed: Placed, done: Done | None) -> Unwork:
    return Unwork(order_id=placed.order_id, step=f"a{done.note if done else ''}")


@TWO.step(deadline="10s", retry=TWICE)
def two_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@two_a.undo
def two_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@TWO.step(deadline="10s", retry=Retry(attempts=1))
def two_b(placed: Placed, a: Annotated[Done, two_a]) -> Work:
    return Work(order_id=placed.order_id, step="b", note=a.note)


@two_b.undo
def two_not_b(placed: Placed, a: Annotated[Done, two_a]) -> Unwork:
    return Unwork(order_id=placed.order_id, step=f"b{a.note}")


@SIDE_BY_SIDE.step(deadline="10s", retry=TWICE)
def side_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@side_a.undo
def side_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@SIDE_BY_SIDE.step(deadline="12s", retry=TWICE)
def side_b(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="b")


@side_b.undo
def side_not_b(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="b")


@PIVOT.step(deadline="10s", retry=Retry(attempts=1))
def pivot_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@pivot_a.undo
def pivot_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@PIVOT.pivot(deadline="1m")
def pivot_p(placed: Placed, a: Annotated[Done, pivot_a]) -> Work:
    return Work(order_id=placed.order_id, step="p", note=a.note)


@PIVOT.step(deadline="1m")
def pivot_r(placed: Placed, p: Annotated[Done, pivot_p]) -> Work:
    return Work(order_id=placed.order_id, step="r", note=p.note)


@FENCED.step(deadline="10s", retry=TWICE)
def fenced_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@fenced_a.undo
def fenced_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@FENCED.step(deadline="10s", retry=Retry(attempts=1), no_undo="it only looks")
def fenced_n(placed: Placed, a: Annotated[Done, fenced_a]) -> Work:
    return Work(order_id=placed.order_id, step="n", note=a.note)


@FENCED.step(deadline="10s", retry=Retry(attempts=1))
def fenced_c(placed: Placed, n: Annotated[Done, fenced_n]) -> Work:
    return Work(order_id=placed.order_id, step="c", note=n.note)


@fenced_c.undo
def fenced_not_c(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="c")


@DIAMOND.step(deadline="10s", retry=TWICE)
def diamond_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@diamond_a.undo
def diamond_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@DIAMOND.step(deadline="10s", retry=Retry(attempts=1))
def diamond_b(placed: Placed, a: Annotated[Done, diamond_a]) -> Work:
    return Work(order_id=placed.order_id, step="b", note=a.note)


@diamond_b.undo
def diamond_not_b(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="b")


@DIAMOND.step(deadline="20s", retry=Retry(attempts=1))
def diamond_c(placed: Placed, a: Annotated[Done, diamond_a]) -> Work:
    return Work(order_id=placed.order_id, step="c", note=a.note)


@diamond_c.undo
def diamond_not_c(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="c")


@DIAMOND.step(deadline="10s", retry=Retry(attempts=1))
def diamond_d(placed: Placed, b: Annotated[Done, diamond_b], c: Annotated[Done, diamond_c]) -> Work:
    return Work(order_id=placed.order_id, step="d", note=b.note + c.note)


@diamond_d.undo
def diamond_not_d(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="d")


@SOMETIMES.step(deadline="10s", retry=TWICE, when=lambda placed: placed.gift)
def sometimes_s(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="s")


@sometimes_s.undo
def sometimes_not_s(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="s")


@SOMETIMES.step(deadline="10s", retry=Retry(attempts=1))
def sometimes_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@sometimes_a.undo
def sometimes_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@SOMETIMES.pivot(deadline="1m")
def sometimes_p(placed: Placed, s: Annotated[Done | None, sometimes_s], a: Annotated[Done, sometimes_a]) -> Work:
    return Work(order_id=placed.order_id, step="p", note=f"{s.note if s else 'no gift'} {a.note}")


@SHOP.step(deadline="10s", retry=TWICE)
def shop_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@shop_a.undo
def shop_not_a(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="a")


@SHOP.step(deadline="12s", retry=TWICE)
def shop_b(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="b")


@shop_b.undo
def shop_not_b(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="b")


@SHOP.pivot(deadline="1m")
def shop_p(placed: Placed, a: Annotated[Done, shop_a], b: Annotated[Done, shop_b]) -> Work:
    return Work(order_id=placed.order_id, step="p", note=a.note + b.note)


@SHOP.step(deadline="1m")
def shop_r(placed: Placed, p: Annotated[Done, shop_p]) -> Work:
    return Work(order_id=placed.order_id, step="r", note=p.note)


@FAULTY.step(deadline="10s", retry=TWICE)
def faulty_a(placed: Placed) -> Work:
    return Work(order_id=placed.order_id, step="a")


@faulty_a.undo
def faulty_not_a(placed: Placed, done: Annotated[Done | None, faulty_a]) -> Unwork:
    if placed.gift and done:
        raise ValueError("nobody takes a gift back")
    return Unwork(order_id=placed.order_id, step="a")


@FAULTY.step(deadline="10s", retry=TWICE)
def faulty_b(placed: Placed, a: Annotated[Done, faulty_a]) -> Work:
    if placed.gift:
        raise ValueError("no paper")
    return Work(order_id=placed.order_id, step="b", note=a.note)


@faulty_b.undo
def faulty_not_b(placed: Placed) -> Unwork:
    return Unwork(order_id=placed.order_id, step="b")
