"""Erasure of archived responses: their bytes are overwritten, for many records share one object.

An object without any record left is deleted. Only one process may erase at a time: two that rewrite the same
object would undo each other.
"""

from collections import defaultdict
from collections.abc import Iterable

from models.errors import NotFound
from worker.archive.format import load
from worker.storage.store import Store

_ERASED = b"\0"
_TYPE = "application/gzip"


async def erase_records(store: Store, keys: Iterable[str]) -> int:
    """Erase records, by their keys ``OBJECT#START-END``, with the blobs that they name.

    Returns how many there were; those that are gone already are passed over. Raises ``StorageError``.
    """
    spans: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for key in keys:
        place, _, span = key.partition("#")
        start, _, end = span.partition("-")
        if start.isdigit() and end.isdigit() and int(start) < int(end):
            spans[place].append((int(start), int(end)))
    erased = 0
    for place, parts in spans.items():
        try:
            content = bytearray(await store.get(place))
        except NotFound:
            continue
        for first, last in parts:
            for blob in _blobs(bytes(content[first:last])):
                await store.delete(blob)
            content[first:last] = _ERASED * len(content[first:last])
            erased += 1
        if content.strip(_ERASED):
            await store.put(place, bytes(content), content_type=_TYPE)
        else:
            await store.delete(place)
    return erased


def _blobs(record: bytes) -> list[str]:
    """Return the keys of the blobs of a record that are no images of a job."""
    try:
        return [key for key in load(record).blobs.values() if key.startswith("answers/")]
    except ValueError:
        return []  # erased already, or damaged
