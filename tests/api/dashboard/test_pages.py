"""What holds for every page: safe headers, inert text, roles, both languages, words on an empty database."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

import httpx
import pytest

from api.cli.key_admin import create_key
from api.dashboard.page import Page
from api.dashboard.pages import PAGES
from models.api_keys import Role
from models.settings import Settings
from tests.api.conftest import started
from tests.api.dashboard.hostile import HOSTILE
from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.visitor import Visitor, add_channel, visit
from tests.api.service import ADMIN, ALICE, BOB, Service

OPENAPI = Path(__file__).parents[3] / "docs" / "openapi.json"


async def filled(service: Service, text: str = "a cat") -> dict[str, str]:
    """Fill the database; return what stands for the variable parts of addresses."""
    await add_channel(service)
    job = await service.submit(prompt=text, campaign=text, tags=[text[:60]], metadata={text: text})
    await service.finish(job, f"png {text}".encode("utf-8", "replace"))
    held = await service.hold(prompt=text)
    queued = await service.submit(prompt=text)
    chosen = {"kind": "cancel", "ids": [queued["id"], job["id"]], "expected_count": 1}
    action = (await service.post("/v1/actions", json=chosen)).json()
    ids = {"job_id": job["id"], "held": held["id"], "name": "here", "action_id": action["id"]}
    return {**ids, "campaign_id": await make_campaign(service, text)}


def address(page: Page, ids: dict[str, str]) -> str:
    """Return the address of a page."""
    return re.sub(r"\{(\w+)\}", lambda found: ids[found[1]], page.path)


class Parsed(HTMLParser):
    """What a browser would do with a page: elements, and attributes that run or style something."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.active: list[str] = []
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name == "style":
                self.active.append(f"{tag} {name}")
            if name == "id":
                self.ids.append(value or "")
            if name in ("src", "href", "action"):
                self.addresses.append(value or "")
        if tag == "script" and not dict(attrs).get("src"):
            self.active.append("script")

    def handle_data(self, data: str) -> None:
        self.text += data


async def test_pages_are_shown_with_data_and_without(service: Service) -> None:
    admin = await visit(service, ADMIN)
    for page in PAGES:
        if "{" not in page.path:
            empty = await admin.get(page.path)
            assert empty.status_code == 200, (page.name, empty.text[-2000:])
    ids = await filled(service)
    for page in PAGES:
        answer = await admin.get(address(page, ids))
        assert answer.status_code == 200, (page.name, answer.text[-2000:])
        check_safe(page, answer)
        fragment = (await admin.fragment(address(page, ids))).text.strip()
        assert fragment.startswith("<main "), page.name
        assert fragment.endswith("</main>"), page.name


def check_safe(page: Page, answer: httpx.Response) -> None:
    """Check what a response must have, whatever the page shows."""
    assert answer.headers["cache-control"] == "no-store"
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    parsed = Parsed(answer.text)
    assert parsed.active == [], page.name
    assert len(parsed.ids) == len(set(parsed.ids)), f"{page.name}: an id occurs twice"
    assert all(each.startswith(("/", "#")) for each in parsed.addresses), f"{page.name} loads from elsewhere"
    assert parsed.tags.count("h1") == 1, page.name


async def test_hostile_text_is_shown_and_does_nothing(service: Service) -> None:
    admin = await visit(service, ADMIN)
    ids = await filled(service)
    scripts = {page.name: await scripts_of(admin, address(page, ids)) for page in PAGES}
    harmful = [await filled(service, text) for text in HOSTILE]
    for page in PAGES:  # a list shows all texts at once
        for ids, text in zip(harmful if "{" in page.path else harmful[:1], HOSTILE, strict=False):
            answer = await admin.get(address(page, ids))
            assert answer.status_code == 200, (page.name, text, answer.text[-2000:])
            check_safe(page, answer)
            assert Parsed(answer.text).tags.count("script") == scripts[page.name], (page.name, text)
            assert "\u202e" not in answer.text
            assert "\u0007" not in answer.text


async def scripts_of(visitor: Visitor, path: str) -> int:
    """Count the scripts of a page."""
    return Parsed((await visitor.get(path)).text).tags.count("script")


async def test_pages_of_one_caller_show_nothing_of_another(service: Service) -> None:
    ids = await filled(service.with_key(ALICE), "a secret of Alice")
    bob = await visit(service, BOB)
    for page in PAGES:
        answer = await bob.get(address(page, ids))
        assert answer.status_code in (200, 403, 404), page.name
        assert "a secret of Alice" not in answer.text, page.name


@pytest.mark.parametrize("role", list(Role))
async def test_pages_are_for_the_roles_that_they_name(service: Service, role: Role) -> None:
    async with service.services.database.writing() as connection:
        made = await create_key(connection, f"a {role}", role=role)
    visitor = await visit(service.with_key(made.key), made.key)
    ids = await filled(service)
    overview = (await visitor.get("/dashboard")).text
    for page in PAGES:
        answer = await visitor.get(address(page, ids))
        shown = page.is_for(role)
        seen = shown and (role.sees_all or "{" not in page.path)
        assert answer.status_code in ((200,) if seen else (403, 404)), (page.name, answer.text[-500:])
        assert (f'<li><a href="{page.path}"' in overview) == (shown and page.group is not None), page.name
        calls = set(re.findall(r'data-call="(\w+ [^"]+)"', answer.text))
        changes = {each for each in calls if not each.startswith("GET ") and not each.endswith("/exports")}
        assert role is not Role.VIEWER or changes == set(), page.name


async def test_pages_are_written_in_chinese(service: Service) -> None:
    admin = await visit(service, ADMIN, language="zh-CN,zh;q=0.9,en;q=0.5")
    ids = await filled(service)
    for page in PAGES:
        answer = await admin.get(address(page, ids))
        assert '<html lang="zh-CN">' in answer.text
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", answer.text, re.DOTALL)
        assert heading is not None
        assert re.search("[\u4e00-\u9fff]", heading[1]), page.name


async def test_each_button_sends_a_documented_call(service: Service) -> None:
    service.app.state.practice = True
    documented = [
        (method.upper(), re.compile(re.sub(r"\\\{[^}]+\\\}", "[^?]+", re.escape(path)) + r"(\?.*)?"))
        for path, methods in json.loads(OPENAPI.read_text(encoding="utf-8"))["paths"].items()
        for method in methods
    ]
    admin = await visit(service, ADMIN)
    ids = await filled(service)
    found = set()
    for page in PAGES:
        text = (await admin.get(address(page, ids))).text
        found |= set(re.findall(r'data-call="(\w+) ([^"]+)"', text))
        found |= set(re.findall(r"<code>(GET|POST|DELETE|PATCH) (/v1/[^<]*)</code>", text))
    assert len(found) > 30
    unknown = [
        f"{method} {path}"
        for method, path in found
        if not any(method == other and form.fullmatch(path) for other, form in documented)
    ]
    assert unknown == []


async def test_an_unknown_page_says_so(service: Service) -> None:
    admin = await visit(service, ADMIN)
    answer = await admin.get("/dashboard/nothing")
    assert answer.status_code == 404
    assert "no such page" in answer.text
    assert (await admin.get("/dashboard/jobs/job_01h455vb4pex5vsknk084sn02q")).status_code == 404


async def test_a_wrong_filter_says_what_is_wrong(service: Service) -> None:
    admin = await visit(service, ADMIN)
    answer = await admin.get("/dashboard/jobs?status=nothing")
    assert answer.status_code == 422
    assert "status" in answer.text


async def test_a_cookie_over_https_is_bound_to_its_host(make_settings: Callable[..., Settings]) -> None:
    async with started(make_settings(public_url="https://darkroom.test")) as service:
        answer = await service.client.post(
            "/dashboard/login", data={"key": ADMIN}, headers={"Origin": "https://darkroom.test"}
        )
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-darkroom=")
        assert "Secure" in cookie
        plain = Visitor(service, {"darkroom": cookie.partition("=")[2].partition(";")[0]})
        assert (await plain.get("/dashboard")).status_code == 303
