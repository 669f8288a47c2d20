"""The graph of a definition as Mermaid text: what GitHub, most wikis and the console draw.

Boxes before the pivot, a hexagon for it, rounded boxes after it. Solid arrows are dependencies, dashed ones those that the pivot's barrier
adds; `↶` names what a step's undo sends, `?` marks a step that its `when` may skip.

Why ids with a prefix: `end`, `class` and others are words of Mermaid, and a step may be called so.
"""

from saga.definition.graph import Definition, StepKind, StepNode

_SHAPES = {StepKind.COMPENSATABLE: ("[", "]"), StepKind.PIVOT: ("{{", "}}"), StepKind.RETRIABLE: ("([", "])")}
_STYLES = {StepKind.COMPENSATABLE: "stroke-width:1px", StepKind.PIVOT: "stroke-width:4px", StepKind.RETRIABLE: "stroke-width:2px"}


def mermaid(definition: Definition) -> str:
    """A flowchart, top-down, the same text for the same graph."""
    lines = ["flowchart TD", f"    start(({definition.starts_on.__name__}))"]
    for node in definition.steps.values():
        opening, closing = _SHAPES[node.kind]
        lines.append(f'    do_{node.name}{opening}"{_label(node)}"{closing}:::{node.kind.value}')
    for node in definition.steps.values():
        if not node.after:
            lines.append(f"    start --> do_{node.name}")
        lines += [f"    do_{other} {'-.->' if other in node.barrier else '-->'} do_{node.name}" for other in node.after]
    kinds = dict.fromkeys(node.kind for node in definition.steps.values())
    lines += [f"    classDef {kind.value} {_STYLES[kind]}" for kind in kinds]
    return "\n".join(lines) + "\n"


def _label(node: StepNode) -> str:
    lines = [node.name + (" ?" if node.when else ""), f"{node.command.__name__} → {node.command.participant}"]
    if node.undo is not None:
        lines.append(f"↶ {node.undo.returns.__name__}")
    elif node.kind is StepKind.COMPENSATABLE:
        lines.append("no undo")
    return "<br/>".join(lines)
