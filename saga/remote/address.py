"""Where a replica's REST is, and the key that opens it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from saga.errors import ConfigurationError

URL, KEY, KEY_FILE = "SAGA_URL", "SAGA_API_KEY", "SAGA_API_KEY_FILE"


@dataclass(frozen=True, slots=True)
class Address:
    """`url` ends without a slash. `key` is sent as a bearer token; empty: none is sent. It is no part of the text of this object."""

    url: str
    key: str = field(default="", repr=False)


def read_address(url: str, environment: Mapping[str, str]) -> Address | None:
    """The address that `url` or the environment names; None if neither does. Raises ConfigurationError, without a word of the key."""
    url = url or environment.get(URL, "")
    return Address(_checked(url), _key(environment)) if url else None


def _checked(url: str) -> str:
    try:
        parts = urlsplit(url)
        fits = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) > 0
    except ValueError:
        fits = False
    if not fits or parts.query or parts.fragment or not url.isprintable():
        raise ConfigurationError(f"{URL}: must be the address of a replica's REST, as in https://saga.example:8080")
    if parts.username is not None or parts.password is not None:
        raise ConfigurationError(f"{URL}: must not hold a login: the key belongs in {KEY} or {KEY_FILE}")
    return url.rstrip("/")


def _key(environment: Mapping[str, str]) -> str:
    given, path = environment.get(KEY, ""), environment.get(KEY_FILE, "")
    if given and path:
        raise ConfigurationError(f"{KEY} and {KEY_FILE} are both set: keep one of them")
    if path:
        try:
            given = Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{KEY_FILE}: cannot be read ({type(error).__name__})") from None
        if not given:
            raise ConfigurationError(f"{KEY_FILE}: the file is empty")
    if not given.isascii() or not given.isprintable() or " " in given:
        raise ConfigurationError(f"{KEY_FILE if path else KEY}: must be one key in printable ASCII")
    return given
