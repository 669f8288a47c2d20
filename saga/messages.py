"""What every contract is made of: commands, replies, domain events, money, and the envelope they travel in.

    class PaymentAuthorized(Reply, by="payment"):
        payment_id: str

    class AuthorizePayment(Command[PaymentAuthorized | PaymentDeclined], to="payment", refused=PaymentDeclined):
        order_id: str
        amount: Money

A message's type on the wire is `<prefix>.<participant>.<Name>.v<version>`. The participant is what `to=` or `by=` says; with
dots (`to="com.acme.payment"`) the part before the last is the prefix, otherwise the prefix is `com.example`.

Why class keywords and not attributes: they stand in the line that a reader of the contract looks at, they cannot clash with a
field, and they are checked when the class is made.
"""

import re
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from saga.body import MAX_INTEGER, canonical
from saga.errors import ContractError
from saga.values import value

DEFAULT_PREFIX = "com.example"
PARTICIPANT = re.compile(r"[a-z][a-z0-9-]{0,62}")

FENCE_TYPE = "saga.fence.v1"
UNDONE_TYPE = "saga.undone.v1"
REFUSED_TYPE = "saga.refused.v1"
NOTHING_TO_UNDO_TYPE = "saga.nothing-to-undo.v1"
FAILED_TYPE = "saga.failed.v1"
IN_PROGRESS_TYPE = "saga.in-progress.v1"

Minor = Annotated[int, Field(ge=-MAX_INTEGER, le=MAX_INTEGER)]
Quantity = Annotated[int, Field(ge=1, le=1_000_000)]
BusinessKey = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class Outcome(StrEnum):
    """What a reply says of the command that it answers (wire.md section 3)."""

    SUCCEEDED = "succeeded"
    REFUSED = "refused"
    FAILED = "failed"
    NOTHING_TO_UNDO = "nothing-to-undo"
    IN_PROGRESS = "in-progress"


GENERAL_TYPES: Mapping[str, Outcome] = {
    UNDONE_TYPE: Outcome.SUCCEEDED,
    REFUSED_TYPE: Outcome.REFUSED,
    NOTHING_TO_UNDO_TYPE: Outcome.NOTHING_TO_UNDO,
    FAILED_TYPE: Outcome.FAILED,
    IN_PROGRESS_TYPE: Outcome.IN_PROGRESS,
}


class Message(BaseModel):
    """A body with a type. Frozen; a reader ignores fields that it does not know (wire.md section 7)."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True, allow_inf_nan=False)

    participant: ClassVar[str] = ""
    message_type: ClassVar[str] = ""
    schema_version: ClassVar[int] = 1

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Swallows the class keywords: `__pydantic_init_subclass__` reads them once the fields are known."""
        super().__init_subclass__()

    def body(self) -> bytes:
        """Canonical JSON of this message, without fields that are None."""
        return canonical(self.model_dump(mode="json", exclude_none=True))

    @classmethod
    def _name(cls, owner: str, version: int) -> None:
        prefix, _, participant = owner.rpartition(".")
        if not PARTICIPANT.fullmatch(participant):
            raise TypeError(f"{cls.__name__}: {participant!r} is no participant's name ([a-z][a-z0-9-]{{0,62}})")
        if version < 1:
            raise TypeError(f"{cls.__name__}: version must be 1 or more")
        cls.participant = participant
        cls.schema_version = version
        cls.message_type = f"{prefix or DEFAULT_PREFIX}.{participant}.{cls.__name__}.v{version}"


class _Published(Message):
    @classmethod
    def __pydantic_init_subclass__(cls, *, by: str | None = None, version: int = 1, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if by is not None:
            cls._name(by, version)
        elif cls.__module__ != __name__ and not cls.message_type:
            raise TypeError(f'{cls.__name__}: say who publishes it, as in by="payment"')


class Reply(_Published):
    """What a participant answers. `by=` names the participant, `version=` the major version of the schema."""


class DomainEvent(_Published):
    """A participant's fact on Kafka that is no answer. May start a saga. `by=` names the participant."""


R = TypeVar("R", bound=Reply)


class Command(Message, Generic[R]):
    """Asks `to=` for a do or an undo; the type argument lists the replies, `refused=` the one that says "no effect happened"."""

    reply_types: ClassVar[tuple[type[Reply], ...]] = ()
    refused_type: ClassVar[type[Reply] | None] = None

    @classmethod
    def __pydantic_init_subclass__(
        cls, *, to: str | None = None, refused: type[Reply] | None = None, version: int = 1, **kwargs: Any
    ) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if cls.__pydantic_generic_metadata__["origin"] is not None:
            return
        if to is None:
            raise TypeError(f'{cls.__name__}: say who handles it, as in to="payment"')
        cls._name(to, version)
        cls.reply_types = _reply_types(cls)
        cls.refused_type = refused
        if refused is not None and refused not in cls.reply_types:
            raise TypeError(f"{cls.__name__}: refused={refused.__name__} is not among its replies")

    @classmethod
    def success_types(cls) -> tuple[type[Reply], ...]:
        """The replies that say that the effect happened."""
        return tuple(reply for reply in cls.reply_types if reply is not cls.refused_type)

    @classmethod
    def outcome_of(cls, message_type: str) -> Outcome | None:
        """What a reply of this type says, when the record does not say it; None for a type that answers nothing."""
        for reply in cls.reply_types:
            if reply.message_type == message_type:
                return Outcome.REFUSED if reply is cls.refused_type else Outcome.SUCCEEDED
        return GENERAL_TYPES.get(message_type)


def _reply_types(command: type[Command[Any]]) -> tuple[type[Reply], ...]:
    for base in command.__mro__:
        arguments = getattr(base, "__pydantic_generic_metadata__", {}).get("args", ())
        if arguments:
            replies = get_args(arguments[0]) or arguments
            if not all(isinstance(reply, type) and issubclass(reply, Reply) for reply in replies):
                raise TypeError(f"{command.__name__}: Command[...] takes Reply classes")
            return tuple(replies)
    return ()


class Undone(Reply):
    """The general success of an undo: `Command[Undone]` is a command that answers nothing else."""

    message_type: ClassVar[str] = UNDONE_TYPE


class Money(BaseModel):
    """An amount in integer minor units (cents) and its ISO 4217 currency code. Never a float."""

    model_config = ConfigDict(frozen=True, strict=True)

    minor: Minor
    currency: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]

    def __add__(self, other: "Money") -> "Money":
        if other.currency != self.currency:
            raise ContractError("bad-value", "two currencies cannot be added")
        return Money(minor=self.minor + other.minor, currency=self.currency)

    def times(self, quantity: int) -> "Money":
        """This amount for `quantity` pieces."""
        return Money(minor=self.minor * quantity, currency=self.currency)


@value
class Envelope:
    """A message in flight: CloudEvents attributes, trace context, record key and body.

    `attributes` holds every further `ce_` attribute by its bare name (`attempt`, `sagaid`, `undoes`, ...), values as text.
    """

    id: str
    source: str
    type: str
    body: bytes
    key: bytes = b""
    time: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    traceparent: str = ""
    tracestate: str = ""

    def text(self, name: str) -> str:
        """The attribute, or an empty string: an empty value is an absent one (wire.md section 1)."""
        return self.attributes.get(name, "")

    def number(self, name: str, default: int | None = None) -> int:
        """The attribute as a number of decimal digits; raises ContractError `bad-attribute`, also if absent without default."""
        value = self.attributes.get(name, "")
        if not value and default is not None:
            return default
        if not (value.isascii() and value.isdigit() and len(value) <= 15):
            raise ContractError("bad-attribute", f"ce_{name} is not a number of decimal digits")
        return int(value)
