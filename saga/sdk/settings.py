"""Settings of a service process: one frozen object, read from the environment (`SERVICE_*`) and files, handed down as an argument.

SERVICE_POSTGRES_DSN      where its database is; its tables are in a schema of their own (SERVICE_SCHEMA, the participant's name)
SERVICE_KAFKA_BOOTSTRAP   where Kafka is
SERVICE_GROUP_ID          consumer group, the participant's name if empty; SERVICE_INSTANCE_ID  group.instance.id of this replica
SERVICE_HTTP_HOST, _PORT  where /livez, /readyz and the ledger are served; port 0 is any free one
SERVICE_SEED              JSON that the service's own start reads, as in {"accounts": {"ada": 100000}}
SERVICE_FAULTS            JSON of saga/sdk/faults.py: faults on purpose, for demonstrations
and the sizes below. Spans are seconds. Each may stand in a file instead (saga.secrets), and SIGHUP reads them again.
"""

import os
from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from saga.errors import ConfigurationError
from saga.sdk.faults import FaultPlan
from saga.secrets.servers import ServerSettings

Seconds = Annotated[float, Field(gt=0, le=86_400)]


class ServiceSettings(ServerSettings):
    """What a service needs to know. Every field is an environment variable `SERVICE_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SERVICE_", frozen=True, extra="ignore")

    schema_name: str = Field(default="", validation_alias="SERVICE_SCHEMA", description="empty: the participant's name")
    group_id: str = ""
    instance_id: str = ""
    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 0
    batch_records: Annotated[int, Field(ge=1, le=5_000)] = 200
    side_by_side: Annotated[int, Field(ge=1, le=64)] = Field(default=4, description="keys handled side by side; as many connections")
    poll_timeout: Seconds = 0.5
    sweep_every: Seconds = 1.0
    session_timeout: Seconds = 10.0
    fetch_wait: Seconds = Field(default=0.5, description="how long a broker may wait for records; make it short for the embedded one")
    drain_timeout: Seconds = 5.0
    work_claim: Seconds = Field(default=15.0, description="how long work is its replica's without a sign of life")
    remember_for_days: Annotated[int, Field(ge=1)] = 30
    seed: dict[str, Any] = Field(default_factory=dict)
    faults: FaultPlan = FaultPlan()
    log_level: Literal["debug", "info", "warning", "error"] = Field(default="info", description="from which level on lines are logged")
    log_format: Literal["json", "console"] = Field(default="json", description="one JSON object a line, or text for people")


def load_settings(**overrides: object) -> ServiceSettings:
    """Read the environment and files. Raises ConfigurationError naming each variable that cannot work, without its value.

    SAGA_ENV=production counts here too: a machine that is production for the coordinator is no place for a demonstration.
    """
    if os.environ.get("SAGA_ENV") == "production":
        overrides = {"env": "production", **overrides}
    settings = ServiceSettings.load(overrides)
    if settings.env == "production" and settings.faults != FaultPlan():
        raise ConfigurationError("SERVICE_FAULTS: no faults on purpose in production")
    return settings
