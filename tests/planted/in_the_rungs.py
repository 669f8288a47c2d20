"""Defects that the larger rungs must find: replicas simulated, processes killed, a flood of bad input, a cluster under a nemesis.

Some stand in another room too, found there by one test: what a rung finds on its own, without a test made for it, says more of the rung.
"""

from collections.abc import Sequence
from dataclasses import replace

from tests.crash.planted import DEFECTS
from tests.planted import in_the_core, in_the_runtime
from tests.planted.planted import Planted

_SIMULATE = ("-m", "tests.simulate", "--sagas", "6000", "--seed", "1", "--jobs", "1", "--no-keep", "--json")
_CHAOS = ("-m", "tests.chaos", "--seed", "6", "--minutes", "1", "--faults", "kill,reset", "--json")
_BY_NAME = {planted.name: planted for planted in (*in_the_core.SEARCHED, *in_the_core.TIMED, *in_the_runtime.LOOPS, *in_the_runtime.STORED)}


def _elsewhere(name: str, rung: str, command: tuple[str, ...], seconds: float) -> Planted:
    """The same defect, to be found by another rung."""
    return replace(_BY_NAME[name], name=f"{name}, found by {rung}", rung=rung, command=command, seconds=seconds)


def _simulated(name: str) -> Planted:
    return replace(_elsewhere(name, "simulate", _SIMULATE, 120), short=True)


def _crashed(name: str) -> Planted:
    """One of the rung's own, which its processes make while they import; struck where it should show."""
    defect = DEFECTS[name]
    where = ("--shapes", defect.shape, "--at", defect.at, "--modes", ",".join(defect.modes), "--arrivals", "12")
    command = ("-m", "tests.crash", *where, "--lanes", "2", "--seed", "6", "--max-seconds", "40", "--json")
    return Planted(f"{name}, found by crash", defect.what, "crash", command, (), 240, ("--defect", name), short=True)


def _flooded(name: str, story: str, *words: str) -> Planted:
    return Planted(
        f"{name}, found by hostile",
        story,
        "hostile",
        ("-m", "tests.hostile", "--seed", "5", *words, "--json"),
        (),
        180,
        ("--planted", name),
    )


SIMULATED: Sequence[Planted] = tuple(
    map(
        _simulated,
        (
            "undo order wrong",
            "undo while a do is awaited",
            "completed too early",
            "empty decision taken on a stale fold",
            "offset before commit",
            "offset beyond a batch that failed",
            "doubtful pivot turned back",
            "refusal after the pivot turns back",
            "deadline fires early",
            "issued before all it depends on",
            "resent after turning back",
        ),
    )
)
_BY_CHANCE = ("reply-deleted-first",)  # few crashes show it: `python -m tests.crash --planted` strikes until one does
CRASHED: Sequence[Planted] = tuple(_crashed(name) for name in DEFECTS if name not in _BY_CHANCE)
FLOODED: Sequence[Planted] = (
    _flooded("leak", "each record leaves something behind, until the memory is full", "--records", "40000", "--calls", "0"),
    _flooded("swallow", "one record in a thousand is gone without a trace", "--records", "4000", "--calls", "0"),
    _flooded("raise", "one body stops its partition for ever", "--records", "500", "--calls", "0", "--stalled-after", "8"),
    _flooded("canary", "what stands in a bad record stands in the log", "--records", "500", "--calls", "0"),
    _flooded("fault", "a caller's value makes a fault of ours", "--records", "500", "--calls", "1500"),
    _flooded("cross", "a caller sees the sagas of all tenants", "--records", "500", "--calls", "1500"),
)
STRUCK: Sequence[Planted] = tuple(_elsewhere(name, "chaos", _CHAOS, 300) for name in ("undo order wrong", "offset before commit"))
