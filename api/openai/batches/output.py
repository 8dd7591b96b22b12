"""Output of a batch: a line for each line of its input, in that order, with a result or an error."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from api.openai.batches.endpoints import ENDPOINTS
from api.openai.facts import images_usage, provider_facts
from api.openai.results import JobResult, asset_facts
from api.services import ApiServices
from models.errors import NotFound
from models.ids import public_id
from models.openai.batch_status import BatchStatus
from models.queries.campaigns import campaigns
from models.queries.openai.batch_lines import OPEN, BatchLine, list_lines
from models.states import JobStatus

_PAGE = 200  # lines that are read at a time
_NO_ANSWER: Mapping[JobStatus, tuple[str, str]] = {
    JobStatus.EXPIRED: (
        "batch_expired",
        "This request could not be executed before the completion window expired.",
    ),
    JobStatus.CANCELLED: ("batch_cancelled", "This request was cancelled before it was executed."),
}
_BUDGET = (
    "budget_exhausted",
    "The budget of the batch was used up before this request; nothing was charged for it.",
)


@dataclass(frozen=True, slots=True)
class OutputLine:
    """A line of an output or error file."""

    failed: bool  #: it has an error
    document: Mapping[str, Any]
    usage: Mapping[str, int] | None = None  #: tokens, if the provider stated them

    @property
    def content(self) -> bytes:
        """Its JSON with a line break."""
        return orjson.dumps(self.document, option=orjson.OPT_APPEND_NEWLINE)


async def read_lines(
    services: ApiServices, batch: Any, *, failed: bool | None = None, ended: bool
) -> AsyncIterator[OutputLine]:
    """Yield the lines of a batch's files.

    ``failed``: only lines with an error, or only others; ``None``: both. ``ended``: nothing runs any more, so
    lines without an answer are errors; else they are left out.
    """
    position = 0
    async with services.database.reading() as connection:
        campaign = await campaigns.get(connection, batch.campaign_id)
    budget = campaign is not None and campaign.paused_reason == "budget"
    while True:
        async with services.database.reading() as connection:
            page = await list_lines(connection, batch.campaign_id, from_position=position, limit=_PAGE)
        if not page:
            return
        position = page[-1].position + 1
        for line in page:
            if not ended and (line.state is None or line.state in OPEN):
                continue
            written = await _line(services, batch, line, budget)
            if failed is None or failed is written.failed:
                yield written


async def _line(services: ApiServices, batch: Any, line: BatchLine, budget: bool) -> OutputLine:
    own = public_id("line", line.item_id).partition("_")[2] if line.item_id else f"{line.position}"
    identity = {"id": f"batch_req_{own}", "custom_id": line.custom_id}
    status = JobStatus(line.job.status) if line.job is not None else None
    if line.job is None or status is None:
        code, message = _unstarted(batch, line, budget)
        return _error(identity, code, message)
    result = JobResult(line.job, line.assets, line.attempts)
    if status is JobStatus.SUCCEEDED:
        return await _success(services, batch, result, identity)
    if status in _NO_ANSWER:
        code, message = _BUDGET if budget and status is JobStatus.CANCELLED else _NO_ANSWER[status]
        return _error(identity, code, message)
    failure = result.failure
    if status is not JobStatus.FAILED:  # held: its last call may have been charged
        return _error(identity, failure.code, failure.message)
    response = _response(result, failure.status, {"error": failure.error()})
    return OutputLine(True, {**identity, "response": response, "error": None})


def _error(identity: Mapping[str, Any], code: str, message: str) -> OutputLine:
    return OutputLine(True, {**identity, "response": None, "error": {"code": code, "message": message}})


async def _success(
    services: ApiServices, batch: Any, result: JobResult, identity: Mapping[str, Any]
) -> OutputLine:
    render = ENDPOINTS[batch.endpoint].render
    try:
        rendered = await render(services, result, batch.inline_images)
    except NotFound:  # the file of a picture is lost; its address says so
        rendered = await render(services, result, False)
    facts = [asset_facts(asset, public_url=services.public_url) for asset in result.assets]
    body = {**rendered, "x_assets": [{**each, "expires_at": None} for each in facts]}
    stated = provider_facts(result).stated_usage
    usage = None if stated is None else images_usage(stated)
    return OutputLine(False, {**identity, "response": _response(result, 200, body), "error": None}, usage)


def _unstarted(batch: Any, line: BatchLine, budget: bool) -> tuple[str, str]:
    if line.item_id is not None:
        return "batch_failed", "The job of this request was deleted."
    if budget:
        return _BUDGET
    cancelled = BatchStatus(batch.status) in (BatchStatus.CANCELLING, BatchStatus.CANCELLED)
    return _NO_ANSWER[JobStatus.CANCELLED if cancelled else JobStatus.EXPIRED]


def _response(result: JobResult, status: int, body: Mapping[str, Any]) -> Mapping[str, Any]:
    return {"status_code": status, "request_id": result.id, "body": body}
