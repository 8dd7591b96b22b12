"""``darkroom jobs``: list, show, cancel, retry and keep jobs (for held ones see ``held_jobs``)."""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Annotated, Any, cast

from cyclopts import App, Parameter
from cyclopts.types import PositiveInt

from api.cli.commands import archived_answers, held_jobs
from api.cli.connection import failure_of, open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import (
    DEFAULT_CONNECTION,
    DEFAULT_FORMAT,
    FILTER,
    Connection,
    Format,
    read_filter,
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
from darkroom_client.resources.jobs import BulkResult, JobFilter
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
SomeIds = Annotated[
    tuple[str, ...], Parameter(negative="", help="ids, or unique beginnings such as job_01h455vb4pex")
]
Filter = Annotated[str | None, FILTER]
DryRun = Annotated[bool, Parameter(negative="", help="with --filter: change nothing, say what would change")]
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
    matching: Filter = None,
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
    options = {"model": model, "campaign": campaign, "tag": tag, "caller": caller, "before": before}
    named = {name: value for name, value in options.items() if value is not None}
    statuses = {"status": ",".join(read_statuses(status, list(JobStatus)))} if status else {}
    conditions = cast(JobFilter, {**read_filter(matching), **named, **statuses})
    with open_client(connection) as client:
        found = client.jobs.list(limit=limit, **conditions)
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
    jobs: SomeIds = (),
    /,
    *,
    matching: Filter = None,
    dry_run: DryRun = False,
    yes: Annotated[bool, Parameter(alias="-y", negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Cancel jobs that are not finished. A call in flight may still be charged.

    Parameters
    ----------
    yes
        skip the confirmation for jobs of a filter
    """
    _check_choice("cancel", jobs, matching, dry_run=dry_run)
    with open_client(connection) as client:
        if matching is not None:
            question = "Those that wait end at once; calls under way are dropped, and may be charged."
            change = partial(client.jobs.cancel_many, **_chosen(matching))
            return _all_that_match(change, question, dry_run=dry_run, yes=yes, output=output)
        return _each(jobs, partial(_document_of, client.jobs.cancel), job_line, output)


@app.command
def retry(
    jobs: SomeIds = (),
    /,
    *,
    matching: Filter = None,
    dry_run: DryRun = False,
    may_pay_twice: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(alias="-y", negative="")] = False,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Start finished or held jobs again, with all attempts available. Those that succeeded are paid again.

    Parameters
    ----------
    may_pay_twice
        with --filter: also jobs that succeeded, or are held because a call may have been charged
    yes
        skip the confirmation for jobs that succeeded, or of a filter
    """
    _check_choice("retry", jobs, matching, dry_run=dry_run or may_pay_twice)
    with open_client(connection) as client:
        if matching is not None:
            question = "They are sent to a provider again, and may be charged."
            change = partial(client.jobs.retry_many, may_pay_twice=may_pay_twice, **_chosen(matching))
            return _all_that_match(change, question, dry_run=dry_run, yes=yes, output=output)
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


def _check_choice(verb: str, jobs: tuple[str, ...], matching: str | None, *, dry_run: bool) -> None:
    """Raise ``CommandFailed`` unless either ids or a filter are given."""
    if bool(jobs) == (matching is not None) or (jobs and dry_run):
        raise CommandFailed(
            Exit.USAGE,
            f"Name the jobs: darkroom jobs {verb} ID…, or --filter 'status=failed' (with --dry-run to look).",
        )


def _chosen(matching: str) -> JobFilter:
    """Return the conditions of a filter as the client takes them."""
    given: dict[str, Any] = {**read_filter(matching)}
    if "ids" in given:
        given["ids"] = given["ids"].split(",")
    return cast(JobFilter, given)


def _all_that_match(
    change: Callable[..., BulkResult], question: str, *, dry_run: bool, yes: bool, output: Format
) -> Exit:
    """Change all jobs of a filter, after a look at their number and a confirmation."""
    result = change(dry_run=True)
    if result.eligible and not dry_run:
        which = f"{result.eligible:,} of {result.matched:,} jobs that match"
        if not yes and not confirm(f"{which}: {question} Continue?"):
            raise CommandFailed(Exit.USAGE, f"{which} would change; nothing was changed. Add --yes to do it.")
        result = change(expected_count=result.eligible)
    done = f"{result.eligible:,} would change" if dry_run else f"{result.changed:,} changed"
    left = "".join(f"\n  {each['count']:,} left: {each['message']}" for each in result.document["skipped"])
    more = "\n  more are left: repeat the command" if result.more and not dry_run else ""
    printer(json=output.json).record(result.document, f"{done}, of {result.matched:,} that match{left}{more}")
    return Exit.OK


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
