"""Clients with their key in the path: they are served, and nothing else sees the key."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from structlog.testing import capture_logs

from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import accepted, rejected
from tests.api.service import ALICE

NO_HEADER = {"mj-api-secret": ""}


async def test_a_client_without_headers_submits_and_fetches(stack: MidjourneyStack) -> None:
    for base in (f"/mj/k/{ALICE}", f"/mj/k/{ALICE}/mj", f"/mj/k/{ALICE}/mj-relax/mj"):
        answer = await stack.call(
            "POST", f"{base}/submit/imagine", json={"prompt": "a cat"}, headers=NO_HEADER
        )
        number = accepted(answer.json())
        task = await stack.call("GET", f"/mj/k/{ALICE}/task/{number}/fetch", headers=NO_HEADER)
        assert task.json()["mode"] == ("RELAX" if "relax" in base else "FAST")
        assert "no-store" in task.headers["cache-control"]


async def test_a_wrong_key_in_the_path_is_refused_and_none_opens_the_native_api(
    stack: MidjourneyStack,
) -> None:
    answer = await stack.call("GET", "/mj/k/wrong-key-wrong-key/task/list", headers=NO_HEADER)
    assert answer.status_code == 401
    rejected(answer.json(), 4)
    assert "wrong-key" not in answer.text
    for path in (f"/mj/k/{ALICE}/v1/jobs", f"/v1/k/{ALICE}/jobs", f"/v1/mj/k/{ALICE}/jobs"):
        assert (await stack.call("GET", path, headers=NO_HEADER)).status_code == 404


async def test_no_log_no_answer_and_no_handler_has_the_key(stack: MidjourneyStack) -> None:
    seen: list[str] = []

    async def fail(request: Request) -> Response:
        seen.append(f"{request.url} {request.scope['path']} {request.scope['raw_path']!r}")
        raise RuntimeError(str(request.url))

    stack.service.app.router.routes.insert(0, Route("/mj/failing", fail))
    with capture_logs() as logged:
        failed = await stack.call("GET", f"/mj/k/{ALICE}/failing", headers=NO_HEADER)
        unknown = await stack.call("GET", f"/mj/k/{ALICE}/nothing", headers=NO_HEADER)
    assert (failed.status_code, unknown.status_code, len(seen), bool(logged)) == (500, 404, 1, True)
    texts = [*seen, repr(logged), failed.text, unknown.text, repr(failed.headers)]
    assert not [text for text in texts if ALICE in text]
    metrics = await stack.service.client.get("/metrics")
    assert ALICE not in metrics.text
