"""The embedded servers are for development: they are refused where SAGA_ENV says production (design section 1)."""

import os

from saga.errors import ConfigurationError


def refuse_in_production() -> None:
    """Raises ConfigurationError where SAGA_ENV=production."""
    if os.environ.get("SAGA_ENV") == "production":
        raise ConfigurationError("SAGA_ENV is production: the embedded servers are for development, give Postgres and Kafka by address")
