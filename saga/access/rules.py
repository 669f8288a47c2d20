"""What each operation of REST needs: one line an operationId. What has no line is refused to everybody."""

from enum import Enum
from typing import NamedTuple

from saga.access.principal import Role

VIEWER, OPERATOR, ADMIN = Role.VIEWER, Role.OPERATOR, Role.ADMIN


class On(Enum):
    """On what the role must be held."""

    SAGA = "the definition of the saga in the path (`saga_id`)"
    DEFINITION = "the definition in the path (`name`)"
    SOME = "any definition: the answer holds only what the principal may see"
    TENANT = "everything of the tenant"


class Rule(NamedTuple):
    """The role that an operation needs, and on what."""

    role: Role
    on: On


RULES: dict[str, Rule] = {
    "startSaga": Rule(OPERATOR, On.DEFINITION),
    "listSagas": Rule(VIEWER, On.SOME),
    "showSaga": Rule(VIEWER, On.SAGA),
    "listEvents": Rule(VIEWER, On.SAGA),
    "followSaga": Rule(VIEWER, On.SAGA),
    "followSagas": Rule(VIEWER, On.SOME),
    "cancelSaga": Rule(OPERATOR, On.SAGA),
    "retryStep": Rule(OPERATOR, On.SAGA),
    "skipStep": Rule(OPERATOR, On.SAGA),
    "pauseSaga": Rule(OPERATOR, On.SAGA),
    "resumeSaga": Rule(OPERATOR, On.SAGA),
    "doubtStep": Rule(OPERATOR, On.SAGA),
    "answerStep": Rule(OPERATOR, On.SAGA),
    "fencePivot": Rule(OPERATOR, On.SAGA),
    "listDefinitions": Rule(VIEWER, On.SOME),
    "drawDefinition": Rule(VIEWER, On.DEFINITION),
    "pauseDefinition": Rule(ADMIN, On.DEFINITION),
    "resumeDefinition": Rule(ADMIN, On.DEFINITION),
    "listDeadLetters": Rule(VIEWER, On.TENANT),
    "showDeadLetter": Rule(OPERATOR, On.TENANT),
    "redriveDeadLetter": Rule(OPERATOR, On.TENANT),
    "discardDeadLetter": Rule(OPERATOR, On.TENANT),
    "redriveDeadLetters": Rule(ADMIN, On.TENANT),
    "listHeldRecords": Rule(VIEWER, On.TENANT),
    "retryHeldRecords": Rule(OPERATOR, On.TENANT),
    "listAudit": Rule(ADMIN, On.TENANT),
}
