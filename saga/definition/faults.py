"""Faults are collected, not raised: an author mends them all in one round."""

from saga.errors import DefinitionError, Fault


class Faults:
    """The faults of one definition, in the order in which they were found."""

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def add(self, where: str, what: str, mend: str) -> None:
        """One more: `where` is `file:line function`, `what` is wrong, `mend` says what to write instead."""
        fault = Fault(where, what, mend)
        if fault not in self._found:
            self._found.append(fault)

    def raise_if_any(self, definition: str) -> None:
        """Raise DefinitionError with all of them."""
        if self._found:
            raise DefinitionError(definition, self._found)
