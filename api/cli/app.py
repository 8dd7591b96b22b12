"""Console script ``darkroom``. Commands are imported when they are called, so that ``--help`` is fast."""

import gc
import os
import re
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version

from cyclopts import App, CycloptsError, CycloptsPanel, Group, Parameter
from rich.console import RenderableType
from rich.text import Text

from api.cli.exit_codes import Exit, explain
from api.cli.output import open_console, say
from models.integrity.field_errors import one_line
from models.setting_scopes import help_on_settings

PRIVATE = 0o077  #: umask: folders 0700, files 0600, also journals of SQLite and images
_RUN = Group.create_ordered("Run it")
_USE = Group.create_ordered("Use it: these commands call the API (DARKROOM_URL, DARKROOM_API_KEY)")
_OPERATE = Group.create_ordered("Operate it: these open the database (DARKROOM_DATABASE_URL, or --data)")
_ALONE = Group.create_ordered("Look things up: these need neither the API nor the database")

_TYPES = {
    "int": "a whole number",
    "float": "a number",
    "Path": "a path",
    "bool": "true or false",
}  # of options, as cyclopts names them

_COMMANDS = (
    (_RUN, "demo", "commands.demo:demo", "Try Darkroom with a practice provider; no API key needed."),
    (_RUN, "up", "commands.up:up", "Run API and worker in one process, on SQLite."),
    (_RUN, "serve", "commands.serve:serve", "Run one API process of a fleet."),
    (_RUN, "work", "commands.work:work", "Run one worker process of a fleet."),
    (_RUN, "practice", "commands.practice:practice", "Run the practice provider, a mock of real ones."),
    (_RUN, "migrate", "commands.migrate:migrate", "Upgrade the database's tables."),
    (_USE, "submit", "commands.submit:submit", "Submit one job."),
    (
        _USE,
        "run",
        "commands.campaigns.run:run",
        "Make the pictures of a sheet's rows, within a budget, into a folder.",
    ),
    (_USE, "jobs", "commands.jobs:app", "List, show, cancel and retry jobs."),
    (_USE, "campaigns", "commands.campaigns.app:app", "Show, control, review and export campaigns."),
    (_USE, "webhooks", "commands.webhooks:app", "Manage webhooks and their deliveries."),
    (_USE, "top", "top.command:top", "Watch and act in a terminal: jobs, channels, workers, errors."),
    (_USE, "channels", "commands.channels:app", "Show, test, pause, drain, resume and remove channels."),
    (_USE, "mcp", "assistant.command:mcp", "Serve an assistant's tools (Model Context Protocol)."),
    (_OPERATE, "keys", "commands.keys:app", "Create, list, limit and revoke API keys."),
    (_USE, "costs", "commands.money.costs:app", "Show what calls have cost, and compare it with a bill."),
    (_OPERATE, "backup", "commands.backup.backup:backup", "Copy the database and the files into a folder."),
    (_OPERATE, "restore", "commands.backup.restore:restore", "Write a backup into an empty installation."),
    (_OPERATE, "fsck", "commands.backup.fsck:fsck", "Check the database, and compare it with the storage."),
    (_OPERATE, "storage", "commands.storage:app", "Compare the stored files with the database."),
    (_OPERATE, "notices", "commands.monitoring.notices:app", "List alerts that hold, and acknowledge them."),
    (_OPERATE, "audit", "commands.monitoring.audit:audit", "List who changed what, newest first."),
    (_OPERATE, "retention", "commands.retention.rules:app", "Show and change how long ended jobs are kept."),
    (_OPERATE, "purge", "commands.retention.purge:purge", "Delete a caller's ended jobs and pictures."),
    (_OPERATE, "archive", "commands.retention.archive:app", "Read jobs that retention has archived."),
    (
        _OPERATE,
        "partition",
        "commands.retention.partition:partition",
        "Split events and attempts by month, on PostgreSQL.",
    ),
    (_OPERATE, "doctor", "doctor.command:doctor", "Check the installation; each problem comes with its fix."),
    (_ALONE, "prices", "commands.money.prices:app", "List the known prices of models; import others."),
    (_ALONE, "explain", "commands.explain:explain", "Explain a provider's answer."),
)  # group, name, module:function below api.cli, help


def build_app(called: str | None = None) -> App:
    """Return the app with all commands, none of them imported yet.

    The list of commands has one line for each. The help of the one that is ``called`` is its docstring, which
    may say more; its module is imported in any case.
    """
    app = App(
        name="darkroom",
        help="A self-hosted job queue for image generation: submit prompts, poll for stored images.",
        version=lambda: version("darkroom"),
        help_format="markdown",
        result_action="return_value",
        error_console=open_console(stderr=True),
        error_formatter=_usage_error,
        default_parameter=Parameter(show_default=_shown_default),
    )
    for group, name, place, help_text in _COMMANDS:
        # an app of several commands says it itself: it can't be configured from here
        more = {} if place.endswith(":app") else {"help_epilogue": help_on_settings(name)}
        if name != called or place.endswith(":app"):
            more["help"] = help_text
        app.command(f"api.cli.{place}", name=name, group=group, **more)
    return app


def _shown_default(value: object) -> str | None:
    """Return a default as the help shows it; flags and lists have none worth showing."""
    return None if value is None or isinstance(value, bool | tuple | list) else str(value) or None


def _usage_error(error: CycloptsError) -> RenderableType:
    """Return the message of wrong arguments, without the names of Python's types."""
    message = one_line(str(error).encode("utf-8", "replace").decode())
    for kind, words in _TYPES.items():
        message = re.sub(rf"\b(in)?to {re.escape(kind)}\.$", f"to {words}.", message)
    return CycloptsPanel(Text(message))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; errors are printed as sentences on stderr."""
    try:
        _import_command(arguments)
        result = build_app(arguments[0] if arguments else None)(
            list(arguments), exit_on_error=False, print_error=True
        )
    except CycloptsError:
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _close_pipe()
    except Exception as error:  # noqa: BLE001 - the edge of the process: people get sentences, not tracebacks
        code, message = explain(error)
        say(message)
        return code
    return int(result) if isinstance(result, int) else Exit.OK


def _import_command(arguments: Sequence[str]) -> None:
    """Import the module of a command without garbage collection, which would take a sixth of its start."""
    places = {name: place.partition(":")[0] for _, name, place, _ in _COMMANDS}
    if arguments and (module := places.get(arguments[0])):
        gc.disable()
        try:
            import_module(f"api.cli.{module}")
        finally:
            gc.enable()


def _close_pipe() -> Exit:
    """End without an error: the reader of the output (``| head``) has closed it."""
    os.dup2(
        os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
    )  # the rest is not flushed into the closed pipe
    return Exit.OK


def main() -> None:
    """Run the command line of this process. What it writes, only its user may read."""
    os.umask(PRIVATE)
    sys.exit(run(sys.argv[1:]))
