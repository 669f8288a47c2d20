"""How a saga is written down: functions whose signatures are the graph, and the rules that make it legal.

    said       what an author said, as it was said: steps, undos, options   (nothing is judged here)
    words      Saga, with which it is said
    reading    a function's annotations → where each parameter comes from
    compiling  the graph, the rules, the hash                               (every fault is collected, then raised at once)
    graph      what comes out: frozen data that `core` reads
    registry   modules by name → compiled definitions
    diagram    the graph as Mermaid

Why resolution is by annotation and never by parameter name: a renamed parameter must not rewire a saga; a type says what is meant, and
where two steps give one type `Annotated[Reply, step]` says which.

Why a definition is judged when it is loaded and not when its last decorator runs: nothing marks the last one; `saga check`, `saga
serve` and every test compile it, so a definition that cannot work is never served.
"""

from saga.definition.said import Retry
from saga.definition.words import Saga

__all__ = ["Retry", "Saga"]
