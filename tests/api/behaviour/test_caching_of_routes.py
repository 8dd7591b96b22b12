"""Every route that needs a key forbids shared caches to keep what it answers."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.routing import Mount

from api.openai.routes import FAMILIES
from api.rest.routes import build_router
from tests.api.service import ADMIN, Service

PUBLIC = {"/healthz", "/readyz", "/metrics", "/assets/{token}/{name}", "/openapi.json", "/", "/mj"}

#: families of the OpenAI API that answer 404 in its form, without looking at a key
NOT_SERVED = {f"/v1/{family}{rest}" for family in FAMILIES for rest in ("", "/{rest:path}")}

#: a query with which a route refuses what it would answer for ever
REFUSED = {"/v1/events": "?last_event_id=x"}


def routes_of(service: Service) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route of the app; routers that it includes keep their routes apart."""
    for route in [*service.app.routes, *build_router().routes]:
        yield from _methods_of(route, "")


def _methods_of(route: Any, prefix: str) -> Iterator[tuple[str, str]]:
    if isinstance(route, Mount):
        for each in route.routes:
            yield from _methods_of(each, prefix + route.path)
    for method in sorted(getattr(route, "methods", None) or ()):
        yield method, prefix + route.path


def filled(path: str) -> str:
    return "http://darkroom.test" + re.sub(r"\{[^}]+\}", "1", path) + REFUSED.get(path, "")


async def answers_of(service: Service, method: str, path: str) -> list[Any]:
    """Call a route without a key, with a wrong one, and with one, in each of the headers that carry it."""
    ways: list[dict[str, str]] = [
        {},
        {"Authorization": "Bearer wrong-wrong-wrong"},
        {"Authorization": f"Bearer {ADMIN}"},
        {"mj-api-secret": ADMIN},
    ]
    anonymous = service.with_key(None)
    body = {"json": {}} if method in ("POST", "PUT", "PATCH") else {}
    return [await anonymous.request(method, filled(path), headers=way, **body) for way in ways]


@pytest.mark.slow(reason="each of a thousand routes is called in four ways")
async def test_the_answers_of_every_route_with_a_key_are_private(service: Service) -> None:
    keyed, all_paths = set(), set()
    for method, path in routes_of(service):
        all_paths.add(path)
        answers = await answers_of(service, method, path)
        if answers[0].status_code != 401:
            continue
        keyed.add(path)
        for answer in answers:
            control = answer.headers.get("cache-control", "")
            assert re.search(r"\b(private|no-store)\b", control), (method, path, answer.status_code, control)
            assert "public" not in control, (method, path)
            vary = answer.headers.get("vary", "").lower()
            assert {"authorization", "mj-api-secret"} <= set(vary.split(", ")), (method, path, vary)
    open_ = {path for path in all_paths - keyed if not path.startswith(("/docs", "/dashboard"))}
    assert open_ - NOT_SERVED == PUBLIC
