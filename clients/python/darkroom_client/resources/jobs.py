"""Jobs: read, list, count, decide, change many at once (``client.jobs``)."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypedDict, TypeVar, Unpack

from darkroom_client.documents import Document, as_document, as_documents, member, texts
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.pages import read_pages
from darkroom_client.exchange.session import Session, segment
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.job import Eta, Job, read_eta, read_job
from darkroom_client.resources.waiting import get_job

M = TypeVar("M", bound=Transport)
_NO_MEMBERS: Mapping[str, Any] = MappingProxyType({})
_OF_REQUEST = frozenset({"ids", "dry_run", "expected_count"})  # members of a bulk request besides its filter
_SLOW = 120.0  # seconds that a change of many jobs may take


class JobConditions(TypedDict, total=False):
    """Conditions on jobs; all that are given must hold. ``status`` may name several."""

    status: str | Sequence[str] | None
    model: str | None
    campaign: str | None
    tag: str | None
    surface: str | None
    error_code: str | None
    channel: str | None
    worker: str | None
    text: str | None
    verdict: str | None
    check: str | None
    action: str | None
    created_after: datetime | str | None
    created_before: datetime | str | None
    finished_after: datetime | str | None
    finished_before: datetime | str | None
    before: str | None
    after: str | None
    caller: str | None


class JobFilter(JobConditions, total=False):
    """Conditions on listed jobs."""

    ids: Sequence[str] | None
    fingerprint: str | None


class BulkSelection(JobFilter, total=False):
    """Jobs to change: ``ids``, or all that match the conditions (with ``ids``, of these).

    ``dry_run``: change nothing; ``expected_count``: change nothing unless so many jobs would change.
    """

    dry_run: bool
    expected_count: int


@dataclass(frozen=True, slots=True)
class SetEta:
    """What is left of a set of jobs, and when it may be done."""

    remaining: Mapping[str, int]  #: unfinished jobs by status
    calls_last_minute: int
    eta: Eta | None
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BulkResult:
    """Result of changing many jobs, or of its dry run. ``more``: send the request again."""

    matched: int
    eligible: int
    changed: int
    samples: tuple[str, ...]
    more: bool
    document: Document = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class RefusedJob:
    """A held job that was not changed, and why."""

    id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Result of releasing or failing held jobs. ``more``: send the request again."""

    changed: int
    unchanged: int
    refused: tuple[RefusedJob, ...]
    more: bool
    document: Document = field(repr=False, compare=False)


class Jobs(Bound[M]):
    """Operations on jobs. All raise ``ApiError`` and ``ConnectionFailed``."""

    __slots__ = ("_session",)

    def __init__(self, session: Session[M]) -> None:
        self._session = session

    @operation
    async def get(self, /, job_id: str) -> Job[M]:
        """Return a job with its queue position and ETA."""
        return (await get_job(self._session, job_id))[0]

    @stream
    async def list(
        self, /, *, limit: int | None = None, **conditions: Unpack[JobFilter]
    ) -> AsyncIterator[Job[M]]:
        """Yield jobs, newest first: all that match, or ``limit`` of them."""
        query = {name: _joined(value) for name, value in conditions.items() if value is not None}
        async for document in read_pages(self._session, "/v1/jobs", query, limit=limit):
            yield read_job(self._session, document)

    @operation
    async def eta(self, /, *, campaign: str | None = None, model: str | None = None) -> SetEta:
        """Return what is left of a campaign or model, or of all jobs."""
        query = {"campaign": campaign, "model": model}
        document = as_document(await self._session.call("GET", "/v1/jobs/eta", query=query), "eta")
        counts = as_document(document.get("remaining") or {}, "remaining")
        remaining = {status: member(counts, status, int, 0) for status in counts}
        calls = member(document, "calls_last_minute", int, 0)
        return SetEta(remaining, calls, read_eta(document), document)

    @operation
    async def cancel(self, /, job_id: str) -> Job[M]:
        """Cancel a job that is not finished. A call in flight may still be charged."""
        path = f"/v1/jobs/{segment(job_id)}/cancel"
        return read_job(self._session, await self._session.call("POST", path, repeatable=True))

    @operation
    async def retry(self, /, job_id: str) -> Job[M]:
        """Start a finished or held job again; its calls are paid again."""
        path = f"/v1/jobs/{segment(job_id)}/retry"
        return read_job(self._session, await self._session.call("POST", path))

    @operation
    async def release(self, /, job_id: str) -> Job[M]:
        """Let a held job call again. The earlier call may have been charged, too."""
        path = f"/v1/jobs/{segment(job_id)}/release"
        return read_job(self._session, await self._session.call("POST", path))

    @operation
    async def fail(self, /, job_id: str, *, reason: str | None = None) -> Job[M]:
        """End a held job without an image."""
        body = {} if reason is None else {"reason": reason}
        path = f"/v1/jobs/{segment(job_id)}/fail"
        return read_job(self._session, await self._session.call("POST", path, body=body))

    @operation
    async def keep(self, /, job_id: str, *, keep: bool = True) -> Document:
        """Let retention delete nothing of a job, or leave it to its rules again; return what they are."""
        path = f"/v1/jobs/{segment(job_id)}/retention"
        return as_document(await self._session.call("PUT", path, body={"keep": keep}, repeatable=True))

    @operation
    async def retention(self, /, job_id: str) -> Document:
        """Return when what belongs to a job is deleted: ``keep``, ``kinds`` with ``due_at`` and ``rule``."""
        return as_document(await self._session.call("GET", f"/v1/jobs/{segment(job_id)}/retention"))

    @operation
    async def reread(self, /, job_id: str) -> Document:
        """Parse a job's archived answers again; makes no call, and costs nothing."""
        path = f"/v1/jobs/{segment(job_id)}/reread"
        return as_document(await self._session.call("POST", path, wait=_SLOW))

    @operation
    async def answers(self, /, job_id: str) -> Sequence[Document]:
        """Explain a job's archived answers, the latest first: ``attempt``, ``explanation``, ``fault``."""
        path = f"/v1/jobs/{segment(job_id)}/answers"
        page = as_document(await self._session.call("GET", path, wait=_SLOW), "page")
        return [*as_documents(page.get("data"), "answers")]

    @operation
    async def release_many(
        self, /, *, ids: Sequence[str] | None = None, **conditions: Unpack[JobConditions]
    ) -> Decision:
        """Release up to 1,000 held jobs by ``ids``, or all that match."""
        return await _decide(self._session, "release", _selection(ids, conditions))

    @operation
    async def fail_many(
        self,
        /,
        *,
        ids: Sequence[str] | None = None,
        reason: str | None = None,
        **conditions: Unpack[JobConditions],
    ) -> Decision:
        """Fail up to 1,000 held jobs by ``ids``, or all that match."""
        given = {} if reason is None else {"reason": reason}
        return await _decide(self._session, "fail", _selection(ids, conditions) | given)

    @operation
    async def retry_many(
        self, /, *, may_pay_twice: bool = False, **selection: Unpack[BulkSelection]
    ) -> BulkResult:
        """Retry up to 1,000 jobs by ``ids``, or all that match; a dry run only counts."""
        given = {"may_pay_twice": True} if may_pay_twice else {}
        return await _change_many(self._session, "retry", selection, given)

    @operation
    async def cancel_many(self, /, **selection: Unpack[BulkSelection]) -> BulkResult:
        """Cancel up to 1,000 jobs by ``ids``, or all that match; a dry run only counts."""
        return await _change_many(self._session, "cancel", selection)

    @operation
    async def delete_many(self, /, **selection: Unpack[BulkSelection]) -> BulkResult:
        """Delete up to 1,000 ended jobs by ``ids``, or all that match, with their images."""
        return await _change_many(self._session, "delete", selection)


async def _decide(session: Session[M], verb: str, body: Mapping[str, Any]) -> Decision:
    found = await session.call("POST", f"/v1/jobs/{verb}", body=body, wait=_SLOW)
    document = as_document(found, "result")
    changed, unchanged = member(document, "changed", int, 0), member(document, "unchanged", int, 0)
    refused = tuple(_refused(each) for each in as_documents(document.get("refused")))
    return Decision(changed, unchanged, refused, member(document, "more", bool, False), document)


def _refused(document: Document) -> RefusedJob:
    code, message = member(document, "code", str, ""), member(document, "message", str, "")
    return RefusedJob(member(document, "id", str, ""), code, message)


async def _change_many(
    session: Session[M], verb: str, selection: Mapping[str, Any], given: Mapping[str, Any] = _NO_MEMBERS
) -> BulkResult:
    conditions = {name: value for name, value in selection.items() if name not in _OF_REQUEST}
    members = {name: value for name, value in selection.items() if name in ("dry_run", "expected_count")}
    body = {**_selection(selection.get("ids"), conditions), **members, **given}
    return _bulk_result(await session.call("POST", f"/v1/jobs/{verb}", body=body, wait=_SLOW))


def _selection(ids: Sequence[str] | None, conditions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the jobs of a request: ids alone, or a filter."""
    chosen = {name: _plain(value) for name, value in conditions.items() if value is not None}
    if ids is None:
        return {"filter": chosen}
    return {"filter": {"ids": [*ids], **chosen}} if chosen else {"ids": [*ids]}


def _bulk_result(value: object) -> BulkResult:
    document = as_document(value, "result")
    matched, eligible = member(document, "matched", int, 0), member(document, "eligible", int, 0)
    changed, more = member(document, "changed", int, 0), member(document, "more", bool, False)
    return BulkResult(matched, eligible, changed, texts(document, "samples"), more, document)


def _joined(value: Any) -> str:
    plain = _plain(value)
    return plain if isinstance(plain, str) else ",".join(plain)


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else value
