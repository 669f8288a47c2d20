"""The coordinator's database on Postgres: `saga.ports.streams.Store`."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any
from uuid import UUID

from saga.config import Settings
from saga.core.project import SagaRow
from saga.errors import ConfigurationError, LoginRefused, Unavailable
from saga.ports.access import AuditEntry, told
from saga.ports.deployment import EMBEDDED_POSTGRES
from saga.ports.records import ALL_RECORDS, Counted, DeadRow, HeldRow, RecordFilter
from saga.ports.streams import (
    DefinitionRow,
    KeyRow,
    LoadedVersion,
    Page,
    PausedDefinition,
    Pointer,
    SagaFilter,
    SagaKey,
)
from saga.store import dead_letters, definitions, held, outbox, projection, streams
from saga.store.access import AccessTables, write_audit
from saga.store.migrate import check_schema
from saga.store.pool import Limits, Pool, try_login
from saga.store.unit_of_work import UnitOfWork, transaction

_FIRST = UUID(int=0)


class PostgresStore(AccessTables):
    """Two pools: batches and sweeps have connections that questions of the API cannot use up (hazard P15)."""

    def __init__(self, engine: Pool, questions: Pool, unknown_saga_for: timedelta, limits: Limits) -> None:
        super().__init__(engine, questions)
        self._limits = limits
        self._claims = outbox.Claims(engine)
        self._unknown_saga_for = unknown_saga_for

    @classmethod
    async def connect(cls, settings: Settings, limits: Limits | None = None) -> "PostgresStore":
        """Open both pools. Raises Unavailable when the server cannot be reached, ConfigurationError for a DSN or role that cannot work,
        and in production for an embedded server.

        The schema is not looked at: `ping` says whether it fits.
        """
        limits = limits or Limits(connect=settings.connect_timeout)
        login, role = settings.postgres_login(), settings.postgres_role
        engine = await Pool.open(login, settings.pool_engine, role, limits, {})
        try:
            if settings.env == "production":
                await _refuse_embedded(engine)
            # Filters that are null must be gone before the plan is made, or no list uses an index.
            questions = await Pool.open(login, settings.pool_api, role, limits, {"plan_cache_mode": "force_custom_plan"})
        except BaseException:
            await engine.close()
            raise
        return cls(engine, questions, timedelta(seconds=settings.unknown_saga_for), limits)

    async def renew(self, settings: Settings) -> None:
        """Log in as these settings say from now on; what is at work goes on with the connection it has.

        Raises LoginRefused or ConfigurationError when the new login does not work; then nothing has changed. Where the server is away it
        cannot be tried and is taken.
        """
        login = settings.postgres_login()
        try:
            await try_login(login, self._limits)
        except LoginRefused:
            raise
        except Unavailable:
            pass
        await self._engine.renew(login)
        await self._questions.renew(login)

    def transaction(self) -> AbstractAsyncContextManager[UnitOfWork]:
        """The one transaction of a batch."""
        return transaction(self._engine, self._unknown_saga_for)

    async def due_sagas(self, loaded: Collection[LoadedVersion], limit: int) -> list[UUID]:
        """Sagas whose due time has passed, oldest first, that this replica may act on."""
        return await projection.due_sagas(self._engine, loaded, limit)

    async def claim_pointers(self, owner: UUID, limit: int, backoff: float) -> list[Pointer]:
        """Pointers whose time has passed, now this owner's for `backoff` seconds."""
        return await self._claims.claim(owner, limit, backoff)

    async def delete_pointers(self, acknowledged: Collection[Pointer]) -> None:
        """Acknowledged pointers out; those that somebody has locked stay."""
        await outbox.delete_pointers(self._engine, acknowledged)

    async def load(self, saga_id: UUID) -> list[bytes]:
        """One whole stream; on the pool for questions, because the API asks for it too."""
        return [row["data"] for row in await self._questions.fetch("read_streams", [saga_id])]

    async def publish(self, replica: UUID, rows: Sequence[DefinitionRow]) -> None:
        """Heartbeat. Raises ConfigurationError when a definition version means another graph elsewhere."""
        async with self._engine.session() as session:
            try:
                await session.begin()
                await definitions.publish(session, replica, rows)
            except BaseException:
                await session.roll_back()
                raise
            await session.commit()

    async def retire(self, replica: UUID) -> None:
        """The replica leaves."""
        await self._engine.fetch("retire", replica)

    async def newest_common(self) -> Mapping[str, int]:
        """Per definition the newest version that every live replica has loaded."""
        return await definitions.newest_common(self._engine)

    async def newest_loaded(self) -> Mapping[str, int]:
        """Per definition the newest version that any live replica has loaded."""
        return await definitions.newest_loaded(self._engine)

    async def definitions(self) -> list[DefinitionRow]:
        """All definition versions ever published."""
        return await definitions.definitions(self._questions)

    async def pause_definition(self, pause: PausedDefinition, entry: AuditEntry) -> bool:
        """Pause all sagas of a definition; False if they are paused already."""
        async with self._acting() as (session, now):
            paused = await definitions.pause(session, pause)
            await write_audit(session, [told(entry, changed=paused)], now)
        return paused

    async def resume_definition(self, tenant: str, definition: str, entry: AuditEntry) -> PausedDefinition | None:
        """The pause ends; what it was, None if there was none."""
        async with self._acting() as (session, now):
            ended = await definitions.resume(session, tenant, definition)
            await write_audit(session, [told(entry, changed=ended is not None)], now)
        return ended

    async def paused_definitions(self) -> list[PausedDefinition]:
        """All pauses."""
        return await definitions.paused(self._questions)

    async def get(self, saga_id: UUID) -> SagaRow | None:
        """The row of one saga."""
        return (await projection.rows_of(self._questions, [saga_id])).get(saga_id)

    async def list_sagas(self, wanted: SagaFilter, limit: int, after: UUID | None) -> Page:
        """A page of rows, newest first."""
        return await projection.list_sagas(self._questions, wanted, limit, after)

    async def find_key(self, key: SagaKey) -> KeyRow | None:
        """The row of one key."""
        async with self._questions.session() as session:
            return (await streams.find_keys(session, [key])).get(key)

    async def dead_letters(self, tenant: str | None, limit: int, after: str | None, wanted: RecordFilter = ALL_RECORDS) -> list[DeadRow]:
        """Dead letters, newest first."""
        return await dead_letters.list_dead(self._questions, tenant, limit, after, wanted)

    async def dead_letter(self, tenant: str, letter: str) -> DeadRow | None:
        """One of them."""
        return next(iter(await dead_letters.list_dead(self._questions, tenant, 1, None, RecordFilter(ids=(letter,)))), None)

    async def count_dead(self, tenant: str, wanted: RecordFilter) -> Counted:
        """How many open ones a filter finds."""
        return await dead_letters.count_dead(self._questions, tenant, wanted)

    async def held_records(self, tenant: str, limit: int, wanted: RecordFilter = ALL_RECORDS) -> list[HeldRow]:
        """Held records in the order of the log."""
        return await held.list_held(self._questions, tenant, limit, wanted)

    async def count_held(self, tenant: str, wanted: RecordFilter) -> Counted:
        """How many a filter finds."""
        return await held.count_held(self._questions, tenant, wanted)

    async def rebuild_rows(self, rows: Sequence[SagaRow]) -> int:
        """Rows of replay, each unless live writes have overtaken it."""
        return await projection.rebuild_rows(self._questions, rows)

    async def streams_after(self, after: UUID | None, limit: int) -> list[tuple[UUID, list[bytes]]]:
        """Whole streams in order of saga_id."""
        return list(streams.by_saga(await self._questions.fetch("read_streams_after", after or _FIRST, limit)))

    async def rows_of(self, sagas: Collection[UUID]) -> dict[UUID, SagaRow]:
        """The rows of these sagas."""
        return await projection.rows_of(self._questions, sagas)

    async def figures(self) -> Mapping[str, Any]:
        """Counts for gauges: open (by status), outbox, outbox_age (seconds), held, dead. Index scans over what is open or waits."""
        async with self._questions.session() as session:
            opened = await session.fetch("count_open")
            (waiting,) = await session.fetch("outbox_figures")
            (holding,) = await session.fetch("count_held")
            (dead,) = await session.fetch("count_dead")
        return {
            "open": {row["status"]: row["sagas"] for row in opened},
            "outbox": waiting["pointers"],
            "outbox_age": waiting["age"],
            "held": holding["count"],
            "dead": dead["count"],
        }

    async def ping(self) -> None:
        """Raises Unavailable when the database does not answer, or has not the schema that this code needs."""
        async with self._questions.session() as session:
            await check_schema(session)

    async def close(self) -> None:
        """Close both pools, each within its limit."""
        await self._engine.close()
        await self._questions.close()


async def _refuse_embedded(pool: Pool) -> None:
    async with pool.session() as session:
        (row,) = await session.fetch("name_of_cluster")
    if row["cluster"] == EMBEDDED_POSTGRES:
        raise ConfigurationError("SAGA_POSTGRES_DSN: this is an embedded server, for development; SAGA_ENV is production")
