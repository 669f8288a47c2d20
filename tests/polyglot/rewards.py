"""A saga with a participant that is not ours: points for an order, then a gift; without a gift the points are revoked."""

from saga import Command, DomainEvent, Reply, Retry, Saga, Undone


class OrderPaid(DomainEvent, by="shop"):
    order_id: str
    customer_id: str
    points: int


class PointsGranted(Reply, by="loyalty"):
    balance: int


class GrantRejected(Reply, by="loyalty"):
    reason: str


class GrantPoints(Command[PointsGranted | GrantRejected], to="loyalty", refused=GrantRejected):
    order_id: str
    customer_id: str
    points: int


class RevokePoints(Command[Undone], to="loyalty"):
    order_id: str


class GiftClaimed(Reply, by="loyalty"):
    gift: str


class NoGiftLeft(Reply, by="loyalty"):
    gift: str


class ClaimGift(Command[GiftClaimed | NoGiftLeft], to="loyalty", refused=NoGiftLeft):
    gift: str


class ReturnGift(Command[Undone], to="loyalty"):
    gift: str


PATIENT = Retry(attempts=50, first="200ms", cap="2s")
reward_order = Saga("reward-order", version=1, starts_on=OrderPaid, key=lambda paid: paid.order_id, owner="tests")


@reward_order.step(deadline="3s", retry=PATIENT)
def grant_points(paid: OrderPaid) -> GrantPoints:
    return GrantPoints(order_id=paid.order_id, customer_id=paid.customer_id, points=paid.points)


@grant_points.undo
def revoke_points(paid: OrderPaid) -> RevokePoints:
    return RevokePoints(order_id=paid.order_id)


@reward_order.step(deadline="3s", retry=PATIENT)
def claim_gift(granted: PointsGranted) -> ClaimGift:
    return ClaimGift(gift="mug")


@claim_gift.undo
def return_gift(granted: PointsGranted) -> ReturnGift:
    return ReturnGift(gift="mug")
