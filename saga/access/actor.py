"""X-Actor, the header that says who acts in insecure mode: printable ASCII as it is, any other name as RFC 8187 writes it.

ada  →  ada          Ädä Löw  →  UTF-8''%C3%84d%C3%A4%20L%C3%B6w
"""

from urllib.parse import quote, unquote_to_bytes

MARK = "UTF-8''"
LONGEST = 200


def in_header(actor: str) -> str:
    """The name as a header can hold it."""
    plain = actor.isascii() and actor.isprintable() and actor == actor.strip() and not actor.upper().startswith(MARK)
    return actor if plain else MARK + quote(actor, safe="")


def out_of_header(text: str) -> str:
    """The name that a header holds. Raises ValueError for one that is not UTF-8, too long or not one printable line."""
    try:
        actor = unquote_to_bytes(text[len(MARK) :]).decode() if text.upper().startswith(MARK) else text
    except UnicodeDecodeError:
        raise ValueError("must be UTF-8, percent-encoded, behind UTF-8''") from None
    if not actor.strip() or len(actor) > LONGEST or not actor.isprintable():
        raise ValueError(f"must be one printable line of 1 to {LONGEST} characters")
    return actor.strip()
