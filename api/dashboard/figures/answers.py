"""The kept answer of a call, redacted and cut for a page: status, headers, body."""

from collections.abc import Mapping
from dataclasses import dataclass

from models.credentials.key_shapes import KEY_SHAPES
from models.errors import NotFound, StorageError
from worker.archive.format import load
from worker.archive.record_log import read_record
from worker.storage.store import Store

_MOST_CHARACTERS = 20_000
_HIDDEN = frozenset({"set-cookie", "cookie", "authorization", "proxy-authorization", "x-api-key", "api-key"})


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer, or why there is none."""

    problem: str | None = None
    status: int | None = None
    failure: str | None = None
    headers: Mapping[str, str] | None = None
    body: str = ""
    size: int = 0  #: bytes of the body as kept: long base64 is left out
    cut: bool = False


async def read_answer(store: Store, key: str | None) -> ShownAnswer:
    """Return the answer that was kept under a key."""
    if key is None:
        return ShownAnswer(problem="Its answer was not kept.")
    try:
        archived = load(await read_record(store, key))
    except NotFound:
        return ShownAnswer(problem="Its kept answer is gone from the storage.")
    except (ValueError, StorageError) as error:
        return ShownAnswer(problem=f"Its kept answer can't be read: {error}.")
    text = KEY_SHAPES.hide(archived.body.decode("utf-8", "replace"))
    return ShownAnswer(
        status=archived.status,
        failure=archived.failure,
        headers={
            name: KEY_SHAPES.hide(value)
            for name, value in archived.headers.items()
            if name.lower() not in _HIDDEN
        },
        body=text[:_MOST_CHARACTERS],
        size=len(archived.body),
        cut=archived.cut or len(text) > _MOST_CHARACTERS,
    )
