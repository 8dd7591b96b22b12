"""The dashboard in a real browser: the first minute, live changes, a cut stream, accessibility, a phone."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from api.dashboard.pages import PAGES
from api.dashboard.static_files import FOLDER
from tests.api.dashboard.hostile import HOSTILE
from tests.support.api_client import KEY, ApiClient
from tests.support.browser import CHROMIUM, Page, browser
from tests.support.embedded import EmbeddedDarkroom
from tests.support.practice import Practice

AXE = Path(__file__).parent / "axe" / "axe.min.js"
_OPEN = "document.querySelectorAll('#pause, #change').forEach((each) => (each.open = true))"
RULES = "{runOnly: {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}}"
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.slow(reason="a browser and a darkroom are started"),
]


@pytest.fixture
def darkroom(tmp_path: Path) -> Iterator[EmbeddedDarkroom]:
    """A running Darkroom, whose provider draws at once, and whose key is an admin's."""
    practice = Practice(tmp_path, delay=0.3)
    practice.start()
    running = EmbeddedDarkroom(tmp_path, practice, admin_keys=KEY, api_keys="")
    running.start()
    yield running
    running.client.close()
    running.process.end()
    practice.process.end()


@asynccontextmanager
async def visitor(darkroom: EmbeddedDarkroom, folder: Path) -> AsyncIterator[Page]:
    """A browser that is logged in, with its overview."""
    async with browser(folder / "browser") as running:
        page = await running.page()
        await page.prefer()
        await page.go(f"{darkroom.url}/dashboard/login")
        await page.fill("#key", KEY)
        await page.click('form[action="/dashboard/login"] button')
        await page.until("document.querySelector('#fresh')?.dataset.asOf", within=30)
        yield page


def planned(client: ApiClient, name: str, rows: list[dict[str, str]]) -> str:
    """Start a campaign of these rows; return its id."""
    sheet = "\n".join(map(json.dumps, rows)).encode()
    definition = {"name": name, "model": "any", "template": {"prompt": "a {colour} cat"}}
    made = client.request("POST", "/v1/campaigns", json={**definition, "failing": {"enabled": False}})
    assert made is not None
    path = f"/v1/campaigns/{made.json()['id']}"
    kind = {"Content-Type": "application/jsonl"}
    client.request("POST", f"{path}/rows", content=sheet, headers=kind)
    started = client.request("POST", f"{path}/start", json={"expected_items": len(rows)})
    assert started is not None
    assert started.status_code == 200, started.text
    return path.rpartition("/")[2]


async def test_the_first_minute(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    async with visitor(darkroom, tmp_path) as page:
        await page.until("document.body.innerText.includes('First steps')")
        await page.fill("#try-prompt", "a cat in a darkroom")
        await page.fill("#try-model", "practice-image")
        await page.click("#try button")
        await page.until("!!document.querySelector('.film img')", within=30)
        await page.run("document.querySelector('.film a').click()")
        await page.until("location.pathname.startsWith('/dashboard/jobs/job_')")
        shown = await page.until("document.querySelector('.events') && document.body.innerText")
        for text in ("a cat in a darkroom", "Succeeded", "Call 1", "Show the answer"):
            assert text in shown
        await page.click('a[href*="answer=1"]')
        await page.until("document.querySelector('#answer-body')?.innerText.length > 10")
        assert page.violations == []
        hosts = {urlsplit(address).netloc for address in page.requests if not address.startswith("data:")}
        assert hosts == {urlsplit(darkroom.url).netloc}


async def test_a_page_changes_without_losing_what_a_person_does(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    darkroom.client.submit(["first"])
    async with visitor(darkroom, tmp_path) as page:
        await page.go(f"{darkroom.url}/dashboard/jobs")
        await page.until("document.body.innerText.includes('first')")
        await page.run("document.querySelector('#api').open = true")
        await page.run("document.querySelector('#f-model').focus()")
        await page.press("x")
        before = len(page.requests)
        darkroom.client.submit(["second"])
        await page.until("document.body.innerText.includes('second')", within=20)
        assert await page.run("document.querySelector('#api').open")
        assert await page.run("document.activeElement.id") == "f-model"
        assert await page.run("document.querySelector('#f-model').value") == "x"
        fetched = [each for each in list(page.requests)[before:] if "/dashboard/jobs" in each]
        assert len(fetched) <= 12, "a page fetches itself once a second at most"
        await page.go(f"{darkroom.url}/dashboard/channels/upstream#pause")
        await page.fill("#pause-reason", "tea")
        await page.fill("#pause-duration", "900")
        await page.fill("#pause-until", "2099-01-01T00:00")
        await page.click("#pause [data-call$='/pause']")
        await page.until("!!document.querySelector('#pause-duration-refusal')")
        darkroom.client.submit(["third"])
        await asyncio.sleep(2)
        refusal = await page.run("document.querySelector('#pause-duration-refusal').textContent")
        assert "not both" in refusal, "it stays while the page changes"
        assert await page.run("document.querySelector('#pause-reason').value") == "tea"
        await page.fill("#pause-until", "")
        await page.click("#pause [data-call$='/pause']")
        await page.until("document.body.innerText.includes('Paused: tea')")
        assert "goes on by itself" in await page.run("document.querySelector('.notice').innerText")
        assert page.violations == []


async def test_a_page_says_when_its_data_is_old(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    async with visitor(darkroom, tmp_path) as page:
        await page.until("document.querySelector('#fresh').dataset.asOf")
        darkroom.process.kill()
        await page.until("!document.querySelector('#stale').hidden", within=15)
        assert "Data as of" in await page.run("document.querySelector('#stale').innerText")
        darkroom.start()
        await page.until("document.querySelector('#stale').hidden", within=40)


async def test_pages_are_accessible_and_fit_a_phone_in_light_and_dark(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    [job_id, *_] = darkroom.client.submit(["a cat", *HOSTILE], campaign="a", tags=["night"])
    campaign = planned(darkroom.client, "spring", [{"key": text, "colour": text} for text in HOSTILE])
    darkroom.client.wait_settled(1 + 2 * len(HOSTILE))
    axe = AXE.read_text(encoding="utf-8")
    found = []
    async with visitor(darkroom, tmp_path) as page:
        for each in PAGES:
            path = each.path.replace("{job_id}", job_id).replace("{name}", "upstream")
            path = path.replace("{campaign_id}", campaign)
            if "{" in path:
                continue
            for width, dark in ((1280, False), (375, True)):
                await page.resize(width, 900)
                await page.prefer(dark=dark)
                await page.go(darkroom.url + path)
                await page.run(_OPEN)
                await page.run(axe + ";0")
                results = await page.run(
                    f"axe.run(document, {RULES}).then(({{violations}}) => violations.map("
                    "(each) => `${each.id}: ${each.nodes[0].html.slice(0, 200)}`))"
                )
                found += [f"{path} at {width}: {each}" for each in results]
                wide = await page.run("document.documentElement.scrollWidth")
                if wide > width:
                    found.append(f"{path} is {wide} pixels wide at {width}")
        assert not found, "\n".join(found)
        assert page.violations == []


async def test_keys_reach_rows_and_pages(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    darkroom.client.submit(["a", "b"])
    async with visitor(darkroom, tmp_path) as page:
        await page.press("g")
        await page.press("j")
        await page.until("location.pathname === '/dashboard/jobs'")
        await page.until("document.querySelectorAll('tr[data-row]').length === 2")
        await page.until("!!window.htmx")
        await page.press("j")
        await page.press("j")
        await page.until("document.querySelectorAll('tr[data-row]')[1].classList.contains('is-current')")
        await page.press("?")
        await page.until("document.querySelector('#keys').open")
        await page.press("Escape")
        await page.until("!document.querySelector('#keys').open")
        await page.press("Enter")
        await page.until("location.pathname.startsWith('/dashboard/jobs/job_')")


def test_scripts_are_small() -> None:
    sizes = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in FOLDER.rglob("*.js")}
    assert sum(sizes.values()) <= 150 * 1024, sizes
