"""The order service put together, and its HTTP routes: orders come in by POST /orders."""

from typing import Annotated, Any

from fastapi import FastAPI, Path, Request
from fastapi.responses import JSONResponse
from pydantic import ValidationError

from contracts.order import OrderPlaced
from contracts.values import Address, PricedLines, Value
from saga.body import body_hash, parse_body
from saga.errors import ContractError
from saga.messages import BusinessKey, Money
from saga.sdk import Reading
from saga.sdk.http import base_app, problem
from saga.sdk.pages import Sum
from saga.sdk.service import Parts, Service
from saga.sdk.settings import ServiceSettings
from services.ledger import LONGEST_KEY, Books, Entry, Key, Limit, Rows, add_ledger
from services.order import store
from services.order.domain import total_of
from services.order.handlers import order

MAX_ORDER = 256 * 1024
MAX_DEPTH = 32

OrderId = Annotated[str, Path(max_length=LONGEST_KEY, pattern=r"^[^\x00]*$")]


class OrderForm(Value):
    """The body of POST /orders. `total` may be left out; if it is there it must be the sum of the lines."""

    order_id: BusinessKey
    customer_id: BusinessKey
    lines: PricedLines
    address: Address
    total: Money | None = None


def parts(_settings: ServiceSettings) -> Parts:
    """What this service brings to the SDK."""
    return Parts(order, store.SCRIPTS)


def build_app(service: Service) -> FastAPI:
    """POST /orders, what became of orders and how, and the ledger's routes."""
    app = base_app(service)
    add_ledger(app, service, Books(sums, "orders by state", store.states))

    @app.post("/orders", status_code=201)
    async def place(request: Request) -> JSONResponse:
        """Take an order: 201; the same order again: 200; another order under the same id: 409."""
        raw = await request.body()
        placed = read_order(raw)
        digest = body_hash(parse_body(raw))
        async with service.transaction(placed.order_id.encode()) as db:
            created = await store.place(db, placed.order_id, placed.customer_id, digest)
            if created:
                await store.enter(db, "placed", placed.order_id)
                db.publish(placed)
            known = None if created else await store.hash_of(db, placed.order_id)
        if not created and known != digest:
            return problem(409, "conflicting-order", "another order was placed under this id")
        return JSONResponse({"order_id": placed.order_id}, 201 if created else 200)

    @app.get("/orders/{order_id}")
    async def show(order_id: OrderId) -> Any:
        async with service.reading() as db:
            found = await store.order(db, order_id)
        return problem(404, "unknown-order", "there is no order of this id") if found is None else dict(found)

    @app.get("/orders/{order_id}/history")
    async def history(order_id: OrderId, after: Entry = 0, limit: Limit = 200) -> Rows:
        async with service.reading() as db:
            return [dict(row) for row in await store.history(db, order_id, after, limit)]

    @app.get("/orders")
    async def orders(after: Key = "", limit: Limit = 200) -> Rows:
        async with service.reading() as db:
            return [dict(row) for row in await store.orders(db, after, limit)]

    return app


async def sums(db: Reading) -> list[Sum]:
    """Per state: the orders that are in it are those whose last entry in the ledger says so."""
    return [Sum(f"{row['state']}, by order and by ledger", row["orders"], row["orders_by_ledger"]) for row in await store.states(db)]


def read_order(raw: bytes) -> OrderPlaced:
    """An order from a request's body. Raises ContractError, naming the place and never the value."""
    parse_body(raw, limit=MAX_ORDER, depth=MAX_DEPTH)
    try:
        form = OrderForm.model_validate_json(raw)
    except ValidationError as error:
        places = ", ".join(".".join(str(part) for part in fault["loc"]) for fault in error.errors()[:5])
        raise ContractError("invalid-order", f"the order breaks its schema at {places}") from None
    total = total_of(form.lines)
    if form.total not in (None, total):
        raise ContractError("wrong-total", "the total is not the sum of the lines")
    return OrderPlaced(order_id=form.order_id, customer_id=form.customer_id, lines=form.lines, total=total, address=form.address)
