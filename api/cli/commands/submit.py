"""``darkroom submit``: submit one job."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.image_files import input_image, numbered, writable
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer, say
from api.cli.render.jobs import job_view
from api.cli.retry_options import Pairs, Rules, pairs_of, rules_of, seconds_of
from darkroom_client import Darkroom, Job, WaitTimeout
from models.states import OnUnknown

_NOTICE = 3.0  #: seconds after which, and at which intervals, it is said what the job waits for


def submit(
    prompt: str | None = None,
    /,
    *,
    model: Annotated[str | None, Parameter(alias="-m")] = None,
    image: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    size: str | None = None,
    n: int | None = None,
    campaign: str | None = None,
    tag: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    metadata: Pairs = (),
    param: Pairs = (),
    priority: int | None = None,
    on_unknown: OnUnknown | None = None,
    expires_at: str | None = None,
    expires_in: str | None = None,
    retry: Rules = (),
    allow_unserved: Annotated[bool, Parameter(negative="")] = False,
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
    image
        an input image: a file, an https URL or an asset id; repeatable
    size
        WIDTHxHEIGHT, a ratio such as 2:3, 1K, 2K, 4K, or auto
    n
        number of images
    campaign
        the campaign it belongs to
    tag
        a tag to find it by; repeatable
    metadata
        NAME=VALUE, stored with the job and returned; repeatable
    param
        NAME=VALUE, a further member of the provider's request, such as seed=7; repeatable
    priority
        0 to 9: higher ones start first among your jobs
    on_unknown
        what to do if a call may have been charged but its answer is lost
    expires_at
        the latest start, such as 2026-01-31T18:00:00Z; a job not started by then expires free of charge
    expires_in
        the same, relative to now: 90s, 15m, 8h, 2d
    allow_unserved
        submit it although no channel serves the model; it waits until one does
    wait
        wait until it is finished; what it waits for is said after 3 s
    timeout
        maximum seconds to wait
    output_file
        wait, and write the image to this file; further ones get -2, -3, …
    """
    if output_file:
        writable(output_file)
    members = {
        "size": size,
        "n": n,
        "campaign": campaign,
        "tags": list(tag),
        "metadata": pairs_of("--metadata", metadata),
        "params": pairs_of("--param", param),
        "priority": priority,
        "on_unknown": on_unknown and on_unknown.value,
        "expires_at": expires_at,
        "expires_in": None if expires_in is None else seconds_of("--expires-in", expires_in),
        "retry": rules_of(retry),
        "allow_unserved": allow_unserved or None,
        "images": [input_image(one) for one in image],
    }
    options: dict[str, Any] = {name: value for name, value in members.items() if value or value == 0}
    with open_client(connection) as client:
        if not (chosen := model or client.configuration.model):
            raise CommandFailed(Exit.USAGE, "Name a model: -m MODEL, or DARKROOM_MODEL.")
        job = client.submit(_prompt(prompt), **{**options, "model": chosen})
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
        for job in client.follow(submitted, timeout=timeout, longest_poll=_NOTICE):
            reason = job.waiting.detail if job.waiting and job.revision == submitted.revision else ""
            if reason and reason not in printed:
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
