"""The hash of a definition: what a running saga relies on, and nothing that may be mended under it.

Names, kinds, edges, whether there is a `when`, message types with their schema versions, undo or not. Not bodies, deadlines and
retries: those are read from the loaded code when a command is issued and stored in the event. Not the barrier's edges: they follow from
the rest. Not the order of writing.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from saga.body import canonical
from saga.definition.graph import StepNode
from saga.messages import Command, DomainEvent


def fingerprint(name: str, starts_on: type[DomainEvent], steps: Iterable[StepNode]) -> str:
    """SHA-256 in hex over canonical JSON. A test pins one: a change here makes every stored definition look changed."""
    graph = {"name": name, "starts_on": starts_on.message_type, "steps": {node.name: _step(node) for node in steps}}
    return hashlib.sha256(canonical(graph)).hexdigest()


def _step(node: StepNode) -> dict[str, Any]:
    return {
        "kind": node.kind.value,
        "command": _command(node.command),
        "undo": _command(node.undo.returns) if node.undo else None,
        "when": node.when is not None,
        "after": sorted(set(node.after) - set(node.barrier)),
    }


def _command(command: type[Command[Any]]) -> dict[str, Any]:
    return {
        "type": command.message_type,
        "replies": sorted(reply.message_type for reply in command.reply_types),
        "refused": command.refused_type.message_type if command.refused_type else None,
    }
