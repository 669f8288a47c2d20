"""`saga dev` without servers: when it reloads, what it keeps, whom it lets in."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from saga.embedded.home import Home, is_ours
from saga.embedded.loading import Loaded, LoadedDefinition, example, load_apart
from saga.embedded.reloading import Reloading, Steps, Version
from saga.embedded.watching import Seen, changed, look, roots_of
from saga.errors import ConfigurationError, Fault
from tests.unit.shop import OrderPlaced

GOOD = Loaded((LoadedDefinition("shop", 1, "h1", "{}"),))
BAD = Loaded(faults=(Fault("shop.py:3", "it has no deadline", "give it one"),))


@dataclass
class World:
    """Files, what loading them gives, what the database knows; and what was done."""

    files: Seen = field(default_factory=lambda: {"a.py": (1, 1)})
    loaded: Loaded = GOOD
    known: Mapping[Version, str] = field(default_factory=dict)
    replaced: list[Loaded] = field(default_factory=list)
    told: list[tuple[Sequence[str], Sequence[Fault], bool]] = field(default_factory=list)
    loads: int = 0

    def reloading(self) -> Reloading:
        async def load() -> Loaded:
            self.loads += 1
            return self.loaded

        async def published() -> Mapping[Version, str]:
            return self.known

        async def replace(loaded: Loaded) -> None:
            self.replaced.append(loaded)

        def tell(files: Sequence[str], faults: Sequence[Fault], running: bool) -> None:
            self.told.append((files, faults, running))

        return Reloading(Steps(lambda _: self.files, load, published, replace, tell))


async def test_it_starts_at_once_and_rests_while_nothing_changes() -> None:
    world = World()
    reloading = world.reloading()
    assert [await reloading.turn() for _ in range(4)] == [True, False, False, False]
    assert world.loads == 1


async def test_files_that_are_still_being_saved_are_one_change() -> None:
    world = World()
    reloading = world.reloading()
    await reloading.turn()
    for stamp in range(2, 5):
        world.files = {"a.py": (stamp, 1), "b.py": (stamp, 1)}
        assert not await reloading.turn()
    assert await reloading.turn()
    assert (len(world.replaced), world.told[-1][0]) == (2, ["a.py", "b.py"])


async def test_a_fault_keeps_what_runs_and_is_told_once() -> None:
    world = World()
    reloading = world.reloading()
    await reloading.turn()
    world.files, world.loaded = {"a.py": (2, 1)}, BAD
    for _ in range(5):
        await reloading.turn()
    assert len(world.replaced) == 1
    assert [(faults, running) for _, faults, running in world.told[1:]] == [(BAD.faults, True)]


async def test_a_mend_is_taken_after_a_fault_at_the_first_start() -> None:
    world = World(loaded=BAD)
    reloading = world.reloading()
    await reloading.turn()
    assert (world.replaced, reloading.running, world.told[0][2]) == ([], False, False)
    world.files, world.loaded = {"a.py": (2, 1)}, GOOD
    await reloading.turn()
    assert await reloading.turn()


async def test_a_changed_graph_under_a_known_version_is_a_fault_that_names_the_next_version() -> None:
    world = World(known={("shop", 1): "h0", ("shop", 2): "h2", ("other", 9): "h9"})
    assert not await world.reloading().turn()
    (fault,) = world.told[0][1]
    assert fault.where == "shop version 1"
    assert "version=3" in fault.mend


def test_roots_are_the_folders_of_packages_and_the_files_of_modules(tmp_path: Path) -> None:
    (tmp_path / "shop" / "inner").mkdir(parents=True)
    (tmp_path / "alone.py").touch()
    assert roots_of(["shop.inner.sagas:one", "shop.other", "alone"], tmp_path) == {tmp_path / "shop", tmp_path / "alone.py"}
    assert roots_of(["nowhere.to.be.found", "not-a-name"], tmp_path) == frozenset()


def test_python_files_are_looked_at_and_nothing_else(tmp_path: Path) -> None:
    for name in ("a.py", "deep/b.py", "__pycache__/c.py", ".git/d.py", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    outside = tmp_path / "notes.txt"
    before = look([tmp_path], [str(outside), str(tmp_path / "gone.py")])
    assert {Path(name).name for name in before} == {"a.py", "b.py", "notes.txt"}
    os.utime(tmp_path / "a.py", ns=(1, 1))
    (tmp_path / "deep" / "b.py").unlink()
    (tmp_path / "new.py").touch()
    assert [Path(name).name for name in changed(before, look([tmp_path], [str(outside)]))] == ["a.py", "b.py", "new.py"]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder of work with a package `kiosk`."""
    (tmp_path / "kiosk").mkdir()
    (tmp_path / "kiosk" / "__init__.py").touch()
    return tmp_path


def write(project: Path, text: str, name: str = "sagas") -> None:
    """One module of the package."""
    (project / "kiosk" / f"{name}.py").write_text(textwrap.dedent(text))


SAGA = """
    from kiosk.words import Asked, Do
    from saga import Saga, Undone

    sell = Saga("sell", version=1, starts_on=Asked, key=lambda asked: asked.id, owner="kiosk")


    @sell.pivot(deadline="5s")
    def hand_over(asked: Asked) -> Do:
        return Do(id=asked.id)
"""
WORDS = """
    from saga import Command, DomainEvent, Reply


    class Asked(DomainEvent, by="street"):
        id: str


    class Done(Reply, by="kiosk"):
        id: str


    class Do(Command[Done], to="kiosk"):
        id: str
"""


@pytest.mark.integration
async def test_loading_tells_definitions_topics_and_the_files_that_were_read(project: Path) -> None:
    write(project, WORDS, "words")
    write(project, SAGA)
    found = await load_apart(["kiosk.sagas"], project)
    assert found.faults == ()
    assert [(one.name, one.version, one.example) for one in found.definitions] == [("sell", 1, '{"id": "1"}')]
    assert {"kiosk.commands", "kiosk.events", "street.events"} <= set(found.topics)
    assert str(project / "kiosk" / "words.py") in found.files


FAULTY = [
    ("def broken(:\n    pass", "sagas.py:1", "SyntaxError"),
    ("\n\nraise ValueError('secret')", "sagas.py:3", "ValueError: secret"),
    ("import kiosk.nothing", "kiosk.sagas", "No module named 'kiosk.nothing'"),
    ("x = 1", "kiosk.sagas", "no Saga in it"),
    ("import sys\nsys.exit(3)", "kiosk.sagas", "ended with code 3"),
]


@pytest.mark.integration
@pytest.mark.parametrize(("text", "where", "what"), FAULTY)
async def test_whatever_a_module_does_is_a_fault_with_its_place(project: Path, text: str, where: str, what: str) -> None:
    write(project, text)
    (fault,) = (await load_apart(["kiosk.sagas"], project)).faults
    assert fault.where == where
    assert what in fault.what
    assert fault.mend


def test_an_example_is_a_body_that_its_type_takes() -> None:
    made = example(OrderPlaced.model_json_schema())
    assert OrderPlaced.model_validate(made).order_id
    nested = {
        "type": "object",
        "required": ["price", "when", "kinds", "maybe"],
        "properties": {
            "price": {"$ref": "#/$defs/Money"},
            "when": {"type": "string", "format": "date-time"},
            "kinds": {"type": "array", "items": {"enum": ["a", "b"]}, "minItems": 2},
            "maybe": {"anyOf": [{"type": "integer", "minimum": 3}, {"type": "null"}]},
        },
        "$defs": {"Money": {"type": "object", "required": ["eur"], "properties": {"eur": {"type": "number"}}}},
    }
    assert example(nested) == {"price": {"eur": 1}, "when": "2026-01-01T12:00:00Z", "kinds": ["a", "a"], "maybe": 3}


HOLDING = """
import sys, time
from pathlib import Path
from saga.embedded.home import Home
with Home(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may enter: as root, Postgres runs as another user. Not below pytest's own, which is closed."""
    with TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        yield Path(directory) / "data"


def test_a_second_instance_is_refused_and_told_who_is_there(open_folder: Path) -> None:
    with Home(open_folder), pytest.raises(ConfigurationError, match=f"in use by process {os.getpid()}"), Home(open_folder):
        pass
    with Home(open_folder) as home:
        home.keep_port("http", 8081)
        assert home.port("http") == 8081
        home.clear()
        assert home.port("http") == 0


@pytest.mark.integration
def test_a_lock_is_free_again_when_its_holder_was_killed(open_folder: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDING, str(open_folder)], stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(ConfigurationError, match=f"process {holder.pid}"), Home(open_folder):
            pass
        holder.kill()
        holder.wait()
    with Home(open_folder):
        assert (open_folder / "lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.integration
def test_a_server_of_a_killed_instance_is_ended_and_a_stranger_with_its_number_is_not(open_folder: Path) -> None:
    file = open_folder / "kafka" / "broker.log.pid"
    file.parent.mkdir(parents=True)
    sleep = "import time; time.sleep(60)"
    ours = subprocess.Popen([sys.executable, "-c", sleep, str(open_folder / "kafka" / "server.properties")])
    stranger = subprocess.Popen([sys.executable, "-c", sleep])
    with ours, stranger:
        try:
            for process, survives in ((ours, False), (stranger, True)):
                file.write_text(f"{process.pid}\n")
                with Home(open_folder, former_ends_within=0.1):
                    assert not file.exists()
                assert (process.poll() is None) is survives
        finally:
            ours.kill()
            stranger.kill()
    assert not is_ours(ours.pid, "server.properties")


def test_addresses_are_written_for_other_terminals_and_their_owner_only(open_folder: Path) -> None:
    with Home(open_folder) as home:
        file = home.write_environment({"SAGA_URL": "http://127.0.0.1:1"})
    assert file.read_text() == "SAGA_URL='http://127.0.0.1:1'\n"
    assert file.stat().st_mode & 0o077 == 0


def test_a_folder_that_postgres_could_not_enter_is_refused(open_folder: Path) -> None:
    if os.geteuid() != 0:
        open_folder.parent.chmod(0o500)
    else:
        open_folder.parent.chmod(0o700)
    try:
        with pytest.raises(ConfigurationError, match="--data"), Home(open_folder):
            pass
    finally:
        open_folder.parent.chmod(0o755)
