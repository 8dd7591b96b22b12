"""``darkroom run``: pictures of the rows of a sheet, within a budget, into a folder."""

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from api.cli.campaign_run.definition import definition_of, name_of
from api.cli.campaign_run.run import Run, RunRequest
from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.local_database import settings_of
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_INSTALLATION, Connection, Installation
from api.cli.output import say
from api.cli.retry_options import Pairs, pairs_of
from darkroom_client import RetryPolicy
from models.settings import Settings

_LONG = RetryPolicy(attempts=30)  # ten minutes: a server that restarts does not end a run
_DEFAULT_DATA = Path("darkroom-data")


def run(
    sheet: Path,
    /,
    *,
    output_folder: Annotated[Path, Parameter(name="--output", alias="-o")],
    template: str | None = None,
    matrix: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    budget: str | None = None,
    canary: int | None = None,
    size: str | None = None,
    concurrency: int | None = None,
    mapping: Pairs = (),
    name: str | None = None,
    yes: Annotated[bool, Parameter(alias="-y", negative="")] = False,
    retry: Annotated[bool, Parameter(negative="")] = False,
    embedded: Annotated[bool, Parameter(negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
    installation: Installation = DEFAULT_INSTALLATION,
) -> Exit | int:
    """Make the pictures of a sheet's rows: plan, question, progress, pictures into a folder, manifest.

    Ctrl-C detaches: the campaign goes on at the server, and the same command goes on with it; nothing is
    paid twice.
    Exit codes: 0 all are made, 1 some are not, 2 something must be corrected first, 3 none is made.

    Parameters
    ----------
    sheet
        the rows: CSV, TSV, JSONL or XLSX, with the pictures that its cells name beside it
    output_folder
        the folder for the pictures and manifest.jsonl and manifest.csv
    template
        the prompt, with {column} and {column|default}; or @FILE. A column `prompt` needs none
    matrix
        AXIS=VALUE,VALUE: each row in each of these variants; repeatable
    model
        the model; else that of each row, or DARKROOM_MODEL
    budget
        what the calls may cost together, such as 20USD; it pauses there
    canary
        make so many items first, then ask
    size
        WIDTHxHEIGHT, a ratio such as 2:3, or 1K, 2K, 4K
    concurrency
        calls in flight at most
    mapping
        COLUMN=FIELD, such as SKU=key; fields: key, prompt, images, size, n, model, file_name; repeatable
    name
        the campaign's name; else that of the sheet
    yes
        ask nothing; after a canary, go on if half of it was made
    retry
        retry the items without a picture, then go on
    embedded
        without a server: run one meanwhile, on the folder of --data (./darkroom-data)
    """
    request = RunRequest(
        sheet=sheet,
        folder=output_folder,
        name=name_of(sheet, name),
        definition=definition_of(
            model=model,
            template=template,
            matrix=matrix,
            budget=budget,
            canary=canary,
            size=size,
            concurrency=concurrency,
        ),
        mapping={column: str(field) for column, field in pairs_of("--mapping", mapping).items()} or None,
        yes=yes,
        retry=retry,
        again=_again(sheet, output_folder, name_of(sheet, name), embedded, connection, installation),
    )
    try:
        with _server(embedded, connection, installation) as called:
            return _run(called, request, embedded=embedded)
    except CommandFailed as error:
        if error.code is Exit.UNREACHABLE and not embedded:
            raise CommandFailed(error.code, f"{error} Without a server: --embedded.") from error
        if error.code in (Exit.DENIED, Exit.NOT_FOUND, Exit.FAILED):  # 3 and 1 say what was made
            raise CommandFailed(Exit.USAGE, str(error)) from error
        raise


@contextmanager
def _server(embedded: bool, connection: Connection, installation: Installation) -> Iterator[Connection]:
    """Yield how to call the server: the user's own, or one that runs meanwhile."""
    if not embedded:
        yield connection
        return
    from api.cli.campaign_run.embedded import embedded_server  # noqa: PLC0415 - it imports the server: slow

    data = installation.data or _DEFAULT_DATA
    with embedded_server(_quiet(settings_of(Installation(installation.config, data)))) as own:
        yield own


def _quiet(settings: Settings) -> Settings:
    """Return the settings with logs of errors only, unless a level is set: the progress is the output."""
    if "log_level" in settings.model_fields_set:
        return settings
    return settings.model_copy(update={"log_level": "error"})


def _run(connection: Connection, request: RunRequest, *, embedded: bool) -> Exit | int:
    try:
        with open_client(connection) as client:
            prepared = Run(client, request).prepare()
        if prepared is None:
            return Exit.USAGE
        with open_client(connection, _LONG) as client:
            return Run(client, request).follow(prepared)
    except KeyboardInterrupt:
        where = "It stops here" if embedded else "The campaign goes on at the server"
        say(f"Detached. {where}; go on with it: {request.again}")
        if not embedded:
            say(f"End it: darkroom campaigns cancel {shlex.quote(request.name)}")
        raise


def _again(
    sheet: Path,
    folder: Path,
    name: str,
    embedded: bool,
    connection: Connection,
    installation: Installation,
) -> str:
    """Return the command that goes on with the campaign: its name finds it, with all that was given."""
    words = ["darkroom", "run", str(sheet), "-o", str(folder), "--name", name]
    options = {"--url": connection.url, "--config": installation.config, "--data": installation.data}
    words += ["--embedded"] if embedded else []
    words += [word for option, value in options.items() if value is not None for word in (option, str(value))]
    return shlex.join(words)
