"""``darkroom jobs held``, ``release``, ``fail`` and ``reread``: jobs that wait for somebody's decision."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from cyclopts import Parameter
from cyclopts.types import PositiveInt

from api.cli.connection import open_client
from api.cli.exit_codes import CommandFailed, Exit, explain
from api.cli.options import DEFAULT_CONNECTION, DEFAULT_FORMAT, Connection, Format
from api.cli.output import confirm, printer, say, shortened
from api.cli.render.jobs import age
from api.client import Decided, Job
from api.client_errors import Refused
from models.clock import now

_COLUMNS = ("ID", "MODEL", "CAMPAIGN", "SINCE", "CODE", "COST", "REQUEST ID", "DETAIL")
_COST = {"yes": "charged", "unknown": "maybe charged", "likely_no": "likely free", "no": "free"}
_AT_ONCE = 1000  # ids in one request

Ids = Annotated[tuple[str, ...], Parameter(negative="", help="ids, such as job_01h455vb4pex5vsknk084sn02q")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Choice:
    """Which held jobs are meant, if not some by id."""

    all: Annotated[bool, Parameter(negative="", help="all held jobs, or those with the following")] = False
    campaign: Annotated[str | None, Parameter(help="of this campaign")] = None
    model: Annotated[str | None, Parameter(help="for this model")] = None
    tag: Annotated[str | None, Parameter(help="with this tag")] = None
    error_code: Annotated[str | None, Parameter(help="held for this error")] = None
    yes: Annotated[bool, Parameter(alias="-y", negative="", help="don't ask before")] = False

    def conditions(self) -> dict[str, str]:
        """Return what the jobs must have in common."""
        named = {name: value for name, value in asdict(self).items() if name not in ("all", "yes")}
        return {name: value for name, value in named.items() if value is not None}


_NOBODY = Choice()


def held(
    *,
    model: str | None = None,
    campaign: str | None = None,
    tag: str | None = None,
    limit: PositiveInt = 100,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """List the jobs that wait for a decision: why, since when, and what they may have cost.

    Look the request id up in the provider's log to see what became of a call. Then release a job (it calls
    again), fail it, or cancel it.

    Parameters
    ----------
    model
        only jobs for this model
    campaign
        only jobs of this campaign
    tag
        only jobs with this tag
    limit
        at most so many, the newest
    """
    with open_client(connection) as client:
        found = client.jobs(limit=limit, status="held", model=model, campaign=campaign, tag=tag)
        printer(json=output.json).table("held jobs", _COLUMNS, ((dict(job), _cells(job)) for job in found))
    return Exit.OK


def release(
    jobs: Ids = (),
    /,
    *,
    choice: Choice = _NOBODY,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Let held jobs call again, on purpose: the call before may have been charged, too."""
    question = "They are called again, and charged again if the calls before were."
    return _decide("release", jobs, choice, {}, question, connection, output)


def fail(
    jobs: Ids = (),
    /,
    *,
    choice: Choice = _NOBODY,
    reason: str | None = None,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Give held jobs up.

    Parameters
    ----------
    reason
        why, in your words; shown with the jobs
    """
    told = {} if reason is None else {"reason": reason}
    return _decide("fail", jobs, choice, told, "They end without a picture.", connection, output)


def reread(
    jobs: Annotated[list[str], Parameter(negative="", help="ids of jobs")],
    /,
    *,
    connection: Connection = DEFAULT_CONNECTION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Read the kept answers of jobs again with today's parser. Nothing is called, nothing is paid."""
    printing, ended = printer(json=output.json), Exit.OK
    with open_client(connection) as client:
        for job_id in jobs:
            try:
                result = client.reread(job_id)
            except Refused as error:
                code, message = explain(error)
                say(f"{job_id}: {message}")
                ended = ended or code
                continue
            words = f"{result['job']['id']}  {result['job']['status']}  {result['message']}"
            printing.record(result, words)
    return ended


def _decide(
    verb: str,
    jobs: tuple[str, ...],
    choice: Choice,
    told: Mapping[str, str],
    question: str,
    connection: Connection,
    output: Format,
) -> Exit:
    """Send the decision, in as many requests as it takes, and say what came of it."""
    conditions = choice.conditions()
    if bool(jobs) == choice.all or (jobs and conditions):
        raise CommandFailed(
            Exit.USAGE, f"Say which: darkroom jobs {verb} ID…, or --all (--campaign, --model, … narrow it)."
        )
    if choice.all and not choice.yes:
        which = ", ".join(f"{name} {value}" for name, value in conditions.items())
        if not confirm(f"All held jobs{f' ({which})' if which else ''}: {question} Go on?"):
            raise CommandFailed(Exit.USAGE, "Nothing was changed. Add --yes to do it without being asked.")
    total: Decided = {"changed": 0, "unchanged": 0, "refused": [], "more": choice.all}
    with open_client(connection) as client:
        for at in range(0, len(jobs), _AT_ONCE):
            _add(total, client.decide(verb, {"ids": list(jobs[at : at + _AT_ONCE]), **told}))
        while total["more"]:
            _add(total, client.decide(verb, {"filter": conditions, **told}))
    for each in total["refused"]:
        say(f"{each['id']}: {each['message']}")
    done = {"release": "released", "fail": "failed"}[verb]
    printer(json=output.json).record(
        dict(total), f"{total['changed']} {done}, {total['unchanged']} were so already."
    )
    return Exit.FAILED if total["refused"] else Exit.OK


def _add(total: Decided, part: Decided) -> None:
    total["changed"] += part["changed"]
    total["unchanged"] += part["unchanged"]
    total["refused"] += part["refused"]
    total["more"] = part["more"]


def _cells(job: Job) -> tuple[Any, ...]:
    calls = job.get("attempts") or [{}]
    error = job.get("error") or {}
    since = calls[-1].get("finished_at") or job["created_at"]
    return (
        job["id"],
        job["model"],
        job.get("campaign") or "",
        age(since, now()),
        error.get("code", ""),
        cost_of(job),
        calls[-1].get("provider_request_id") or "",
        shortened(str(error.get("message", "")), 80),
    )


def cost_of(job: Job) -> str:
    """Say what a job's calls may have cost: ``maybe charged``, ``2 charged, 1 free``."""
    counted = Counter(_COST.get(str(call.get("billed")), "maybe charged") for call in job["attempts"])
    if sum(counted.values()) == 1:
        return next(iter(counted))
    return ", ".join(f"{counted[words]} {words}" for words in _COST.values() if counted[words])
