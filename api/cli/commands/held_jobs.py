"""``darkroom jobs held``, ``release``, ``fail`` and ``reread``: jobs that wait for a decision."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from api.cli.connection import failure_of, open_client
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import confirm, printer, say, shortened
from api.cli.render.jobs import with_callers
from api.cli.render.times import age
from darkroom_client import ApiError
from darkroom_client.documents import Document
from darkroom_client.resources.jobs import Decision
from models.clock import now

_COLUMNS = ("ID", "SINCE", "CODE", "COST", "REQUEST ID", "MODEL", "CAMPAIGN", "DETAIL")
_OPTIONAL = ("DETAIL", "CALLER", "CAMPAIGN", "MODEL")  # left out where there is no room for them
_COST = {"yes": "charged", "unknown": "maybe charged", "likely_no": "likely free", "no": "free"}
_MAX_IDS = 100  # in one request, which may all be short

Ids = Annotated[
    tuple[str, ...], Parameter(negative="", help="ids, or unique beginnings such as job_01h455vb4pex")
]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Choice:
    """Selection of held jobs other than by id."""

    all: Annotated[bool, Parameter(negative="", help="all held jobs, narrowed by the options below")] = False
    campaign: Annotated[str | None, Parameter(help="of this campaign")] = None
    model: Annotated[str | None, Parameter(help="for this model")] = None
    tag: Annotated[str | None, Parameter(help="with this tag")] = None
    caller: Annotated[str | None, Parameter(help="of this caller (with an admin's key)")] = None
    error_code: Annotated[str | None, Parameter(help="held for this error")] = None
    yes: Annotated[bool, Parameter(alias="-y", negative="", help="skip the confirmation")] = False

    def conditions(self) -> dict[str, str]:
        """Return the conditions that the jobs must meet."""
        named = {name: value for name, value in asdict(self).items() if name not in ("all", "yes")}
        return {name: value for name, value in named.items() if value is not None}


_NO_CHOICE = Choice()


def held(
    *,
    model: str | None = None,
    campaign: str | None = None,
    tag: str | None = None,
    caller: str | None = None,
    limit: PositiveInt = 100,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """List the jobs that wait for a decision: why, since when, and what they may have cost.

    Look up the request id in the provider's log to find the outcome of a call. Then release a job (it calls
    again), fail it, or cancel it.

    Parameters
    ----------
    model
        only jobs for this model
    campaign
        only jobs of this campaign
    tag
        only jobs with this tag
    caller
        with an admin's key, which lists those of all callers: only jobs of this name or id
    limit
        maximum number of jobs, newest first
    """
    with open_client(connection) as client:
        found = client.jobs.list(
            limit=limit, status="held", model=model, campaign=campaign, tag=tag, caller=caller
        )
        printer(json=output.json).table(
            "held jobs",
            *with_callers(_COLUMNS, (job.document for job in found), _cells),
            optional=_OPTIONAL,
        )
    return Exit.OK


def release(
    jobs: Ids = (),
    /,
    *,
    choice: Choice = _NO_CHOICE,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Call held jobs again. The earlier call may have been charged, too."""
    question = "They are called again, and charged again if the earlier calls were."
    return _decide("release", jobs, choice, {}, question, connection, output)


def fail(
    jobs: Ids = (),
    /,
    *,
    choice: Choice = _NO_CHOICE,
    reason: str | None = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Fail held jobs.

    Parameters
    ----------
    reason
        why; shown with the jobs
    """
    members = {} if reason is None else {"reason": reason}
    return _decide("fail", jobs, choice, members, "They end without an image.", connection, output)


def reread(
    jobs: Annotated[list[str], Parameter(negative="", help="ids, or unique beginnings of ids")],
    /,
    *,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Parse the archived responses of jobs again. Makes no call, and costs nothing."""
    printing, ended = printer(json=output.json), Exit.OK
    with open_client(connection) as client:
        for job_id in jobs:
            try:
                result = client.jobs.reread(job_id)
            except ApiError as error:
                failure = failure_of(error)
                say(f"{job_id}: {failure}")
                ended = ended or failure.code
                continue
            words = f"{result['job']['id']}  {result['job']['status']}  {result['message']}"
            printing.record(result, words)
    return ended


def _decide(
    verb: str,
    jobs: tuple[str, ...],
    choice: Choice,
    members: Mapping[str, str],
    question: str,
    connection: Connection,
    output: Format,
) -> Exit:
    """Send the decision, in as many requests as needed, and print the result."""
    conditions = choice.conditions()
    if bool(jobs) == choice.all or (jobs and conditions):
        raise CommandFailed(
            Exit.USAGE,
            f"Name the jobs: darkroom jobs {verb} ID…, or --all (narrowed by --campaign, --model, …).",
        )
    if choice.all and not choice.yes:
        which = ", ".join(f"{name} {value}" for name, value in conditions.items())
        if not confirm(
            f"All held jobs that your key may decide{f' ({which})' if which else ''}: {question} Continue?"
        ):
            raise CommandFailed(Exit.USAGE, "Nothing was changed. Add --yes to skip this question.")
    decisions: list[Decision] = []
    with open_client(connection) as client:
        decide: Callable[..., Decision] = (
            client.jobs.release_many if verb == "release" else client.jobs.fail_many
        )
        for at in range(0, len(jobs), _MAX_IDS):
            decisions.append(decide(ids=jobs[at : at + _MAX_IDS], **members))
        while choice.all and (not decisions or decisions[-1].more):
            decisions.append(decide(**conditions, **members))
    refused = [each for decision in decisions for each in decision.refused]
    for each in refused:
        say(f"{each.id}: {each.message}")
    changed, unchanged = sum(each.changed for each in decisions), sum(each.unchanged for each in decisions)
    total = {
        "changed": changed,
        "unchanged": unchanged,
        "refused": [asdict(each) for each in refused],
        "more": False,
    }
    done = {"release": "released", "fail": "failed"}[verb]
    printer(json=output.json).record(total, f"{changed} {done}, {unchanged} were already {done}.")
    return Exit.FAILED if refused else Exit.OK


def _cells(job: Document) -> tuple[Any, ...]:
    calls = job.get("attempts") or [{}]
    error = job.get("error") or {}
    since = calls[-1].get("finished_at") or job["created_at"]
    return (
        job["id"],
        age(since, now()),
        error.get("code", ""),
        cost_of(job),
        calls[-1].get("provider_request_id") or "",
        job["model"],
        job.get("campaign") or "",
        shortened(str(error.get("message", "")), 80),
    )


def cost_of(job: Document) -> str:
    """Return what a job's calls may have cost: ``maybe charged``, ``2 charged, 1 free``."""
    counted = Counter(_COST.get(str(call.get("billed")), "maybe charged") for call in job["attempts"])
    if sum(counted.values()) == 1:
        return next(iter(counted))
    return ", ".join(f"{counted[words]} {words}" for words in _COST.values() if counted[words])
