"""``darkroom archive``: read jobs that retention has archived before it deleted them."""

import asyncio
from datetime import date
from pathlib import Path
from typing import Any

from cyclopts import App

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import settings_of
from api.cli.options import DEFAULT_INSTALLATION, Installation
from api.cli.output import write_json
from models.errors import NotFound
from worker.retention.job_archive import PREFIX, unpack
from worker.services import build_store
from worker.storage.store import Store

app = App(name="archive", help="Read jobs that retention has archived.", help_format="plaintext")
_PAGE = 1000


@app.command
def read(
    place: str,
    *,
    job: str | None = None,
    installation: Installation = DEFAULT_INSTALLATION,
) -> Exit:
    """Print archived jobs as JSON lines.

    Parameters
    ----------
    place
        a day such as 2026-01-31, a key in the storage such as archive/jobs/…, or a file
    job
        only this job, by its id
    """
    found = False
    for document in _documents(place, installation):
        if job is None or document.get("id") == job:
            found = True
            write_json(document)
    if not found:
        what = f"no job {job}" if job else "nothing"
        raise CommandFailed(Exit.NOT_FOUND, f"There is {what} in the archive of {place}.")
    return Exit.OK


def _documents(place: str, installation: Installation) -> list[dict[str, Any]]:
    """Return the archived jobs of a place; of one that was written twice, the last."""
    path = Path(place)
    contents = [path.read_bytes()] if path.is_file() else asyncio.run(_stored(place, installation))
    by_id: dict[str, dict[str, Any]] = {}
    try:
        for content in contents:
            by_id |= {document["id"]: document for document in unpack(content)}
    except ValueError as error:
        raise CommandFailed(Exit.FAILED, f"{place}: {error}.") from error
    return list(by_id.values())


async def _stored(place: str, installation: Installation) -> list[bytes]:
    store = build_store(settings_of(installation))
    try:
        day = date.fromisoformat(place)
    except ValueError:
        try:
            return [await store.get(place)]
        except NotFound as error:
            message = f"{place} is no day, no file, and no key in the storage."
            raise CommandFailed(Exit.NOT_FOUND, message) from error
    return [await store.get(key) for key in await _keys(store, f"{PREFIX}{day:%Y/%m/%d}/")]


async def _keys(store: Store, prefix: str) -> list[str]:
    keys: list[str] = []
    while True:
        page = await store.list_files(prefix, after=keys[-1] if keys else "", limit=_PAGE)
        keys += [file.key for file in page]
        if len(page) < _PAGE:
            return keys
