"""The clients: ``Darkroom``, which blocks, and ``AsyncDarkroom``, with the same operations to be awaited."""

import os
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from secrets import token_hex
from typing import Any, Self, TypeVar, Unpack

import httpx

from darkroom_client.campaigns.campaign import Campaign
from darkroom_client.campaigns.campaigns import Campaigns
from darkroom_client.campaigns.definition import CampaignOptions
from darkroom_client.configuration import Configuration, load_configuration
from darkroom_client.documents import Document, as_document, as_documents
from darkroom_client.exchange.http_transport import AsyncTransport, SyncTransport, run_blocking
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.retry import RetryPolicy
from darkroom_client.exchange.session import Session, segment
from darkroom_client.exchange.transport import Transport
from darkroom_client.resources.channels import Channels
from darkroom_client.resources.input_images import InputImages, read_image, upload_image
from darkroom_client.resources.job import Job, JobEvent, read_job
from darkroom_client.resources.jobs import Jobs
from darkroom_client.resources.models import Models
from darkroom_client.resources.pictures import Picture
from darkroom_client.resources.submission import (
    AcceptedJob,
    Batch,
    JobOptions,
    NewJob,
    RejectedJob,
    batches,
    check_key,
    job_body,
    read_batch,
)
from darkroom_client.resources.waiting import LONGEST_POLL, follow_job, gather_jobs, stream_events
from darkroom_client.resources.webhooks import Webhooks

M = TypeVar("M", bound=Transport)
_FIRST_WAIT = 30  # seconds that a submit waits for its job, so that a short one needs no poll


class Client(Bound[M]):
    """Operations of both clients. All raise ``ApiError`` and ``ConnectionFailed``.

    Submits carry an Idempotency-Key, so that they are safe to send again: they are, with back-off, after a
    lost connection and after 429, 502, 503 and 504.
    """

    def __init__(self, session: Session[M]) -> None:
        self._session = session
        self.campaigns = Campaigns(session)
        self.jobs = Jobs(session)
        self.channels = Channels(session)
        self.models = Models(session)
        self.webhooks = Webhooks(session)

    @property
    def configuration(self) -> Configuration:
        """Where the server is, and how it is called."""
        return self._session.configuration

    @operation
    async def costs(
        self,
        /,
        *,
        by: Sequence[str] = ("day",),
        since: datetime | None = None,
        until: datetime | None = None,
        campaign: str | None = None,
        caller: str | None = None,
    ) -> Sequence[Document]:
        """Return what calls have cost, by ``day``, ``channel``, ``model``, ``campaign`` or ``caller``."""
        query = {
            "by": ",".join(by),
            "since": since and since.isoformat(),
            "until": until and until.isoformat(),
            "campaign": campaign,
            "caller": caller,
        }
        page = as_document(await self._session.call("GET", "/v1/costs", query=query), "costs")
        return [*as_documents(page.get("data"), "costs")]

    @operation
    async def run(
        self, /, prompt: str | None = None, *, timeout: float | None = None, **options: Unpack[JobOptions]
    ) -> Sequence[Picture[M]]:
        """Submit a job, wait until it has ended, and return its pictures.

        Raises ``InputError``, ``JobFailed``, ``JobHeld`` and, after ``timeout`` seconds, ``WaitTimeout``.
        """
        began = self._session.transport.now()
        wait = _FIRST_WAIT if timeout is None else min(_FIRST_WAIT, int(timeout))
        job = await _submit(self._session, prompt, options, wait=wait)
        if not job.is_settled:
            spent = self._session.transport.now() - began
            left = None if timeout is None else max(0.0, timeout - spent)
            job = await Client.wait(self, job, timeout=left)
        job.raise_for_status()
        return job.pictures

    @operation
    async def submit(
        self,
        /,
        prompt: str | None = None,
        *,
        idempotency_key: str | None = None,
        **options: Unpack[JobOptions],
    ) -> Job[M]:
        """Submit a job; the same ``idempotency_key`` and job return the first one again."""
        return await _submit(self._session, prompt, options, key=idempotency_key)

    @operation
    async def submit_many(
        self, /, jobs: Iterable[NewJob | Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> Batch:
        """Submit any number of jobs, in requests of up to 1,000. Those that are wrong are in ``rejected``.

        With an ``idempotency_key`` the call can be repeated as a whole, after a crash too.
        Raises ``InputError``.
        """
        key = check_key(idempotency_key) if idempotency_key else token_hex(16)
        images = InputImages(self._session)
        bodies = [await job_body(self._session, job, images) for job in jobs]
        accepted: list[AcceptedJob] = []
        rejected: list[RejectedJob] = []
        first = 0
        for batch in batches(bodies):
            headers = {"Idempotency-Key": f"{key[:240]}-{first}" if first else key}
            found = await self._session.call(
                "POST", "/v1/jobs", body={"jobs": batch}, headers=headers, repeatable=True
            )
            result = read_batch(found, first)
            accepted += result.accepted
            rejected += result.rejected
            first += len(batch)
        return Batch(tuple(accepted), tuple(rejected))

    @operation
    async def wait(self, /, job: "Job[Any] | AcceptedJob | str", *, timeout: float | None = None) -> Job[M]:
        """Return a job once it is settled: final, held or waiting for input.

        Raises ``WaitTimeout`` after ``timeout`` seconds.
        """
        following = follow_job(self._session, id_of(job), timeout=timeout, longest_poll=LONGEST_POLL)
        async with aclosing(following):
            async for found in following:
                latest = found
        return latest

    @stream
    def follow(
        self,
        /,
        job: "Job[Any] | AcceptedJob | str",
        *,
        timeout: float | None = None,
        longest_poll: float = LONGEST_POLL,
    ) -> AsyncIterator[Job[M]]:
        """Yield a job at once and after each long poll, changed or not, until it is settled.

        Raises ``WaitTimeout`` after ``timeout`` seconds.
        """
        return follow_job(self._session, id_of(job), timeout=timeout, longest_poll=longest_poll)

    @stream
    def gather(
        self, /, jobs: "Iterable[Job[Any] | AcceptedJob | str] | Batch", *, timeout: float | None = None
    ) -> AsyncIterator[Job[M]]:
        """Yield each of the jobs once, as they are settled.

        Raises ``WaitTimeout`` after ``timeout`` seconds.
        """
        chosen = jobs.accepted if isinstance(jobs, Batch) else jobs
        return gather_jobs(self._session, [id_of(job) for job in chosen], timeout=timeout)

    @stream
    def iter_events(
        self,
        /,
        job: "Job[Any] | AcceptedJob | str | None" = None,
        *,
        campaign: str | None = None,
        model: str | None = None,
        tag: str | None = None,
        after: str | int | None = None,
    ) -> AsyncIterator[JobEvent]:
        """Yield the events of a job until it is final; without one, new events of all jobs, or of some.

        A broken stream is resumed after its last event. ``after`` resumes one of an earlier run: the
        ``last_event_id`` of its last event.
        """
        last = None if after is None else str(after)
        if job is not None:
            path = f"/v1/jobs/{segment(id_of(job))}/events"
            return stream_events(self._session, path, after=last, ends=True)
        query = {"campaign": campaign, "model": model, "tag": tag}
        return stream_events(self._session, "/v1/events", query=query, after=last, ends=False)

    def campaign(self, name: str, /, **options: Unpack[CampaignOptions]) -> Campaign[M]:
        """Return the campaign of this name, to be created or found by a ``with`` statement, or just used.

        Raises ``InputError``.
        """
        return Campaign(self._session, name, options)

    @operation
    async def upload(self, /, image: bytes | str | os.PathLike[str]) -> Picture[M]:
        """Store an input image once, to name it in the ``images`` of many jobs. Raises ``InputError``."""
        if isinstance(image, bytes):
            return await upload_image(self._session, image)
        return await upload_image(self._session, await read_image(self._session, image, "image"))

    @operation
    async def request(
        self, /, method: str, path: str, *, query: Mapping[str, Any] | None = None, body: Any = None
    ) -> Any:
        """Return the JSON of any other call of the API, such as ``GET /v1/campaigns``."""
        return await self._session.call(method, path, query=query, body=body)


class Darkroom(Client[SyncTransport]):
    """Client that blocks; threads may share it.

    What is not given comes from ``DARKROOM_URL``, ``DARKROOM_API_KEY`` and ``DARKROOM_MODEL`` (the model of
    jobs that name none). ``timeout`` is in seconds without a byte. Close it, or use it in a ``with``
    statement. Raises ``ConfigurationError``.
    """

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        model: str | None = None,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        http_transport: httpx.BaseTransport | None = None,
    ) -> None:
        configuration = load_configuration(
            base_url=base_url, api_key=api_key, model=model, timeout=timeout, retry=retry
        )
        super().__init__(Session(configuration, SyncTransport(configuration, http_transport)))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        run_blocking(self._session.transport.close())


class AsyncDarkroom(Client[AsyncTransport]):
    """Client for asyncio, made as ``Darkroom`` is. Close it, or use it in an ``async with`` statement."""

    def __init__(
        self,
        base_url: str | None = None,
        api_key: str | None = None,
        *,
        model: str | None = None,
        timeout: float | None = None,
        retry: RetryPolicy | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        configuration = load_configuration(
            base_url=base_url, api_key=api_key, model=model, timeout=timeout, retry=retry
        )
        super().__init__(Session(configuration, AsyncTransport(configuration, http_transport)))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._session.transport.close()


def id_of(job: Job[Any] | AcceptedJob | str) -> str:
    """Return a job's id."""
    return job if isinstance(job, str) else job.id


async def _submit(
    session: Session[M],
    prompt: str | None,
    options: Mapping[str, Any],
    *,
    key: str | None = None,
    wait: int = 0,
) -> Job[M]:
    """Submit a job; with ``wait`` (seconds), return it once it is settled or time is up."""
    body = await job_body(session, {"prompt": prompt, **options}, InputImages(session))
    headers = {"Idempotency-Key": check_key(key) if key else token_hex(16)}
    if wait:
        headers["Prefer"] = f"wait={wait}"
    found = await session.call("POST", "/v1/jobs", body=body, headers=headers, wait=wait, repeatable=True)
    return read_job(session, found)
