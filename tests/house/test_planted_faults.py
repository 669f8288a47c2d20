"""Every check finds the fault that it is there for: each is planted in a small tree. A clean tree has none."""

from pathlib import Path

import pytest

from tests.house import error_codes
from tests.house.addresses import addresses
from tests.house.documents import documents
from tests.house.locks import locks
from tests.house.names import names
from tests.house.purity import clockless
from tests.house.readme import readme
from tests.house.settings import DOCUMENT, document, settings_documented
from tests.house.sizes import sizes
from tests.house.tools import formatted, lint
from tests.house.tree import ROOT, Check, Fault, Tree

SAGA = "shop = Saga()\n\n\ndef step(placed):\n    return Ship(placed)\n"
README = f"# Shop\n\n```python file=shop.py\n{SAGA}```\n\nRun `make demo`.\n"
PROJECT = """
[project]
dependencies = ["orjson>=3.13"]
[project.optional-dependencies]
embedded = []
otlp = []
dev = []
[dependency-groups]
build = []
"""
PIN = "orjson==3.13.0 \\\n    --hash=sha256:00\n"
LONG = "def long() -> None:\n" + "    step()\n" * 50


def planted(root: Path, **files: str) -> Tree:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Tree(root)


def found(check: Check, tree: Tree) -> list[Fault]:
    return list(check(tree))


PLANTED: list[tuple[Check, dict[str, str], str]] = [
    (formatted, {"a.py": "x = ( 1 )\n"}, "unformatted"),
    (lint, {"a.py": "import os\n"}, "F401"),
    (names, {"saga/utils.py": "x = 1\n"}, "'utils'"),
    (names, {"saga/a.py": "class TopicManager: ...\n"}, "TopicManager"),
    (sizes, {"a.py": "x = 1\n" * 401}, "more than 400"),
    (sizes, {"a.sql": "select 1;\n" * 401}, "more than 400"),
    (sizes, {"a.py": LONG}, "more than 50"),
    (sizes, {"a.py": "def f(a, b, c, d, *, e, f, g): ...\n"}, "7 parameters"),
    (sizes, {"a.py": "class A:\n" + "    x = 1\n" * 200}, "more than 200"),
    (addresses, {"a.toml": 'index = "https://pypi.org/simple"\n'}, "registry"),
    (addresses, {"a.sh": "pip install --extra-index-url there\n"}, "where packages come from"),
    (addresses, {"a.py": 'HERE = "/home/ada/saga"\n'}, "one machine"),
    (clockless, {"saga/core/a.py": "now = datetime.now()\n"}, "datetime.now()"),
    (clockless, {"contracts/a.py": "key = uuid.uuid4()\n"}, "uuid4()"),
    (clockless, {"services/order/domain.py": "async def rule(): ...\n"}, "waiting"),
    (
        locks,
        {"pyproject.toml": PROJECT, "requirements.lock": PIN, "requirements-dev.lock": "", "requirements-image.lock": PIN},
        "nothing is pinned",
    ),
    (
        locks,
        {
            "pyproject.toml": PROJECT,
            "requirements.lock": PIN.replace("3.13", "3.12"),
            "requirements-dev.lock": PIN,
            "requirements-image.lock": PIN,
        },
        "3.12.0 is pinned",
    ),
    (
        locks,
        {"pyproject.toml": PROJECT, "requirements.lock": "orjson==3.13.0\n", "requirements-dev.lock": PIN, "requirements-image.lock": PIN},
        "no hash",
    ),
    (readme, {"README.md": README, "shop.py": SAGA, "Makefile": ""}, "make demo does not exist"),
    (readme, {"README.md": README, "shop.py": SAGA.replace("Ship", "Send"), "Makefile": "demo:\n"}, "step is not what stands in shop.py"),
    (readme, {"README.md": README.replace("shop.py", "shop.py whole"), "shop.py": SAGA + "x = 1\n", "Makefile": "demo:\n"}, "leaves out x"),
    (readme, {"README.md": "[map](docs/map.md)\n", "Makefile": ""}, "docs/map.md, which does not exist"),
    (readme, {"README.md": "`GET /v1/ghosts`\n", "Makefile": ""}, "GET /v1/ghosts is not served"),
    (readme, {"README.md": "`saga haunt`\n", "Makefile": ""}, "saga haunt is no command"),
    (readme, {"README.md": "\n" * 15 + README, "shop.py": SAGA, "Makefile": "demo:\n"}, "after line 15"),
]


@pytest.mark.parametrize(("check", "files", "words"), PLANTED, ids=[f"{check.__name__}: {words}" for check, _, words in PLANTED])
def test_a_planted_fault_is_found(check: Check, files: dict[str, str], words: str, tmp_path: Path) -> None:
    assert any(words in str(fault) for fault in found(check, planted(tmp_path, **files)))


@pytest.mark.parametrize("check", [formatted, lint, names, sizes, addresses, clockless], ids=lambda check: check.__name__)
def test_a_clean_file_has_no_fault(check: Check, tmp_path: Path) -> None:
    assert found(check, planted(tmp_path, **{"saga/core/a.py": "SPAN = 1\n"})) == []


def test_a_readme_that_says_what_the_code_says_has_no_fault(tmp_path: Path) -> None:
    told = SAGA.replace("step(placed):\n", 'step(placed):\n    """A sentence."""\n')
    assert found(readme, planted(tmp_path, **{"README.md": README, "shop.py": f"import this\n{told}", "Makefile": "demo:\n"})) == []


def test_a_setting_without_its_sentence_is_found(tmp_path: Path) -> None:
    page = document((ROOT / DOCUMENT).read_text(encoding="utf-8"))
    bare = page.replace("where the REST API listens", "")
    assert found(settings_documented, planted(tmp_path, **{DOCUMENT: page})) == []
    assert any(
        "SAGA_HTTP_HOST has no sentence" in str(fault) for fault in found(settings_documented, planted(tmp_path, **{DOCUMENT: bare}))
    )


def test_a_default_that_the_code_does_not_have_is_found(tmp_path: Path) -> None:
    page = (ROOT / DOCUMENT).read_text(encoding="utf-8").replace("| `8080` |", "| `8081` |")
    assert any("settings.md: is not what" in str(fault) for fault in found(documents, planted(tmp_path, **{DOCUMENT: page})))


def test_an_error_code_that_the_page_does_not_have_is_found(tmp_path: Path) -> None:
    tree = planted(tmp_path, **{"saga/core/a.py": 'raise ActRefused("brand-new", f"{1} is new")\n'})
    assert "| `brand-new` | … is new |" in error_codes.document(tree)
    assert any("errors.md: is not what" in str(fault) for fault in found(documents, tree))
