"""A real Kafka behind TLS, SCRAM and ACLs, and its administrator."""

import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)
from pydantic import SecretStr

from saga.embedded.kafka import EmbeddedKafka
from saga.secrets.servers import KafkaLogin, Mechanism
from saga.secrets.tls import TlsFiles
from saga.transport.acls import Acl
from tests.authority import Authority

ADMIN = "admin"
PASSWORD = "only-for-the-administrator"
_SCRAM = f'org.apache.kafka.common.security.scram.ScramLoginModule required username="{ADMIN}" password="{PASSWORD}";'
_PLAIN = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required username="admin" password="plain-admin" user_plain="plain-secret";'
)
_MECHANISMS = {"SCRAM-SHA-256": ScramMechanism.SCRAM_SHA_256, "SCRAM-SHA-512": ScramMechanism.SCRAM_SHA_512}
_OPERATIONS = {
    "Read": AclOperation.READ,
    "Write": AclOperation.WRITE,
    "DescribeConfigs": AclOperation.DESCRIBE_CONFIGS,
    "Describe": AclOperation.DESCRIBE,
}


class SecuredKafka:
    """One broker for 127.0.0.1, on which nobody may anything but the administrator: a SASL_SSL listener, and at `mutual` one that wants
    certificates."""

    def __init__(self, directory: Path) -> None:
        self.authority = Authority(directory)
        store = self.authority.keystore("broker", "127.0.0.1")
        self.mutual = f"127.0.0.1:{_free_port()}"
        self._kafka = EmbeddedKafka(settings=_settings(store, self.authority.ca, self.mutual), scram={ADMIN: PASSWORD})
        self._admin: AdminClient | None = None

    def start(self) -> None:
        """Start the broker and connect its administrator."""
        self._kafka.start()
        self._admin = AdminClient(
            {
                "bootstrap.servers": self.bootstrap,
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": ADMIN,
                "sasl.password": PASSWORD,
                "ssl.ca.location": str(self.authority.ca),
            }
        )

    def stop(self) -> None:
        """End the broker."""
        self._admin = None
        self._kafka.stop()

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return self._kafka.bootstrap

    @property
    def admin(self) -> AdminClient:
        """Who may everything."""
        assert self._admin is not None
        return self._admin

    def login(self, name: str, secret: str, mechanism: Mechanism = "SCRAM-SHA-512", ca: Path | None = None) -> KafkaLogin:
        """How a client of ours logs in."""
        return KafkaLogin("SASL_SSL", mechanism, name, SecretStr(secret), TlsFiles("SAGA_KAFKA_", str(ca or self.authority.ca)))

    def create_topics(self, names: Iterable[str], partitions: int = 2) -> None:
        """Make those that do not exist."""
        missing = set(names) - set(self.admin.list_topics(timeout=30).topics)
        _all(self.admin.create_topics([NewTopic(name, partitions, 1) for name in sorted(missing)]) if missing else {})

    def add_login(self, name: str, secret: str, mechanism: str = "SCRAM-SHA-512") -> None:
        """A password for a user, beside those for other mechanisms."""
        info = ScramCredentialInfo(_MECHANISMS[mechanism], 4096)
        _all(self.admin.alter_user_scram_credentials([UserScramCredentialUpsertion(name, info, secret.encode())]))

    def remove_login(self, name: str, mechanism: str = "SCRAM-SHA-512") -> None:
        """The password for this mechanism is worth nothing any more."""
        _all(self.admin.alter_user_scram_credentials([UserScramCredentialDeletion(name, _MECHANISMS[mechanism])]))

    def grant(self, rights: Iterable[Acl]) -> None:
        """Make the table true."""
        kinds = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP}
        _all(
            self.admin.create_acls(
                [
                    AclBinding(
                        kinds[right.resource],
                        right.name,
                        ResourcePatternType.LITERAL,
                        right.principal,
                        "*",
                        _OPERATIONS[right.operation],
                        AclPermissionType.ALLOW,
                    )
                    for right in rights
                ]
            )
        )


def _all(futures: Mapping[object, object]) -> None:
    for future in futures.values():
        future.result(timeout=30)  # type: ignore[attr-defined]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _settings(keystore: Path, ca: Path, mutual: str) -> tuple[str, ...]:
    return (
        f"listeners=CLIENT://127.0.0.1:{{port}},MUTUAL://{mutual},CONTROLLER://127.0.0.1:{{controller}}",
        f"advertised.listeners=CLIENT://127.0.0.1:{{port}},MUTUAL://{mutual}",
        "listener.security.protocol.map=CLIENT:SASL_SSL,MUTUAL:SSL,CONTROLLER:PLAINTEXT",
        "listener.name.mutual.ssl.client.auth=required",
        "inter.broker.listener.name=CLIENT",
        "sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512",
        "sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256,PLAIN",
        f"listener.name.client.scram-sha-512.sasl.jaas.config={_SCRAM}",
        f"listener.name.client.scram-sha-256.sasl.jaas.config={_SCRAM}",
        f"listener.name.client.plain.sasl.jaas.config={_PLAIN}",
        "ssl.keystore.type=PEM",
        f"ssl.keystore.location={keystore}",
        "ssl.truststore.type=PEM",
        f"ssl.truststore.location={ca}",
        "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        f"super.users=User:{ADMIN};User:ANONYMOUS",
    )
