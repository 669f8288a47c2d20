"""What a statement of the store touches."""

import re

import asyncpg

from saga.store.queries import sql


async def pages_of(connection: asyncpg.Connection, query: str, *values: str) -> int:
    """How many pages a statement touches."""
    text = sql(query)
    for number, value in enumerate(values, 1):
        text = text.replace(f"${number}", value)
    plan = await connection.fetch(f"explain (analyze, buffers, timing off, summary off) {text}")
    return next((int(found[1]) for line in plan if (found := re.search(r"shared hit=(\d+)", line[0]))), 0)
