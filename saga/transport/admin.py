"""Looks at topics and extends them (saga.ports.deployment.TopicAdmin). Nothing here deletes.

Why no look-up by name: asking for the metadata of a topic that does not exist makes it, where brokers make topics by themselves.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    IncompatibleBrokerVersion,
    KafkaError,
    TopicAlreadyExistsError,
    for_code,
)

from saga.errors import Unavailable
from saga.ports.deployment import GroupSeen, KafkaFacts, TopicSeen, TopicWish
from saga.transport.options import KafkaOptions, quiet_client
from saga.transport.refusal import unreachable

SET_FOR_TOPIC = 1  # Kafka's DYNAMIC_TOPIC_CONFIG: set for this topic, not the broker's default
PATIENCE = 6.0  # how many connect time-outs an act may take: the brokers wait for each other


class KafkaAdmin:
    """One connection a call would be wasteful: use it as `async with KafkaAdmin.open(options) as admin`."""

    def __init__(self, client: AIOKafkaAdminClient, options: KafkaOptions) -> None:
        self._client = client
        self._options = options

    @classmethod
    @asynccontextmanager
    async def open(cls, options: KafkaOptions) -> "AsyncIterator[KafkaAdmin]":
        """Connect. Raises Unavailable when no broker answers in time."""
        quiet_client()
        client = AIOKafkaAdminClient(
            bootstrap_servers=options.bootstrap,
            **options.login.arguments(),
            client_id=options.client_id,
            request_timeout_ms=int(options.connect_timeout * 1000 * PATIENCE),
        )
        try:
            try:
                async with asyncio.timeout(options.connect_timeout):
                    await client.start()
            except (KafkaError, TimeoutError, OSError) as error:
                raise await unreachable(options, error) from None
            yield cls(client, options)
        finally:
            await client.close()

    async def look(self, names: Collection[str], group: str = "") -> KafkaFacts:
        """The cluster, those of the named topics that exist, and the group."""
        async with self._asking("looking at topics"):
            cluster = await self._client.describe_cluster()
            found = [topic for topic in await self._client.describe_topics() if topic["topic"] in names and not topic["error_code"]]
            settings = await self._settings([topic["topic"] for topic in found])
            return KafkaFacts(
                cluster=str(cluster["cluster_id"]),
                brokers=len(cluster["brokers"]),
                topics={topic["topic"]: _seen(topic, settings.get(topic["topic"])) for topic in found},
                group=await self._group(group) if group else None,
            )

    async def create(self, wish: TopicWish) -> bool:
        """Make a topic; False if somebody made it meanwhile."""
        if self._client._client.cluster.controller is None:
            raise Unavailable("kafka", f"{wish.name} could not be created: this broker makes topics only by itself")
        async with self._asking(f"creating {wish.name}"):
            new = NewTopic(wish.name, wish.partitions, wish.replication, topic_configs=dict(wish.settings))
            answer = await self._client.create_topics([new])
            name, code, *said = answer.topic_errors[0]
            if code not in (0, TopicAlreadyExistsError.errno):
                raise Unavailable("kafka", f"{name} could not be created: {(said and said[0]) or for_code(code).__name__}")
            return bool(code == 0)

    async def extend(self, name: str, partitions: int) -> None:
        """Add partitions up to this number."""
        async with self._asking(f"extending {name}"):
            await self._client.create_partitions({name: NewPartitions(partitions)})

    async def configure(self, name: str, settings: Mapping[str, str]) -> None:
        """Set these and keep the others. The only request the client has for it replaces all that was set, so that is read first: a rival
        who sets something between the two requests loses it."""
        async with self._asking(f"configuring {name}"):
            (answer,) = await self._client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
            (resource,) = answer.to_object()["resources"]
            _refuse(resource["error_code"], name)
            kept = {one["config_names"]: one["config_value"] for one in resource["config_entries"] if one["config_source"] == SET_FOR_TOPIC}
            (done,) = await self._client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, {**kept, **settings})])
            _refuse(done.resources[0][0], name)

    async def _settings(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        """Settings by topic; without those that may not be asked for, and empty where the broker cannot be asked at all."""
        if not names:
            return {}
        try:
            answers = await self._client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
        except IncompatibleBrokerVersion:
            return {}
        resources = [resource for answer in answers for resource in answer.to_object()["resources"] if not resource["error_code"]]
        return {
            one["resource_name"]: {entry["config_names"]: entry["config_value"] for entry in one["config_entries"]} for one in resources
        }

    async def _group(self, group: str) -> GroupSeen | None:
        try:
            (answer,) = await self._client.describe_consumer_groups([group])
        except (IncompatibleBrokerVersion, GroupCoordinatorNotAvailableError):
            return None
        found = answer.to_object()["groups"][0]
        return None if found["error_code"] else GroupSeen(found["state"], len(found["members"]))

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._options.connect_timeout * PATIENCE):
                yield
        except (KafkaError, TimeoutError, OSError) as error:
            raise Unavailable("kafka", f"{what} failed ({type(error).__name__})") from None


def _refuse(code: int, name: str) -> None:
    if code:
        raise Unavailable("kafka", f"the settings of {name} could not be changed: {for_code(code).__name__}")


def _seen(topic: Mapping[str, Any], settings: Mapping[str, str] | None) -> TopicSeen:
    replication = min((len(partition["replicas"]) for partition in topic["partitions"]), default=0)
    return TopicSeen(topic["topic"], len(topic["partitions"]), replication, settings)
