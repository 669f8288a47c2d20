"""The guard around user functions: whatever they do, `decide` gets bytes or the facts of a failure (design 4.7).

What a user function may see (`Materials`) is decoded from the fold when it asks for it, not before: most steps need one reply.
"""

import inspect
import traceback
from collections.abc import Callable
from pathlib import PurePath
from typing import Any, TypeVar

from saga.body import parse_body
from saga.core.state import State, Step, StepId
from saga.definition.graph import Builder, Definition, StepNode
from saga.messages import Command, DomainEvent, Reply
from saga.values import value


@value
class BuildFault:
    """What went wrong in a user function: its name, the error's type, file and line. No values: they may be personal."""

    function: str
    error_type: str
    place: str


class Facts:
    """Materials of one user function: the saga's fold, and for an undo the step it belongs to."""

    def __init__(self, definition: Definition, state: State, own: Step | None = None, *, command: Command[Any] | None = None) -> None:
        self._definition = definition
        self._state = state
        self._own = own
        self._command = command

    def start(self) -> DomainEvent:
        """The start event."""
        return self._definition.starts_on.model_validate_json(self._state.start.body)

    def reply(self, step: str, types: tuple[type[Reply], ...]) -> Reply | None:
        """The reply of another step, None if it was skipped or has none."""
        return _decode(self._state.steps.get(StepId(step)), types)

    def command(self) -> Command[Any]:
        """The command that this undo's step sent: as just built, or as recorded."""
        if self._command is not None:
            return self._command
        if self._own is None or self._own.sending is None:
            raise LookupError("no command was sent")
        return self._definition.steps[self._own.id.step].command.model_validate_json(self._own.sending.body)

    def own_reply(self, types: tuple[type[Reply], ...]) -> Reply | None:
        """The reply of this undo's step, None while nobody knows whether it happened."""
        return _decode(self._own, types) if self._own is not None and self._own.happened else None


def _decode(step: Step | None, types: tuple[type[Reply], ...]) -> Reply | None:
    if step is None or step.reply is None or not step.happened:
        return None
    for reply in types:
        if reply.message_type == step.reply_type:
            return reply.model_validate_json(step.reply)
    raise TypeError(f"the reply of {step.id.step} is a {step.reply_type}")


def build_command(node: StepNode, definition: Definition, state: State) -> bytes | BuildFault:
    """The body of a step's command. Its undo is built once with reply=None and thrown away: an undo that cannot be built must be
    found before the do is sent, not when it is needed."""
    built = _build(node.build, Facts(definition, state))
    if isinstance(built, BuildFault) or node.undo is None:
        return built
    trial = _guarded(node.build, lambda: node.command.model_validate_json(built))
    if isinstance(trial, BuildFault):
        return trial
    undo = _build(node.undo, Facts(definition, state, command=trial))
    return undo if isinstance(undo, BuildFault) else built


def build_undo(node: StepNode, definition: Definition, state: State, step: Step) -> bytes | BuildFault:
    """The body of a step's undo, with the reply of the do if there is one."""
    if node.undo is None:
        return BuildFault(node.name, "LookupError", "the step has no undo")
    return _build(node.undo, Facts(definition, state, step))


def ask_when(node: StepNode, definition: Definition, state: State) -> bool | BuildFault:
    """Whether the step is wanted. Anything but a bool is a fault: a truthy accident must not move money."""
    when = node.when
    if when is None:
        return True

    def call() -> bool:
        answer = when.call(Facts(definition, state))
        if not isinstance(answer, bool):
            raise TypeError("when must return a bool")
        return answer

    return _guarded(when, call)


def _build(builder: Builder, facts: Facts) -> bytes | BuildFault:
    def call() -> bytes:
        message = builder.call(facts)
        if not isinstance(message, builder.returns) or not isinstance(message, Command):
            raise TypeError("the function returned another type than it says")
        body = message.body()
        parse_body(body)
        return body

    return _guarded(builder, call)


T = TypeVar("T")


def _guarded(builder: Builder, call: Callable[[], T]) -> T | BuildFault:
    try:
        return call()
    except (Exception, SystemExit) as error:
        frames = traceback.extract_tb(error.__traceback__)
        code = getattr(inspect.unwrap(builder.function), "__code__", None)
        user = next((frame for frame in reversed(frames) if code is not None and frame.filename == code.co_filename), frames[-1])
        return BuildFault(builder.name, type(error).__name__, f"{PurePath(user.filename).name}:{user.lineno}")
