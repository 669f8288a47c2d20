"""The check of topics at the start of a replica (hazard K14)."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any

from saga.config import Settings
from saga.deployment.finding import Finding, Level, faults_of
from saga.deployment.topics import judge
from saga.errors import ConfigurationError, Unavailable
from saga.ports.deployment import EMBEDDED_KAFKA, TopicAdmin, TopicWish

OpenAdmin = Callable[[], AbstractAsyncContextManager[TopicAdmin]]


def is_strict(settings: Settings) -> bool:
    """Whether unsafe topics keep a replica from starting."""
    return settings.strict_topics == "on" or (settings.strict_topics == "auto" and settings.env == "production")


async def look_at(open_admin: OpenAdmin, wanted: Sequence[TopicWish], *, production: bool = False) -> list[Finding]:
    """The topics, judged. Raises Unavailable; in production ConfigurationError for an embedded broker, known by its cluster id."""
    async with open_admin() as admin:
        facts = await admin.look([wish.name for wish in wanted])
    if production and facts.cluster.startswith(EMBEDDED_KAFKA):
        raise ConfigurationError("SAGA_KAFKA_BOOTSTRAP: this is an embedded broker, for development; SAGA_ENV is production")
    return judge(wanted, facts)


async def check_at_start(look: Callable[[], Any], stopping: asyncio.Event, log: Any, *, strict: bool, at_most: float = 5.0) -> None:
    """Wait for Kafka, however long that takes, and say what is wrong with its topics, one line each.

    Raises ConfigurationError for faults when `strict`; returns early when told to stop.
    """
    wait = 0.2
    while not stopping.is_set():
        try:
            findings: list[Finding] = await look()
        except Unavailable:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait):
                    await stopping.wait()
            wait = min(wait * 2, at_most)
            continue
        for finding in findings:
            if finding.level is not Level.OK:
                log.warning("topics", subject=finding.subject, fault=finding.what, mend=finding.mend)
        if strict and (faults := faults_of(findings)):
            raise ConfigurationError("SAGA_STRICT_TOPICS: " + "; ".join(map(str, faults)))
        return
