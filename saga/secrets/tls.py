"""Certificates and keys in files, as an SSL context that verifies what it is told to verify."""

import hashlib
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from saga.errors import ConfigurationError

NO_SECRET = SecretStr("")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. `ca` empty: the authorities that the system trusts. `cert` and `key`: who we are (mTLS), none if empty.

    `verify` off accepts any certificate, `hostname` off any name in it. `prefix` begins the variables' names, for faults.
    """

    prefix: str
    ca: str = ""
    cert: str = ""
    key: str = ""
    key_password: SecretStr = NO_SECRET
    verify: bool = True
    hostname: bool = True

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises ConfigurationError that names the variable of the one that cannot be used."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.check_hostname = self.verify and self.hostname
        context.verify_mode = ssl.CERT_REQUIRED if self.verify else ssl.CERT_NONE
        if self.ca:
            self._load("CA_FILE", lambda: context.load_verify_locations(self.ca))
        elif self.verify:
            context.load_default_certs()
        if self.cert:
            # A callable: with none, OpenSSL would ask for the password of an encrypted key on the terminal.
            secret = self.key_password.get_secret_value
            self._load("CERT_FILE", lambda: context.load_cert_chain(self.cert, self.key or None, secret))
        return context

    def _load(self, variable: str, load: Callable[[], None]) -> None:
        try:
            load()
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            why = "no usable PEM" if isinstance(error, ssl.SSLError | ValueError) else type(error).__name__
            more = " or its key" if variable == "CERT_FILE" else ""
            raise ConfigurationError(f"{self.prefix}{variable}{more} cannot be used ({why})") from None


NO_TLS = TlsFiles("")


def digests(files: Mapping[str, str]) -> dict[str, str]:
    """Name → what the file holds, as a digest; empty for a file that cannot be read."""
    return {name: _digest(Path(path)) for name, path in files.items() if path}


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return ""
