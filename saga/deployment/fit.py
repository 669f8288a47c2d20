"""Settings judged: against each other, and against production."""

from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

from saga.config import Settings
from saga.deployment.database import ALIVE
from saga.deployment.finding import Finding, fault, ok, warning
from saga.deployment.topics import copies

SHORTEST_SESSION = 6.0  # group.min.session.timeout.ms of a broker as it is delivered


def judge(settings: Settings) -> list[Finding]:
    """Every pair that does not fit; one `ok` if all do."""
    found = [*_spans(settings), *_copies(settings)]
    if settings.env == "production":
        found += _production(settings)
    return found or [ok("settings", f"fit each other and {settings.env}")]


def _spans(settings: Settings) -> Iterator[Finding]:
    if settings.heartbeat_every * 3 > ALIVE:
        what = f"SAGA_HEARTBEAT_EVERY is {settings.heartbeat_every:g} s: a live replica counts as gone after {ALIVE:g} s"
        yield fault("settings", what, f"make it at most {ALIVE / 3:g}")
    if settings.claim_for < settings.send_timeout:
        what = f"SAGA_CLAIM_FOR {settings.claim_for:g} s is shorter than SAGA_SEND_TIMEOUT {settings.send_timeout:g} s"
        yield warning("settings", f"{what}: commands are sent twice", "make SAGA_CLAIM_FOR at least as long")
    if settings.relay_every >= settings.claim_for:
        what = f"SAGA_RELAY_EVERY {settings.relay_every:g} s is not shorter than SAGA_CLAIM_FOR {settings.claim_for:g} s"
        mend = "make SAGA_RELAY_EVERY some times shorter"
        yield warning("settings", f"{what}: other replicas send again what was sent and is not swept yet", mend)
    if settings.claim_backoff < settings.send_timeout:
        what = f"SAGA_CLAIM_BACKOFF {settings.claim_backoff:g} s is shorter than SAGA_SEND_TIMEOUT {settings.send_timeout:g} s"
        yield warning("settings", what, "make SAGA_CLAIM_BACKOFF at least as long")
    if settings.fetch_wait >= settings.stuck_after:
        what = f"SAGA_FETCH_WAIT {settings.fetch_wait:g} s is not shorter than SAGA_STUCK_AFTER {settings.stuck_after:g} s"
        yield fault("settings", f"{what}: an idle consumer is replaced for ever", "make SAGA_STUCK_AFTER some times longer")
    if settings.stuck_after <= settings.session_timeout:
        what = f"SAGA_STUCK_AFTER {settings.stuck_after:g} s is not longer than SAGA_SESSION_TIMEOUT {settings.session_timeout:g} s"
        yield warning("settings", f"{what}: a rebalance passes for a stuck consumer", "make SAGA_STUCK_AFTER some times longer")


def _copies(settings: Settings) -> Iterator[Finding]:
    replication, in_sync = copies(settings)
    if in_sync > replication:
        what = f"SAGA_TOPIC_MIN_INSYNC {in_sync} is more than SAGA_TOPIC_REPLICATION {replication}: no write would ever be taken"
        yield fault("settings", what, "make it less than the replication factor")
    elif in_sync == replication > 1:
        what = f"SAGA_TOPIC_MIN_INSYNC equals SAGA_TOPIC_REPLICATION ({replication}): one broker away stops every write"
        yield warning("settings", what, "make it one less than the replication factor")


def _production(settings: Settings) -> Iterator[Finding]:
    replication, in_sync = copies(settings)
    if replication < 3 or in_sync < 2:
        what = f"topics have {replication} replica(s), {in_sync} in sync: the loss of one broker loses commands and starts"
        yield warning("settings", what, "set SAGA_TOPIC_REPLICATION=3 and SAGA_TOPIC_MIN_INSYNC=2 on three brokers")
    if (mode := _tls_mode(settings)) in ("", "disable", "allow", "prefer"):
        what = f"the SSL mode of Postgres is {mode}" if mode else "neither SAGA_POSTGRES_SSLMODE nor the DSN says an SSL mode"
        mend = "set SAGA_POSTGRES_SSLMODE=verify-full, and SAGA_POSTGRES_CA_FILE if your own authority signs"
        yield warning("settings", f"{what}: where the server offers no TLS, passwords and sagas go in the clear", mend)
    if settings.strict_topics == "off":
        yield warning("settings", "SAGA_STRICT_TOPICS is off", "leave it at auto: unsafe topics are then refused at the start")
    if settings.session_timeout < SHORTEST_SESSION:
        what = f"SAGA_SESSION_TIMEOUT {settings.session_timeout:g} s is below what a broker takes ({SHORTEST_SESSION:g} s)"
        yield fault("settings", what, f"make it {SHORTEST_SESSION:g} or more")
    if not settings.instance_id:
        mend = "give each replica a name that survives its restart"
        yield warning("settings", "SAGA_INSTANCE_ID is empty: each restart stops the whole group twice", mend)
    if settings.log_level == "debug":
        yield warning("settings", "SAGA_LOG_LEVEL is debug", "make it info")
    if settings.http_host in ("127.0.0.1", "localhost", "::1"):
        mend = "set SAGA_HTTP_HOST=0.0.0.0 in a container, behind whatever keeps strangers out"
        yield warning("settings", f"SAGA_HTTP_HOST is {settings.http_host}: nothing outside this machine reaches REST or probes", mend)


def _tls_mode(settings: Settings) -> str:
    """The SSL mode in force, as settings or DSN say it; a socket on this machine needs none."""
    login = settings.postgres_login()
    try:
        said = parse_qs(urlsplit(login.dsn.get_secret_value()).query)
    except ValueError:  # whoever connects says what is wrong with it
        said = {}
    return login.sslmode or ("socket" if said.get("host", [""])[0].startswith("/") else said.get("sslmode", [""])[0])
