"""Who needs which right on which topic and group, and no more: from the participants of the loaded definitions.

    coordinator    writes *.commands and saga.lifecycle, reads *.events with its group, looks at the settings of topics
    participant P  reads P.commands with its group, writes P.events

Why so narrow: whoever may write P.events can say that P has done something (hazard A10). The coordinator may not; nor may P's neighbours.
Reading and writing imply describing. No right on the cluster: an idempotent producer needs none.
"""

import shlex
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal

Operation = Literal["Read", "Write", "DescribeConfigs"]
Resource = Literal["topic", "group"]

LIFECYCLE = "saga.lifecycle"


@dataclass(frozen=True, slots=True)
class Acl:
    """`principal` may do `operation` on the one `resource` of this name, from any host."""

    principal: str
    operation: Operation
    resource: Resource
    name: str

    def line(self, bootstrap: str, config: str) -> str:
        """As arguments of Kafka's own tool; `config` is the properties file of somebody who may change ACLs."""
        where = ("--bootstrap-server", bootstrap, "--command-config", config)
        what = ("--allow-principal", self.principal, "--operation", self.operation, f"--{self.resource}", self.name)
        return shlex.join(("kafka-acls.sh", *where, "--add", *what))


@dataclass(frozen=True, slots=True)
class Principals:
    """How names become principals: `pattern` holds {name}. A participant is called as it is, the coordinator as given."""

    coordinator: str = "saga-coordinator"
    pattern: str = "User:{name}"

    def of(self, name: str) -> str:
        """The principal."""
        return self.pattern.replace("{name}", name)


def acls(participants: Collection[str], group: str, principals: Principals) -> list[Acl]:
    """The whole table. `group` is the coordinator's; a participant's group bears its name."""
    return [
        *_coordinator(participants, group, principals),
        *(acl for name in sorted(participants) for acl in _participant(name, principals)),
    ]


def _coordinator(participants: Collection[str], group: str, principals: Principals) -> Iterator[Acl]:
    us = principals.of(principals.coordinator)
    yield Acl(us, "Read", "group", group)
    yield Acl(us, "Write", "topic", LIFECYCLE)
    for name in sorted(participants):
        yield Acl(us, "Write", "topic", f"{name}.commands")
        yield Acl(us, "Read", "topic", f"{name}.events")
        yield Acl(us, "DescribeConfigs", "topic", f"{name}.commands")
        yield Acl(us, "DescribeConfigs", "topic", f"{name}.events")


def _participant(name: str, principals: Principals) -> Iterator[Acl]:
    them = principals.of(name)
    yield Acl(them, "Read", "group", name)
    yield Acl(them, "Read", "topic", f"{name}.commands")
    yield Acl(them, "Write", "topic", f"{name}.events")
