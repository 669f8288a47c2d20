"""From what was said to a definition: the graph from the signatures, and every rule of design section 3. All faults at once."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from saga.body import canonical
from saga.definition import graph
from saga.definition.graph import Builder, Definition, FromReply, FromStart, Source, StepKind, StepNode
from saga.definition.reading import Faults, Producers, read_retry, read_signature, read_span, sources_of
from saga.definition.said import Spoken, Step, Written
from saga.errors import DefinitionError
from saga.messages import Command, DomainEvent

PATIENT = graph.Retry(3, timedelta(seconds=1), timedelta(seconds=30))
NEVER_TIRED = graph.Retry(3, timedelta(seconds=1), timedelta(minutes=5))

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(slots=True)
class _Draft:
    """A step on its way: what was said, what was read of it, and its edges."""

    step: Step[..., Any]
    command: type[Command[Any]] | None
    build: Builder | None
    when: Builder | None
    after: set[str]
    barrier: set[str]


def compile_saga(saga: Written) -> Definition:
    """Judge a definition. Raises DefinitionError with every fault."""
    faults = Faults()
    _check_head(saga, faults)
    steps = _unique(saga, faults)
    commands = {name: command for name, step in steps.items() if (command := _command_of(step, faults)) is not None}
    producers = Producers(saga, commands)
    drafts = {name: _draft(step, commands.get(name), producers, faults) for name, step in steps.items()}
    _check_optional(drafts, faults)
    _add_barrier(drafts)
    order = _topological(drafts, faults)
    kinds = _kinds(drafts)
    nodes = {name: node for name in order if (node := _node(drafts, name, kinds[name], producers, faults)) is not None}
    if faults.found:
        raise DefinitionError(saga.name, faults.found)
    pivot = next((name for name, draft in drafts.items() if draft.step.said.pivot), None)
    return Definition(
        saga.name,
        saga.version,
        graph_hash(nodes, saga.starts_on),
        saga.owner,
        saga.starts_on,
        saga.key,
        {name: nodes[name] for name in order},
        pivot,
    )


def graph_hash(nodes: Mapping[str, StepNode], starts_on: type[DomainEvent]) -> str:
    """SHA-256 in hex of what may not change under a version: names, kinds, edges, `when` and undo presence, message types."""
    facts = [
        {
            "name": node.name,
            "kind": node.kind.value,
            "after": sorted(node.after),
            "when": node.when is not None,
            "command": node.command.message_type,
            "replies": sorted(reply.message_type for reply in node.command.reply_types),
            "undo": node.undo.returns.message_type if node.undo else "",
        }
        for node in sorted(nodes.values(), key=lambda node: node.name)
    ]
    return hashlib.sha256(canonical({"starts_on": starts_on.message_type, "steps": facts})).hexdigest()


def _check_head(saga: Any, faults: Faults) -> None:
    if not _NAME.fullmatch(saga.name):
        faults.add(saga.where, f"{saga.name!r} is no name of a definition", "use lower case, digits and hyphens, as in fulfil-order")
    if type(saga.version) is not int or saga.version < 1:
        faults.add(saga.where, f"version {saga.version!r} is no version", "count versions from 1")
    if not (isinstance(saga.starts_on, type) and issubclass(saga.starts_on, DomainEvent)):
        faults.add(saga.where, "starts_on is no domain event", "name a DomainEvent class")
    if not callable(saga.key):
        faults.add(saga.where, "key is no function", "give a function of the start event that returns its business key")
    if not saga.steps:
        faults.add(saga.where, "the definition has no steps", "add a step with @saga.step(...)")
    pivots = [step for step in saga.steps if step.said.pivot]
    for more in pivots[1:]:
        faults.add(more.spoken.where, f"a second pivot beside {pivots[0].name}", "a saga has one point of no return: make this a step")


def _unique(saga: Written, faults: Faults) -> dict[str, Step[..., Any]]:
    steps: dict[str, Step[..., Any]] = {}
    for step in saga.steps:
        if not step.name.isidentifier():
            faults.add(step.spoken.where, f"{step.name!r} is no name of a step", "write the builder as a named function")
        elif step.name in steps:
            faults.add(step.spoken.where, f"there are two steps called {step.name}", "give each step its own name")
        else:
            steps[step.name] = step
    return steps


def _command_of(step: Step[..., Any], faults: Faults) -> type[Command[Any]] | None:
    signature = read_signature(step.spoken, faults)
    return None if signature is None else _command(step.spoken, signature.returns, faults)


def _command(spoken: Spoken, returns: object, faults: Faults) -> type[Command[Any]] | None:
    if isinstance(returns, type) and issubclass(returns, Command) and returns.message_type:
        return returns
    faults.add(spoken.where, "it does not say which command it returns", "annotate the return with one Command class, not with None")
    return None


def _draft(step: Step[..., Any], command: type[Command[Any]] | None, producers: Producers, faults: Faults) -> _Draft:
    sources: dict[str, Source] = {}
    signature = read_signature(step.spoken, Faults())
    if signature is not None:
        sources = sources_of(signature, lambda parameter: producers.source(parameter, step.spoken, faults))
    build = Builder(step.name, step.spoken.function, sources, command) if command is not None else None
    when = _when(step, producers, faults)
    after = {source.step for builder in (build, when) if builder for source in builder.sources.values() if isinstance(source, FromReply)}
    for other in step.said.after:
        name = other.name if isinstance(other, Step) else str(other)
        if name in producers.commands or any(known.name == name for known in producers.saga.steps):
            after.add(name)
        else:
            faults.add(step.spoken.where, f"after names {name}, which is no step of this definition", "name a step of this definition")
    return _Draft(step, command, build, when, after, set())


def _when(step: Step[..., Any], producers: Producers, faults: Faults) -> Builder | None:
    spoken = step.said.when
    if spoken is None:
        return None
    code = getattr(spoken.function, "__code__", None)
    if spoken.name == "<lambda>" and code is not None and code.co_argcount == 1:
        return Builder(f"when of {step.name}", spoken.function, {code.co_varnames[0]: FromStart()}, bool)
    signature = read_signature(spoken, faults)
    if signature is None:
        return None
    sources = sources_of(signature, lambda parameter: producers.source(parameter, spoken, faults))
    return Builder(f"when of {step.name}", spoken.function, sources, bool)


def _check_optional(drafts: Mapping[str, _Draft], faults: Faults) -> None:
    for name, draft in drafts.items():
        for builder in (draft.build, draft.when):
            for parameter, source in builder.sources.items() if builder else ():
                if not isinstance(source, FromReply) or source.optional or source.step not in drafts:
                    continue
                if drafts[source.step].step.said.when is not None:
                    names = " | ".join(each.__name__ for each in source.reply)
                    mend = f"take {names} | None: {source.step} has a `when`"
                    faults.add(draft.step.spoken.where, f"{name} cannot count on {parameter!r}", mend)


def _add_barrier(drafts: Mapping[str, _Draft]) -> None:
    """The pivot waits for every step that does not depend on it (design section 3)."""
    pivot = next((name for name, draft in drafts.items() if draft.step.said.pivot), None)
    if pivot is None:
        return
    settled = _behind(drafts, pivot) | _ancestors(drafts, pivot) | {pivot}
    free = [name for name in drafts if name not in settled]
    drafts[pivot].barrier.update(name for name in free if not (_behind(drafts, name) & set(free)))
    drafts[pivot].after |= drafts[pivot].barrier


def _behind(drafts: Mapping[str, _Draft], first: str) -> set[str]:
    behind: set[str] = set()
    waiting = [first]
    while waiting:
        current = waiting.pop()
        new = {name for name, draft in drafts.items() if current in draft.after} - behind
        behind |= new
        waiting.extend(new)
    return behind


def _topological(drafts: Mapping[str, _Draft], faults: Faults) -> list[str]:
    order: list[str] = []
    left = dict(drafts)
    while left:
        ready = next((name for name, draft in left.items() if not (draft.after & left.keys())), None)
        if ready is None:
            where = next(iter(left.values())).step.spoken.where
            faults.add(where, f"{', '.join(left)} wait for each other", "break the circle: a step cannot need what follows from it")
            return [*order, *left]
        order.append(ready)
        del left[ready]
    return order


def _kinds(drafts: Mapping[str, _Draft]) -> dict[str, StepKind]:
    pivot = next((name for name, draft in drafts.items() if draft.step.said.pivot), None)
    behind = _behind(drafts, pivot) if pivot else set()
    return {name: StepKind.PIVOT if name == pivot else StepKind.RETRIABLE if name in behind else StepKind.COMPENSATABLE for name in drafts}


def _node(drafts: Mapping[str, _Draft], name: str, kind: StepKind, producers: Producers, faults: Faults) -> StepNode | None:
    draft = drafts[name]
    said, undo_said, where = draft.step.said, draft.step.undo_said, draft.step.spoken.where
    deadline = read_span(said.deadline, where, "deadline", faults)
    undo_deadline = read_span(undo_said.deadline or said.deadline, where, "deadline", Faults() if undo_said.deadline is None else faults)
    retry = read_retry(said.retry, PATIENT if kind is StepKind.COMPENSATABLE else NEVER_TIRED, where, faults)
    undo_retry = read_retry(undo_said.retry, NEVER_TIRED, where, faults)
    undo = _undo(drafts, name, kind, producers, faults)
    if draft.command is None or draft.build is None or deadline is None or undo_deadline is None:
        return None
    return StepNode(
        name=name,
        kind=kind,
        command=draft.command,
        build=draft.build,
        when=draft.when,
        undo=undo,
        no_undo=said.no_undo,
        after=tuple(sorted(draft.after)),
        barrier=tuple(sorted(draft.barrier)),
        deadline=deadline,
        undo_deadline=undo_deadline,
        retry=retry,
        undo_retry=undo_retry,
    )


def _undo(drafts: Mapping[str, _Draft], name: str, kind: StepKind, producers: Producers, faults: Faults) -> Builder | None:
    step = drafts[name].step
    spoken = step.undo_spoken
    if kind is not StepKind.COMPENSATABLE:
        if spoken is not None:
            faults.add(
                spoken.where, f"{name} is not before the pivot and is never undone", "remove the undo, or move the step before the pivot"
            )
        return None
    if spoken is None:
        if not step.said.no_undo:
            mend = f'add @{name}.undo, or say no_undo="why there is nothing to undo"'
            faults.add(step.spoken.where, f"{name} has no undo", mend)
        return None
    if step.said.no_undo:
        faults.add(spoken.where, f"{name} has an undo and says no_undo", "keep one of the two")
    signature = read_signature(spoken, faults)
    if signature is None:
        return None
    command = _command(spoken, signature.returns, faults)
    sources = sources_of(signature, lambda parameter: producers.undo_source(parameter, name, spoken, faults))
    _check_undo_sources(drafts, name, spoken, sources, faults)
    do = drafts[name].command
    if command is not None and do is not None and command.participant != do.participant:
        mend = f"{do.participant} did it, and only its barrier knows whether it was done"
        faults.add(spoken.where, f"the undo of {name} goes to {command.participant}", mend)
    return Builder(spoken.name, spoken.function, sources, command) if command is not None else None


def _check_undo_sources(drafts: Mapping[str, _Draft], name: str, spoken: Spoken, sources: Mapping[str, Source], faults: Faults) -> None:
    ancestors = _ancestors(drafts, name)
    for parameter, source in sources.items():
        if not isinstance(source, FromReply):
            continue
        if source.step not in ancestors:
            mend = "an undo takes the start event, its step's command, its own reply | None, and replies of what its step waited for"
            faults.add(spoken.where, f"{parameter!r} comes from {source.step}, which {name} does not depend on", mend)
        elif not source.optional and drafts[source.step].step.said.when is not None:
            faults.add(spoken.where, f"the undo of {name} cannot count on {parameter!r}", f"take it as | None: {source.step} has a `when`")


def _ancestors(drafts: Mapping[str, _Draft], name: str) -> set[str]:
    found: set[str] = set()
    waiting = [name]
    while waiting:
        new = {other for other in drafts[waiting.pop()].after if other in drafts} - found
        found |= new
        waiting.extend(new)
    return found
