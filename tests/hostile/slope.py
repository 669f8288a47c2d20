"""Does a figure grow? The slope of Theil and Sen over the second half of a run: a few samples that stick out do not move it."""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

MOST = 200  # samples that are compared in pairs


def theil_sen(samples: Sequence[tuple[float, float]]) -> float:
    """The median of the slopes between any two samples (x, y); 0 where there are no two."""
    step = max(1, len(samples) // MOST)
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(samples[::step], 2) if b[0] != a[0]]
    return median(slopes) if slopes else 0.0


def growth(samples: Sequence[tuple[float, float]]) -> float:
    """By how much y grows over the second half of x, after the robust slope. The first half is for warming up."""
    if len(samples) < 4:
        return 0.0
    first, last = samples[0][0], samples[-1][0]
    half = [sample for sample in samples if sample[0] >= (first + last) / 2]
    return theil_sen(half) * (last - half[0][0])
