"""Ids that follow from the business, so that a restored database or another replica makes the same ones (design 4.1)."""

from uuid import UUID, uuid5

from saga.body import canonical

COMMAND_NAMESPACE = UUID("6f1f6c1e-6a53-5b0c-9a53-5a2f6d1c7e11")
DO = "do"
UNDO = "undo"


def command_id(business: tuple[str, str, str], step: str, branch: str, kind: str, generation: int) -> str:
    """The id of a command, which is its idempotency key.

    `business` is (tenant, definition, saga key); `kind` is DO or UNDO. UUIDv5 over a JSON array, so that no two lists of parts
    run together into one name.
    """
    return str(uuid5(COMMAND_NAMESPACE, canonical([*business, step, branch, kind, generation]).decode()))


def key_text(key: bytes) -> str:
    """A Kafka record key as text that every JSON can hold, byte for byte: ASCII stays readable."""
    return key.decode("latin-1")


def key_bytes(text: str) -> bytes:
    """The reverse of `key_text`."""
    return text.encode("latin-1")
