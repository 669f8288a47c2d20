"""A small page for people: headings, sums that must add up, tables, a link to what is older. Text only.

Everything that came from outside is escaped, and the page forbids the browser scripts, forms, frames and anything from elsewhere: an
order id that holds a script stays text (hazard A11).
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import HTMLResponse

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #222; background: #fff }
table { border-collapse: collapse; margin: 0 0 2rem; width: 100% }
caption { text-align: left; font-weight: 600; padding: .5rem 0 }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #ddd; overflow-wrap: anywhere }
td.number { text-align: right; font-variant-numeric: tabular-nums }
.good { color: #14602b } .wrong { color: #a3161a; font-weight: 600 }
"""


@dataclass(frozen=True, slots=True)
class Sum:
    """Two ways to the same figure. `text` says which figure."""

    text: str
    one_way: int
    other_way: int

    @property
    def good(self) -> bool:
        """Both ways lead there."""
        return self.one_way == self.other_way


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same columns, in their order. Without rows it says so. A value in column `by` leads to the page of that value."""

    title: str
    rows: Sequence[Mapping[str, Any]]
    by: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What the page shows. `older` are the query parameters of the next page, empty on the last; `links` are text and path."""

    title: str
    sums: Sequence[Sum] = ()
    tables: Sequence[Table] = ()
    links: Sequence[tuple[str, str]] = ()
    older: Mapping[str, str] | None = None


def page_response(page: Page) -> HTMLResponse:
    """The page with headers that leave a script nothing to run in."""
    return HTMLResponse(render(page), headers=_headers())


def render(page: Page) -> str:
    """The page as HTML; every value escaped."""
    title = escape(page.title)
    parts = [f"<h1>{title}</h1>"]
    if page.links:
        links = " · ".join(f'<a href="{escape(path)}">{escape(text)}</a>' for text, path in page.links)
        parts.append(f"<p>{links}</p>")
    parts += [_sum(each) for each in page.sums]
    parts += [_table(each) for each in page.tables]
    if page.older:
        parts.append(f'<p><a rel="next" href="?{escape(urlencode(page.older))}">older</a></p>')
    body = "\n".join(parts)
    head = f'<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n'


def _sum(each: Sum) -> str:
    verdict = f"{each.one_way}, both ways" if each.good else f"{each.one_way} one way, {each.other_way} the other: WRONG"
    kind = "good" if each.good else "wrong"
    return f'<p class="{kind}">{escape(each.text)}: {verdict}</p>'


def _table(table: Table) -> str:
    if not table.rows:
        return f"<p>{escape(table.title)}: nothing yet</p>"
    heads = "".join(f'<th scope="col">{escape(str(name).replace("_", " "))}</th>' for name in table.rows[0])
    rows = "\n".join(f"<tr>{''.join(_cell(name, value, table.by) for name, value in row.items())}</tr>" for row in table.rows)
    return f"<table><caption>{escape(table.title)}</caption><thead><tr>{heads}</tr></thead><tbody>\n{rows}\n</tbody></table>"


def _cell(name: str, value: object, by: str) -> str:
    text = escape("" if value is None else str(value))
    if text and name == by:
        return f'<td><a href="?{escape(urlencode({name: str(value)}))}">{text}</a></td>'
    return f'<td class="number">{text}</td>' if isinstance(value, int) else f"<td>{text}</td>"


def _headers() -> dict[str, str]:
    style = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    return {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-store",
    }
