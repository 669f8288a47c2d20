"""Reading a start: is its body what the definition starts on, and which business key does it have?"""

from pydantic import ValidationError

from saga.definition.graph import Definition
from saga.errors import ContractError

MAX_KEY = 200


def read_key(definition: Definition, body: bytes) -> str:
    """The business key of a start event. Raises ContractError `invalid-body` (detail names the fields, never a value) or `bad-key`."""
    try:
        event = definition.starts_on.model_validate_json(body)
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(str(part) for part in fault['loc']) or 'body'}: {fault['msg']}" for fault in error.errors())
        raise ContractError("invalid-body", places) from None
    try:
        key = definition.key(event)
    except Exception as error:
        raise ContractError("bad-key", f"the key function of {definition.name} raised {type(error).__name__}") from None
    if not isinstance(key, str) or not 0 < len(key) <= MAX_KEY or "\x00" in key:
        raise ContractError("bad-key", f"a business key is a text of 1 to {MAX_KEY} characters")
    return key
