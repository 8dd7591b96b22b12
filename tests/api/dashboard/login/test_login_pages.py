"""Login: a link works once, a key always, and a session ends with its key."""

from datetime import timedelta

import pytest

from api.dashboard.login.login_pages import safe_target
from api.dashboard.login.sessions import LINK_LIFETIME, create_link
from models.api_keys import Role
from models.clock import now
from models.queries.api_keys import list_keys, revoke_keys
from models.queries.dashboard.audit import list_entries
from models.queries.dashboard.sessions import list_sessions
from tests.api.dashboard.visitor import ORIGIN, Visitor, log_in, visit
from tests.api.service import ADMIN, Service


async def link_of(service: Service, *, age: timedelta = timedelta()) -> str:
    """Return the token of a new link of the admin's key."""
    async with service.services.database.writing() as connection:
        keys = [key for key in await list_keys(connection) if key.role is Role.ADMIN]
        address = await create_link(connection, keys[0].id, public_url="http://x", at=now() - age)
    return address.partition("link=")[2]


async def test_without_a_session_pages_lead_to_the_login(service: Service) -> None:
    for path in ("/dashboard", "/dashboard/jobs?status=failed", "/dashboard/nothing"):
        answer = await service.with_key(None).get(path)
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/dashboard/login")
    fragment = await service.client.get("/dashboard/jobs", headers={"HX-Request": "true"})
    assert (fragment.status_code, fragment.text) == (401, "")
    assert fragment.headers["hx-redirect"] == "/dashboard/login?next=%2Fdashboard%2Fjobs"


async def test_a_key_in_a_header_opens_no_page(service: Service) -> None:
    assert (await service.with_key(ADMIN).get("/dashboard")).status_code == 303


async def test_the_root_leads_to_the_dashboard(service: Service) -> None:
    answer = await service.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (307, "/dashboard")


async def test_a_link_logs_in_once(service: Service) -> None:
    token = await link_of(service)
    shown = await service.client.get(f"/dashboard/login?link={token}")
    assert token in shown.text
    assert "set-cookie" not in shown.headers, "a program that fetches the address does not use it up"
    assert (await log_in(service, None, link=token)).status_code == 303
    again = await log_in(service, None, link=token)
    assert again.status_code == 401
    assert "used already" in again.text


async def test_a_link_of_yesterday_does_not_log_in(service: Service) -> None:
    token = await link_of(service, age=LINK_LIFETIME)
    assert (await log_in(service, None, link=token)).status_code == 401


async def test_a_session_cookie_is_out_of_reach_of_scripts_and_other_sites(service: Service) -> None:
    answer = await log_in(service, ADMIN)
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "path=/" in cookie


async def test_a_wrong_key_is_refused_in_words(service: Service) -> None:
    answer = await log_in(service, "dk_wrong")
    assert answer.status_code == 401
    assert "unknown" in answer.text
    assert "set-cookie" not in answer.headers


async def test_a_session_ends_by_logout(service: Service) -> None:
    visitor = await visit(service, ADMIN)
    refused = await visitor.post_form("/dashboard/logout", {"request_token": "x"})
    assert refused.status_code == 403
    await visitor.post_form("/dashboard/logout", {"request_token": await visitor.token()})
    assert (await visitor.get("/dashboard")).status_code == 303


async def test_a_session_ends_with_its_key(service: Service) -> None:
    visitor = await visit(service, ADMIN)
    assert (await visitor.get("/dashboard")).status_code == 200
    async with service.services.database.writing() as connection:
        keys = [key for key in await list_keys(connection) if key.role is Role.ADMIN]
        await revoke_keys(connection, [keys[0].id], at=now())
    service.services.authenticator.forget()
    assert (await visitor.get("/dashboard")).status_code == 303


async def test_a_session_is_stored_as_a_hash_and_logged(service: Service) -> None:
    visitor = await visit(service, ADMIN)
    async with service.services.database.reading() as connection:
        assert len(await list_sessions(connection, now())) == 1
        [entry] = await list_entries(connection, limit=10)
    assert entry.action == "POST /dashboard/login"
    assert visitor.cookies["darkroom"] not in repr(entry)


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://darkroom.test"},
        {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"},
        {},
    ],
)
async def test_a_login_from_another_site_is_refused(service: Service, headers: dict[str, str]) -> None:
    answer = await service.client.post("/dashboard/login", data={"key": ADMIN}, headers=headers)
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize(
    ("given", "leads_to"),
    [
        ("/dashboard/jobs?status=failed", "/dashboard/jobs?status=failed"),
        ("https://evil.example/dashboard", "/dashboard"),
        ("//evil.example/dashboard", "/dashboard"),
        ("/\\evil.example", "/dashboard"),
        ("/dashboardx", "/dashboard"),
        ("/v1/jobs", "/dashboard"),
        ("/dashboard/\r\nSet-Cookie: a", "/dashboard"),
        (None, "/dashboard"),
    ],
)
def test_a_login_leads_to_pages_of_the_dashboard_alone(given: str | None, leads_to: str) -> None:
    assert safe_target(given) == leads_to


async def test_a_language_is_kept(service: Service) -> None:
    visitor = await visit(service, ADMIN)
    answer = await visitor.post_form("/dashboard/language", {"language": "zh_CN", "next": "/dashboard/jobs"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/jobs")
    chosen = Visitor(service, {**visitor.cookies, "darkroom-language": "zh_CN"})
    assert '<html lang="zh-CN">' in (await chosen.get("/dashboard")).text
    assert (await visitor.post_form("/dashboard/language", {"language": "xx"})).status_code == 422


async def test_a_form_that_is_too_large_is_refused(service: Service) -> None:
    answer = await service.client.post("/dashboard/login", data={"key": "x" * 20_000}, headers=ORIGIN)
    assert answer.status_code == 413
    other = await service.client.post("/dashboard/login", json={"key": ADMIN}, headers=ORIGIN)
    assert other.status_code == 415
