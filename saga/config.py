"""Settings of a coordinator process: one frozen object, read from the environment (`SAGA_*`) and files, handed down as an argument.

SIGHUP makes a new one (saga.secrets.renewal). Spans are seconds, sizes bytes unless the name says otherwise. `saga serve` prints a fault
in a setting as one line and exits with 2.
"""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from saga.secrets.servers import ServerSettings, without_password

__all__ = ["Settings", "load_settings", "without_password"]

Algorithm = Literal["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class Issuer(BaseModel):
    """Who may issue bearer tokens (OIDC), where its public keys are, and how its claims are read: paths, as realm_access.roles."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,30}$")] = "oidc"  # stands before `sub` in events and audit
    issuer: Annotated[str, Field(min_length=1, max_length=500)]
    audience: Annotated[str, Field(min_length=1, max_length=500)]
    jwks: Annotated[str, Field(min_length=1)]  # https URL, or the path of a file
    algorithms: Annotated[tuple[Algorithm, ...], Field(min_length=1)] = ("RS256",)
    require_nbf: bool = True
    tenant: str = ""  # of everybody whom it names; else the tenant stands in `tenant_claim`
    tenant_claim: str = "tenant"
    roles_claim: str = "roles"
    roles: Mapping[str, str] = Field(default_factory=dict)  # what the claim says -> grant; empty: the claim says grants
    refresh_every: Seconds = 300.0
    keep_for: Annotated[float, Field(gt=0)] = 86_400.0  # the last good set, while its server does not answer


class Settings(ServerSettings):
    """What a coordinator needs to know. Every field is an environment variable `SAGA_<NAME>`."""

    RENEWABLE: ClassVar[frozenset[str]] = ServerSettings.RENEWABLE | {"issuers"}

    model_config = SettingsConfigDict(env_prefix="SAGA_", frozen=True, extra="ignore")

    postgres_role: str = Field(default="", description="SET ROLE of every connection; empty: the login as it is")
    definitions: Annotated[tuple[str, ...], NoDecode] = Field(default=(), description="modules that hold definitions, comma-separated")
    group_id: str = "saga-coordinator"
    instance_id: str = Field(default="", description="group.instance.id for Kafka: unique per replica and the same after its restart")
    source: str = Field(default="/saga", description="ce_source of commands: unique per coordinator database")
    epoch: Annotated[int, Field(ge=1)] = Field(default=1, description="ce_epoch: raise it by one after every restore or promotion")

    http_host: str = "127.0.0.1"
    http_port: Annotated[int, Field(ge=0, le=65_535)] = 8080
    insecure_dev: bool = Field(default=False, description="true: everybody may do everything over REST; refused in production")
    issuers: tuple[Issuer, ...] = Field(default=(), description="OIDC issuers whose bearer tokens are taken, as a JSON list of objects")
    http_rate: Annotated[float, Field(ge=0)] = Field(default=100.0, description="requests a second and principal at each replica; 0: any")

    lifecycle_topic: Annotated[str, Field(pattern=r"^[a-zA-Z0-9._-]{0,249}$")] = Field(
        default="saga.lifecycle", description="where changes of sagas' lives are told; empty: nowhere, and nothing can be followed live"
    )
    lifecycle_steps: bool = Field(default=False, description="tell of every event of a step too")
    http_streams: Annotated[int, Field(ge=0, le=10_000)] = Field(default=50, description="open streams a tenant at each replica")

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

    topic_partitions: Annotated[int, Field(ge=1, le=1_000)] = Field(default=12, description="what `saga topics apply` gives a topic")
    topic_replication: Annotated[int, Field(ge=0, le=9)] = Field(default=0, description="copies of a topic; 0: 3 in production, else 1")
    topic_min_insync: Annotated[int, Field(ge=0, le=9)] = Field(default=0, description="min.insync.replicas; 0: 2 in production, else 1")
    topic_retention_hours: Annotated[int, Field(ge=1)] = Field(
        default=168, description="how long topics keep records: longer than the longest outage, for a start that nobody read is lost"
    )
    strict_topics: Literal["auto", "on", "off"] = Field(
        default="auto", description="refuse to start with unsafe or missing topics, instead of warning; auto: in production"
    )

    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @field_validator("insecure_dev")
    @classmethod
    def _not_in_production(cls, value: bool, info: ValidationInfo) -> bool:
        if value and info.data.get("env") == "production":
            raise ValueError("refused where SAGA_ENV=production: make a key with `saga keys add`, or set SAGA_ISSUERS")
        return value

    @field_validator("issuers")
    @classmethod
    def _told_apart(cls, value: tuple[Issuer, ...]) -> tuple[Issuer, ...]:
        if len({one.name for one in value} | {"key"}) <= len(value) or len({one.issuer for one in value}) < len(value):
            raise ValueError("each issuer needs a name and an issuer of its own, and no name may be `key`")
        return value

    @field_validator("definitions", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def load_settings(**overrides: object) -> Settings:
    """Read the environment and files. Raises ConfigurationError naming each variable that cannot work, without its value."""
    return Settings.load(overrides)


def release() -> str:
    """The release that is installed here, as in 0.1.0; "0" where none is."""
    try:
        return version("saga-coordinator")
    except PackageNotFoundError:
        return "0"
