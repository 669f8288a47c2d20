"""How a saga is written down: decorators, the graph from the signatures, the rules, the registry, the drawing.

    fulfil_order = Saga("fulfil-order", version=1, starts_on=OrderPlaced, key=lambda placed: placed.order_id)

    @fulfil_order.step(deadline="30s")
    def authorize_payment(placed: OrderPlaced, order: OrderAccepted) -> AuthorizePayment: ...

    @authorize_payment.undo
    def void_payment(placed: OrderPlaced, payment: PaymentAuthorized | None) -> VoidPayment: ...

    words.py, said.py   the words; they note what was said and where, and judge nothing
    compiling.py        said -> graph, or every fault at once
      reading.py          what a function wants and returns        spans.py        "10s"
      inputs.py           who gives it                             rules.py        what else is legal
      ordering.py         cycles, order, the pivot's barrier       fingerprint.py  the hash of a version
    graph.py            the result: frozen data that `core` reads
    registry.py         modules -> definitions                     diagram.py      graph -> Mermaid

Rules of the room:
- Nothing is raised while a definition is written; `compile` raises one DefinitionError with every fault, its place and its mend.
- A fault that only follows from another one is left out where that is known: a step whose input is missing is not told that it lacks
  an undo, for nobody knows yet whether it comes after the pivot.
- User functions are read here and never called.

Why a definition is judged when it is loaded and not when its last decorator runs: nothing marks the last one. `saga serve` and every test
compile it, so a definition that cannot work is never served.

Why annotations and not names say what a step needs: a renamed parameter must not rewire a saga. Two steps with one reply type are told
apart by `Annotated[Reply, step]`, never by guessing, also in an undo: what is clear today would change its meaning with the next step.

Why a reply with several success types must be taken as their union: taking one of them would fail, by the luck of the answer, at night.

Why the barrier has an edge only from the last step of each branch: what lies before is waited for through it, and a drawing with an edge
from every step cannot be read.

Why the hash leaves out the barrier: it follows from kinds and edges; a better way to draw it must not make every definition look changed.

Why the words and the graph are two sets of classes: the author's hold what may be wrong, the core's hold what is known to be right, and
the core needs no check.
"""

from saga.definition.said import Retry, Step
from saga.definition.words import Saga

__all__ = ["Retry", "Saga", "Step"]
