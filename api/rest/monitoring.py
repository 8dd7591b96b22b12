"""Health, readiness and Prometheus metrics."""

import asyncio
from collections.abc import Iterator
from secrets import compare_digest

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate, needs_key
from api.rest.openapi.route_docs import merge_responses, problem_responses, response, schema_ref
from api.services import services_of
from api.web.allowed_hosts import is_loopback
from api.web.problems import Problem
from api.web.responses import JsonResponse

_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")  # headers that proxies add


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
    """Return the metrics in Prometheus' text format; beyond this machine, only for a key."""
    await _check_reader(request)
    counts = await services_of(request).monitor.open_jobs.value()
    jobs = CollectorRegistry()
    jobs.register(_OpenJobs(counts))
    content = generate_latest(jobs) + generate_latest(REGISTRY)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _check_reader(request: Request) -> None:
    """Raise the 401 or 403 problem unless the metrics are open to this request."""
    services = services_of(request)
    own, given = services.settings.metrics_key, request.headers.get("authorization", "")
    if services.settings.metrics_public or _is_local(request):
        return
    needs_key(request)
    if own is not None and compare_digest(given.encode(), f"Bearer {own.get_secret_value()}".encode()):
        return
    if not (await authenticate(request, services.authenticator)).admin:
        detail = "Metrics need an admin's key or DARKROOM_METRICS_KEY; DARKROOM_METRICS_PUBLIC opens them."
        raise Problem(403, "forbidden", detail)


def _is_local(request: Request) -> bool:
    """Return whether a request was made on this machine, and not by a proxy for another one."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    return is_loopback(request.client.host)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
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
        summary="Metrics in Prometheus' text format; beyond this machine with a key",
        responses=merge_responses(
            response(200, "The metrics.", {"type": "string"}, media_type="text/plain"),
            problem_responses(401, 403),
        ),
    )
