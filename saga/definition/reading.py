"""Reading a user function: its annotations become types, its parameters become sources. Every fault is collected, none is raised."""

import inspect
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from saga.definition import graph
from saga.definition.graph import FromCommand, FromOwnReply, FromReply, FromStart, Source
from saga.definition.said import Retry, Span, Spoken, Step, Written
from saga.errors import Fault
from saga.messages import Command, Reply

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_RESERVED = "__step__"


@dataclass(slots=True)
class Faults:
    """What is wrong, in the order it was found."""

    found: list[Fault] = field(default_factory=list)

    def add(self, where: str, what: str, mend: str) -> None:
        """One more."""
        self.found.append(Fault(where, what, mend))


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's annotation, taken apart: the classes of its union, whether None is among them, and the step it names."""

    name: str
    classes: tuple[type[Any], ...]
    optional: bool
    step: str | None


@dataclass(frozen=True, slots=True)
class Signature:
    """A user function as annotated."""

    parameters: tuple[Parameter, ...]
    returns: object


def read_signature(spoken: Spoken, faults: Faults) -> Signature | None:
    """The signature, or None after a fault."""
    try:
        hints = get_type_hints(spoken.function, localns=dict(spoken.locals), include_extras=True)
    except NameError as error:
        faults.add(
            spoken.where,
            f"the name {error.name!r} does not resolve",
            f"import {error.name} at run time: an import under TYPE_CHECKING, or a name defined later, cannot be read",
        )
        return None
    except Exception as error:
        faults.add(spoken.where, f"its annotations cannot be read ({type(error).__name__})", "annotate with message classes")
        return None
    parameters = []
    for name, parameter in inspect.signature(spoken.function).parameters.items():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD, parameter.POSITIONAL_ONLY):
            faults.add(spoken.where, f"parameter {name!r} is not a plain one", "take what is needed as named parameters")
        elif name not in hints:
            faults.add(spoken.where, f"parameter {name!r} has no annotation", "annotate it with the message that it takes")
        else:
            parameters.append(_parameter(name, hints[name]))
    return Signature(tuple(parameters), hints.get("return"))


def _parameter(name: str, hint: object) -> Parameter:
    step: str | None = None
    if get_origin(hint) is Annotated:
        inner, *notes = get_args(hint)
        step = next((note.name if isinstance(note, Step) else str(note) for note in notes if isinstance(note, Step | str)), None)
        hint = inner
    members = get_args(hint) if get_origin(hint) in (Union, types.UnionType) else (hint,)
    flat: list[object] = []
    for member in members:
        parts = get_args(member) if get_origin(member) is Annotated else ()
        if parts:
            step = next((note.name if isinstance(note, Step) else str(note) for note in parts[1:] if isinstance(note, Step | str)), step)
        flat.append(parts[0] if parts else member)
    classes = tuple(member for member in flat if isinstance(member, type) and member is not type(None))
    return Parameter(name, classes, type(None) in flat, step)


def read_span(span: Span | None, where: str, what: str, faults: Faults) -> timedelta | None:
    """A span of time, or None after a fault. None given is a fault too."""
    if isinstance(span, timedelta):
        value: timedelta | None = span
    elif span is None:
        value = None
    else:
        found = _SPAN.fullmatch(span)
        value = timedelta(seconds=float(found[1]) * _UNITS[found[2]]) if found else None
    if value is None or not timedelta(0) < value <= timedelta(days=366):
        said = "is missing" if span is None else f"{span!r} is no span"
        faults.add(where, f"{what} {said}", f'write {what}="10s", "500ms", "5m", "1h" or a timedelta')
        return None
    return value


def read_retry(said: Retry | None, default: graph.Retry, where: str, faults: Faults) -> graph.Retry:
    """The retry policy; the default where nothing was said, and after a fault."""
    if said is None:
        return default
    first = read_span(said.first, where, "first", faults)
    cap = read_span(said.cap, where, "cap", faults)
    if not isinstance(said.attempts, int) or not 1 <= said.attempts <= 100:
        faults.add(where, f"attempts={said.attempts!r} is no count of attempts", "give 1 to 100 attempts")
    elif first and cap and first > cap:
        faults.add(where, "the first wait is longer than the cap", "make cap at least as long as first")
    elif first and cap:
        return graph.Retry(said.attempts, first, cap)
    return default


@dataclass(frozen=True, slots=True)
class Producers:
    """Which steps give which replies; what a parameter may take is looked up here."""

    saga: Written
    commands: Mapping[str, type[Command[Any]]]

    def source(self, parameter: Parameter, spoken: Spoken, faults: Faults) -> Source | None:
        """Where a parameter of a step or a `when` comes from, or None after a fault."""
        if not parameter.classes:
            faults.add(spoken.where, f"parameter {parameter.name!r} is annotated with no class", "annotate it with a message class")
            return None
        if parameter.classes == (self.saga.starts_on,):
            return FromStart()
        if not all(issubclass(each, Reply) for each in parameter.classes):
            faults.add(
                spoken.where,
                f"nobody produces {_names(parameter)} for {parameter.name!r}",
                f"a step takes {self.saga.starts_on.__name__} or the replies of other steps",
            )
            return None
        return self._reply(parameter, spoken, faults)

    def _reply(self, parameter: Parameter, spoken: Spoken, faults: Faults) -> Source | None:
        givers = [name for name, command in self.commands.items() if set(parameter.classes) <= set(command.success_types())]
        if parameter.step is not None:
            if parameter.step in givers:
                return FromReply(parameter.step, parameter.classes, parameter.optional)
            faults.add(spoken.where, f"{parameter.step} does not give {_names(parameter)}", "name a step whose success it is")
            return None
        if len(givers) == 1:
            return FromReply(givers[0], parameter.classes, parameter.optional)
        if len(givers) > 1:
            mend = f"say which: Annotated[{_names(parameter)}, {givers[0]}]"
            faults.add(spoken.where, f"{' and '.join(givers)} both produce {_names(parameter)}", mend)
            return None
        refusing = [name for name, command in self.commands.items() if command.refused_type in parameter.classes]
        mend = "a refusal turns the saga back and is never taken" if refusing else "take the reply of a step of this definition"
        faults.add(spoken.where, f"nobody produces {_names(parameter)} for {parameter.name!r}", mend)
        return None

    def undo_source(self, parameter: Parameter, owner: str, spoken: Spoken, faults: Faults) -> Source | None:
        """Where a parameter of the undo of `owner` comes from, or None after a fault."""
        own = self.commands.get(owner)
        if own is not None and parameter.classes == (own,):
            return FromCommand()
        is_own = own is not None and bool(parameter.classes) and set(parameter.classes) <= set(own.success_types())
        if is_own and parameter.step in (None, owner):
            if parameter.optional:
                return FromOwnReply(parameter.classes)
            mend = f"write {_names(parameter)} | None: the undo also runs when the outcome is unknown"
            faults.add(spoken.where, f"an undo cannot count on its own step's {_names(parameter)}", mend)
            return None
        return self.source(parameter, spoken, faults)


def _names(parameter: Parameter) -> str:
    return " | ".join(each.__name__ for each in parameter.classes)


def sources_of(signature: Signature, look_up: Callable[[Parameter], Source | None]) -> dict[str, Source]:
    """The sources of all parameters that have one."""
    found = {parameter.name: look_up(parameter) for parameter in signature.parameters}
    return {name: source for name, source in found.items() if source is not None}
