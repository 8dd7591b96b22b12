"""Wait for a change of a job while its client is connected.

A client that goes ends the wait itself, and nothing else: to cancel its whole handler, as Starlette's
``StreamingResponse`` does, would break off database reads, and leave no task that closes their connections.
"""

import asyncio
from collections.abc import Callable
from uuid import UUID

from starlette.requests import ClientDisconnect, Request

from api.auth import Caller
from api.jobs.watcher import JobChange, Watcher
from api.services import services_of
from api.web.request_body import RequestBody, body_of
from worker.cancellation import cancel_and_wait


async def long_poll(
    request: Request, caller: Caller, job_id: UUID, condition: Callable[[JobChange], bool], *, timeout: float
) -> None:
    """Return once a job meets a condition, or after ``timeout`` seconds.

    Raises the 429 problem of too many waiting requests, and ``ClientDisconnect``.
    """
    services = services_of(request)
    with services.ceilings.long_polls.hold(caller.id):
        body = body_of(request.scope)
        await wait_while_connected(body, services.watcher, job_id, condition, timeout=timeout)


async def wait_while_connected(
    body: RequestBody,
    watcher: Watcher,
    job_id: UUID,
    condition: Callable[[JobChange], bool],
    *,
    timeout: float,
) -> JobChange | None:
    """Return what ``Watcher.wait_for`` does. Raises ``ClientDisconnect`` once the client has gone."""
    change = asyncio.create_task(watcher.wait_for(job_id, condition, timeout=timeout))
    gone = asyncio.create_task(body.wait_for_disconnect())
    try:
        await asyncio.wait((change, gone), return_when=asyncio.FIRST_COMPLETED)
        if not change.done():
            raise ClientDisconnect
        return change.result()
    finally:
        await cancel_and_wait(change, gone)
