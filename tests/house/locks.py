"""The locks: what is installed is written down with hashes, and it is what pyproject.toml asks for."""

import re
import tomllib
from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.tree import Fault, Tree

DEVELOPMENT = "requirements-dev.lock"
LOCKS = {"requirements.lock": ("embedded",), "requirements-image.lock": ("otlp",), DEVELOPMENT: ("embedded", "otlp", "dev")}
WITHOUT_BUILD = "requirements-image.lock"  # the image is given a wheel
_PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)(?:\[[^\]]*\])?==(?P<version>[^\s;\\]+)(?P<rest>[^\n]*\n(?:    [^\n]*\n)*)", re.MULTILINE)


def locks(tree: Tree) -> Iterator[Fault]:
    """Each lock pins every requirement of its extras within its bounds, with hashes; all agree on every version."""
    project = tomllib.loads(tree.read("pyproject.toml"))
    pinned: dict[str, dict[str, str]] = {}
    for lock, extras in LOCKS.items():
        text = tree.read(lock)
        pins = {canonicalize_name(pin["name"]): pin["version"] for pin in _PIN.finditer(text)}
        pinned[lock] = {str(name): version for name, version in pins.items()}
        yield from (Fault(lock, f"{pin['name']} has no hash") for pin in _PIN.finditer(text) if "--hash=sha256:" not in pin["rest"])
        yield from _wanted(lock, project, extras, pinned[lock])
    tested = pinned[DEVELOPMENT]
    for lock, found in pinned.items():
        for name, version in found.items():
            if tested.get(name) != version:
                yield Fault(lock, f"{name} is {version} here and {tested.get(name)} in {DEVELOPMENT}")


def _wanted(lock: str, project: dict[str, dict[str, object]], extras: tuple[str, ...], pins: dict[str, str]) -> Iterator[Fault]:
    table = project["project"]
    optional = table["optional-dependencies"]
    assert isinstance(optional, dict)
    asked = [
        *_texts(table["dependencies"]),
        *(() if lock == WITHOUT_BUILD else _texts(project["dependency-groups"]["build"])),
        *(one for extra in extras for one in _texts(optional[extra])),
    ]
    for text in asked:
        wanted = Requirement(text)
        version = pins.get(str(canonicalize_name(wanted.name)))
        if version is None or not wanted.specifier.contains(version, prereleases=True):
            yield Fault(lock, f"{text} is asked for and {version or 'nothing'} is pinned: make lock")


def _texts(value: object) -> list[str]:
    assert isinstance(value, list)
    return [str(one) for one in value]
