"""What an error of the broker means, in a sentence that says what to do."""

import re
from collections.abc import Iterator

_MEANINGS: tuple[tuple[str, str], ...] = (
    (
        r"\bMOVED\b|CROSSSLOT|CLUSTERDOWN|MovedError|CrossSlotError|ClusterDownError",
        "it is a Redis Cluster, which Celery can't use: take one server, or Sentinel",
    ),
    (r"\bOOM\b|OutOfMemoryError", "its memory is full (maxmemory): raise it, or remove what else fills it"),
    (
        r"\bMISCONF\b",
        "it refuses writes because it can't save its snapshot: see its log, and the free space of its disk",
    ),
    (
        r"READONLY|ReadOnlyError|read only replica",
        "it is a replica: name the master, or Sentinel (sentinel://HOST:26379/0?master=NAME)",
    ),
    (
        r"NOPERM|NoPermissionError",
        "its ACL denies this user a command or key; docs/deployment.md has the rule that it needs",
    ),
    (r"NOAUTH|WRONGPASS|invalid (username|password)|ACCESS_REFUSED", "it refuses user name or password"),
    (r"NOT_ALLOWED - vhost|vhost .* not found", "its vhost does not exist, or this user may not use it"),
    (
        r"unknown command '?(SADD|LPUSH|BRPOP|RPUSH|SELECT|MULTI|EXEC)|MasterNotFound|No master found",
        "this is a Sentinel, or its master has another name: write sentinel://HOST:26379/0?master=NAME",
    ),
    (
        r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|hostname mismatch",
        "its certificate is not trusted: name its CA in DARKROOM_CA_BUNDLE, and the host that it is for",
    ),
    (r"WRONG_VERSION_NUMBER|record layer failure", "it does not speak TLS on this port"),
    (r"max number of clients", "it has no connection left (maxclients)"),
)  # a pattern, and what it means


UNKNOWN = "it can't be reached, or takes no messages"


def meaning_of_broker_error(error: BaseException) -> str:
    """Return what an error means, in our words alone: without addresses and words of the server."""
    every = " ".join(_texts(error))
    return next((meaning for pattern, meaning in _MEANINGS if re.search(pattern, every)), UNKNOWN)


def explain_broker_error(error: BaseException) -> str:
    """Return what an error means and the words of the server, in one line."""
    words = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
    meaning = meaning_of_broker_error(error)
    return words if meaning == UNKNOWN else f"{meaning} ({words})"


def _texts(error: BaseException | None) -> Iterator[str]:
    """Yield the types and messages of an error and of its causes."""
    for _ in range(5):
        if error is None:
            return
        yield f"{type(error).__name__}: {error}"
        error = error.__cause__ or error.__context__
