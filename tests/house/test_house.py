"""The house as tests: one for each check, so that `make test` says what `python -m tests.house` says."""

import pytest

from tests.house.checks import CHECKS
from tests.house.purity import reach
from tests.house.tree import Check, Tree


@pytest.mark.timeout(600)  # mypy without its cache, on a busy machine
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_house_is_in_order(check: Check) -> None:
    grave = [str(fault) for fault in check(Tree()) if not fault.warning]
    assert not grave, "\n" + "\n".join(grave)


def test_the_import_graph_sees_senders_where_there_are_some() -> None:
    """Else the silence of replay would prove nothing."""
    assert {"saga.runtime.relay", "asyncio"} <= reach("saga.runtime.supervisor")
