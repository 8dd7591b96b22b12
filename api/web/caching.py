"""Caching of responses that depend on an API key: in the client's own cache only (RFC 9111, 5.2.2.7)."""

from collections.abc import Iterable

KEYED = "darkroom.keyed"  #: of an ASGI scope: its response depends on the request's key
_KEY_HEADERS = ("Authorization", "mj-api-secret")
_PRIVATE = frozenset({"private", "no-store"})

Headers = Iterable[tuple[bytes, bytes]]


def private_headers(headers: Headers) -> list[tuple[bytes, bytes]]:
    """Return the headers of a response for one key: ``private``, and ``Vary`` by the headers with the key.

    A response without ``Cache-Control`` must be revalidated. ``public`` is replaced.
    """
    given = list(headers)
    others = [(name, value) for name, value in given if name not in (b"cache-control", b"vary")]
    return [
        *others,
        (b"cache-control", _cache_control(_members(given, b"cache-control")).encode()),
        (b"vary", _vary(_members(given, b"vary")).encode()),
    ]


def _cache_control(given: list[str]) -> str:
    members = [each for each in given if each.lower() != "public"]
    if not members:
        return "private, no-cache"
    return ", ".join(members if _PRIVATE & {each.lower() for each in members} else ["private", *members])


def _vary(given: list[str]) -> str:
    present = {each.lower() for each in given}
    return ", ".join([*given, *(name for name in _KEY_HEADERS if name.lower() not in present)])


def _members(headers: Headers, wanted: bytes) -> list[str]:
    values = ",".join(value.decode("latin-1") for name, value in headers if name == wanted)
    return [each.strip() for each in values.split(",") if each.strip()]
