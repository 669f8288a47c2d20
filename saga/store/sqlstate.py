"""What an error of the server or the driver means to a caller (hazard P3). One table; nothing that is not in it is tried again."""

import ssl
from enum import Enum

import asyncpg

from saga.errors import ConfigurationError, LoginRefused, SagaError, Unavailable, UnknownOutcome, WrongExpectedVersion


class Meaning(Enum):
    """What a caller does about it."""

    CONFLICT = "decide again at once"
    UNKNOWN = "decide again from the streams, with a batch that writes"
    LOST = "the connection is gone: wait, then try again on another"
    BUSY = "the server refuses work: wait, then try again"
    STANDBY = "this server does not take writes: leave it"
    FATAL = "a person must mend it"


TABLE: dict[str, Meaning] = {
    "40001": Meaning.CONFLICT,  # serialization_failure
    "40P01": Meaning.CONFLICT,  # deadlock_detected
    "55P03": Meaning.CONFLICT,  # lock_not_available: lock_timeout
    "25P03": Meaning.UNKNOWN,  # idle_in_transaction_session_timeout
    "25P04": Meaning.UNKNOWN,  # transaction_timeout
    "57P05": Meaning.UNKNOWN,  # idle_session_timeout
    "57014": Meaning.BUSY,  # query_canceled: statement_timeout
    "57P01": Meaning.LOST,  # admin_shutdown
    "57P02": Meaning.LOST,  # crash_shutdown
    "57P03": Meaning.LOST,  # cannot_connect_now
    "57P04": Meaning.LOST,  # database_dropped
    "08": Meaning.LOST,  # connection exceptions
    "53": Meaning.BUSY,  # insufficient resources: disk full, out of memory, too many connections
    "58": Meaning.BUSY,  # system errors: I/O
    "25006": Meaning.STANDBY,  # read_only_sql_transaction
    "55000": Meaning.STANDBY,  # object_not_in_prerequisite_state: the clock statement on a standby
    "28": Meaning.FATAL,  # invalid authorization
    "3D000": Meaning.FATAL,  # no such database
    "3F000": Meaning.FATAL,  # no such schema
    "42501": Meaning.FATAL,  # insufficient privilege
    "42704": Meaning.FATAL,  # no such role
    "42P01": Meaning.FATAL,  # no such table: not migrated
    "42703": Meaning.FATAL,  # no such column: not migrated
    "22023": Meaning.FATAL,  # no such role or a setting that the server does not know
}

DRIVER_ERRORS = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
UNREADABLE = (asyncpg.ClientConfigurationError, ValueError)  # a DSN that cannot be parsed
_NO_TLS = "rejected SSL upgrade"


def refused(error: BaseException) -> LoginRefused | None:
    """TLS that fails while a connection is made, told from a server that is away; None for anything else."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return LoginRefused("postgres", f"its certificate is not trusted: {error.verify_message}")
    if isinstance(error, ssl.SSLError):
        return LoginRefused("postgres", f"TLS fails: {error.reason or type(error).__name__}")
    if isinstance(error, ConnectionError) and _NO_TLS in str(error):
        return LoginRefused("postgres", "it does not speak TLS, and SAGA_POSTGRES_SSLMODE or the DSN demands it")
    return None


def meaning_of(error: BaseException, *, closed: bool = False) -> Meaning | None:
    """What the error means; `closed`: the connection is gone since. None: a fault of ours, to be raised as it is."""
    if isinstance(error, asyncpg.InvalidCachedStatementError | asyncpg.OutdatedSchemaCacheError):
        return Meaning.CONFLICT  # a migration changed a table under a prepared statement (hazard P8)
    if isinstance(error, asyncpg.TargetServerAttributeNotMatched):
        return Meaning.STANDBY
    if isinstance(error, asyncpg.PostgresError):
        state = str(error.sqlstate or "")
        return TABLE.get(state) or TABLE.get(state[:2])
    if isinstance(error, OSError | TimeoutError) or closed:
        return Meaning.LOST
    return None


def translated(error: BaseException, meaning: Meaning | None, *, committing: bool = False) -> BaseException:
    """The error as a caller of the store sees it. `committing`: COMMIT had been sent, so what is not a clear refusal is unknown."""
    if committing and meaning not in (Meaning.CONFLICT, Meaning.STANDBY):
        return UnknownOutcome(f"COMMIT was sent and its outcome is not known: {_words(error)}")
    if meaning is None:
        return error
    return _MAKE[meaning](_words(error))


def _words(error: BaseException) -> str:
    """One line without values: an error's detail and hint may hold them, its first line does not hold a DSN."""
    text = next(iter(str(error).splitlines()), "")
    state = getattr(error, "sqlstate", None)
    name = type(error).__name__
    return f"{text or name} ({state})" if state else f"{name}: {text}" if text else name


def _conflict(_words: str) -> SagaError:
    return WrongExpectedVersion()


def _unknown(words: str) -> SagaError:
    return UnknownOutcome(words)


def _unavailable(words: str) -> SagaError:
    return Unavailable("postgres", words)


def _fatal(words: str) -> SagaError:
    return ConfigurationError(f"postgres: {words}")


_MAKE = {
    Meaning.CONFLICT: _conflict,
    Meaning.UNKNOWN: _unknown,
    Meaning.LOST: _unavailable,
    Meaning.BUSY: _unavailable,
    Meaning.STANDBY: _unavailable,
    Meaning.FATAL: _fatal,
}
