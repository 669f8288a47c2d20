"""How to reach Kafka. What is fixed (design section 7 to 9, hazards.md K) is not an option: it stands in consumer.py and producer.py."""

from collections.abc import Callable
from dataclasses import dataclass

Incident = Callable[[str, str], None]


def no_incident(_what: str, _detail: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Spans are seconds. `instance_id` is group.instance.id, empty for a dynamic member. `incident` hears (what, detail) of records
    that the client could not give us: they are skipped, for no record may stop a partition (hazard K12)."""

    bootstrap: str
    group_id: str = ""
    instance_id: str = ""
    session_timeout: float = 10.0
    connect_timeout: float = 5.0
    send_timeout: float = 10.0
    close_timeout: float = 3.0
    revoke_timeout: float = 2.0
    client_id: str = "saga"
    incident: Incident = no_incident
