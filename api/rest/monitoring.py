"""For those who operate: alive, ready, figures."""

import asyncio
from collections.abc import Iterator

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from api.services import ApiServices, services_of
from api.web.responses import JsonResponse
from models.errors import StorageError
from models.queries.callers import any_caller
from models.queries.jobs import count_open

_TIMEOUT = 5.0  # seconds for one check


async def healthz(request: Request) -> Response:
    """Tell that the process answers."""
    return JsonResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Tell whether requests can be served, and if not, why."""
    services = services_of(request)
    database, storage = await asyncio.gather(_database_fault(services), _storage_fault(services))
    faults = {"database": database, "storage": storage}
    ready = not any(faults.values())
    content = {
        "status": "ready" if ready else "unavailable",
        "checks": {name: error or "ok" for name, error in faults.items()},
    }
    return JsonResponse(content, 200 if ready else 503, headers={"Cache-Control": "no-store"})


async def _database_fault(services: ApiServices) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT), services.database.reading() as connection:
            await any_caller(connection)
    except TimeoutError:
        return "it does not answer in time"
    except (SQLAlchemyError, OSError) as error:
        return f"{type(error).__name__}: look at its log, DARKROOM_DATABASE_URL, and `darkroom migrate`"
    return None


async def _storage_fault(services: ApiServices) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            await services.store.check()
    except TimeoutError:
        return "it does not answer in time"
    except StorageError as error:
        return str(error)
    return None


class _OpenJobs(Collector):
    """The jobs that are not finished, by status."""

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the one gauge."""
        limit = GaugeMetricFamily("darkroom_jobs", "Jobs that are not finished", labels=["status"])
        for status, count in sorted(self._counts.items()):
            limit.add_metric([status], count)
        yield limit


async def metrics(request: Request) -> Response:
    """Show figures in Prometheus' format."""
    services = services_of(request)
    async with services.database.reading() as connection:
        counts = await count_open(connection)
    jobs = CollectorRegistry()
    jobs.register(_OpenJobs(counts))
    content = generate_latest(jobs) + generate_latest(REGISTRY)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})
