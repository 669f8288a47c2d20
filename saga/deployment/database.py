"""The database, judged: the server, the schema, the login, the replicas that live, and what waits."""

from collections.abc import Iterable, Iterator
from datetime import timedelta

from saga.config import Settings, release
from saga.definition.graph import Definition
from saga.deployment.finding import Finding, fault, ok, warning
from saga.ports.deployment import EMBEDDED_POSTGRES, NEEDED, NEVER_NEEDED, DatabaseFacts

OLDEST_SERVER = 140_000
ALIVE = 15.0
CLOCK_WARNING, CLOCK_FAULT = timedelta(seconds=2), timedelta(seconds=60)
UNSENT_FOR = 60.0
SAFE = {"fsync": "on", "full_page_writes": "on"}


def judge(facts: DatabaseFacts, definitions: Iterable[Definition], settings: Settings) -> list[Finding]:
    """Every finding on the database."""
    production = settings.env == "production"
    found = [*_server(facts, production=production), *_clock(facts), *_schema(facts)]
    if facts.schema_fault:
        return found
    return [
        *found,
        *_login(facts, production=production),
        *_connections(facts, settings),
        *_definitions(facts, definitions),
        *_replicas(facts),
        *_waiting(facts),
    ]


def _server(facts: DatabaseFacts, *, production: bool) -> Iterator[Finding]:
    severe = fault if production else warning
    if facts.version < OLDEST_SERVER:
        yield fault("postgres", f"server version {facts.version // 10_000}", f"PostgreSQL {OLDEST_SERVER // 10_000} or newer is needed")
    else:
        yield ok(
            "postgres", f"server version {facts.version // 10_000}.{facts.version % 10_000}, reached in {facts.round_trip * 1000:.0f} ms"
        )
    if production and facts.cluster == EMBEDDED_POSTGRES:
        yield fault("postgres", "this is the embedded server", "give SAGA_POSTGRES_DSN a server that survives its machine")
    for name, wanted in SAFE.items():
        if facts.settings.get(name) != wanted:
            yield severe(
                "postgres", f"{name} is {facts.settings.get(name)}: a power cut loses or breaks committed sagas", f"set {name} = on"
            )
    if facts.settings.get("synchronous_commit") == "off":
        yield severe(
            "postgres", "synchronous_commit is off: a crash forgets commits whose commands were sent", "set synchronous_commit = on"
        )


def _clock(facts: DatabaseFacts) -> Iterator[Finding]:
    """The database's clock decides; this machine's is in logs and in the life of tokens."""
    off = abs(facts.clock - facts.asked_at - timedelta(seconds=facts.round_trip / 2))
    off = max(timedelta(0), off - timedelta(seconds=facts.round_trip / 2))
    what = f"this machine and the database differ by {off.total_seconds():.1f} s"
    if off > CLOCK_WARNING:
        yield (fault if off > CLOCK_FAULT else warning)("clock", what, "let both follow the same time servers")
    else:
        yield ok("clock", what)


def _schema(facts: DatabaseFacts) -> Iterator[Finding]:
    if facts.schema_fault:
        yield fault("schema", facts.schema_fault, "run `saga migrate` of this release with a login that owns the schema")
    else:
        yield ok("schema", f"fits release {release()}")


def _login(facts: DatabaseFacts, *, production: bool) -> Iterator[Finding]:
    lacking = sorted(word for word in facts.may if word in NEEDED and not facts.may[word])
    if lacking:
        yield fault("privileges", f"{facts.login} may not {', '.join(lacking)}", "grant it the role saga_service")
    too_much = sorted(word for word in facts.may if word in NEVER_NEEDED and facts.may[word])
    if facts.superuser or too_much:
        who = f"{facts.login} is a superuser" if facts.superuser else f"{facts.login} may {', '.join(too_much)}"
        mend = "log in as a member of saga_service that owns nothing, or set SAGA_POSTGRES_ROLE=saga_service"
        yield (fault if production else warning)("privileges", f"{who}: history could be changed", mend)
    elif not lacking:
        yield ok("privileges", f"{facts.login} can add events and keys, and change none")


def _connections(facts: DatabaseFacts, settings: Settings) -> Iterator[Finding]:
    replicas = max(1, sum(one.silent_for < ALIVE for one in facts.replicas))
    wanted = replicas * (settings.pool_engine + settings.pool_api)
    if wanted > facts.connections * 0.8:
        yield warning(
            "connections",
            f"{replicas} replica(s) may open {wanted} of {facts.connections} connections",
            "raise max_connections, or lower SAGA_POOL_ENGINE and SAGA_POOL_API",
        )


def _definitions(facts: DatabaseFacts, definitions: Iterable[Definition]) -> Iterator[Finding]:
    for one in definitions:
        subject = f"definition {one.name} version {one.version}"
        published = facts.published.get((one.name, one.version))
        if published is None:
            yield warning(subject, "no replica has published it yet", "start a replica that has it")
        elif published != one.hash:
            yield fault(subject, "another graph was published under this version", "give the changed definition a new version")
        else:
            yield ok(subject, "is what replicas published")


def _replicas(facts: DatabaseFacts) -> Iterator[Finding]:
    alive = [one for one in facts.replicas if one.silent_for < ALIVE]
    if not alive:
        yield warning("replicas", "none lives", "start one with `saga serve`")
        return
    releases = sorted({one.release or "an older release" for one in alive})
    if len(releases) > 1:
        yield warning("replicas", f"{len(alive)} live, of releases {', '.join(releases)}", "finish the rolling restart")
    else:
        yield ok("replicas", f"{len(alive)} live, of release {releases[0]}")
    loaded = {one.replica: {(name, version) for name, versions in one.definitions.items() for version in versions} for one in alive}
    everything = set().union(*loaded.values())
    for replica, versions in loaded.items():
        if lacking := sorted(f"{name} version {version}" for name, version in everything - versions):
            yield warning(f"replica {replica}", f"has not loaded {', '.join(lacking)}", "give every replica the same SAGA_DEFINITIONS")


def _waiting(facts: DatabaseFacts) -> Iterator[Finding]:
    if facts.outbox and facts.outbox_age > UNSENT_FOR:
        yield fault(
            "outbox", f"{facts.outbox} commands wait, the oldest for {facts.outbox_age:.0f} s", "see whether replicas live and reach Kafka"
        )
    else:
        yield ok("outbox", f"{facts.outbox} commands wait")
    if facts.held:
        yield warning("held records", f"{facts.held} wait for a definition or a saga", "start a replica that has loaded what they wait for")
    if facts.dead:
        yield warning("dead letters", f"{facts.dead} wait for a person", "look at them with `saga dead-letters list`")
