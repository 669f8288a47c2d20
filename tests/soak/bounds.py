"""What may grow by how much over the second half of a run. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.hostile.slope import growth, theil_sen
from tests.proof.report import Report

Series = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Bound:
    """`most` in the figure's own unit, or as a share of what was there at half time, whichever is more."""

    most: float
    share: float = 0.0


FLAT: Mapping[str, Bound] = {
    "rss_mib": Bound(12.0, 0.05),
    "threads": Bound(2.0),
    "files": Bound(5.0),
    "connections": Bound(8.0),  # pools open what they need when they need it
    "dead_rows": Bound(5_000.0),
    "passing_mib": Bound(8.0),
    "lag": Bound(300.0),
    "outbox": Bound(100.0),
    "held": Bound(20.0),
    "log_mib": Bound(64.0, 0.25),
}
DEARER = 1.25  # a saga of the second half may cost so many times the bytes of one of the first
LEAST_MIB = 4.0


def judge_flat(name: str, series: Series, report: Report) -> None:
    """`name` is the figure and whose it is, as in `rss_mib coordinator`."""
    bound = FLAT[name.partition(" ")[0]]
    grown = growth(series)
    middle = series[len(series) // 2][1] if series else 0.0
    allowed = max(bound.most, bound.share * middle)
    if round(grown, 2):
        report.tell(f"growth of {name}", round(grown, 2))
    if len(series) < 8:
        report.broke("I19", f"{name} was sampled {len(series)} times: that says nothing")
    elif grown > allowed:
        report.broke("I19", f"{name} grew by {grown:.1f} over the second half; {allowed:.1f} are allowed")
    else:
        report.held("I19")


def judge_histories(name: str, series: Series, report: Report) -> None:
    """`series` is (sagas started, MiB). What a saga costs may not rise."""
    middle = (series[0][0] + series[-1][0]) / 2 if series else 0.0
    first = theil_sen([one for one in series if one[0] <= middle])
    second = theil_sen([one for one in series if one[0] > middle])
    if second > 0:
        report.tell(f"bytes a saga in {name}", round(second * 2**20))
    dearer = (second - DEARER * max(first, 0.0)) * (series[-1][0] - middle) if series else 0.0
    if dearer > LEAST_MIB:
        report.broke("I19", f"a saga costs {second * 2**20:.0f} bytes in {name} in the second half and {first * 2**20:.0f} in the first")
    else:
        report.held("I19")
