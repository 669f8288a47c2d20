"""Orders, cycles and who depends on whom. Edges are given as step -> the steps that it depends on, keys in the order of writing."""

from collections.abc import Iterable, Mapping

Edges = Mapping[str, frozenset[str]]


def ancestors(edges: Edges, step: str) -> frozenset[str]:
    """Every step that this one depends on, directly or through others; itself too if it stands in a cycle."""
    found: set[str] = set()
    waiting = [step]
    while waiting:
        new = edges[waiting.pop()] - found
        found |= new
        waiting.extend(new)
    return frozenset(found)


def cycles(edges: Edges) -> list[tuple[str, ...]]:
    """One cycle for each group of steps that wait for each other, as a way round: a, b, c for a -> b -> c -> a."""
    found: list[tuple[str, ...]] = []
    for step in edges:
        if step in ancestors(edges, step) and not any(step in cycle or _together(edges, step, cycle[0]) for cycle in found):
            found.append(_way_round(edges, step))
    return found


def in_order(edges: Edges) -> tuple[str, ...]:
    """Topological order, ties in the order of writing. The edges have no cycle."""
    ordered: list[str] = []
    waiting = list(edges)
    while waiting:
        ready = next(step for step in waiting if edges[step] <= set(ordered))
        waiting.remove(ready)
        ordered.append(ready)
    return tuple(ordered)


def barrier(edges: Edges, pivot: str) -> frozenset[str]:
    """The edges that make the pivot wait for all that does not depend on it: the last step of each branch that it does not wait for
    already. What lies before those is waited for through them."""
    before = {step for step in edges if step != pivot and pivot not in ancestors(edges, step)}
    followed: Iterable[str] = (needed for step in before for needed in edges[step])
    return frozenset(before - set(followed) - edges[pivot])


def _together(edges: Edges, one: str, other: str) -> bool:
    return other in ancestors(edges, one) and one in ancestors(edges, other)


def _way_round(edges: Edges, start: str) -> tuple[str, ...]:
    """The shortest way from a step back to itself, in the direction in which the saga would run."""
    came_from: dict[str, str] = {}
    waiting = [start]
    while waiting:
        step = waiting.pop(0)
        for needed in sorted(edges[step]):
            if needed == start:
                return (start, *_back(came_from, step, start))
            if needed not in came_from:
                came_from[needed] = step
                waiting.append(needed)
    raise LookupError(f"{start} stands in no cycle")


def _back(came_from: Mapping[str, str], step: str, start: str) -> list[str]:
    way = []
    while step != start:
        way.append(step)
        step = came_from[step]
    return way
