"""What `saga topics`, `saga doctor` and `saga conformance` do: open the servers, let saga.deployment or saga.testing judge, close them."""

from collections.abc import Sequence

from saga.bootstrap import load_definitions
from saga.config import Settings
from saga.definition.graph import Definition
from saga.deployment import database, fit, kafka, topics
from saga.deployment.finding import Finding, fault, faults_of
from saga.deployment.starting import look_at
from saga.errors import ConfigurationError, DefinitionError, Unavailable
from saga.opening import own_group, topic_admin
from saga.store.inspection import inspect
from saga.testing.conformance import Parts, Verdict, play
from saga.testing.conversation import Conversation, Words


async def check_topics(settings: Settings) -> Sequence[Finding]:
    """The topics of the loaded definitions, judged. Raises Unavailable."""
    wanted = topics.wishes(load_definitions(settings).all(), settings)
    return await look_at(lambda: topic_admin(settings), wanted)


async def apply_topics(settings: Settings, *, dry_run: bool) -> tuple[Sequence[topics.Change], Sequence[Finding]]:
    """What was done, or would be done, and the faults that it leaves. Raises Unavailable."""
    wanted = topics.wishes(load_definitions(settings).all(), settings)
    names = [wish.name for wish in wanted]
    async with topic_admin(settings) as admin:
        before = await admin.look(names)
        to_do = topics.changes(wanted, before)
        if dry_run:
            mended = {change.name for change in to_do}
            return to_do, [one for one in faults_of(topics.judge(wanted, before)) if one.subject.removeprefix("topic ") not in mended]
        await topics.apply(admin, wanted, to_do)
        return to_do, faults_of(await topics.seen_after(admin, wanted))


async def examine(settings: Settings) -> Sequence[Finding]:
    """Every finding on the deployment. A server that cannot be reached is a fault among them, not an error."""
    findings = list(fit.judge(settings))
    definitions: Sequence[Definition] = ()
    try:
        definitions = load_definitions(settings).all()
    except DefinitionError as error:
        findings.append(fault("definitions", str(error).replace("\n", " "), "run `saga check` on the module"))
    except ConfigurationError as error:
        findings.append(fault("definitions", str(error), "set SAGA_DEFINITIONS as the replicas have it"))
    alive = 0
    try:
        facts = await inspect(settings)
    except (Unavailable, ConfigurationError) as error:
        findings.append(fault("postgres", str(error), "see SAGA_POSTGRES_DSN, the server and the way to it"))
    else:
        alive = sum(one.silent_for < database.ALIVE for one in facts.replicas)
        findings += database.judge(facts, definitions, settings)
    return [*findings, *await _kafka(settings, definitions, alive)]


async def _kafka(settings: Settings, definitions: Sequence[Definition], alive: int) -> Sequence[Finding]:
    wanted = topics.wishes(definitions, settings)
    try:
        async with topic_admin(settings) as admin:
            facts = await admin.look([wish.name for wish in wanted], settings.group_id)
    except Unavailable as error:
        return [fault("kafka", str(error), "see SAGA_KAFKA_BOOTSTRAP, the brokers and the way to them")]
    return [*kafka.judge(facts, settings, alive), *topics.judge(wanted, facts)]


async def conformance(settings: Settings, participant: str, words: Sequence[Words], patience: float) -> Sequence[Verdict]:
    """Play the wire protocol at a participant: its do, its undo, and a do that is refused if there is one. Raises Unavailable."""
    async with own_group(settings, [f"{participant}.events"]) as (producer, consumer):
        return await play(Parts(Conversation(participant, producer, consumer, patience), *words))
