"""Every error this project raises on purpose, by who must act on it.

    SagaError
    ├─ DefinitionError      the author of a definition: all faults at once
    ├─ ContractError        the sender of a record or request: what is wrong with it, where
    ├─ ActRefused           the operator: the act does not fit the saga's state (HTTP 409)
    ├─ NotAuthenticated     the caller of REST: say who you are, by a credential that holds (HTTP 401)
    ├─ NotAllowed           whoever grants roles: the caller has not the role for it (HTTP 403)
    ├─ Conflict             nobody: decide again at once
    │   ├─ WrongExpectedVersion   a rival appended first
    │   └─ KeyTaken               a rival started the saga of this key
    ├─ UnknownOutcome       nobody: the commit may have happened; decide again from the streams
    ├─ Unavailable          the people who run Postgres or Kafka: wait, then try again
    │   └─ LoginRefused         whoever hands out logins: a server answers and does not let us in, or is not who it should be
    └─ ConfigurationError   whoever starts the process: a setting that cannot work

Each states its facts as fields, so that a log line or a problem document need not parse text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID


class SagaError(Exception):
    """The root: catch it to tell our refusals from somebody's bug."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong with a definition: where it stands, what it is, and how to mend it."""

    where: str
    what: str
    mend: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what} -- {self.mend}"


class DefinitionError(SagaError):
    """A definition that cannot work. Raised once with every fault, so that one round mends them all."""

    def __init__(self, definition: str, faults: Sequence[Fault]) -> None:
        self.definition = definition
        self.faults = tuple(faults)
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"definition {definition!r} has {len(self.faults)} fault(s):\n{lines}")


class ContractError(SagaError):
    """A record or body that breaks the contract. `code` is kebab-case for machines, `detail` a sentence without values."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


class ActRefused(SagaError):
    """An operator's act that does not fit the state of the saga (design 4.8). Becomes HTTP 409."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail
        super().__init__(f"{code}: {detail}")


class NotAuthenticated(SagaError):
    """Who asks is not proved. `detail` says what is wrong with the credential without a word of it; `given`: there was one."""

    def __init__(self, detail: str, *, given: bool = True) -> None:
        self.detail = detail
        self.given = given
        super().__init__(detail)


class NotAllowed(SagaError):
    """The caller is known and lacks `role` for what was asked."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"this needs the role {role}")


class Conflict(SagaError):
    """Somebody else was first. Nothing was written; reload and decide again."""


class WrongExpectedVersion(Conflict):
    """The streams of `sagas` are not at the versions decided on. A rival's append won, which is normal.

    `sagas` is empty when the server reported a deadlock or lock time-out and cannot say whose.
    """

    def __init__(self, sagas: Iterable[UUID] = ()) -> None:
        self.sagas = frozenset(sagas)
        super().__init__(f"{len(self.sagas)} saga(s) moved on meanwhile")


class KeyTaken(Conflict):
    """A rival inserted one of our (tenant, definition, key) rows first: read the key and decide again."""


class UnknownOutcome(SagaError):
    """COMMIT was sent and no answer came: the batch may or may not be in the database (hazard P1)."""


class Unavailable(SagaError):
    """A server cannot be reached or refuses work. `what` names it, as in 'postgres'; the text never holds a password."""

    def __init__(self, what: str, detail: str) -> None:
        self.what = what
        self.detail = detail
        super().__init__(f"{what} is unavailable: {detail}")


class LoginRefused(Unavailable):
    """A server answers, and refuses our login, or TLS between us fails. Waiting mends it only if somebody else does something."""


class ConfigurationError(SagaError):
    """A setting, or a pair of them, that cannot work. Says which and what to write instead."""
