"""Routes: prefixes, unknown paths, methods and CORS."""

import orjson

from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import accepted, rejected

NOWHERE = [
    ("GET", "/mj/nothing", 404),
    ("GET", "/mj/", 404),
    ("GET", "/mj-fast/mj/nothing", 404),
    ("DELETE", "/mj/submit/imagine", 405),
    ("GET", "/mj/submit/imagine", 405),
    ("GET", "/mj/task/1/fetch", 404),
    ("GET", "/mj/image/1", 404),
    ("GET", "/mj/account/nobody/fetch", 404),
    ("POST", "/mj/submit/imagine", 400),
]


PREFIXES = ["/mj-fast", "/mj-relax", "/fast", "/mj", "/mj-turbo-proxy", "/v1", "/绘"]


async def test_r2_every_answer_is_compact_json(stack: MidjourneyStack) -> None:
    for method, path, status in NOWHERE:
        answer = await stack.call(method, path, content=b"{" if method == "POST" else None)

        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
        rejected(answer.json(), answer.json()["code"])
        assert answer.content == orjson.dumps(answer.json())


async def test_r14_any_segment_may_stand_before_mj_and_ids_are_shared(stack: MidjourneyStack) -> None:
    for prefix in PREFIXES:
        number = accepted(await stack.submit("imagine", prefix=prefix, prompt="a cat"))

        assert (await stack.fetch(number))["id"] == number
        assert (await stack.call("GET", f"{prefix}/mj/task/{number}/fetch")).json()["id"] == number


async def test_r14_a_base_address_may_end_with_a_slash(stack: MidjourneyStack) -> None:
    base = "http://darkroom.test/"
    number = accepted(await stack.submit("imagine", prompt="a cat", prefix=base))
    for prefix in (base, f"{base}/mj-fast", f"{base}mj-fast/", f"{base}mj/"):
        assert (await stack.call("GET", f"{prefix}/mj/task/{number}/fetch")).json()["id"] == number
        rejected((await stack.call("GET", f"{prefix}/mj/nothing")).json(), 4)


async def test_cors_lets_pages_of_any_origin_send_their_headers(stack: MidjourneyStack) -> None:
    wanted = "authorization,content-type,mj-api-secret,mj-version,x-ptoken"
    answer = await stack.service.client.options(
        "/mj-fast/mj/submit/imagine",
        headers={
            "Origin": "http://elsewhere.example",
            "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": wanted,
        },
    )

    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["access-control-allow-headers"] == wanted
    assert "POST" in answer.headers["access-control-allow-methods"]
