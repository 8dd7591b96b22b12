"""Health, readiness and Prometheus metrics."""

import asyncio

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from api.access.roles import check_sees_all
from api.auth import authenticate, needs_key
from api.rest.openapi.route_docs import (
    add_operation,
    merge_responses,
    problem_responses,
    request_docs,
    response,
    schema_ref,
)
from api.services import services_of
from api.web.allowed_hosts import is_loopback
from api.web.problems import Problem
from api.web.responses import JsonResponse
from models.api_keys import Role
from worker.metrics.exposition import FORWARDED, is_own_key


async def healthz(request: Request) -> Response:
    """Return 200: the process serves requests."""
    return JsonResponse({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Return 200 if database and image store work, else 503; with the reason of what does not.

    Without the broker it is degraded: workers start jobs without messages.
    """
    monitor = services_of(request).monitor
    checks = {
        "database": monitor.database_error,
        "storage": monitor.storage_error,
        "broker": monitor.broker_error,
    }
    found = await asyncio.gather(*(check.value() for check in checks.values()))
    errors = dict(zip(checks, found, strict=True))
    ready = not (errors["database"] or errors["storage"])
    content = {
        "status": ("degraded" if errors["broker"] else "ready") if ready else "unavailable",
        "checks": {name: error or "ok" for name, error in errors.items()},
    }
    return JsonResponse(content, 200 if ready else 503, headers={"Cache-Control": "no-store"})


async def get_findings(request: Request) -> Response:
    """Return what ``darkroom doctor`` finds from this process, without calls to providers."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    check_sees_all(caller.role, Role.VIEWER)
    shared = getattr(request.app.state, "findings", None)
    found = [] if shared is None else [each.value() for each in await shared.value()]
    return JsonResponse({"data": found}, headers={"Cache-Control": "no-store"})


class FindingDocument(BaseModel):
    """Result of one check of the installation."""

    check: str
    ok: bool
    message: str
    fix: str | None = Field(description="of a problem: what to do")


class FindingListDocument(BaseModel):
    """Results of all checks."""

    data: list[FindingDocument]


async def metrics(request: Request) -> Response:
    """Return the metrics in Prometheus' text format; beyond this machine, only for a key."""
    await _check_reader(request)
    content = await services_of(request).monitor.state_metrics() + generate_latest(REGISTRY)
    return Response(content, headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _check_reader(request: Request) -> None:
    """Raise the 401 or 403 problem unless the metrics are open to this request."""
    services = services_of(request)
    if services.settings.metrics_public or _is_local(request):
        return
    needs_key(request)
    if is_own_key(services.settings, request.headers.get("authorization", "")):
        return
    if not (await authenticate(request, services.authenticator)).role.sees_all:
        detail = "Metrics need an admin's key or DARKROOM_METRICS_KEY; DARKROOM_METRICS_PUBLIC opens them."
        raise Problem(403, "forbidden", detail)


def _is_local(request: Request) -> bool:
    """Return whether a request was made on this machine, and not by a proxy for another one."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    return is_loopback(request.client.host)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    add_operation(
        router,
        "GET",
        "/v1/findings",
        get_findings,
        "What `darkroom doctor` finds, from this process and without calls to providers (viewers)",
        merge_responses(
            response(200, "The findings.", schema_ref("FindingListDocument")), problem_responses(401, 403)
        ),
        request_docs(),
    )
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
