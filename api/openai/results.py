"""Result of a job: its row, the images of its present generation, and its attempts."""

import asyncio
import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from api.auth import Caller
from api.openai.errors import Failure, JobFailed, failure_of
from api.services import ApiServices
from models.errors import NotFound, StorageError
from models.ids import public_id
from models.openai.partial_pictures import partial_key, wanted_partials
from models.queries.assets import list_assets
from models.queries.jobs import find_job, list_attempts
from models.serializers import asset_view, is_present
from models.states import JobStatus


@dataclass(frozen=True, slots=True)
class JobResult:
    """A job as it is, with what it has made."""

    job: Any  #: its row
    assets: Sequence[Any]  #: rows, in order
    attempts: Sequence[Any]  #: rows, in order

    @property
    def id(self) -> str:
        """Public id of the job."""
        return public_id("job", self.job.id)

    @property
    def status(self) -> JobStatus:
        """State of the job."""
        return JobStatus(self.job.status)

    @property
    def failure(self) -> Failure:
        """What its client is told if it has not succeeded."""
        return failure_of(self.id, self.status, self.job.error)

    def require_success(self) -> None:
        """Raise ``JobFailed`` unless the job has succeeded."""
        if self.status is not JobStatus.SUCCEEDED:
            raise JobFailed(self.failure)


async def read_result(services: ApiServices, caller: Caller, job_id: UUID) -> JobResult:
    """Return a caller's job with what it has made. Raises ``NotFound``."""
    async with services.database.reading() as connection:
        job = await find_job(connection, job_id, caller_id=caller.scope)
        if job is None:
            raise NotFound(f"There is no job {public_id('job', job_id)!r}.")
        assets = await list_assets(connection, [job_id])
        attempts = await list_attempts(connection, [job_id])
    present = [asset for asset in assets if is_present(job, asset)]
    return JobResult(job, sorted(present, key=lambda asset: asset.position), attempts)


async def partial_pictures(services: ApiServices, result: JobResult, first: int) -> list[str]:
    """Return the partial pictures of a job that have come, from the one with this index on, as base64."""
    found = []
    for index in range(first, wanted_partials(result.job.request.get("params"))):
        try:
            content = await services.store.get(partial_key(result.job.id, index))
        except (NotFound, StorageError):
            break
        found.append((await asyncio.to_thread(base64.b64encode, content)).decode("ascii"))
    return found


def asset_facts(asset: Any, *, public_url: str) -> dict[str, Any]:
    """Return what this API adds about a picture: its id, permanent address, hash, type and size."""
    view = asset_view(asset, public_url=public_url)
    names = ("id", "sha256", "width", "height", "bytes", "content_type", "url")
    return {name: view[name] for name in names}
