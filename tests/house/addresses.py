"""Addresses: a clone must build anywhere, so nothing in it names a registry or a place on somebody's machine."""

import re
from collections.abc import Iterator

from tests.house.tree import Fault, Tree

_NOT_AN_ADDRESS = ("http://maven.apache.org/POM/", "http://www.w3.org/")
_ADDRESS = re.compile(r"https?://[^\s\"'<>)\]]+")
_REGISTRY = re.compile(
    r"pypi|pythonhosted|npmjs|yarnpkg|maven|sonatype|crates\.io|proxy\.golang|rubygems|registry|artifactory|nexus", re.IGNORECASE
)
_FLAG = re.compile(r"--(extra-)?index-url\b|--find-links\b|--trusted-host\b")
_MACHINE = re.compile(r"(?<![\w.~$}\-/:])/(work|home|root|Users|farm|mnt|private)/[\w.]")
_HERE = "tests/house/"


def addresses(tree: Tree) -> Iterator[Fault]:
    """No registry address, no flag that names one, no absolute path of a machine."""
    for name in tree.files:
        if name.startswith(_HERE):
            continue
        for number, line in enumerate(tree.read(name).splitlines(), 1):
            for what in _found(line):
                yield Fault(f"{name}:{number}", what)


def _found(line: str) -> Iterator[str]:
    for address in _ADDRESS.findall(line):
        if _REGISTRY.search(address) and not address.startswith(_NOT_AN_ADDRESS):
            yield f"the address of a registry: {address}"
    if flag := _FLAG.search(line):
        yield f"{flag.group()} says where packages come from: that is the machine's business"
    if path := _MACHINE.search(line):
        yield f"a path of one machine: {line[path.start() :].split(maxsplit=1)[0]}"
