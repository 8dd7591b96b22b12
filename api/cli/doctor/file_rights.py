"""Check of file rights: only this user may read database, images, raw responses and settings."""

import stat
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sqlalchemy.engine import make_url

from api.cli.doctor.findings import Finding, fault, fine
from models.settings import Settings

_CHECK = "files"
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def check_file_rights(settings: Settings, config: Path | None) -> Iterator[Finding]:
    """Find folders and files that other users of this machine may enter or read.

    What stands in a private folder is private. Darkroom makes new ones so; earlier versions did not.
    """
    found = [*_database(settings), *_storage(settings), *_config(config)]
    opened = sorted({path for path in found if _is_open(path)})
    for path in opened:
        recursive = "-R " if path.is_dir() else ""
        yield fault(
            _CHECK, f"Other users of this machine may open {path}.", f"Run chmod {recursive}go= '{path}'"
        )
    if found and not opened:
        yield fine(_CHECK, "other users of this machine can't open them")


def _database(settings: Settings) -> Iterator[Path]:
    """Yield the folder of a SQLite file; in a folder that others use too, the file with its journals."""
    url = make_url(settings.sqlalchemy_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return
    file = Path(url.database).absolute()
    if not _is_shared(file.parent):
        yield file.parent
    elif _is_open(file.parent):
        yield from (file.with_name(f"{file.name}{ending}") for ending in ("", "-wal", "-shm"))


def _storage(settings: Settings) -> Iterator[Path]:
    """Yield the folder of the images, unless a private folder holds it."""
    if settings.storage_url.startswith("file:"):
        folder = Path(unquote(urlsplit(settings.storage_url).path)).absolute()
        if _is_open(folder.parent):
            yield folder


def _config(config: Path | None) -> Iterator[Path]:
    """Yield the settings file, which holds the keys of providers."""
    file = (config or Path("darkroom.toml")).absolute()
    if _is_open(file.parent):
        yield file


def _is_shared(folder: Path) -> bool:
    """Return whether a folder is not Darkroom's own: the current one, one of the system, or anybody's."""
    return folder in (Path.cwd(), Path.home()) or bool(_mode(folder) & stat.S_ISVTX)


def _is_open(path: Path) -> bool:
    return bool(_mode(path) & _OTHERS)


def _mode(path: Path) -> int:
    """Return the mode; 0 for what does not exist yet."""
    try:
        return path.stat().st_mode
    except OSError:
        return 0
