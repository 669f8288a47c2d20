"""The stories that processes die in: what is asked, what the participant makes of it, and how it has to end (shop.py serves them)."""

from dataclasses import dataclass

STOCK = 1_000_000
DEADLINE = 8  # seconds; longer than a recovery takes here


@dataclass(frozen=True)
class Shape:
    """A story: the saga that is started, how it ends, and which dos stand at the end. `act` is what a person does meanwhile.

    `wants` and `mood` go into the start event; `by_request`: it is started at the desk of the replica, else by a record.
    """

    name: str
    definition: str
    end: str
    stands: frozenset[str]
    wants: str = ""
    mood: str = ""
    act: str = ""
    by_request: bool = False


STARTS = {"order": "Placed", "errand": "Sent", "doubtful": "Doubted"}
DONE = frozenset({"hold", "charge", "capture", "ship"})
NOTHING: frozenset[str] = frozenset()
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("completed", "order", "completed", DONE),
        Shape("optional", "order", "completed", DONE | {"wrap"}, wants="wrap", by_request=True),
        Shape("long", "order", "completed", DONE | {"brew"}, wants="brew"),
        Shape("retriable", "order", "completed", DONE, mood="ship-late"),
        Shape("refused", "errand", "compensated", NOTHING, mood="charge-no"),
        Shape("doubt", "doubtful", "compensated", NOTHING),
        Shape("parked", "errand", "parked", frozenset({"hold"}), mood="charge-no release-no"),
        Shape("cancelled", "errand", "cancelled", NOTHING, mood="charge-wait", act="cancel", by_request=True),
    )
}
