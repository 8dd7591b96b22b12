"""Health, readiness and Prometheus metrics."""

import asyncio
from collections.abc import Iterator

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from api.rest.openapi.route_docs import merge_responses, response, schema_ref
from api.services import services_of
from api.web.responses import JsonResponse


async def healthz(request: Request) -> Response:
    """Return 200: the process serves requests."""
    return JsonResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Return 200 if database and image store work, or 503 with the reason for each."""
    monitor = services_of(request).monitor
    database, storage = await asyncio.gather(monitor.database_error.value(), monitor.storage_error.value())
    errors = {"database": database, "storage": storage}
    ready = not any(errors.values())
    content = {
        "status": "ready" if ready else "unavailable",
        "checks": {name: error or "ok" for name, error in errors.items()},
    }
    return JsonResponse(content, 200 if ready else 503, headers={"Cache-Control": "no-store"})


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
    counts = await services_of(request).monitor.open_jobs.value()
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
