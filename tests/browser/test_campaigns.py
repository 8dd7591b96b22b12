"""Campaigns in a real browser: from a sheet to 200 pictures judged by keys, and a re-roll through a crash."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.dashboard.hostile import HOSTILE
from tests.browser.test_dashboard import darkroom as darkroom  # the fixture
from tests.browser.test_dashboard import visitor
from tests.support.browser import CHROMIUM, Page
from tests.support.embedded import EmbeddedDarkroom
from tests.support.processes import until

PICTURES = 200
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.slow(reason="a browser and a darkroom are started, and 200 pictures are made"),
]
_OTHER = (
    "new Promise((found) => {{ const at = setInterval(() => {{ const now = document.getElementById('review')"
    ".dataset.item; if (now !== {before!r}) {{ clearInterval(at); found(now); }} }}, 4); }})"
)


def states(darkroom: EmbeddedDarkroom, campaign: str) -> dict[str, int]:
    answer = darkroom.client.request("GET", f"/v1/campaigns/{campaign}")
    if answer is None:
        return {}
    counts: dict[str, int] = answer.json()["items"]["by_status"]
    return {state: count for state, count in counts.items() if count}


async def state_of_first(page: Page) -> Any:
    return await page.run("document.querySelector('.shot').dataset.state")


async def upload(page: Page, url: str, sheet: Path) -> str:
    """Make a campaign of a sheet by its page, and start it; return its id."""
    await page.go(f"{url}/dashboard/campaigns/new")
    document = await page.send("DOM.getDocument")
    field = await page.send("DOM.querySelector", nodeId=document["root"]["nodeId"], selector="#sheet")
    await page.send("DOM.setFileInputFiles", files=[str(sheet)], nodeId=field["nodeId"])
    await page.until("document.getElementById('name').value === 'sheet'")
    await page.fill("#model", "any")
    await page.fill("#prompt", "a {colour} cat")
    await page.click("#read")
    await page.until("!!document.querySelector('[data-column=SKU]')")
    await page.run(
        "(() => { const field = document.querySelector('[data-column=SKU]'); field.value = 'key';"
        " field.dispatchEvent(new Event('change', {bubbles: true})); })()"
    )
    await page.until("document.getElementById('error-rows').innerText.includes('201')")
    await page.click("#import")
    await page.click("#plan .launch .primary")
    await page.until("document.getElementById('confirm').open")
    await page.click("#confirm [value=yes]")
    await page.until("location.pathname.includes('/camp_')")
    return str(await page.run("location.pathname.split('/').pop()"))


async def test_a_sheet_becomes_200_pictures_judged_by_keys_alone_and_re_rolled_through_a_crash(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    darkroom.practice.set_conditions(delay=0)
    texts = [*HOSTILE, *(f"no. {number}" for number in range(PICTURES - len(HOSTILE)))]
    rows = [*((each, each) for each in texts), ("no. 1", "another colour of the same key")]
    sheet = tmp_path / "sheet.jsonl"
    sheet.write_text("\n".join(json.dumps({"SKU": key, "colour": colour}) for key, colour in rows))
    async with visitor(darkroom, tmp_path) as page:
        campaign = await upload(page, darkroom.url, sheet)
        until(lambda: states(darkroom, campaign) == {"made": PICTURES}, within=90, what="all are made")
        here = f"{darkroom.url}/dashboard/campaigns/{campaign}"
        await page.go(f"{here}/review?view=one")
        item = await page.until("document.getElementById('review').dataset.item")
        assert await page.run("document.getElementById('item-key').textContent") == HOSTILE[0]
        for number in range(PICTURES):
            await page.press("p" if number % 2 else "2")
            item = await page.run(_OTHER.format(before=item))
        assert item == "", "nothing is left"
        until(
            lambda: states(darkroom, campaign) == {"approved": PICTURES // 2, "rejected": PICTURES // 2},
            within=20,
            what="all verdicts are saved",
        )
        await page.press("z")
        await page.until("document.getElementById('review').dataset.item")
        until(lambda: states(darkroom, campaign).get("made") == 1, within=10, what="the last one is undone")
        await page.press("p")
        await page.until("!document.getElementById('nothing').hidden")

        await page.go(f"{here}/review?status=all")
        await page.until("document.querySelectorAll('.shot').length === 60")
        for key, state in (("p", "approved"), ("p", "approved"), ("u", "made"), ("x", "rejected")):
            await page.run("document.querySelector('.shot').click()")
            if await page.run("!document.getElementById('loupe').hidden"):
                await page.press("Escape")
            await page.press(key)
            assert await state_of_first(page) == state, "a key sets, and never toggles"
        await page.press("f")
        await page.until("document.querySelector('#loupe img').naturalWidth > 0")
        await page.press("Escape")
        await page.press("c")
        await page.until("document.getElementById('compare').open")
        await page.press("Escape")
        await page.until("!document.getElementById('compare').open")
        rejected = PICTURES // 2
        decided = {"approved": PICTURES - rejected, "rejected": rejected}
        until(lambda: states(darkroom, campaign) == decided, within=10, what="the last verdict is saved")

        paused = darkroom.client.request("POST", "/v1/channels/upstream/pause")
        assert paused is not None, "a call that the kill cut off would be held"
        assert paused.is_success, paused.text
        await page.go(f"{here}?act=reroll&verdict=reject")
        await page.click("#begin button")
        await page.until("!document.getElementById('preview')")
        darkroom.process.kill()
        darkroom.start()
        resumed = darkroom.client.request("POST", "/v1/channels/upstream/resume")
        assert resumed is not None
        assert resumed.is_success, resumed.text
        until(lambda: states(darkroom, campaign).get("made", 0) == rejected, within=60, what="all got a take")
        [action] = darkroom.client.request("GET", "/v1/actions?kind=reroll").json()["data"]  # type: ignore[union-attr]
        assert (action["status"], action["done"], action["failed"]) == ("finished", rejected, 0)
        await page.until("!document.getElementById('running')", within=30)
        assert page.violations == []
