"""The console script ``darkroom``. Commands are imported when they are called, so that ``--help`` is fast."""

import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from cyclopts import App, CycloptsError, Group
from rich.console import Console

from api.cli.exit_codes import Exit, explain

_RUN = Group.create_ordered("Run it")
_USE = Group.create_ordered("Use it")
_OPERATE = Group.create_ordered("Operate it")

_COMMANDS = (
    (
        _RUN,
        "demo",
        "api.cli.commands.demo:demo",
        "Try it: a practice provider, a sample campaign; no key needed.",
    ),
    (_RUN, "up", "api.cli.commands.up:up", "Start everything in one process: API, worker, SQLite."),
    (_RUN, "serve", "api.cli.commands.serve:serve", "Start one API process of a fleet."),
    (_RUN, "work", "api.cli.commands.work:work", "Start one worker process of a fleet."),
    (_RUN, "practice", "api.cli.commands.practice:practice", "Start a provider to practise on."),
    (_RUN, "migrate", "api.cli.commands.migrate:migrate", "Bring the database's tables up to date."),
    (_USE, "submit", "api.cli.commands.submit:submit", "Hand in one job."),
    (_USE, "jobs", "api.cli.commands.jobs:app", "Look at jobs, cancel them, start them again."),
    (
        _USE,
        "campaigns",
        "api.cli.commands.campaigns:app",
        "Look at what holds for a campaign's jobs, and set it.",
    ),
    (
        _USE,
        "webhooks",
        "api.cli.commands.webhooks:app",
        "Be told of jobs at an address of yours; look at deliveries.",
    ),
    (
        _OPERATE,
        "channels",
        "api.cli.commands.channels:app",
        "Look at providers, try, pause, drain and resume them.",
    ),
    (_OPERATE, "keys", "api.cli.commands.keys:app", "Make, list, limit and revoke API keys."),
    (_OPERATE, "explain", "api.cli.commands.explain:explain", "Say what a provider's answer means."),
    (_OPERATE, "doctor", "api.cli.doctor.command:doctor", "Find what is wrong, and say how to mend it."),
)


def build_app() -> App:
    """Return the command line with all its commands, none of them imported yet."""
    app = App(
        name="darkroom",
        help="A self-hosted asynchronous image-job service: hand in prompts, poll for stored pictures.",
        version=lambda: version("darkroom"),
        help_format="plaintext",
        result_action="return_value",
        error_console=Console(stderr=True),
    )
    for group, name, place, help_text in _COMMANDS:
        app.command(place, name=name, help=help_text, group=group)
    return app


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code; whatever goes wrong is said in words on stderr."""
    try:
        result = build_app()(
            list(arguments),
            exit_on_error=False,
            print_error=True,
        )
    except CycloptsError:
        return Exit.USAGE
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    except BrokenPipeError:
        return _close_pipe()
    except Exception as error:  # noqa: BLE001 - the edge of the process: people get sentences, not tracebacks
        code, message = explain(error)
        sys.stderr.write(f"{message}\n")
        return code
    return int(result) if isinstance(result, int) else Exit.OK


def _close_pipe() -> Exit:
    """End quietly: whoever read our output (``| head``) has enough."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left is not flushed into nowhere
    return Exit.OK


def main() -> None:
    """Run the command line of this process."""
    sys.exit(run(sys.argv[1:]))
