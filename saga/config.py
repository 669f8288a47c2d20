"""Settings of a coordinator process: one frozen object, read once from the environment (`SAGA_*`) and handed down as an argument.

Spans are seconds, sizes bytes unless the name says otherwise. `saga serve` prints a fault in a setting as one line and exits with 2.
"""

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from saga.errors import ConfigurationError

Seconds = Annotated[float, Field(gt=0, le=86_400)]
_PASSWORD = re.compile(r"(?<=:)[^:@/]+(?=@)")


class Settings(BaseSettings):
    """What a coordinator needs to know. Every field is an environment variable `SAGA_<NAME>`."""

    model_config = SettingsConfigDict(env_prefix="SAGA_", frozen=True, extra="ignore")

    env: Literal["development", "production"] = "development"
    postgres_dsn: SecretStr = SecretStr("postgresql://saga@127.0.0.1:5432/saga")
    postgres_role: str = Field(default="", description="SET ROLE of every connection; empty: the login as it is")
    kafka_bootstrap: str = "127.0.0.1:9092"
    definitions: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="modules that hold definitions, comma-separated")
    group_id: str = "saga-coordinator"
    instance_id: str = Field(default="", description="group.instance.id for Kafka: unique per replica and the same after its restart")
    source: str = Field(default="/saga", description="ce_source of commands: unique per coordinator database")
    epoch: Annotated[int, Field(ge=1)] = Field(default=1, description="ce_epoch: raise it by one after every restore or promotion")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8080

    batch_records: Annotated[int, Field(ge=1, le=5_000)] = 500
    ticks_per_round: Annotated[int, Field(ge=1, le=5_000)] = 200
    tick_every: Seconds = 0.2
    relay_every: Seconds = 1.0
    claim_for: Seconds = 10.0
    claim_backoff: Seconds = 15.0
    heartbeat_every: Seconds = 3.0
    unknown_saga_for: Seconds = Field(default=60.0, description="how long a record of an unknown saga is held before it is a dead letter")
    cache_bytes: Annotated[int, Field(ge=0)] = 64 * 1024 * 1024
    unsent_records: Annotated[int, Field(ge=1)] = 20_000
    send_timeout: Seconds = 10.0
    connect_timeout: Seconds = 5.0
    fetch_wait: Seconds = Field(default=0.5, description="how long a broker may wait for records; make it short for the embedded one")
    drain_timeout: Seconds = 8.0
    stuck_after: Seconds = 30.0
    session_timeout: Seconds = 10.0
    remember_for_days: Annotated[int, Field(ge=1)] = Field(default=30, description="how long participants remember (wire.md section 4)")
    pool_engine: Annotated[int, Field(ge=1)] = 4
    pool_api: Annotated[int, Field(ge=1)] = 4

    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("definitions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def load_settings(**overrides: object) -> Settings:
    """Read the environment. Raises ConfigurationError naming each variable that cannot work, without its value."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        faults = "; ".join(f"SAGA_{'_'.join(str(p) for p in fault['loc']).upper()}: {fault['msg']}" for fault in error.errors())
        raise ConfigurationError(faults) from None


def without_password(dsn: str) -> str:
    """A DSN that may be shown: its password replaced."""
    return _PASSWORD.sub("***", dsn)
