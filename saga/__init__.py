"""The saga coordinator: orchestrated sagas over Kafka and Postgres. These are the words for definitions and contracts.

    from saga import Command, DomainEvent, Reply, Retry, Saga

A participant's words are in `saga.sdk`, given-when-then for definitions in `saga.testing.scenario`.
"""

from saga.definition import Retry, Saga
from saga.errors import ActRefused, ConfigurationError, ContractError, DefinitionError, SagaError, Unavailable
from saga.messages import Command, DomainEvent, Money, Outcome, Reply, Undone

__all__ = [
    "ActRefused",
    "Command",
    "ConfigurationError",
    "ContractError",
    "DefinitionError",
    "DomainEvent",
    "Money",
    "Outcome",
    "Reply",
    "Retry",
    "Saga",
    "SagaError",
    "Unavailable",
    "Undone",
]
