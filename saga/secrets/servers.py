"""What a coordinator and a service need to reach Postgres and Kafka: addresses, logins, certificates."""

from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, PrivateAttr, SecretStr, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from saga.secrets.sources import Files, read
from saga.secrets.tls import NO_SECRET, NO_TLS, TlsFiles, digests

Protocol = Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
Mechanism = Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"]
SslMode = Literal["", "disable", "require", "verify-ca", "verify-full"]


@dataclass(frozen=True, slots=True)
class PostgresLogin:
    """How to log in to Postgres. `password` wins over one in the DSN; `sslmode` empty leaves TLS to the DSN."""

    dsn: SecretStr
    password: SecretStr = NO_SECRET
    sslmode: SslMode = ""
    tls: TlsFiles = NO_TLS

    def arguments(self) -> dict[str, Any]:
        """What asyncpg's `connect` and `create_pool` take. Raises ConfigurationError for a certificate that cannot be used."""
        given: dict[str, Any] = {"dsn": self.dsn.get_secret_value()}
        if password := self.password.get_secret_value():
            given["password"] = password
        if self.sslmode:
            given["ssl"] = self.tls.context() if self.sslmode != "disable" else "disable"
        return given


@dataclass(frozen=True, slots=True)
class KafkaLogin:
    """How to log in to Kafka."""

    protocol: Protocol = "PLAINTEXT"
    mechanism: Mechanism = "SCRAM-SHA-512"
    username: str = ""
    password: SecretStr = NO_SECRET
    tls: TlsFiles = NO_TLS

    def arguments(self) -> dict[str, Any]:
        """What the clients of aiokafka take. Raises ConfigurationError for a certificate that cannot be used."""
        given: dict[str, Any] = {"security_protocol": self.protocol}
        if self.protocol.endswith("SSL"):
            given["ssl_context"] = self.tls.context()
        if self.protocol.startswith("SASL"):
            given["sasl_mechanism"] = self.mechanism
            given["sasl_plain_username"] = self.username
            given["sasl_plain_password"] = self.password.get_secret_value()
        return given


NO_LOGIN = KafkaLogin()


def as_login(login: PostgresLogin | str) -> PostgresLogin:
    """A bare DSN is a login too."""
    return PostgresLogin(SecretStr(login)) if isinstance(login, str) else login


class ServerSettings(BaseSettings):
    """The settings that a coordinator and a service have in common."""

    RENEWABLE: ClassVar[frozenset[str]] = frozenset({"log_level"})

    env: Literal["development", "production"] = "development"
    secrets_dir: str = Field(default="", description="directory of files named like the variables in lower case, as in saga_kafka_password")

    postgres_dsn: SecretStr = SecretStr("postgresql://saga@127.0.0.1:5432/saga")
    postgres_password: SecretStr = Field(default=NO_SECRET, description="the login's password, instead of one in the DSN")
    postgres_sslmode: SslMode = Field(
        default="", description="TLS to Postgres: `require` verifies nothing, `verify-full` certificate and name; empty: as the DSN says"
    )
    postgres_ca_file: str = Field(default="", description="PEM of the authorities that may sign Postgres' certificate; empty: the system's")
    postgres_cert_file: str = Field(default="", description="PEM of our certificate for Postgres, where it wants one")
    postgres_key_file: str = Field(default="", description="PEM of its key; empty: it stands in the certificate's file")
    postgres_key_password: SecretStr = Field(default=NO_SECRET, description="password of that key")

    kafka_bootstrap: str = "127.0.0.1:9092"
    kafka_security_protocol: Protocol = Field(default="PLAINTEXT", description="how brokers are spoken to; never less than this")
    kafka_sasl_mechanism: Mechanism = Field(default="SCRAM-SHA-512", description="how to log in where the protocol is a SASL one")
    kafka_username: str = Field(default="", description="who we are for Kafka; its ACLs hang on this name")
    kafka_password: SecretStr = Field(default=NO_SECRET, description="the password of that user")
    kafka_ca_file: str = Field(
        default="", description="PEM of the authorities that may sign the brokers' certificates; empty: the system's"
    )
    kafka_cert_file: str = Field(default="", description="PEM of our certificate for Kafka (mTLS)")
    kafka_key_file: str = Field(default="", description="PEM of its key; empty: it stands in the certificate's file")
    kafka_key_password: SecretStr = Field(default=NO_SECRET, description="password of that key")

    _options: dict[str, Any] = PrivateAttr(default_factory=dict)
    _digests: dict[str, str] = PrivateAttr(default_factory=dict)

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._options = options

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Options, files, environment. A file and a variable that is not empty never come together: see `in_files`."""
        return init_settings, Files(settings_cls), env_settings

    @classmethod
    def load(cls, options: dict[str, Any]) -> Self:
        """Read all sources and the certificates. Raises ConfigurationError."""
        settings = read(cls, options)
        settings.postgres_login().arguments()
        settings.kafka_login().arguments()
        settings._digests = digests({name: getattr(settings, name) for name in cls.model_fields if name.endswith("_file")})
        return settings

    def read_again(self) -> Self:
        """What the sources say now, under the same options. Raises ConfigurationError."""
        return type(self).load(self._options)

    @property
    def options(self) -> dict[str, Any]:
        """What the command line said."""
        return dict(self._options)

    def changed(self, fresh: Self) -> frozenset[str]:
        """Fields that differ, or whose file holds something else."""
        return frozenset(
            name
            for name in type(self).model_fields
            if getattr(self, name) != getattr(fresh, name) or self._digests.get(name) != fresh._digests.get(name)
        )

    def may_change(self, fresh: Self) -> frozenset[str]:
        """Fields that may be taken over from `fresh` without a restart: logins and what the class lists, no addresses."""
        logins = POSTGRES_LOGIN | KAFKA_LOGIN
        if _place(self.postgres_dsn) != _place(fresh.postgres_dsn):
            logins -= {"postgres_dsn"}
        return (logins | self.RENEWABLE) & frozenset(type(self).model_fields)

    def taking(self, fresh: Self, names: frozenset[str]) -> Self:
        """These settings with the named fields of `fresh`."""
        taken = self.model_copy(update={name: getattr(fresh, name) for name in names})
        taken._digests = self._digests | {name: digest for name, digest in fresh._digests.items() if name in names}
        return taken

    def postgres_login(self) -> PostgresLogin:
        """How to log in to Postgres."""
        mode = self.postgres_sslmode or ("verify-full" if self.postgres_ca_file or self.postgres_cert_file else "")
        tls = self._tls("postgres", verify=mode != "require", hostname=mode != "verify-ca")
        return PostgresLogin(self.postgres_dsn, self.postgres_password, mode, tls)

    def kafka_login(self) -> KafkaLogin:
        """How to log in to Kafka."""
        return KafkaLogin(
            self.kafka_security_protocol, self.kafka_sasl_mechanism, self.kafka_username, self.kafka_password, self._tls("kafka")
        )

    def _tls(self, server: str, *, verify: bool = True, hostname: bool = True) -> TlsFiles:
        ca, cert, key, password = (getattr(self, f"{server}_{part}") for part in ("ca_file", "cert_file", "key_file", "key_password"))
        return TlsFiles(f"{self._prefix()}{server.upper()}_", ca, cert, key, password, verify, hostname)

    @classmethod
    def _prefix(cls) -> str:
        return str(cls.model_config.get("env_prefix", ""))

    @model_validator(mode="after")
    def _fits(self) -> Self:
        faults = [*self._faults()]
        if faults:
            raise ValueError("; ".join(f"{self._prefix()}{variable}" for variable in faults))
        return self

    def _faults(self) -> list[str]:
        protocol, prefix = self.kafka_security_protocol, self._prefix()
        files = any((self.kafka_ca_file, self.kafka_cert_file, self.kafka_key_file))
        password = bool(self.kafka_password.get_secret_value())
        sasl = protocol.startswith("SASL")
        clear = protocol == "SASL_PLAINTEXT" and self.kafka_sasl_mechanism == "PLAIN" and self.env == "production"
        own = bool(self.postgres_password.get_secret_value())
        rules = (
            (
                sasl and not (self.kafka_username and password),
                f"KAFKA_SECURITY_PROTOCOL: {protocol} needs KAFKA_USERNAME and KAFKA_PASSWORD",
            ),
            (not sasl and (self.kafka_username or password), f"KAFKA_SECURITY_PROTOCOL: {protocol} would not use the user and password"),
            (files and not protocol.endswith("SSL"), f"KAFKA_SECURITY_PROTOCOL: {protocol} would not use the certificate files"),
            (clear, "KAFKA_SASL_MECHANISM: PLAIN would send the password in the clear, use SASL_SSL or SCRAM"),
            (bool(self.kafka_key_file) and not self.kafka_cert_file, "KAFKA_KEY_FILE: it needs a certificate, KAFKA_CERT_FILE"),
            (bool(self.postgres_key_file) and not self.postgres_cert_file, "POSTGRES_KEY_FILE: it needs POSTGRES_CERT_FILE"),
            (own and password_in(self.postgres_dsn), f"POSTGRES_PASSWORD: {prefix}POSTGRES_DSN holds a password too, keep one of them"),
            (
                self.postgres_sslmode in ("disable", "require") and bool(self.postgres_ca_file),
                f"POSTGRES_SSLMODE: {self.postgres_sslmode} would not use {prefix}POSTGRES_CA_FILE, write verify-full",
            ),
        )
        return [fault for broken, fault in rules if broken]


POSTGRES_LOGIN = frozenset(name for name in ServerSettings.model_fields if name.startswith("postgres_"))
KAFKA_LOGIN = frozenset(name for name in ServerSettings.model_fields if name.startswith("kafka_")) - {"kafka_bootstrap"}


def password_in(dsn: SecretStr) -> bool:
    """Whether a DSN holds a password."""
    userinfo, at, _ = _split(dsn.get_secret_value())[1].rpartition("@")
    return bool(at and userinfo.partition(":")[2]) or "password=" in _split(dsn.get_secret_value())[2]


def without_password(dsn: str) -> str:
    """A DSN that may be shown: scheme, user, host, port, database. What cannot be told apart is not shown."""
    scheme, rest, query = _split(dsn)
    if not rest or "@" in query:
        return "***"
    userinfo, at, place = rest.rpartition("@")
    user, colon, _ = userinfo.partition(":")
    return f"{scheme}://{user}{':***' if colon else ''}{at}{place}"


def _split(dsn: str) -> tuple[str, str, str]:
    """Scheme, what stands between it and the question mark, the query."""
    head, _, query = dsn.partition("?")
    scheme, _, rest = head.partition("://")
    return scheme, rest, query


def _place(dsn: SecretStr) -> tuple[str, str, str]:
    """Which database a DSN means, whoever logs in."""
    scheme, rest, query = _split(dsn.get_secret_value())
    kept = "&".join(part for part in query.split("&") if not part.startswith(("password=", "user=", "passfile=")))
    return scheme, rest.rpartition("@")[2], kept
