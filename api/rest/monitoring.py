"""Health, readiness and Prometheus metrics."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from api.rest.openapi.route_docs import merge_responses, response, schema_ref
from api.services import ApiServices, services_of
from api.web.responses import JsonResponse
from models.errors import DatabaseAway, StorageError
from models.queries.callers import any_caller
from models.queries.database_state import is_read_only
from models.queries.jobs import count_open

_TIMEOUT = 5.0  # seconds for one check


async def healthz(request: Request) -> Response:
    """Return 200: the process serves requests."""
    return JsonResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Return 200 if database and image store work, or 503 with the reason for each."""
    services = services_of(request)
    database, storage = await asyncio.gather(_database_error(services), _storage_error(services))
    errors = {"database": database, "storage": storage}
    ready = not any(errors.values())
    content = {
        "status": "ready" if ready else "unavailable",
        "checks": {name: error or "ok" for name, error in errors.items()},
    }
    return JsonResponse(content, 200 if ready else 503, headers={"Cache-Control": "no-store"})


async def _database_error(services: ApiServices) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT), services.database.writing() as connection:
            await any_caller(connection)
            if await is_read_only(connection):
                return "it is read-only; DARKROOM_DATABASE_URL must lead to a server that takes writes"
    except TimeoutError:
        return "it does not answer in time"
    except (DatabaseAway, SQLAlchemyError) as error:
        kind = type(error.__cause__ or error).__name__
        return f"{kind}: look at its log, DARKROOM_DATABASE_URL, and `darkroom migrate`"
    return None


async def _storage_error(services: ApiServices) -> str | None:
    try:
        async with asyncio.timeout(_TIMEOUT):
            await services.store.check()
    except TimeoutError:
        return "it does not answer in time"
    except StorageError as error:
        return str(error)
    return None


class _OpenJobs(Collector):
    """Gauge of the jobs that are not finished, by status."""

    def __init__(self, counts: dict[str, int]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the gauge."""
        gauge = GaugeMetricFamily("darkroom_jobs", "Jobs that are not finished", labels=["status"])
        for status, count in sorted(self._counts.items()):
            gauge.add_metric([status], count)
        yield gauge


async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format."""
    services = services_of(request)
    async with services.database.reading() as connection:
        counts = await count_open(connection)
    jobs = CollectorRegistry()
    jobs.register(_OpenJobs(counts))
    content = generate_latest(jobs) + generate_latest(REGISTRY)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


def add_routes(router: APIRouter) -> None:
    """Add the routes. None of them needs a key."""
    health = schema_ref("HealthDocument")
    router.add_api_route(
        "/healthz",
        healthz,
        methods=["GET"],
        tags=["operations"],
        summary="Liveness of the process",
        responses=response(200, "The process serves requests.", health),
    )
    router.add_api_route(
        "/readyz",
        readyz,
        methods=["GET"],
        tags=["operations"],
        summary="Readiness: database and image store",
        responses=merge_responses(
            response(200, "Database and image store work.", health),
            response(503, "`checks` has the reason.", health),
        ),
    )
    router.add_api_route(
        "/metrics",
        metrics,
        methods=["GET"],
        tags=["operations"],
        summary="Metrics in Prometheus' text format",
        responses=response(200, "The metrics.", {"type": "string"}, media_type="text/plain"),
    )
