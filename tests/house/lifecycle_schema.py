"""The JSON Schema of what is told of sagas' lives, as the code has it."""

import json

from saga.wire import LIFECYCLE_PREFIX, LifecycleMessage

DOCUMENT = "contracts/lifecycle.schema.json"


def document() -> str:
    """The schema as it stands in the file: one for all types, for they differ in nothing but `what`."""
    schema = LifecycleMessage.model_json_schema(mode="serialization")
    said = {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"urn:{LIFECYCLE_PREFIX}v1", **schema}
    return json.dumps(said, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
