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
    members: dict[bytes, list[str]] = {b"cache-control": [], b"vary": []}
    others = []
    for name, value in headers:
        if name in members:
            members[name] += filter(None, map(str.strip, value.decode("latin-1").split(",")))
        else:
            others.append((name, value))
    control = [each for each in members[b"cache-control"] if each.lower() != "public"]
    if not _PRIVATE & {each.lower() for each in control}:
        control = ["private", *(control or ["no-cache"])]
    present = {each.lower() for each in members[b"vary"]}
    vary = [*members[b"vary"], *(name for name in _KEY_HEADERS if name.lower() not in present)]
    return [*others, (b"cache-control", ", ".join(control).encode()), (b"vary", ", ".join(vary).encode())]
