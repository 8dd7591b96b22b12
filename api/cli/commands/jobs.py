"""``darkroom jobs``: list, show, cancel, retry and keep jobs (for held ones see ``held_jobs``)."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from api.cli.commands import archived_answers, held_jobs
from api.cli.connection import failure_of, open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import (
    DEFAULT_CONNECTION,
    DEFAULT_FORMAT,
    Connection,
    Format,
    read_statuses,
    statuses_option,
)
from api.cli.output import confirm, printer, say
from api.cli.render.jobs import (
    JOB_COLUMNS,
    OPTIONAL_COLUMNS,
    estimate_view,
    job_cells,
    job_line,
    job_view,
    retention_lines,
    with_callers,
)
from darkroom_client import ApiError, Darkroom, Job
from darkroom_client.documents import Document
from models.states import JobStatus

app = App(name="jobs", help="List, show, cancel, retry and keep jobs.", help_format="plaintext")
for _command in (
    held_jobs.held,
    held_jobs.release,
    held_jobs.fail,
    held_jobs.reread,
    archived_answers.explain,
):
    app.command(_command)

Ids = Annotated[list[str], Parameter(negative="", help="ids, or unique beginnings such as job_01h455vb4pex")]
Statuses = Annotated[tuple[str, ...], statuses_option("jobs in these states: failed,held")]
Id = Annotated[str, Parameter(help="its id, or a unique beginning such as job_01h455vb4pex")]


@app.command(name="list")
def list_jobs(
    *,
    status: Statuses = (),
    model: str | None = None,
    campaign: str | None = None,
    tag: str | None = None,
    caller: str | None = None,
    before: str | None = None,
    limit: PositiveInt = 20,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """List jobs, newest first; with an admin's key those of all callers.

    Parameters
    ----------
    model
        only jobs for this model
    campaign
        only jobs of this campaign
    tag
        only jobs with this tag
    caller
        with an admin's key: only jobs of the caller with this name or id
    before
        only jobs older than this job's id
    limit
        maximum number of jobs
    """
    with open_client(connection) as client:
        found = client.jobs.list(
            limit=limit,
            status=read_statuses(status, list(JobStatus)) or None,
            model=model,
            campaign=campaign,
            tag=tag,
            caller=caller,
            before=before,
        )
        printer(json=output.json).table(
            "jobs",
            *with_callers(JOB_COLUMNS, (job.document for job in found), job_cells),
            optional=OPTIONAL_COLUMNS,
        )
    return Exit.OK


@app.command
def show(job: Id, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT) -> Exit:
    """Show one job."""
    with open_client(connection) as client:
        found = client.jobs.get(job).document
    printer(json=output.json).record(found, job_view(found))
    return Exit.OK


@app.command
def eta(
    *,
    campaign: str | None = None,
    model: str | None = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Show what is left of a campaign, or of all your jobs, and the ETA.

    Parameters
    ----------
    campaign
        only jobs of this campaign
    model
        only jobs for this model
    """
    with open_client(connection) as client:
        found = client.jobs.eta(campaign=campaign, model=model).document
    printer(json=output.json).record(found, estimate_view(found))
    return Exit.OK


@app.command
def cancel(
    jobs: Ids, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Cancel jobs that are not finished. A call in flight may still be charged."""
    with open_client(connection) as client:
        return _each(jobs, partial(_document_of, client.jobs.cancel), job_line, output)


@app.command
def retry(
    jobs: Ids,
    /,
    *,
    yes: Annotated[bool, Parameter(alias="-y", negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Start finished or held jobs again, with all attempts available. Those that succeeded are paid again.

    Parameters
    ----------
    yes
        skip the confirmation for jobs that succeeded
    """
    with open_client(connection) as client:
        paid = [] if yes else [job_id for job_id in jobs if _has_succeeded(client, job_id)]
        which = f"{paid[0]} has" if len(paid) == 1 else f"{len(paid)} of these jobs have"
        if paid and not confirm(f"{which} succeeded: a retry calls the provider and pays again. Continue?"):
            raise CommandFailed(
                Exit.USAGE, f"{which} succeeded, and nothing was changed. Add --yes to pay for another call."
            )
        return _each(jobs, partial(_document_of, client.jobs.retry), job_line, output)


@app.command
def keep(
    jobs: Ids,
    /,
    *,
    undo: Annotated[bool, Parameter(negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Keep jobs with their images: retention deletes nothing of them.

    Parameters
    ----------
    undo
        leave them to their retention rules again
    """
    with open_client(connection) as client:
        return _each(jobs, partial(client.jobs.keep, keep=not undo), retention_lines, output)


@app.command
def retention(
    jobs: Ids, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show when jobs and what belongs to them are deleted, and by whose rule."""
    with open_client(connection) as client:
        return _each(jobs, client.jobs.retention, retention_lines, output)


def _has_succeeded(client: Darkroom, job_id: str) -> bool:
    try:
        return client.jobs.get(job_id).succeeded
    except ApiError:  # the retry itself is refused, too
        return False


def _document_of(act: Callable[[str], Job[Any]], job_id: str) -> Document:
    return act(job_id).document


def _each(
    jobs: Iterable[str], act: Callable[[str], Document], line: Callable[[Document], str], output: Format
) -> Exit:
    """Act on every job, also when one is refused. Return the exit code of the first refusal."""
    printing, ended = printer(json=output.json), Exit.OK
    for job_id in jobs:
        try:
            found = act(job_id)
        except ApiError as error:
            failure = failure_of(error)
            say(f"{job_id}: {failure}")
            ended = ended or failure.code
            continue
        printing.record(found, line(found))
    return ended
