"""What is legal besides inputs: names, commands, spans, undo before the pivot and none after it."""

import inspect
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from saga.definition import graph
from saga.definition.faults import Faults
from saga.definition.graph import StepKind
from saga.definition.reading import UNKNOWN, is_lambda, read_signature
from saga.definition.said import Retry, Step, place_of
from saga.definition.spans import HOW_TO_WRITE, Span, read_span
from saga.messages import Command, DomainEvent

MAX_VERSION = 2**31 - 1
MAX_ATTEMPTS = 1_000
MENDED_KEY = "give a function of the start event that returns a str, as key=lambda placed: placed.order_id"
MENDED_RETRY = 'Retry(attempts=5, first="1s", cap="1m")'
BEFORE_PIVOT: Final = graph.Retry(3, timedelta(seconds=1), timedelta(seconds=30))
AFTER_PIVOT: Final = graph.Retry(3, timedelta(seconds=1), timedelta(minutes=5))

_SAGA_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
_STEP_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def check_heading(heading: Any, faults: Faults) -> None:
    """Name, version, start event and key of a saga, which may be anything at all."""
    where = f"{heading.origin.place} {heading.name}"
    if not isinstance(heading.name, str) or not _SAGA_NAME.fullmatch(heading.name):
        faults.add(where, f"{heading.name!r} is no name for a saga", 'write it in kebab-case, as "fulfil-order", at most 63 characters')
    if type(heading.version) is not int or not 1 <= heading.version <= MAX_VERSION:
        faults.add(where, f"version={heading.version!r} is no definition version", "count from 1")
    if not isinstance(heading.owner, str):
        faults.add(where, f"owner={heading.owner!r} is no name", "name the team that is called when a saga parks")
    starts_on = heading.starts_on
    if not isinstance(starts_on, type) or not issubclass(starts_on, DomainEvent) or not starts_on.message_type:
        faults.add(where, f"starts_on={starts_on!r} is no domain event", "give a class made as class OrderPlaced(DomainEvent, by=...)")
    _check_key(heading, where, faults)


def _check_key(heading: Any, where: str, faults: Faults) -> None:
    key = heading.key
    if not callable(key) or inspect.iscoroutinefunction(key):
        faults.add(where, "key is async" if callable(key) else f"key={key!r} is no function", MENDED_KEY)
        return
    try:
        inspect.signature(key).bind(None)
    except TypeError:
        faults.add(where, "key does not take one argument", MENDED_KEY)
        return
    except ValueError:
        return  # a callable from C that does not say what it takes: it is called with the event like any other
    if inspect.isfunction(key) and not is_lambda(key):
        signature = read_signature(key, heading.origin, faults, "str")
        if any(wanted.types != (heading.starts_on,) or wanted.optional for wanted in signature.wanted):
            faults.add(signature.where, "key takes something else than the start event", MENDED_KEY)
        if signature.returns not in (str, UNKNOWN):
            faults.add(signature.where, "key returns something else than str", MENDED_KEY)


def check_name(step: Step[..., Any], where: str, faults: Faults) -> None:
    """A step is named by its function."""
    if not _STEP_NAME.fullmatch(step.name) and not is_lambda(step.function):
        faults.add(where, f"{step.name!r} is no name for a step", "use letters a-z, digits and _, at most 63 characters")


def command_of(returns: object, where: str, faults: Faults) -> type[Command[Any]] | None:
    """The command class that a function says it returns."""
    if returns is UNKNOWN:
        return None
    if isinstance(returns, type) and issubclass(returns, Command) and returns.message_type:
        return returns
    shown = getattr(returns, "__name__", returns)
    faults.add(
        where,
        f"it returns {shown}, which is no command",
        "return one class made as class Ship(Command[Shipped], to=...); use when= to skip",
    )
    return None


def check_answers(command: type[Command[Any]] | None, where: str, faults: Faults) -> None:
    """A step goes on when its command succeeds, so there must be a reply that says so."""
    if command is not None and not command.success_types():
        what = f"{command.__name__} has no reply that says that it succeeded"
        faults.add(where, what, f"name one in the type argument, as class {command.__name__}(Command[Shipped], to=...)")


def check_undo_goes_home(do: type[Command[Any]] | None, undo: type[Command[Any]] | None, where: str, faults: Faults) -> None:
    """Do and undo meet in the barrier of one participant; another one knows nothing of the do."""
    if do is None or undo is None or do.participant == undo.participant:
        return
    what = f"it sends {undo.__name__} to {undo.participant}, but {do.__name__} went to {do.participant}"
    faults.add(where, what, f"send the undo to {do.participant}, which remembers the do")


def check_no_undo(step: Step[..., Any], where: str, faults: Faults) -> None:
    """`no_undo` is a reason and stands instead of an undo."""
    reason = step.terms.no_undo
    if reason is None:
        return
    if not isinstance(reason, str) or not reason.strip():
        faults.add(where, "no_undo gives no reason", 'say why nothing has to be undone, as no_undo="a mail cannot be called back"')
    if step.undos:
        faults.add(where, "it has an undo and says no_undo", "keep one of the two")


def check_kind(step: Step[..., Any], kind: StepKind, where: str, pivot: str | None, faults: Faults) -> None:
    """Before the pivot there is an undo or a reason; at the pivot and after it there is none."""
    if kind is StepKind.COMPENSATABLE:
        if not step.undos and step.terms.no_undo is None:
            mend = f'add @{step.name}.undo, or no_undo="the reason why nothing has to be undone"'
            faults.add(where, f"{step.name} has no undo", f"{mend}, or let it depend on the pivot {pivot}" if pivot else mend)
        return
    place = "is the pivot, the point of no return" if kind is StepKind.PIVOT else f"comes after the pivot {pivot}"
    for undo in step.undos:
        what = f"it undoes {step.name}, which {place} and is never undone"
        faults.add(place_of(undo.function, undo.origin), what, "remove the undo, or move the pivot")
    if step.terms.no_undo is not None:
        faults.add(where, f"{step.name} {place} and is never undone", "remove no_undo")


def check_pivots(steps: list[Step[..., Any]], faults: Faults) -> None:
    """At most one pivot, and it is always wanted."""
    pivots = [step for step in steps if step.terms.pivot]
    for step in pivots[1:]:
        what = f"{step.name} is a second pivot; {pivots[0].name} is the first"
        faults.add(place_of(step.function, step.origin), what, "make one of them a step: a saga has one point of no return")
    for step in pivots:
        if step.terms.when is not None:
            what = f"the pivot {step.name} has a when: skipped, there would be no point of no return"
            faults.add(place_of(step.function, step.origin), what, "remove when=, or make two definitions")


def deadline_of(written: Span | None, where: str, faults: Faults) -> timedelta:
    """A deadline that must be there."""
    if written is None:
        faults.add(where, "it has no deadline", 'say how long one attempt waits for its answer, as deadline="10s"')
        return timedelta()
    span = read_span(written)
    if span is None:
        faults.add(where, f"deadline={written!r} is no span", HOW_TO_WRITE)
    return span or timedelta()


def retry_of(written: Any, default: graph.Retry, where: str, faults: Faults) -> graph.Retry:
    """A retry with what was left out filled in."""
    if written is None:
        return default
    if not isinstance(written, Retry):
        faults.add(where, f"retry={written!r} is no Retry", f"write retry={MENDED_RETRY}")
        return default
    attempts = default.attempts if written.attempts is None else written.attempts
    if type(attempts) is not int or not 1 <= attempts <= MAX_ATTEMPTS:
        faults.add(where, f"Retry(attempts={attempts!r}) is no count", f"send at least once and at most {MAX_ATTEMPTS} times")
    first = _retry_span("first", written.first, default.first, where, faults)
    cap = _retry_span("cap", written.cap, max(default.cap, first), where, faults)
    if cap < first:
        faults.add(where, f"Retry waits {first} first and at most {cap}", "let cap be at least first")
    return graph.Retry(attempts, first, cap)


def _retry_span(name: str, written: Span | None, default: timedelta, where: str, faults: Faults) -> timedelta:
    if written is None:
        return default
    span = read_span(written)
    if span is None:
        faults.add(where, f"Retry({name}={written!r}) is no span", HOW_TO_WRITE)
    return span or default


def check_lambda(function: Callable[..., Any], where: str, faults: Faults) -> bool:
    """Whether a lambda given as `when` takes one argument, the start event."""
    parameters = list(inspect.signature(function).parameters.values())
    if len(parameters) == 1 and parameters[0].kind is inspect.Parameter.POSITIONAL_OR_KEYWORD:
        return True
    faults.add(where, "a lambda as when takes one argument, the start event", "for more, write it as a def with annotations")
    return False
