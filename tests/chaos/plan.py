"""Which fault strikes when: drawn from the seed alone, so that the same seed asks for the same."""

import random
from collections.abc import Iterator, Mapping, Sequence

SHORTEST, LONGEST = 1.0, 4.0


def plan(seed: int, weights: Mapping[str, int]) -> Iterator[tuple[float, str, int]]:
    """Without end: seconds to wait, fault, and the seed of its own choices. Each fault comes once before any comes twice."""
    chance = random.Random(f"nemesis {seed}")
    names: Sequence[str] = sorted(weights)
    first = chance.sample(names, len(names))
    while True:
        name = first.pop() if first else chance.choices(names, [weights[one] for one in names])[0]
        yield chance.uniform(SHORTEST, LONGEST), name, chance.getrandbits(32)
