"""``darkroom submit``: submit one job."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.image_files import numbered, writable
from api.cli.job_options import NO_OPTIONS, JobOptions
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer, say
from api.cli.render.jobs import job_view
from darkroom_client import Darkroom, Job, WaitTimeout

_NOTICE = 3.0  #: seconds after which, and at which intervals, it is said what the job waits for


def submit(
    prompt: str | None = None,
    /,
    *,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    options: JobOptions = NO_OPTIONS,
    wait: Annotated[bool, Parameter(negative="")] = False,
    timeout: float = 600,
    output_file: Annotated[Path | None, Parameter(name="--output", alias="-o")] = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Submit one job.

    Parameters
    ----------
    prompt
        the prompt; else read from standard input
    model
        the model; else DARKROOM_MODEL
    wait
        wait until it is finished; what it waits for is said after 3 s
    timeout
        maximum seconds to wait
    output_file
        wait, and write the image to this file; further ones get -2, -3, …
    """
    if output_file:
        writable(output_file)
    members = options.members()
    with open_client(connection) as client:
        if not (chosen := model or client.configuration.model):
            raise CommandFailed(Exit.USAGE, "Name a model: -m MODEL, or DARKROOM_MODEL.")
        job = client.submit(_prompt(prompt), **{**members, "model": chosen})
        for warning in job.warnings:
            say(warning.message)
        if wait or output_file:
            job = _followed(client, job, timeout)
        if output_file:
            _fetch(job, output_file)
    printer(json=output.json).record(job.document, job_view(job.document))
    return Exit.OK if job.succeeded or not (wait or output_file) else Exit.FAILED


def _prompt(given: str | None) -> str:
    if given is not None:
        return given
    if sys.stdin.isatty():
        raise CommandFailed(Exit.USAGE, 'Give a prompt: darkroom submit "a cat"')
    return sys.stdin.read().strip()


def _followed(client: Darkroom, submitted: Job[Any], timeout: float) -> Job[Any]:
    """Wait until the job is settled; it goes on if the wait ends first."""
    later = f"goes on: darkroom jobs show {submitted.id}"
    printed: set[str] = set()
    job = submitted
    try:
        for number, job in enumerate(client.follow(submitted, timeout=timeout, longest_poll=_NOTICE)):
            reason = job.waiting.detail if job.waiting and job.revision == submitted.revision else ""
            if number > 0 and reason and reason not in printed:  # the first one comes at once
                printed.add(reason)
                say(f"It waits: {reason}")
    except WaitTimeout:
        raise CommandFailed(
            Exit.TIMEOUT, f"The job is not finished after {timeout:g} s, and {later}"
        ) from None
    except KeyboardInterrupt:
        say(f"The job {later}")
        raise
    return job


def _fetch(job: Job[Any], target: Path) -> None:
    """Write the job's images to files."""
    for path, picture in zip(numbered(target, len(job.pictures)), job.pictures, strict=True):
        try:
            picture.save(path)
        except OSError as error:
            raise CommandFailed(Exit.USAGE, f"{path} can't be written: {error.strerror}.") from error
        say(f"{path}")
