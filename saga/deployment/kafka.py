"""The cluster, judged: how many brokers, whether it is the embedded one, and the group of the replicas."""

from collections.abc import Iterator

from saga.config import Settings
from saga.deployment.finding import Finding, fault, ok, warning
from saga.deployment.topics import copies
from saga.ports.deployment import EMBEDDED_KAFKA, KafkaFacts

READING = ("Stable", "PreparingRebalance", "CompletingRebalance")


def judge(facts: KafkaFacts, settings: Settings, alive: int) -> list[Finding]:
    """Every finding on the cluster and the group but for topics. `alive` is how many replicas say in the database that they live."""
    return [*_cluster(facts, settings), *_group(facts, settings, alive)]


def _cluster(facts: KafkaFacts, settings: Settings) -> Iterator[Finding]:
    if settings.env == "production" and facts.cluster.startswith(EMBEDDED_KAFKA):
        yield fault("kafka", "this is an embedded broker, for development", "give SAGA_KAFKA_BOOTSTRAP a real cluster")
    replication, _ = copies(settings)
    if facts.brokers < replication:
        yield fault(
            "kafka", f"{facts.brokers} broker(s), {replication} copies of each topic wanted", "add brokers, or lower SAGA_TOPIC_REPLICATION"
        )
    else:
        yield ok("kafka", f"{facts.brokers} broker(s)")


def _group(facts: KafkaFacts, settings: Settings, alive: int) -> Iterator[Finding]:
    subject = f"group {settings.group_id}"
    if facts.group is None:
        yield ok(subject, "the broker does not tell")
        return
    what = f"{facts.group.state}, {facts.group.members} member(s)"
    if alive and facts.group.state not in READING:
        yield fault(subject, f"{what}, but {alive} replica(s) live: nobody reads replies", "look at /readyz of the replicas")
    elif alive and facts.group.members < alive:
        yield warning(subject, f"{what}, but {alive} replica(s) live", "give each replica its own SAGA_INSTANCE_ID")
    elif facts.group.state == "Dead":
        yield ok(subject, "nobody has joined it yet")
    else:
        yield ok(subject, what)
    partitions = max((topic.partitions for name, topic in facts.topics.items() if name.endswith(".events")), default=0)
    if 0 < partitions < facts.group.members:
        yield warning(subject, f"{facts.group.members} members share {partitions} partitions: some read nothing", "add partitions")
