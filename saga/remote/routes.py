"""Which operation of REST carries which method of `Operations`. A test compares this table with the Protocol and with the application."""

from collections.abc import Mapping
from typing import NamedTuple


class Route(NamedTuple):
    """One operation: its id in the OpenAPI document, its HTTP method and path."""

    operation_id: str
    method: str
    path: str


_SAGA = "/v1/sagas/{saga_id}"
_DEFINITION = "/v1/definitions/{name}"
_LETTERS = "/v1/dead-letters"

ROUTES: Mapping[str, Route] = {
    "start": Route("startSaga", "POST", f"{_DEFINITION}/sagas"),
    "cancel": Route("cancelSaga", "POST", f"{_SAGA}/cancel"),
    "retry": Route("retryStep", "POST", f"{_SAGA}/retry"),
    "skip": Route("skipStep", "POST", f"{_SAGA}/skip"),
    "pause": Route("pauseSaga", "POST", f"{_SAGA}/pause"),
    "resume": Route("resumeSaga", "POST", f"{_SAGA}/resume"),
    "doubt": Route("doubtStep", "POST", f"{_SAGA}/doubt"),
    "answer": Route("answerStep", "POST", f"{_SAGA}/answer"),
    "fence": Route("fencePivot", "POST", f"{_SAGA}/fence"),
    "pause_definition": Route("pauseDefinition", "POST", f"{_DEFINITION}/pause"),
    "resume_definition": Route("resumeDefinition", "POST", f"{_DEFINITION}/resume"),
    "paused_definitions": Route("listDefinitions", "GET", "/v1/definitions"),
    "show": Route("showSaga", "GET", _SAGA),
    "events": Route("listEvents", "GET", f"{_SAGA}/events"),
    "find": Route("listSagas", "GET", "/v1/sagas"),
    "list_sagas": Route("listSagas", "GET", "/v1/sagas"),
    "dead_letters": Route("listDeadLetters", "GET", _LETTERS),
    "dead_letter": Route("showDeadLetter", "GET", f"{_LETTERS}/{{letter}}"),
    "redrive": Route("redriveDeadLetter", "POST", f"{_LETTERS}/{{letter}}/redrive"),
    "redrive_many": Route("redriveDeadLetters", "POST", f"{_LETTERS}/redrive"),
    "discard": Route("discardDeadLetter", "POST", f"{_LETTERS}/{{letter}}/discard"),
    "held_records": Route("listHeldRecords", "GET", "/v1/held-records"),
    "retry_held": Route("retryHeldRecords", "POST", "/v1/held-records/retry"),
    "definitions": Route("listDefinitions", "GET", "/v1/definitions"),
    "definition_of": Route("showSaga", "GET", _SAGA),
    "audit": Route("listAudit", "GET", "/v1/audit"),
    "faults": Route("ready", "GET", "/readyz"),
}
DIAGRAM = Route("drawDefinition", "GET", f"{_DEFINITION}/{{version}}/diagram")
