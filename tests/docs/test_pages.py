"""Every block of the pages that README links is run as its reader would."""

import asyncio
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.docs.prepared import prepare
from tests.docs.walking import Stumbled, Walk

ROOT = Path(__file__).parents[2]
OPERATORS = ("access.md", "operate.md", "replay.md", "security.md")

pytest_plugins = ["kafka_fixtures"]
pytestmark = pytest.mark.integration


def environment(**more: str) -> dict[str, str]:
    """The commands of this environment first, and the reference application in reach."""
    return {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), **more}


@pytest.mark.parametrize("page", OPERATORS)
async def test_a_page_for_operators_can_be_followed_block_by_block(page: str, migrated_dsn: str, tmp_path: Path) -> None:
    await prepare(migrated_dsn)
    known = environment(SAGA_POSTGRES_DSN=migrated_dsn, SAGA_DEFINITIONS="services.order.fulfilment")
    walk = Walk(ROOT / "docs" / page, tmp_path, known)
    await asyncio.to_thread(walk.go)
    assert walk.walked > 1


async def test_a_deployment_can_be_set_up_from_its_page(postgres_dsn: str, real_kafka: str, tmp_path: Path) -> None:
    known = environment(SAGA_POSTGRES_DSN=postgres_dsn, SAGA_KAFKA_BOOTSTRAP=real_kafka, SAGA_DEFINITIONS="services.order.fulfilment")
    walk = Walk(ROOT / "docs/deploy.md", tmp_path, known)
    await asyncio.to_thread(walk.go)
    assert walk.walked > 5


def test_a_newcomer_comes_from_the_first_saga_to_the_first_participant() -> None:
    with TemporaryDirectory(prefix="newcomer-") as directory:
        Path(directory).chmod(0o755)  # Postgres refuses to be root and runs as nobody, who must be able to enter
        for page in ("first-saga.md", "first-participant.md"):
            walk = Walk(ROOT / "docs" / page, Path(directory), environment())
            walk.go()
            assert walk.walked > 3


@pytest.mark.parametrize(
    "block",
    ["```sh\nfalse\n```", "```sh\necho a\n```\n```text shows\nb\n```", "```sh exit=1\ntrue\n```", "```yaml\na: 1\n```"],
)
def test_a_block_that_says_what_is_not_so_stumbles(block: str, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(block + "\n", encoding="utf-8")
    with pytest.raises(Stumbled, match=r"page.md:\d"):
        Walk(page, tmp_path, environment()).go()


def test_files_are_written_and_dots_stand_for_anything(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "```python write=shop/a.py\nprint('one two three')\n```\n```sh\npython shop/a.py\n```\n```text shows\none … three\n```\n"
    )
    Walk(page, tmp_path, environment()).go()
