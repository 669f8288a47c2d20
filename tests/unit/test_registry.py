"""Definitions by the names of their modules."""

import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from saga import DefinitionError
from saga.definition.registry import Registry
from tests.unit import shop

HEAD = """
from saga import Saga
from tests.unit.shop import OrderPlaced, NotifyCustomer, CustomerNotified

def notify(placed: OrderPlaced) -> NotifyCustomer: ...
def saga(name, version=1, **options):
    made = Saga(name, version=version, starts_on=OrderPlaced, key=lambda placed: placed.order_id)
    made.step(deadline="1s", **options)(notify)
    return made
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder of work; what is imported from it is forgotten afterwards."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    known = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - known:
        del sys.modules[name]


def write(here: Path, name: str, text: str) -> None:
    (here / f"{name}.py").write_text(HEAD + dedent(text), encoding="utf-8")


def test_every_saga_of_a_module_is_loaded_from_the_folder_of_work(here: Path) -> None:
    write(here, "two_sagas", 'a = saga("a", no_undo="x")\nb = saga("b", 2, no_undo="x")\nalso_a = a\n')
    registry = Registry()
    assert [definition.name for definition in registry.load("two_sagas")] == ["a", "b"]
    assert registry.loaded == (("a", 1), ("b", 2))
    assert [definition.name for definition in registry.all()] == ["a", "b"]


def test_one_saga_of_a_module_may_be_named(here: Path) -> None:
    write(here, "named_saga", 'a = saga("a", no_undo="x")\nb = saga("b", no_undo="x")\n')
    registry = Registry()
    registry.load("named_saga:b")
    assert registry.loaded == (("b", 1),)


def test_a_definition_is_found_by_name_and_version(here: Path) -> None:
    write(here, "versions", 'old = saga("a", 9, no_undo="x")\nnew = saga("a", 10, no_undo="x")\n')
    registry = Registry()
    old, new = registry.load("versions")
    assert registry.get("a", 9) is old
    assert registry.get("a", 11) is None
    assert registry.latest("a") is new
    assert registry.latest("b") is None


def test_an_event_may_start_several_definitions() -> None:
    registry = Registry([shop.ONE_STEP.compile(), shop.DIAMOND.compile()])
    assert [found.name for found in registry.started_by(shop.OrderPlaced.message_type)] == ["diamond", "one-step"]
    assert registry.started_by("com.example.order.Other.v1") == []


def test_the_faults_of_all_sagas_of_a_module_come_at_once(here: Path) -> None:
    write(here, "faulty", 'good = saga("good", no_undo="x")\na = saga("a")\nb = saga("b", no_undo="")\n')
    registry = Registry()
    with pytest.raises(DefinitionError) as caught:
        registry.load("faulty")
    assert [fault.what for fault in caught.value.faults] == ["a: notify has no undo", "b: no_undo gives no reason"]
    assert registry.loaded == ()


def test_two_definitions_of_one_name_and_version_are_refused(here: Path) -> None:
    write(here, "first", 'a = saga("a", no_undo="x")\n')
    write(here, "rival", 'other = saga("other", no_undo="x")\na = saga("a", no_undo="x")\n')
    registry = Registry()
    registry.load("first")
    with pytest.raises(DefinitionError) as caught:
        registry.load("rival")
    (fault,) = caught.value.faults
    assert fault.what == "a version 1 is defined twice"
    assert fault.mend == "give one of them another version or name, or import the one from the other"
    assert registry.loaded == (("a", 1),)


def test_the_same_saga_may_be_loaded_by_way_of_several_modules(here: Path) -> None:
    write(here, "origin", 'a = saga("a", no_undo="x")\n')
    (here / "by_way.py").write_text("from origin import a\n", encoding="utf-8")
    registry = Registry()
    assert registry.load("origin") == registry.load("by_way")
    assert registry.loaded == (("a", 1),)


@pytest.mark.parametrize(
    "place", ["", "nowhere", "nowhere.sagas", "..sagas", "no module", "json:dumps", "json", "empty:a", "broken_import"]
)
def test_a_place_without_a_saga_is_refused(here: Path, place: str) -> None:
    write(here, "empty", "")
    (here / "broken_import.py").write_text("import something_that_is_not_there\n", encoding="utf-8")
    with pytest.raises(DefinitionError) as caught:
        Registry().load(place)
    (fault,) = caught.value.faults
    assert fault.mend.startswith(("name an importable module", "assign a Saga to a name of the module"))


def test_what_a_module_raises_by_itself_comes_out_as_it_is(here: Path) -> None:
    (here / "raising.py").write_text("raise ValueError('my own')\n", encoding="utf-8")
    with pytest.raises(ValueError, match="my own"):
        Registry().load("raising")
