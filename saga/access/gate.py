"""The gate of REST: who asks (401), how often (429), and whether they may (403, or 404 where they may not know).

credential ─> key or token ─> principal ─> rate ─> rule of the operation ─> on what ─> in
"""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID, uuid4

from saga.access.jwks import Fetch, KeySet, fetch_of
from saga.access.keys import Credential, principal_of, read_key, why_not
from saga.access.principal import EVERY, Principal, everybody
from saga.access.rate import Rate
from saga.access.rules import RULES, On, Rule
from saga.access.tokens import looks_like_token, read_claimed, verified
from saga.config import Issuer, Settings
from saga.errors import ConfigurationError, NotAllowed, NotAuthenticated
from saga.ports.access import AccessStore, ApiKey, AuditEntry, Books

KEEP = 5.0  # seconds that a key's row is believed without asking again: so long a revoked key may go on
MOST = 1_000
REALM = "saga"

DefinitionOf = Callable[[str, UUID], Awaitable[str]]


def _utc() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Around:
    """What the gate takes from the world; a test passes its own. `denied` counts a refusal by its reason."""

    clock: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _utc
    denied: Callable[[str], None] = lambda _: None
    fetch: Callable[[Issuer], Fetch] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: the operation, and the parameters of its path."""

    operation: str
    path: Mapping[str, str]


class Gate:
    """Lets in whom the settings and the books know. Without books there are no API keys."""

    def __init__(self, settings: Settings, books: Books | None = None, around: Around | None = None) -> None:
        self._around = around or Around()
        self._insecure = settings.insecure_dev
        self._books = books
        self._rate = Rate(settings.http_rate, self._around.clock)
        self._seen: OrderedDict[str, tuple[float, ApiKey | None]] = OrderedDict()
        self._issuers: dict[str, tuple[Issuer, KeySet]] = {}
        self.trust(settings)

    def trust(self, settings: Settings) -> None:
        """From now on believe the issuers of these settings and no others. One that is as it was keeps the keys that were read. Raises
        ConfigurationError for one whose keys may not be read from where it says; then nothing has changed."""
        fetch = self._around.fetch or (lambda issuer: _fetch(issuer, production=settings.env == "production"))
        kept = {one.issuer: pair for one in settings.issuers if (pair := self._issuers.get(one.issuer)) and pair[0] == one}
        self._issuers = {one.issuer: kept.get(one.issuer) or (one, KeySet(one, fetch(one), self._around.clock)) for one in settings.issuers}

    async def principal(self, credentials: Sequence[str], actor: str) -> Principal:
        """Who asks. `credentials` are the Authorization headers, `actor` is what X-Actor says. Raises NotAuthenticated, Unavailable."""
        if self._insecure:
            return everybody(actor or "anonymous")
        try:
            return await self._proved(_bearer(credentials))
        except NotAuthenticated:
            self._around.denied("unauthenticated")
            raise

    def wait(self, principal: Principal) -> float:
        """0, or the seconds until this principal may ask again."""
        wait = 0.0 if self._insecure else self._rate.wait((principal.tenant, principal.name))
        if wait:
            self._around.denied("too-many-requests")
        return wait

    async def allow(self, principal: Principal, asked: Asked, definition_of: DefinitionOf) -> None:
        """Raises NotAllowed (with a row of audit) when a role lacks, LookupError for what the principal may not know of."""
        try:
            await self._judge(principal, RULES.get(asked.operation), asked, definition_of)
        except NotAllowed as error:
            self._around.denied("not-allowed")
            if self._books is not None:
                await self._books.note(_denial(principal, asked, error.role))
            raise

    async def _proved(self, credential: str) -> Principal:
        if (key := read_key(credential)) is not None:
            return await self._key_holder(key)
        if looks_like_token(credential):
            return await self._token_bearer(credential)
        raise NotAuthenticated("this is neither an API key nor a token")

    async def _key_holder(self, key: Credential) -> Principal:
        row = await self._row(key.id)
        if row is None or why_not(row, key.secret, self._around.now()):
            raise NotAuthenticated("the API key does not hold")
        return principal_of(row)

    async def _row(self, key_id: str) -> ApiKey | None:
        now = self._around.clock()
        if key_id in self._seen and now - self._seen[key_id][0] < KEEP:
            return self._seen[key_id][1]
        row = await self._books.api_key(key_id) if self._books is not None else None
        self._seen[key_id] = now, row
        self._seen.move_to_end(key_id)
        if len(self._seen) > MOST:
            self._seen.popitem(last=False)
        return row

    async def _token_bearer(self, text: str) -> Principal:
        claimed = read_claimed(text)
        if claimed.issuer not in self._issuers:
            raise NotAuthenticated("the token's issuer is not one of ours")
        issuer, keys = self._issuers[claimed.issuer]
        if claimed.algorithm not in issuer.algorithms:
            raise NotAuthenticated("the token's algorithm is not one of its issuer's")
        key = await keys.key(claimed.key_id, claimed.algorithm)
        if key is None:
            raise NotAuthenticated("the token's key is not one of its issuer's")
        return verified(text, key, issuer)

    async def _judge(self, principal: Principal, rule: Rule | None, asked: Asked, definition_of: DefinitionOf) -> None:
        if rule is None:
            raise NotAllowed("of nobody: no rule allows this operation")
        if (principal.highest or 0) < rule.role:
            raise NotAllowed(str(rule.role))
        if rule.on is On.SOME or principal.may(rule.role, EVERY):
            return
        if rule.on is On.TENANT:
            raise NotAllowed(f"{rule.role} of everything")
        definition = asked.path.get("name", "") if rule.on is On.DEFINITION else await _followed(principal, asked, definition_of)
        if not principal.sees(definition):
            raise LookupError("no saga has this id" if rule.on is On.SAGA else "no definition of this name was ever published")
        if not principal.may(rule.role, definition):
            raise NotAllowed(str(rule.role))


async def somebody_may_ask(settings: Settings, store: AccessStore) -> None:
    """Raises ConfigurationError where REST would refuse everybody: that is a mistake, and nobody would see it before they need it."""
    if not settings.insecure_dev and not settings.issuers and not await store.api_keys(None):
        raise ConfigurationError(
            "nobody could use REST: make a key with `saga keys add NAME --role operator --reason WHY`, or set SAGA_ISSUERS; "
            "for development `saga serve --insecure-dev` lets everybody in"
        )


async def _followed(principal: Principal, asked: Asked, definition_of: DefinitionOf) -> str:
    """The definition of the saga in the path. What is no id names no saga."""
    try:
        saga_id = UUID(asked.path.get("saga_id", ""))
    except ValueError:
        raise LookupError("no saga has this id") from None
    return await definition_of(principal.tenant, saga_id)


def _bearer(credentials: Sequence[str]) -> str:
    if not credentials:
        raise NotAuthenticated("say who you are: Authorization: Bearer, with an API key or a token", given=False)
    scheme, _, text = credentials[0].partition(" ")
    if len(credentials) > 1 or scheme.lower() != "bearer" or not text.strip():
        raise NotAuthenticated("one Authorization header is read, and it must be Bearer with an API key or a token")
    return text.strip()


def _denial(principal: Principal, asked: Asked, role: str) -> AuditEntry:
    """The row of an attempt. What stands in the path was not checked yet, so it is cut and cleaned."""
    saga_id, definition = (_plain(asked.path.get(name, "")) for name in ("saga_id", "name"))
    return AuditEntry(
        tenant=principal.tenant,
        actor=principal.name,
        act=asked.operation,
        outcome="denied",
        input_id=f"denied:{uuid4()}",
        saga_id=saga_id,
        definition=definition,
        detail=f"needs {role}",
    )


def _plain(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text[:200])


def _fetch(issuer: Issuer, *, production: bool) -> Fetch:
    try:
        return fetch_of(issuer, production=production)
    except ValueError as error:
        raise ConfigurationError(f"SAGA_ISSUERS: {error}") from None
