"""What can be seen of the servers a deployment stands on, and the little that may be changed."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

EMBEDDED_POSTGRES = "saga-embedded"  # its cluster_name
EMBEDDED_KAFKA = ("mockCluster", "saga-embedded-")  # how the cluster id of the one in the process begins, and of the real one

NEEDED = (  # privileges on tables of the schema, a word each: what a replica does
    "select migration",
    "insert saga_event",
    "insert saga_key",
    "update saga",
    "delete outbox",
    "delete held_record",
    "update dead_letter",
    "update definition",
    "delete replica",
    "update proof_of_commit",
    "select api_key",
    "insert audit",
    "update audit_head",
)
NEVER_NEEDED = (
    *("update saga_event", "delete saga_event", "truncate saga_event", "update saga_key", "delete saga_key"),
    *("update audit", "delete audit", "truncate audit", "insert api_key", "update api_key"),
)


@dataclass(frozen=True, slots=True)
class TopicWish:
    """A topic as it should be. `settings` are Kafka's own names, as in retention.ms."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TopicSeen:
    """A topic as it is. `settings` is None where the broker does not tell. `replication` is that of its worst partition."""

    name: str
    partitions: int
    replication: int
    settings: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class GroupSeen:
    """A consumer group: Kafka's word for its state, and how many members it has."""

    state: str
    members: int


@dataclass(frozen=True, slots=True)
class KafkaFacts:
    """What a cluster says of itself. `group` is None where the broker does not tell."""

    cluster: str
    brokers: int
    topics: Mapping[str, TopicSeen]
    group: GroupSeen | None


@dataclass(frozen=True, slots=True)
class ReplicaSeen:
    """A replica's last heartbeat. `release` is empty for a release that did not say."""

    replica: str
    silent_for: float
    release: str
    definitions: Mapping[str, frozenset[int]]


@dataclass(frozen=True, slots=True)
class DatabaseFacts:
    """What the coordinator's database says of itself. Ages are seconds. `may` has a word per privilege that was asked for, as in
    `update saga_event`; it is empty while there is no schema. `schema_fault` is what keeps this release from working with it."""

    version: int
    login: str
    superuser: bool
    cluster: str
    settings: Mapping[str, str]
    connections: int
    clock: datetime
    asked_at: datetime
    round_trip: float
    schema_fault: str = ""
    may: Mapping[str, bool] = field(default_factory=dict)
    published: Mapping[tuple[str, int], str] = field(default_factory=dict)
    replicas: tuple[ReplicaSeen, ...] = ()
    outbox: int = 0
    outbox_age: float = 0.0
    held: int = 0
    dead: int = 0


class TopicAdmin(Protocol):
    """Looks at topics and extends them. Every call raises Unavailable when Kafka does not answer or refuses."""

    async def look(self, names: Collection[str], group: str = "") -> KafkaFacts:
        """The cluster, those of the named topics that exist, and the group."""

    async def create(self, wish: TopicWish) -> bool:
        """Make a topic; False if somebody made it meanwhile."""

    async def extend(self, name: str, partitions: int) -> None:
        """Add partitions up to this number."""

    async def configure(self, name: str, settings: Mapping[str, str]) -> None:
        """Set these settings of a topic and leave its others as they are."""
