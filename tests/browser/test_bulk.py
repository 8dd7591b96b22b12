"""Many jobs at once in a real browser: marks, all that match, the preview, and an action through kill -9."""

from pathlib import Path

import pytest

from tests.browser.test_dashboard import darkroom, visitor
from tests.support.browser import CHROMIUM
from tests.support.embedded import EmbeddedDarkroom

__all__ = ["darkroom"]
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed: apt-get install chromium"),
    pytest.mark.slow(reason="a browser and a darkroom are started"),
]
MARKED = "document.querySelector('#marked-count').textContent"


async def test_an_action_goes_on_where_a_kill_ended_it(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    client = darkroom.client
    for _ in range(3):
        client.submit(["later"] * 400, not_before="2099-01-01T00:00:00Z", campaign="later")
    client.submit(["now"])
    async with visitor(darkroom, tmp_path) as page:
        await page.go(f"{darkroom.url}/dashboard/jobs?campaign=later")
        await page.until("!!window.htmx && document.querySelectorAll('[data-mark]').length === 50")
        await page.until("document.querySelector('[data-bulk]').disabled")
        await page.press("j")
        await page.press("x")
        await page.press("j")
        await page.press("x")
        assert await page.until(f"{MARKED} === '2' && {MARKED}") == "2"
        client.submit(["another"], campaign="later")  # the list changes below the marks
        await page.until("document.body.innerText.includes('another')", within=20)
        assert await page.run("document.querySelectorAll('[data-mark]:checked').length") == 2
        assert await page.run(MARKED) == "2"
        await page.click("[data-bulk][value=cancel]")
        await page.until("document.body.innerText.includes('2 marked jobs')")
        await page.click("[data-call='POST /v1/actions']")
        await page.until(
            "document.querySelector('#confirm').open || location.pathname !== '/dashboard/actions/new'"
        )
        await page.until("document.body.innerText.includes('2 of 2 done')", within=20)

        await page.go(f"{darkroom.url}/dashboard/jobs?campaign=later&status=queued")
        await page.until("!!window.htmx && !!document.querySelector('#scope-matching')")
        assert "1,198" in await page.run("document.querySelector('#bulk').innerText")
        await page.run("document.querySelector('#scope-matching').click()")
        await page.click("[data-bulk][value=cancel]")
        await page.until("document.body.innerText.includes('Cancel all 1,198 jobs')")
        await page.fill("#expected", "1198")
        await page.click("[data-call='POST /v1/actions']")
        await page.until("location.pathname.startsWith('/dashboard/actions/action_')")
        darkroom.process.kill()
        darkroom.start()
        await page.until("document.body.innerText.includes('1,198 of 1,198 done')", within=60)
        assert page.violations == []
        path = await page.run("document.querySelector('a[href*=\"action=action_\"]').getAttribute('href')")
        await page.go(darkroom.url + path)
        await page.until("document.querySelectorAll('tr[data-row] .s-cancelled').length === 50")
        opened = "new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true })"
        await page.run(f"document.body.dispatchEvent({opened})")
        await page.until("document.querySelector('#palette').open")
        await page.run("document.querySelector('#palette input').value = 'gall'")
        await page.run(
            "document.querySelector('#palette input').dispatchEvent(new Event('input', { bubbles: true }))"
        )
        await page.run("document.querySelector('#palette input').focus()")
        await page.press("Enter")
        await page.until("location.pathname === '/dashboard/gallery'")
