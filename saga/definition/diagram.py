"""The graph of a definition as Mermaid text: what GitHub, most wikis and the console draw.

Solid arrows are dependencies, dashed ones those that the pivot's barrier adds; `↶` names what a step's undo sends.
"""

from saga.definition.graph import Definition, StepKind, StepNode

_SHAPES = {StepKind.COMPENSATABLE: ("[", "]"), StepKind.PIVOT: ("{{", "}}"), StepKind.RETRIABLE: ("([", "])")}


def mermaid(definition: Definition) -> str:
    """A flowchart, top-down."""
    lines = ["flowchart TD", f"    start(({definition.starts_on.__name__}))"]
    for node in definition.steps.values():
        opening, closing = _SHAPES[node.kind]
        lines.append(f'    {node.name}{opening}"{_label(node)}"{closing}')
    for node in definition.steps.values():
        for other in node.after or ("start",):
            lines.append(f"    {other} {'-.->' if other in node.barrier else '-->'} {node.name}")
    lines.append("    classDef pivot stroke-width:3px")
    lines.extend(f"    class {node.name} pivot" for node in definition.steps.values() if node.kind is StepKind.PIVOT)
    return "\n".join(lines) + "\n"


def _label(node: StepNode) -> str:
    lines = [node.name + (" (when)" if node.when else ""), f"{node.command.__name__} → {node.command.participant}"]
    if node.undo is not None:
        lines.append(f"↶ {node.undo.returns.__name__}")
    elif node.no_undo:
        lines.append("no undo")
    return "<br/>".join(lines)
