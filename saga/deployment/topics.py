"""Topics: what the loaded definitions need, how what is there differs, and making it so without ever taking anything away."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic

from saga.config import Settings
from saga.definition.graph import Definition
from saga.deployment.finding import Finding, fault, ok, warning
from saga.ports.deployment import KafkaFacts, TopicAdmin, TopicSeen, TopicWish

LIFECYCLE = "saga.lifecycle"
POLICY, MIN_INSYNC, RETENTION = "cleanup.policy", "min.insync.replicas", "retention.ms"
APPLY = "run `saga topics apply`"
SEEN_WITHIN = 10.0


@dataclass(frozen=True, slots=True)
class Change:
    """What is done, or would be done, to one topic. `partitions` 0: as many as it has."""

    name: str
    create: bool = False
    partitions: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        said = [f"{self.partitions} partitions"] if self.partitions else []
        said += [f"{name}={value}" for name, value in self.settings.items()]
        return f"{self.name}: {'created' if self.create else 'changed'}, {', '.join(said)}"


def needed(definitions: Iterable[Definition], lifecycle: str = LIFECYCLE) -> tuple[str, ...]:
    """Names of the topics: commands and events of whoever is asked, events of whoever publishes a start, and the sagas' own life."""
    names = {lifecycle} if lifecycle else set()
    for definition in definitions:
        asked = {node.command.participant for node in definition.steps.values()}
        asked |= {node.undo.returns.participant for node in definition.steps.values() if node.undo}
        names |= {f"{participant}.commands" for participant in asked}
        names |= {f"{participant}.events" for participant in definition.participants()}
    return tuple(sorted(names))


def wishes(definitions: Iterable[Definition], settings: Settings) -> tuple[TopicWish, ...]:
    """The topics as the settings want them."""
    replication, in_sync = copies(settings)
    kept = {POLICY: "delete", MIN_INSYNC: str(in_sync), RETENTION: str(settings.topic_retention_hours * 3_600_000)}
    return tuple(TopicWish(name, settings.topic_partitions, replication, kept) for name in needed(definitions, settings.lifecycle_topic))


def copies(settings: Settings) -> tuple[int, int]:
    """Replication factor and min.insync.replicas: as set, else three and two in production, one and one elsewhere."""
    production = settings.env == "production"
    return settings.topic_replication or (3 if production else 1), settings.topic_min_insync or (2 if production else 1)


def judge(wanted: Sequence[TopicWish], facts: KafkaFacts) -> list[Finding]:
    """Every difference that matters, worst settings as faults (hazard K14); `ok` for a topic without any."""
    findings: list[Finding] = []
    for wish in wanted:
        seen = facts.topics.get(wish.name)
        if seen is None:
            findings.append(fault(f"topic {wish.name}", "does not exist", APPLY))
            continue
        found = [*_copies(wish, seen), *_settings(wish, seen), *_few_partitions(wish, seen)]
        findings += found or [ok(f"topic {wish.name}", f"{seen.partitions} partitions, {_told(seen)}")]
    return [*findings, *_unequal(wanted, facts.topics)]


def changes(wanted: Sequence[TopicWish], facts: KafkaFacts) -> list[Change]:
    """What `apply` has to do: make what is missing, add partitions, raise settings that are too low."""
    found = []
    for wish in wanted:
        seen = facts.topics.get(wish.name)
        if seen is None:
            found.append(Change(wish.name, True, wish.partitions, wish.settings))
            continue
        change = Change(wish.name, False, wish.partitions if wish.partitions > seen.partitions else 0, _raised(wish, seen))
        if change.partitions or change.settings:
            found.append(change)
    return found


async def apply(admin: TopicAdmin, wanted: Sequence[TopicWish], to_do: Sequence[Change]) -> None:
    """Do it, topic by topic; run again after a failure it goes on where it ended. Raises Unavailable.

    What was done may be seen a moment later only: brokers tell each other.
    """
    by_name = {wish.name: wish for wish in wanted}
    for change in to_do:
        if change.create:
            await admin.create(by_name[change.name])
            continue
        if change.partitions:
            await admin.extend(change.name, change.partitions)
        if change.settings:
            await admin.configure(change.name, change.settings)


async def seen_after(admin: TopicAdmin, wanted: Sequence[TopicWish], within: float = SEEN_WITHIN) -> list[Finding]:
    """The topics judged after `apply`: looked at again until nothing is left to do, for at most `within` seconds."""
    names = [wish.name for wish in wanted]
    until = monotonic() + within
    while changes(wanted, facts := await admin.look(names)) and monotonic() < until:  # noqa: ASYNC110 - brokers have no event
        await asyncio.sleep(0.1)
    return judge(wanted, facts)


def _copies(wish: TopicWish, seen: TopicSeen) -> Iterable[Finding]:
    if seen.replication < wish.replication:
        mend = f"give it {wish.replication} replicas with kafka-reassign-partitions.sh"
        yield fault(f"topic {wish.name}", f"replication factor {seen.replication}, {wish.replication} wanted", mend)
    in_sync = int((seen.settings or {}).get(MIN_INSYNC, "0") or 0)
    if in_sync > 1 and in_sync >= seen.replication:
        yield fault(
            f"topic {wish.name}",
            f"{MIN_INSYNC} is {in_sync} with {seen.replication} replicas: one broker away stops every write",
            f"set {MIN_INSYNC} to {seen.replication - 1} with kafka-configs.sh, or add replicas",
        )


def _settings(wish: TopicWish, seen: TopicSeen) -> Iterable[Finding]:
    if seen.settings is None:
        return
    subject = f"topic {wish.name}"
    if "compact" in (policy := seen.settings.get(POLICY, "")):
        yield fault(subject, f"{POLICY} is {policy}: commands and replies of one saga replace each other", APPLY)
    if _number(seen, MIN_INSYNC) < int(wish.settings[MIN_INSYNC]):
        mend = APPLY if _can_raise_in_sync(wish, seen) else f"add replicas first, then {APPLY}"
        yield fault(subject, f"{MIN_INSYNC} is {seen.settings.get(MIN_INSYNC)}, {wish.settings[MIN_INSYNC]} wanted", mend)
    if _shorter(wish, seen):
        hours, wanted = _number(seen, RETENTION) / 3_600_000, int(wish.settings[RETENTION]) / 3_600_000
        yield warning(subject, f"keeps records for {hours:g} h, {wanted:g} h wanted: a longer outage loses starts", APPLY)


def _few_partitions(wish: TopicWish, seen: TopicSeen) -> Iterable[Finding]:
    if seen.partitions < wish.partitions:
        yield warning(f"topic {wish.name}", f"{seen.partitions} partitions, {wish.partitions} wanted", APPLY)


def _unequal(wanted: Sequence[TopicWish], seen: Mapping[str, TopicSeen]) -> Iterable[Finding]:
    """Of the topics that the coordinator reads: a saga's records then meet at different replicas, which costs folds, not correctness."""
    counts = {wish.name: seen[wish.name].partitions for wish in wanted if wish.name.endswith(".events") and wish.name in seen}
    if len(set(counts.values())) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in counts.items())
        yield warning(
            "topics", f"unequal partition counts ({listed}): folds are read again and again", f"{APPLY} --partitions {max(counts.values())}"
        )


def _raised(wish: TopicWish, seen: TopicSeen) -> Mapping[str, str]:
    if seen.settings is None:
        return {}
    raised = {}
    if seen.settings.get(POLICY) != wish.settings[POLICY]:
        raised[POLICY] = wish.settings[POLICY]
    if _number(seen, MIN_INSYNC) < int(wish.settings[MIN_INSYNC]) and _can_raise_in_sync(wish, seen):
        raised[MIN_INSYNC] = wish.settings[MIN_INSYNC]
    if _shorter(wish, seen):
        raised[RETENTION] = wish.settings[RETENTION]
    return raised


def _can_raise_in_sync(wish: TopicWish, seen: TopicSeen) -> bool:
    """Without a replica to spare nobody could write any more."""
    return seen.replication > int(wish.settings[MIN_INSYNC])


def _shorter(wish: TopicWish, seen: TopicSeen) -> bool:
    kept = _number(seen, RETENTION)
    return 0 <= kept < int(wish.settings[RETENTION])  # -1 keeps for ever


def _number(seen: TopicSeen, name: str) -> int:
    return int((seen.settings or {}).get(name) or 0)


def _told(seen: TopicSeen) -> str:
    if seen.settings is None:
        return "the broker does not tell its settings"
    return f"{seen.replication} replicas, {MIN_INSYNC} {seen.settings.get(MIN_INSYNC)}, {POLICY} {seen.settings.get(POLICY)}"
