"""``darkroom jobs``: list, show, cancel and retry jobs (for held ones see ``held_jobs``)."""

from collections.abc import Callable, Iterable
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from api.cli.commands import archived_answers, held_jobs
from api.cli.connection import open_client
from api.cli.exit_codes import Exit, explain
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import printer, say
from api.cli.render.jobs import JOB_COLUMNS, estimate_view, job_cells, job_detail, job_view, with_callers
from api.client import Job
from api.client_errors import Refused
from models.states import JobStatus

app = App(name="jobs", help="List, show, cancel and retry jobs.", help_format="plaintext")
for _command in (
    held_jobs.held,
    held_jobs.release,
    held_jobs.fail,
    held_jobs.reread,
    archived_answers.explain,
):
    app.command(_command)

Ids = Annotated[list[str], Parameter(negative="", help="ids, such as job_01h455vb4pex5vsknk084sn02q")]


@app.command(name="list")
def list_jobs(
    *,
    status: JobStatus | None = None,
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
    status
        only jobs in this state
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
        found = client.jobs(
            limit=limit,
            status=status,
            model=model,
            campaign=campaign,
            tag=tag,
            caller=caller,
            before=before,
        )
        printer(json=output.json).table("jobs", *with_callers(JOB_COLUMNS, found, job_cells))
    return Exit.OK


@app.command
def show(
    job: str, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Show one job."""
    with open_client(connection) as client:
        found = client.job(job)
    printer(json=output.json).record(dict(found), job_view(found))
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
        found = client.eta(campaign=campaign, model=model)
    printer(json=output.json).record(found, estimate_view(found))
    return Exit.OK


@app.command
def cancel(
    jobs: Ids, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Cancel jobs that are not finished. A call in flight may still be charged."""
    with open_client(connection) as client:
        return _each(jobs, client.cancel, output)


@app.command
def retry(
    jobs: Ids, /, *, connection: Connection = DEFAULT_CONNECTION, output: Format = DEFAULT_FORMAT
) -> Exit:
    """Start finished or held jobs again, with all attempts available."""
    with open_client(connection) as client:
        return _each(jobs, client.retry, output)


def _each(jobs: Iterable[str], act: Callable[[str], Job], output: Format) -> Exit:
    """Act on every job, also when one is refused. Return the exit code of the first refusal."""
    printing, ended = printer(json=output.json), Exit.OK
    for job_id in jobs:
        try:
            job = act(job_id)
        except Refused as error:
            code, message = explain(error)
            say(f"{job_id}: {message}")
            ended = ended or code
            continue
        printing.record(dict(job), f"{job['id']}  {job['status']}  {job_detail(job)}".rstrip())
    return ended
