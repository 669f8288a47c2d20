"""Claims look back a little and now and then at all, so that what was deleted long ago costs them nothing (hazard P7)."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from saga.store.outbox import LOOK_BACK, WHOLE_EVERY, Claims
from tests.integration.pages import pages_of

pytestmark = pytest.mark.integration

ME = UUID(int=101)
DEAD = 4_000
_FILL = "insert into saga.outbox select id, 1, id, now() - interval '60 s', now() from unnest($1::uuid[]) as n(id)"


@pytest.mark.parametrize("analyzed", [False, True])
async def test_pointers_deleted_under_a_held_snapshot_cost_a_claim_and_a_deletion_nothing(migrated_dsn: str, analyzed: bool) -> None:
    connection, holder = await asyncpg.connect(migrated_dsn), await asyncpg.connect(migrated_dsn)
    snapshot = holder.transaction(isolation="repeatable_read")
    await snapshot.start()
    await holder.fetchval("select count(*) from saga.outbox")
    ids = [uuid4() for _ in range(DEAD)]
    await connection.execute(_FILL, ids)
    await connection.execute("delete from saga.outbox")
    if analyzed:  # what autovacuum does: it frees nothing, and tells the planner that the table is empty
        await connection.execute("vacuum analyze saga.outbox")
    assert await pages_of(connection, "claim_pointers", f"'{ME}'", "200", "10", "null") > 20
    assert await pages_of(connection, "claim_pointers", f"'{ME}'", "200", "10", str(LOOK_BACK)) < 8
    assert await pages_of(connection, "delete_pointers", f"array['{ids[0]}'::uuid]", "array[1]") < 8
    await snapshot.rollback()
    await connection.close()
    await holder.close()


class APool:
    """Remembers how far each claim looked back."""

    def __init__(self) -> None:
        self.asked: list[float | None] = []
        self.rows = 0
        self.fails = False

    async def fetch(self, _name: str, _owner: UUID, _limit: int, _backoff: float, look_back: float | None) -> list[dict[str, Any]]:
        self.asked.append(look_back)
        if self.fails:
            raise ConnectionError
        return [{"created_at": 0, "saga_id": UUID(int=at), "version": 1} for at in range(self.rows)]


async def test_all_pointers_are_looked_at_first_after_a_gap_a_failure_or_a_full_claim_and_now_and_then() -> None:
    pool, now = APool(), [0.0]
    claims = Claims(pool, lambda: now[0])  # type: ignore[arg-type]

    async def claim(after: float) -> float | None:
        now[0] += after
        await claims.claim(ME, 3, 10.0)
        return pool.asked[-1]

    assert [await claim(1), await claim(1), await claim(1)] == [None, LOOK_BACK, LOOK_BACK]
    assert [await claim(LOOK_BACK), await claim(1)] == [None, LOOK_BACK]
    pool.rows = 3
    assert [await claim(1), await claim(1)] == [LOOK_BACK, None]
    pool.rows = 0
    assert [await claim(1), await claim(1)] == [None, LOOK_BACK]
    pool.fails = True
    with pytest.raises(ConnectionError):
        await claim(1)
    pool.fails = False
    assert await claim(1) is None
    assert sum([await claim(1) is None for _ in range(int(WHOLE_EVERY) * 2)]) == 2
