"""All planted defects, whichever rung finds them. A rung adds its own here."""

from collections.abc import Sequence

from tests.planted import in_an_upgrade, in_the_core, in_the_rungs, in_the_runtime
from tests.planted.planted import Planted

REGISTRY: Sequence[Planted] = (
    *in_the_core.SEARCHED,
    *in_the_core.TIMED,
    *in_the_runtime.LOOPS,
    *in_the_runtime.STORED,
    *in_the_runtime.PARTICIPANTS,
    *in_the_rungs.SIMULATED,
    *in_the_rungs.CRASHED,
    *in_the_rungs.FLOODED,
    *in_the_rungs.STRUCK,
    *in_an_upgrade.UPGRADED,
)
