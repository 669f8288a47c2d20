"""Looks at the coordinator's database as its own login sees it (saga.ports.deployment.DatabaseFacts). Changes nothing."""

from collections.abc import Mapping
from datetime import UTC, datetime
from time import monotonic

from saga.config import Settings
from saga.errors import Unavailable
from saga.ports.deployment import NEEDED, NEVER_NEEDED, DatabaseFacts, ReplicaSeen
from saga.store.migrate import check_schema
from saga.store.pool import Limits, Pool, Session


async def inspect(settings: Settings) -> DatabaseFacts:
    """Everything that the login may see. Raises Unavailable when the server cannot be reached, ConfigurationError for a DSN or role that
    cannot work."""
    limits = Limits(connect=settings.connect_timeout)
    pool = await Pool.open(settings.postgres_login(), 1, settings.postgres_role, limits, {})
    try:
        async with pool.session() as session:
            return await _inspect(session)
    finally:
        await pool.close()


async def _inspect(session: Session) -> DatabaseFacts:
    await session.fetch("inspect_server")  # the first one also prepares it: only the second is a fair measure of the clock
    asked_at, began = datetime.now(UTC), monotonic()
    (row,) = await session.fetch("inspect_server")
    took = monotonic() - began
    schema_fault = await _schema_fault(session)
    readable = not schema_fault
    found = await _tables(session) if readable else {}
    return DatabaseFacts(
        version=row["version"],
        login=row["login"],
        superuser=row["superuser"],
        cluster=row["cluster"],
        settings=dict(zip(row["names"], row["values"], strict=True)),
        connections=row["connections"],
        clock=row["clock"],
        asked_at=asked_at,
        round_trip=took,
        schema_fault=schema_fault,
        may=await _privileges(session),
        **found,  # type: ignore[arg-type]
    )


async def _schema_fault(session: Session) -> str:
    try:
        await check_schema(session)
    except Unavailable as error:
        return error.detail
    return ""


async def _privileges(session: Session) -> Mapping[str, bool]:
    asked = [word.split() for word in (*NEEDED, *NEVER_NEEDED)]
    rows = await session.fetch("inspect_privileges", [privilege for privilege, _ in asked], [table for _, table in asked])
    return {row["may"]: row["granted"] for row in rows}


async def _tables(session: Session) -> Mapping[str, object]:
    definitions = await session.fetch("read_definitions")
    replicas = await session.fetch("inspect_replicas")
    (waiting,) = await session.fetch("outbox_figures")
    (holding,) = await session.fetch("count_held")
    (dead,) = await session.fetch("count_dead")
    return {
        "published": {(row["name"], row["version"]): row["hash"] for row in definitions},
        "replicas": tuple(_replica(row) for row in replicas),
        "outbox": waiting["pointers"],
        "outbox_age": waiting["age"],
        "held": holding["count"],
        "dead": dead["count"],
    }


def _replica(row: Mapping[str, object]) -> ReplicaSeen:
    loaded: dict[str, frozenset[int]] = {}
    for name, version in zip(row["names"], row["versions"], strict=True):  # type: ignore[call-overload]
        loaded[name] = loaded.get(name, frozenset()) | {version}
    return ReplicaSeen(str(row["replica"]), float(row["silent_for"]), str(row["release"]), loaded)  # type: ignore[arg-type]
