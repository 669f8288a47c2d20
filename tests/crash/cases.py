"""Which crashes there are: each place that a dry run of a shape passed, in each mode that makes sense there."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

MODES = ("before", "after", "lost", "unsent", "pause")
TALKING = ("lost", "unsent")  # only where servers answer
COMPONENTS = ("intake", "relay", "deadlines", "heartbeat", "desk", "sdk", "replay")
OF_LOOP = {
    "records": "intake",
    "held": "intake",
    "start": "intake",
    "relay": "relay",
    "outbox": "relay",
    "deadlines": "deadlines",
    "heartbeat": "heartbeat",
    "act": "desk",
}
OWN = "harness |"  # what the rung itself asks of a process


@dataclass(frozen=True, order=True)
class Point:
    """A place in a process. `phase`: while it starts, or while the saga runs. `count`: how often the dry run passed it. `answered`:
    servers answer there. `fresh_before`, `fresh_after`: something had gone over the network since the point before."""

    kind: str
    phase: str
    place: str
    count: int
    answered: bool
    fresh_before: bool
    fresh_after: bool

    @property
    def component(self) -> str:
        """What it belongs to, by the loop that passes it."""
        if self.kind == "participant":
            return "sdk"
        return "replay" if self.kind == "replay" else OF_LOOP.get(self.place.partition(" |")[0], "intake")

    @property
    def name(self) -> str:
        """For people and seeds."""
        return f"{self.kind}/{self.phase}/{self.place}"


@dataclass(frozen=True)
class Case:
    """One crash: where, how, in which story, and at which arrival."""

    shape: str
    point: Point
    mode: str
    arrival: int

    @property
    def arm(self) -> dict[str, object]:
        """What the process is told."""
        mode = "pause-after" if self.mode == "pause" and not self.point.fresh_before else self.mode
        return {"place": self.point.place, "mode": mode, "arrival": self.arrival}

    def __str__(self) -> str:
        return f"{self.shape}, {self.mode}, arrival {self.arrival} at {self.point.name}"


@dataclass(frozen=True)
class Asked:
    """What is to be tried. `every`: also at points between which nothing went over the network; `at`: where names hold this;
    `arrivals`: how many of the arrivals at a point are struck, each in a case of its own."""

    modes: Collection[str]
    components: Collection[str]
    every: bool = False
    at: str = ""
    arrivals: int = 1


def points_of(kind: str, phase: str, counts: Sequence[Sequence[object]]) -> list[Point]:
    """The places that a process has told of."""
    told = (Point(kind, phase, str(place), int(str(count)), *map(bool, rest)) for place, count, *rest in counts)
    return [point for point in told if not point.place.startswith(OWN)]


def makes_sense(point: Point, mode: str) -> bool:
    """Two points between which nothing went over the network are one crash: it is tried at the first of them. Where no server answers
    there is no answer to lose."""
    if mode in TALKING:
        return point.answered
    return point.fresh_after if mode == "after" else point.fresh_before if mode == "before" else point.fresh_after or point.fresh_before


def all_cases(points: Mapping[str, Collection[Point]], asked: "Asked", chance: random.Random) -> list[Case]:
    """Every point in every mode in every shape, in an order of chance; the arrival is drawn."""
    cases = [
        Case(shape, point, mode, arrival)
        for shape, found in sorted(points.items())
        for point in sorted(found)
        for mode in asked.modes
        if point.component in asked.components
        and asked.at in point.name
        and (makes_sense(point, mode) or (asked.every and mode not in TALKING))
        for arrival in chance.sample(range(1, point.count + 1), min(asked.arrivals, point.count))
    ]
    chance.shuffle(cases)
    return cases


def in_turn(cases: Sequence[Case]) -> Iterator[Case]:
    """All of them, so that every point comes once before any comes twice, and modes and shapes by chance: a run that is cut has seen
    as many points as it could."""
    waiting: dict[str, list[Case]] = {}
    for case in cases:
        waiting.setdefault(case.point.name, []).append(case)
    while waiting:
        for name in list(waiting):
            yield waiting[name].pop()
            if not waiting[name]:
                del waiting[name]
