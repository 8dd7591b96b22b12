"""What a web page of another site can make a browser send is refused, and learns nothing."""

from collections.abc import Callable

from models.settings import Settings
from tests.api.conftest import started
from tests.api.service import ALICE, JOB, Service

PATHS = ["/v1/jobs", "/mj/task/list", "/mj/task/queue", "/v1/campaigns", "/v1/webhooks"]


async def test_a_cookie_authenticates_nobody(service: Service) -> None:
    for path in PATHS:
        for name in ("Authorization", "mj-api-secret", "key", "session", "__Host-session"):
            for value in (ALICE, f"Bearer {ALICE}"):
                answer = await service.with_key(None).get(path, headers={"Cookie": f"{name}={value}"})
                assert answer.status_code == 401


async def test_no_answer_sets_a_cookie(service: Service) -> None:
    for path in (*PATHS, "/healthz", "/docs", "/metrics", "/nothing"):
        answer = await service.get(path, headers={"Cookie": "session=1"})
        assert "set-cookie" not in answer.headers


async def test_a_form_of_another_site_is_not_taken_for_json(service: Service) -> None:
    for content_type in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"Origin": "https://evil.example", "Content-Type": content_type}
        native = await service.post("/v1/jobs", content=b'{"model": "m", "prompt": "a"}', headers=headers)
        assert (native.status_code, native.json()["code"]) == (415, "unsupported_media_type")
        proxy = await service.post("/mj/submit/imagine", content=b'{"prompt": "a"}', headers=headers)
        assert (proxy.status_code, proxy.json()["code"]) == (415, 4)
    assert (await service.get("/v1/jobs")).json()["data"] == []


async def test_a_page_that_sends_json_with_a_key_is_served(service: Service) -> None:
    headers = {"Origin": "https://studio.example"}
    assert (await service.post("/v1/jobs", json=JOB, headers=headers)).status_code == 202


async def test_a_rebound_name_reaches_no_surface(service: Service) -> None:
    host = {"Host": "evil.example"}
    for path in (*PATHS, "/docs", "/openapi.json", "/metrics", "/assets/a/b.png", "/nothing"):
        answer = await service.get(path, headers=host)
        assert answer.status_code == 421, path
        assert "DARKROOM_ALLOWED_HOSTS" in answer.text
    assert (await service.get("/mj/task/list", headers=host)).json()["code"] == 4
    assert (await service.get("/healthz", headers=host)).status_code == 200


async def test_a_host_of_the_settings_is_served(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(allowed_hosts=("relay.example",))) as service:
        assert (await service.get("/v1/jobs", headers={"Host": "relay.example"})).status_code == 200
        assert (await service.get("/v1/jobs")).status_code == 200  # the public URL's


async def test_every_answer_keeps_its_address_from_other_sites(service: Service) -> None:
    for path in (*PATHS, "/healthz", "/docs", "/openapi.json", "/assets/a/b.png", "/nothing"):
        for key in (None, ALICE):
            answer = await service.with_key(key).get(path)
            assert answer.headers.get_list("referrer-policy") == ["no-referrer"], path


async def test_a_stored_image_runs_nothing(service: Service) -> None:
    asset = await service.finish(await service.submit(), b"<script>alert(1)</script>")
    answer = await service.with_key(None).get(f"/assets/{asset['token']}/0.png")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
