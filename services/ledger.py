"""The page of a service's ledger, the same for all four: what is appended there can be read, and its sums must add up.

    GET /ledger?after=ENTRY&limit=N&order_id=ID    entries above `after`, oldest first; the last one is the next page's `after`
    GET /sums                                      figures that two ways must lead to, and whether they do
    GET /?before=ENTRY&order_id=ID                 the same for people: sums, what there is, the newest entries

Why sums are on the page: a ledger that nobody adds up is a log.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Query
from fastapi.responses import HTMLResponse

from saga.sdk import Reading
from saga.sdk.pages import Page, Sum, Table, page_response
from saga.sdk.service import Service

LARGEST = 2**63 - 1
ON_A_PAGE = 50
LONGEST_KEY = 200

Limit = Annotated[int, Query(ge=1, le=1_000)]
Entry = Annotated[int, Query(ge=0, le=LARGEST)]
Key = Annotated[str, Query(max_length=LONGEST_KEY, pattern=r"^[^\x00]*$")]
Rows = Sequence[Mapping[str, Any]]

_AFTER = "select * from ledger where entry > $1 and ($3::text = '' or order_id = $3) order by entry limit $2"
_BEFORE = "select * from ledger where entry < $1 and ($3::text = '' or order_id = $3) order by entry desc limit $2"


@dataclass(frozen=True, slots=True)
class Books:
    """What a service's page shows besides its ledger: `sums` that must add up, and `holdings`, a title and a reading of its rows."""

    sums: Callable[[Reading], Awaitable[Sequence[Sum]]]
    title: str
    holdings: Callable[[Reading], Awaitable[Rows]]


def add_ledger(app: FastAPI, service: Service, books: Books) -> None:
    """Give the service's app the three routes."""

    @app.get("/ledger")
    async def ledger(after: Entry = 0, limit: Limit = 200, order_id: Key = "") -> Rows:
        async with service.reading() as db:
            return [dict(row) for row in await db.fetch(_AFTER, after, limit, order_id)]

    @app.get("/sums")
    async def sums() -> dict[str, Any]:
        async with service.reading() as db:
            found = await books.sums(db)
        lines = [{"text": each.text, "one_way": each.one_way, "other_way": each.other_way, "good": each.good} for each in found]
        return {"good": all(each.good for each in found), "sums": lines}

    @app.get("/", response_class=HTMLResponse)
    async def page(before: Entry = LARGEST, order_id: Key = "") -> HTMLResponse:
        async with service.reading() as db:
            entries = await db.fetch(_BEFORE, before, ON_A_PAGE, order_id)
            tables = [Table(f"ledger of order {order_id}" if order_id else "ledger, the newest first", entries, "order_id")]
            if order_id:
                return page_response(Page(app.title, (), tables, _LINKS, _older(entries, order_id)))
            tables.insert(0, Table(books.title, await books.holdings(db)))
            return page_response(Page(app.title, await books.sums(db), tables, _LINKS, _older(entries, "")))


_LINKS = (("the whole ledger", "/"), ("as JSON", "/ledger"), ("sums as JSON", "/sums"), ("ready?", "/readyz"))


def _older(entries: Rows, order_id: str) -> Mapping[str, str] | None:
    if len(entries) < ON_A_PAGE:
        return None
    return {"before": str(entries[-1]["entry"]), **({"order_id": order_id} if order_id else {})}
