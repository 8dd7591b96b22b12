"""``darkroom campaigns export``: pictures and manifest of a campaign in a file, a folder or a bucket."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from api.cli.commands.campaigns.selection import Where, where_of
from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.image_files import writable
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer
from darkroom_client import Export, RetryPolicy
from darkroom_client.campaigns.file_names import file_stem
from darkroom_client.exchange.http_transport import SyncTransport

_LONG = RetryPolicy(attempts=30)  # ten minutes


def export(
    name: str,
    /,
    *,
    output_file: Annotated[Path | None, Parameter(name="--output", alias="-o")] = None,
    form: Annotated[
        Literal["zip", "folder", "imagefolder", "webdataset"], Parameter(name="--format")
    ] = "zip",
    where: Where = (),
    names: str | None = None,
    marking: Literal["xmp"] | None = None,
    to: str | None = None,
    resume: str | None = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Export a campaign: to a file here, or to a folder or bucket of the server.

    Parameters
    ----------
    output_file
        the ZIP to write; else NAME.zip
    form
        zip: pictures, manifest, checksums, contact sheet; imagefolder: Hugging Face; webdataset: TAR shards;
        folder: written below the server's DARKROOM_EXPORT_URL
    names
        template of the paths, such as {key}/{take}.{ext}; columns and axes, too
    marking
        xmp: declare the pictures as generated, where no C2PA manifest is
    to
        with folder and imagefolder: where below DARKROOM_EXPORT_URL
    resume
        id of an export whose download broke off: export_…
    """
    target = output_file or Path(f"{file_stem(name)}.zip")
    at_server = form == "folder" or to is not None
    if not at_server:
        writable(target)
    with open_client(connection, _LONG) as client:
        if resume is not None:
            made = client.campaigns.get_export(resume)
        else:
            made = client.campaign(name).create_export(
                format=form, names=names, marking=marking, destination=to, where=where_of(where) or None
            )
        made = made.wait()
        if not at_server:
            _save(made, target)
    place = made.document.get("destination") if at_server else str(target)
    words = f"{made.pictures or 0:,} pictures of {made.items or 0:,} items: {place}"
    missing = f"; {made.missing:,} files are missing or damaged" if made.missing else ""
    printer(json=output.json).record({**made.document, "file": place}, words + missing)
    return Exit.OK


def _save(made: Export[SyncTransport], target: Path) -> None:
    try:
        made.save(target)
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"{target} can't be written: {error.strerror}.") from error
