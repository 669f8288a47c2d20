"""Three Kafka brokers in KRaft mode, each controller and broker: replication 3, min.insync.replicas 2.

Each has a listener for every client that has a link of its own, and advertises the link's port there, so that what a client hears of
other brokers also leads through its links. The direct listener is for the brokers among themselves and for the checker.
"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from time import monotonic

from confluent_kafka.admin import AdminClient, ClusterMetadata, ConfigResource, NewPartitions, NewTopic, ResourceType

from saga.embedded.kafka import EmbeddedKafka, free_ports
from saga.errors import Unavailable
from tests.chaos.links import Link

COUNT, IN_SYNC = 3, 2
TOPIC = {"min.insync.replicas": str(IN_SYNC), "retention.ms": "-1"}
WITHIN = 60.0
IN_SYNC_WITHIN = 180.0  # a replica that came back was seen to need more than a minute where the load took both cores
STARTS = 3
_CLUSTER = "saga-embedded-chaos00A"


class Brokers:
    """`clients` names who gets links. Blocking calls are done beside the loop."""

    def __init__(self, home: Path, clients: Sequence[str]) -> None:
        self._home = home
        self._clients = clients
        self._admin: AdminClient | None = None
        self.links: dict[tuple[str, int], Link] = {}
        self._servers: list[EmbeddedKafka] = []

    async def start(self) -> None:
        """Three brokers, and a link from each client to each of them."""
        numbers = range(COUNT)
        ports = iter(free_ports(COUNT * (2 + len(self._clients))))
        controllers = [next(ports) for _ in numbers]
        direct = [next(ports) for _ in numbers]
        for client in self._clients:
            for number in numbers:
                link = self.links[client, number] = Link(next(ports))
                await link.start()
        voters = ",".join(f"{number + 1}@127.0.0.1:{controllers[number]}" for number in numbers)
        for number in numbers:
            home = self._home / f"kafka-{number + 1}"
            home.mkdir()
            (home / "cluster-id").write_text(_CLUSTER)
            settings = self._settings(number, voters, controllers[number])
            self._servers.append(EmbeddedKafka(settings=settings, directory=home, port=direct[number]))
        await asyncio.gather(*(asyncio.to_thread(server.start) for server in self._servers))
        self._admin = AdminClient({"bootstrap.servers": self.direct, "log_level": 0})

    def stop(self) -> None:
        """End them all (blocking)."""
        self._admin = None
        for server in self._servers:
            server.stop()

    @property
    def direct(self) -> str:
        """Where the checker connects."""
        return ",".join(server.bootstrap for server in self._servers)

    def bootstrap(self, client: str) -> str:
        """Where a client connects: its own links."""
        return ",".join(f"127.0.0.1:{self.links[client, number].port}" for number in range(COUNT))

    @property
    def admin(self) -> AdminClient:
        """Who may everything."""
        assert self._admin is not None
        return self._admin

    async def create(self, topics: Mapping[str, int]) -> None:
        """Topics with so many partitions."""
        wanted = [NewTopic(name, count, COUNT, config=TOPIC) for name, count in topics.items()]
        await _all(self.admin.create_topics(wanted))

    async def delete(self, topic: str) -> None:
        """Delete a topic, and wait until nobody lists it any more."""
        await _all(self.admin.delete_topics([topic]))
        async with asyncio.timeout(WITHIN):
            while topic in (await self._metadata()).topics:  # noqa: ASYNC110 - brokers have no event to wait for
                await asyncio.sleep(0.1)

    async def grow(self, topic: str, by: int) -> int:
        """More partitions; how many there are now."""
        count = len((await self._metadata()).topics[topic].partitions) + by
        await _all(self.admin.create_partitions([NewPartitions(topic, count)]))
        return count

    async def leader_of(self, topic: str) -> int:
        """Which broker leads the topic's first partition."""
        return int((await self._metadata()).topics[topic].partitions[0].leader) - 1

    async def kill(self, number: int) -> None:
        """SIGKILL."""
        server = self._servers[number]
        os.kill(server.pid, signal.SIGKILL)
        await asyncio.to_thread(server.stop)

    async def revive(self, number: int) -> None:
        """Start it again over the same log, at the same port. One that does not get there is started anew, as a supervisor would."""
        for attempt in range(STARTS):
            try:
                return await asyncio.to_thread(self._servers[number].start)
            except Unavailable as unavailable:
                print(f"broker {number + 1}, start {attempt + 1}: {unavailable}", file=sys.stderr, flush=True)
        raise Unavailable("kafka", f"broker {number + 1} did not start {STARTS} times")

    async def in_sync(self, within: float = IN_SYNC_WITHIN) -> float:
        """Wait until every replica of every partition is in sync; the seconds that it took. Raises Unavailable."""
        began = monotonic()
        behind = "nobody answered"
        while monotonic() - began < within:
            with contextlib.suppress(Exception):
                behind = _behind(await self._metadata())
                if not behind:
                    return monotonic() - began
            await asyncio.sleep(0.2)
        raise Unavailable("kafka", f"replicas were not in sync within {within:.0f} s: {behind}")

    async def settings_of(self, topic: str) -> dict[str, str]:
        """What the brokers say of a topic's settings."""
        resource = ConfigResource(ResourceType.TOPIC, topic)
        futures = self.admin.describe_configs([resource])
        found = await asyncio.wrap_future(futures[resource])
        return {name: entry.value for name, entry in found.items()}

    async def _metadata(self) -> ClusterMetadata:
        return await asyncio.to_thread(self.admin.list_topics, timeout=10)

    def _settings(self, number: int, voters: str, controller: int) -> tuple[str, ...]:
        names = [f"C{place}" for place in range(len(self._clients))]
        inside = [f"{name}://127.0.0.1:{self.links[client, number].target}" for name, client in zip(names, self._clients, strict=True)]
        outside = [f"{name}://127.0.0.1:{self.links[client, number].port}" for name, client in zip(names, self._clients, strict=True)]
        protocols = ",".join(f"{name}:PLAINTEXT" for name in ("DIRECT", "CONTROLLER", *names))
        return (
            f"node.id={number + 1}",
            f"controller.quorum.voters={voters}",
            f"listeners=DIRECT://127.0.0.1:{{port}},CONTROLLER://127.0.0.1:{controller},{','.join(inside)}",
            f"advertised.listeners=DIRECT://127.0.0.1:{{port}},{','.join(outside)}",
            f"listener.security.protocol.map={protocols}",
            "inter.broker.listener.name=DIRECT",
            "offsets.topic.replication.factor=3",
            "default.replication.factor=3",
            f"min.insync.replicas={IN_SYNC}",
            "unclean.leader.election.enable=false",
            "broker.session.timeout.ms=4000",
            "broker.heartbeat.interval.ms=1000",
            "log.flush.interval.messages=9223372036854775807",
            "num.network.threads=2",
            "num.io.threads=2",
        )


def _behind(found: ClusterMetadata) -> str:
    """Which brokers are there, and which partitions lack which replicas; empty if all is as it should be."""
    lacking = [
        f"{name}/{number} lacks {sorted(set(one.replicas) - set(one.isrs))}"
        for name, topic in found.topics.items()
        for number, one in topic.partitions.items()
        if len(one.isrs) < len(one.replicas)
    ]
    whole = len(found.brokers) == COUNT and not lacking
    return "" if whole else f"brokers {sorted(found.brokers)}, {len(lacking)} partitions: {', '.join(lacking[:5])}"


async def _all(futures: Mapping[str, object]) -> None:
    for future in futures.values():
        await asyncio.wrap_future(future)  # type: ignore[arg-type]
