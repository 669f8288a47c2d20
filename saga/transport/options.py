"""How to reach Kafka. What is fixed (design section 7 to 9, hazards.md K) is not an option: it stands in consumer.py and producer.py."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from saga.secrets.servers import NO_LOGIN, KafkaLogin

Incident = Callable[[str, str], None]


def no_incident(_what: str, _detail: str) -> None:
    """Nobody is told."""


@dataclass(frozen=True, slots=True)
class KafkaOptions:
    """Spans are seconds. `instance_id` is group.instance.id, empty for a dynamic member. `incident` hears (what, detail) of records
    that the client could not give us: they are skipped, for no record may stop a partition (hazard K12); and of topics that are missing.
    `fetch_wait` is how long a broker may wait for records before it answers a fetch: a real one answers as soon as there are any, the
    embedded one only when that time is over. `transaction_patience` is how long a transaction of a writer may keep records back before that
    is an incident. `login` is who we are there; a client keeps the one it was made with."""

    bootstrap: str
    group_id: str = ""
    instance_id: str = ""
    session_timeout: float = 10.0
    connect_timeout: float = 5.0
    send_timeout: float = 10.0
    close_timeout: float = 3.0
    revoke_timeout: float = 2.0
    fetch_wait: float = 0.5
    transaction_patience: float = 60.0
    client_id: str = "saga"
    compression: Literal["none", "gzip"] = "none"
    incident: Incident = no_incident
    login: KafkaLogin = NO_LOGIN


def quiet_client() -> None:
    """Silence aiokafka, unless somebody has given its logger a level.

    Why: it writes a line, often with a trace, for each retry of each request while a broker is away. What matters of it reaches our
    callers as Unavailable, as a False of `send`, or as an incident.
    """
    logger = logging.getLogger("aiokafka")
    if logger.level == logging.NOTSET:
        logger.setLevel(logging.CRITICAL)
