"""The definitions that a replica has loaded, found by the names of their modules."""

import importlib
import sys
from collections.abc import Iterable

from saga.definition.graph import Definition
from saga.definition.words import Saga
from saga.errors import DefinitionError, Fault
from saga.messages import DomainEvent


class Registry:
    """Definition versions by name. Two different graphs under one name and version are refused."""

    def __init__(self, definitions: Iterable[Definition] = ()) -> None:
        self._definitions: dict[tuple[str, int], Definition] = {}
        for definition in definitions:
            self.add(definition)

    def add(self, definition: Definition) -> None:
        """Add one. Raises DefinitionError if there is one of the same name and version with another graph."""
        known = self._definitions.setdefault((definition.name, definition.version), definition)
        if known.hash != definition.hash:
            what = f"version {definition.version} is defined twice with different graphs"
            raise DefinitionError(definition.name, [Fault(definition.name, what, "give the changed graph a new version")])

    def load(self, place: str) -> list[Definition]:
        """Import `module` or `module:name` and compile every Saga in it.

        Raises DefinitionError with the faults of all of them, also when there is none or the module cannot be imported.
        """
        module_name, _, attribute = place.partition(":")
        if "" not in sys.path:
            sys.path.insert(0, "")
        try:
            module = importlib.import_module(module_name)
        except ImportError as error:
            raise DefinitionError(place, [Fault(place, f"it cannot be imported ({error})", "name an importable module")]) from error
        found = {id(value): value for name, value in vars(module).items() if isinstance(value, Saga) and attribute in ("", name)}
        if not found:
            raise DefinitionError(place, [Fault(place, "there is no Saga in it", "assign a Saga to a name of the module")])
        compiled: list[Definition] = []
        faults: list[Fault] = []
        for saga in found.values():
            try:
                compiled.append(saga.compile())
            except DefinitionError as error:
                faults.extend(error.faults)
        if faults:
            raise DefinitionError(place, faults)
        for definition in compiled:
            self.add(definition)
        return compiled

    def get(self, name: str, version: int) -> Definition | None:
        """That version, if it is loaded."""
        return self._definitions.get((name, version))

    def latest(self, name: str) -> Definition | None:
        """The newest version of a name that is loaded."""
        versions = [definition for definition in self._definitions.values() if definition.name == name]
        return max(versions, key=lambda definition: definition.version, default=None)

    def all(self) -> list[Definition]:
        """Every loaded version, by name and version."""
        return [self._definitions[key] for key in sorted(self._definitions)]

    def started_by(self, message_type: str) -> list[Definition]:
        """The loaded versions that start on a type."""
        return [definition for definition in self.all() if _type(definition.starts_on) == message_type]

    @property
    def loaded(self) -> tuple[tuple[str, int], ...]:
        """Name and version of everything loaded."""
        return tuple(sorted(self._definitions))


def _type(event: type[DomainEvent]) -> str:
    return event.message_type
