"""Login by OpenID Connect: the whole way over HTTP, and each answer that was tampered with is refused."""

from collections.abc import Callable

import httpx
import pytest

from api.dashboard.login.openid.openid_login import _Begun, open_provider
from models.clock import now
from models.ids import public_id
from models.queries.api_keys import list_keys, revoke_keys
from models.queries.dashboard.audit import list_entries
from models.queries.dashboard.sessions import list_sessions
from models.settings import Settings
from tests.api.conftest import started
from tests.api.dashboard.login.openid.conftest import OpenIdLogin
from tests.api.dashboard.visitor import ORIGIN
from tests.api.service import ADMIN, Service
from tests.support.openid_provider import CLIENT, OpenIdServer


def has_session(answer: httpx.Response) -> bool:
    """Return whether a response opens a session."""
    return any(each.startswith(("darkroom=", "__Host-darkroom=")) for each in cookies(answer))


def cookies(answer: httpx.Response) -> list[str]:
    """Return the cookies that a response sets or removes."""
    return answer.headers.get_list("set-cookie")


async def test_a_person_logs_in_and_is_led_on(openid: OpenIdLogin) -> None:
    page = await openid.service.client.get("/dashboard/login?next=/dashboard/jobs")
    assert "/dashboard/login/openid?next=%2Fdashboard%2Fjobs" in page.text
    begun = await openid.begin("/dashboard/login/openid?next=/dashboard/jobs")
    [cookie] = cookies(begun)
    assert all(part in cookie.lower() for part in ("httponly", "samesite=strict", "max-age=600"))
    address = await openid.at_provider(begun)
    shown = await openid.service.client.get(address)
    assert shown.status_code == 200
    assert not cookies(shown), "a program that fetches the address uses nothing up"
    answer = await openid.return_to(address)
    assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/jobs")
    assert has_session(answer)


async def test_a_person_has_a_role_a_session_and_a_name_in_the_audit_log(openid: OpenIdLogin) -> None:
    visitor = await openid.visitor()
    page = await visitor.get("/dashboard/keys")
    assert page.status_code == 200, "admins see the keys"
    assert "<strong>ann@example.com (people)</strong>" in page.text, "among the sessions"
    await visitor.call("POST", "/v1/keys", json={"name": "made"})
    async with openid.service.services.database.reading() as connection:
        entries = await list_entries(connection, limit=20)
        [session] = await list_sessions(connection, now())
    assert session.caller == "people"
    assert {entry.by for entry in entries} == {"ann@example.com (people)"}
    made = [entry for entry in entries if entry.after and entry.after.get("name") == "made"]
    assert (made[0].role, made[0].key_id is not None) == ("admin", True)


async def test_a_role_follows_the_claims_of_each_login_and_without_one_sessions_end(
    openid: OpenIdLogin,
) -> None:
    first = await openid.visitor()
    openid.provider.claims["groups"] = ["staff"]
    second = await openid.visitor()
    assert (await second.get("/dashboard/keys")).status_code == 403
    assert (await first.get("/dashboard/keys")).status_code == 403, "one person has one role"
    openid.provider.claims["groups"] = ["guests"]
    refused = await openid.log_in()
    assert refused.status_code == 403
    assert "no value of groups gives a role" in refused.text
    assert not has_session(refused)
    openid.service.client.cookies.clear()
    assert (await first.get("/dashboard")).status_code == 303
    async with openid.service.services.database.reading() as connection:
        assert len([key for key in await list_keys(connection) if key.identity]) == 1


async def test_a_revoked_person_is_logged_out_and_stays_out(openid: OpenIdLogin) -> None:
    visitor = await openid.visitor()
    database = openid.service.services.database
    async with database.reading() as connection:
        [key] = [key for key in await list_keys(connection) if key.identity]
    rotated = await openid.service.with_key(ADMIN).post(f"/v1/keys/{public_id('key', key.id)}/rotate")
    async with database.writing() as connection:
        await revoke_keys(connection, [key.id], at=now())
    assert rotated.status_code == 409, "it has no secret"
    openid.service.services.authenticator.forget()
    assert (await visitor.get("/dashboard")).status_code == 303
    refused = await openid.log_in()
    assert (refused.status_code, has_session(refused)) == (403, False)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"state": "other"}, "not begun in this browser"),
        ({"state": "\u00ff"}, "not begun in this browser"),
        ({"iss": "https://evil.example"}, "another login provider"),
        ({"code": "other"}, "invalid_grant"),
    ],
)
async def test_a_changed_answer_is_refused(openid: OpenIdLogin, changed: dict[str, str], words: str) -> None:
    answer = await openid.return_to(await openid.at_provider(await openid.begin()), **changed)
    assert (answer.status_code, has_session(answer)) == (401, False)
    assert words in answer.text


async def test_an_answer_counts_once_and_in_the_browser_that_began(openid: OpenIdLogin) -> None:
    address = await openid.at_provider(await openid.begin())
    openid.service.client.cookies.clear()
    assert (await openid.return_to(address)).status_code == 401, "another browser"
    address = await openid.at_provider(await openid.begin())
    assert (await openid.return_to(address)).status_code == 303
    assert (await openid.return_to(address)).status_code == 401, "again"


async def test_a_refusal_of_the_provider_and_of_other_sites_is_told(openid: OpenIdLogin) -> None:
    begun = await openid.begin()
    state = httpx.URL(begun.headers["location"]).params["state"]
    answer = await openid.return_to(f"/dashboard/login/openid/callback?error=access_denied&state={state}")
    assert answer.status_code == 401
    assert "access_denied" in answer.text
    other = await openid.service.client.post(
        "/dashboard/login/openid", data={"code": "x"}, headers={"Origin": "https://evil.example"}
    )
    assert other.status_code == 403


async def test_a_provider_that_is_away_leaves_the_other_logins(openid: OpenIdLogin) -> None:
    openid.provider.away = True
    answer = await openid.begin()
    assert answer.status_code == 502
    assert "HTTP 503" in answer.text
    assert 'name="key"' in answer.text


async def test_without_an_issuer_there_is_no_such_login(service: Service) -> None:
    assert "openid" not in (await service.client.get("/dashboard/login")).text
    for path in ("", "/callback?code=a&state=b"):
        assert (await service.client.get(f"/dashboard/login/openid{path}")).status_code == 404
    assert (
        await service.client.post("/dashboard/login/openid", data={"code": "a"}, headers=ORIGIN)
    ).status_code == 404


async def test_a_session_ends_when_the_settings_name_no_issuer_any_more(
    openid: OpenIdLogin, make_settings: Callable[..., Settings]
) -> None:
    visitor = await openid.visitor()
    assert (await visitor.get("/dashboard")).status_code == 200
    async with started(make_settings()) as closed:
        visitor.service = closed
        assert (await visitor.get("/dashboard")).status_code == 303


async def test_a_private_issuer_has_to_be_allowed(
    provider: OpenIdServer, make_settings: Callable[..., Settings]
) -> None:
    settings = make_settings(oidc_issuer=provider.url, oidc_client_id=CLIENT, oidc_role="viewer")
    async with started(settings) as service:
        answer = await service.client.get("/dashboard/login/openid")
    assert answer.status_code == 502
    assert "DARKROOM_ALLOW_PRIVATE" in answer.text


@pytest.mark.parametrize("value", ["", "x", "e30", "W10", "bnVsbA", "eyJzdGF0ZSI6MX0", "\u00ff"])
def test_a_cookie_of_others_is_no_login_that_has_begun(value: str) -> None:
    assert _Begun.unpack(value) is None


def test_without_an_issuer_the_extra_is_not_imported() -> None:
    assert open_provider(Settings()) is None
