"""The definitions that a replica has loaded, found by the names of their modules."""

import importlib
import sys
from collections.abc import Iterable
from pathlib import PurePath
from types import ModuleType
from typing import Any

from saga.definition.graph import Definition
from saga.definition.words import Saga
from saga.errors import DefinitionError, Fault


class Registry:
    """Definition versions by name. Two definitions under one name and version are refused."""

    def __init__(self, definitions: Iterable[Definition] = ()) -> None:
        self._definitions: dict[tuple[str, int], Definition] = {}
        for definition in definitions:
            self.add(definition)

    def add(self, definition: Definition) -> None:
        """Keep one. Raises DefinitionError if another one has its name and version."""
        self._keep([definition])

    def load(self, place: str) -> list[Definition]:
        """Import `module` or `module:name` and compile every Saga in it; the folder of work is searched first, as uvicorn does.

        Raises DefinitionError with the faults of all of them, also when there is none or the module cannot be imported; then nothing of
        the module is loaded. What else the module raises comes out as it is: that is a bug with a place of its own.
        """
        module_name, _, attribute = place.partition(":")
        module = _imported(module_name, place)
        compiled: list[Definition] = []
        faults: list[Fault] = []
        for saga in _sagas_of(module, attribute, place):
            try:
                compiled.append(saga.compile())
            except DefinitionError as error:
                faults += [Fault(fault.where, f"{error.definition}: {fault.what}", fault.mend) for fault in error.faults]
        if faults:
            raise DefinitionError(place, faults)
        self._keep(compiled)
        return compiled

    def get(self, name: str, version: int) -> Definition | None:
        """That version; None if it is not loaded: its records are held for a replica that has it."""
        return self._definitions.get((name, version))

    def latest(self, name: str) -> Definition | None:
        """The newest version of a name that is loaded."""
        versions = [definition for definition in self._definitions.values() if definition.name == name]
        return max(versions, key=lambda definition: definition.version, default=None)

    def all(self) -> list[Definition]:
        """Every loaded version, by name and version."""
        return [self._definitions[key] for key in self.loaded]

    def started_by(self, message_type: str) -> list[Definition]:
        """Every loaded version that starts on a type: one event may start sagas of several names."""
        return [definition for definition in self.all() if definition.starts_on.message_type == message_type]

    @property
    def loaded(self) -> tuple[tuple[str, int], ...]:
        """Name and version of everything loaded, sorted: what the heartbeat publishes."""
        return tuple(sorted(self._definitions))

    def _keep(self, definitions: Iterable[Definition]) -> None:
        """Keep all or none."""
        kept = dict(self._definitions)
        faults = []
        for definition in definitions:
            if kept.setdefault((definition.name, definition.version), definition) is not definition:
                what = f"{definition.name} version {definition.version} is defined twice"
                faults.append(
                    Fault(_place_of(definition), what, "give one of them another version or name, or import the one from the other")
                )
        if faults:
            raise DefinitionError(faults[0].what.partition(" ")[0], faults)
        self._definitions = kept


def _place_of(definition: Definition) -> str:
    builders = [node.build.function.__code__ for node in definition.steps.values()]
    return f"{PurePath(builders[0].co_filename).name}:{builders[0].co_firstlineno} {definition.name}" if builders else definition.name


def _imported(module_name: str, place: str) -> ModuleType:
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(module_name)
    except (ImportError, ValueError, TypeError) as error:
        if not isinstance(error, ImportError) and all(part.isidentifier() for part in module_name.split(".")):
            raise
        mend = "name an importable module, as shop.sagas, or one of its sagas, as shop.sagas:fulfil_order"
        raise DefinitionError(place, [Fault(place, f"it cannot be imported ({error})", mend)]) from error


def _sagas_of(module: ModuleType, attribute: str, place: str) -> list[Saga[Any]]:
    found = [value for name, value in vars(module).items() if isinstance(value, Saga) and attribute in ("", name)]
    if not found:
        raise DefinitionError(place, [Fault(place, "there is no Saga in it", "assign a Saga to a name of the module")])
    return list(dict.fromkeys(found))
