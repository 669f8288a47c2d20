"""Which definition versions exist, which replicas live and have loaded which, and which definitions are paused."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from saga.config import release
from saga.errors import ConfigurationError
from saga.ports.streams import DefinitionRow, PausedDefinition
from saga.store.pool import Pool, Session

ALIVE = 15.0


async def publish(session: Session, replica: UUID, definitions: Sequence[DefinitionRow]) -> None:
    """Write what this replica has loaded, and that it lives. Raises ConfigurationError when a version means another graph elsewhere."""
    names, versions = [row.name for row in definitions], [row.version for row in definitions]
    hashes = [row.hash for row in definitions]
    topics = ["\n".join(row.topics) for row in definitions]
    graphs, starts = [row.graph for row in definitions], [row.starts_on for row in definitions]
    await session.run("publish_definitions", names, versions, hashes, topics, graphs, starts)
    if others := await session.fetch("other_hashes", names, versions, hashes):
        listed = ", ".join(f"{row['name']} version {row['version']}" for row in others)
        raise ConfigurationError(f"another graph was published as {listed}: give the changed definition a new version")
    await session.run("beat", replica, names, versions, release())
    await session.run("forget_replicas")
    await session.run("forget_proofs")


async def newest_common(pool: Pool) -> Mapping[str, int]:
    """Per definition the newest version that all live replicas have loaded."""
    return {row["name"]: row["version"] for row in await pool.fetch("newest_common", ALIVE)}


async def newest_loaded(pool: Pool) -> Mapping[str, int]:
    """Per definition the newest version that any live replica has loaded."""
    return {row["name"]: row["version"] for row in await pool.fetch("newest_loaded", ALIVE)}


async def definitions(pool: Pool) -> list[DefinitionRow]:
    """All that were ever published."""
    return [
        DefinitionRow(row["name"], row["version"], row["hash"], tuple(row["topics"]), row["graph"], row["starts_on"])
        for row in await pool.fetch("read_definitions")
    ]


async def pause(session: Session, row: PausedDefinition) -> bool:
    """Pause all sagas of a definition; False if they are paused already."""
    return bool(await session.fetch("pause_definition", row.tenant, row.definition, row.actor, row.reason, row.input_id))


async def resume(session: Session, tenant: str, definition: str) -> PausedDefinition | None:
    """The pause ends; what it was."""
    ended = await session.fetch("resume_definition", tenant, definition)
    return PausedDefinition(**ended[0]) if ended else None


async def paused(pool: Pool) -> list[PausedDefinition]:
    """All pauses."""
    return [PausedDefinition(**row) for row in await pool.fetch("paused_definitions")]
