"""The gallery in a real browser: never more than 600 figures, chosen pictures, compare, full size."""

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
PAGES = r"""
window.sheets = 0;
window.most = 0;
window.one = document.querySelector("figure[data-asset]").outerHTML;
window.real = window.fetch;
const older = '<a class="button" data-older href="?before=x">Older</a>';
window.fetch = async (address, options) => {
  if (!String(address).includes("before=")) return window.real(address, options);
  const figures = Array.from({ length: 60 }, (_, at) =>
    window.one.replaceAll(/id="([px])-[^"]*"/g, `id="$1-${window.sheets}-${at}"`)).join("");
  window.sheets += 1;
  const more = window.sheets < 30 ? older : "";
  return new Response(`<main><section class="sheet" data-sheet>${figures}</section>` +
    `<div class="row pages" id="more">${more}</div></main>`);
};
document.querySelector("#more").innerHTML = older;
"""
"""Lets the server send 30 pages of 60 pictures."""
FIGURES = "document.querySelectorAll('figure[data-asset]').length"


async def test_pictures_are_chosen_compared_and_enlarged(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    darkroom.client.submit([f"no. {number}" for number in range(64)])
    darkroom.client.wait_settled(64)
    async with visitor(darkroom, tmp_path) as page:
        await page.resize(1280, 800)
        await page.go(f"{darkroom.url}/dashboard/gallery")
        await page.until(f"!!window.htmx && {FIGURES} >= 60")
        await page.until(f"(scrollTo(0, document.body.scrollHeight), {FIGURES} === 64)", within=20)
        await page.run("scrollTo(0, 0)")
        for key in ("j", "x", "ArrowRight", "x", "f"):
            await page.press(key)
        await page.until("!!document.querySelector('.pswp--open')")
        await page.press("Escape")
        await page.until("!document.querySelector('.pswp')", within=20)
        assert await page.run("document.querySelector('#chosen-count').textContent") == "2"
        await page.press("c")
        await page.until("location.pathname === '/dashboard/gallery/compare'")
        await page.until("document.querySelectorAll('.compare img').length === 2")
        await page.run("document.querySelector('a[href$=\"#edit\"]').click()")
        await page.until("location.pathname.includes('/jobs/job_') && document.querySelector('#edit')?.open")
        await page.fill("#e-prompt", "the same at night")
        await page.click("[data-call='POST /v1/jobs']")
        await page.until("document.querySelector('.prompt')?.innerText === 'the same at night'", within=20)
        assert "Retry of" in await page.run("document.body.innerText")
        assert page.violations == []


async def test_the_page_never_holds_more_than_600_figures(darkroom: EmbeddedDarkroom, tmp_path: Path) -> None:
    async with visitor(darkroom, tmp_path) as page:
        darkroom.client.submit(["one"])
        darkroom.client.wait_settled(1)
        await page.go(f"{darkroom.url}/dashboard/gallery")
        await page.until(f"!!window.htmx && {FIGURES} === 1")
        await page.run(PAGES)
        await page.until(
            "(document.querySelector('[data-older]')?.click(), scrollTo(0, document.body.scrollHeight),"
            f" window.most = Math.max(window.most, {FIGURES}), window.sheets === 30)",
            within=60,
        )
        assert 60 <= await page.run("window.most") <= 660, "a page is added before others are emptied"
        assert await page.run(FIGURES) <= 600
        await page.run("scrollTo(0, 0)")
        await page.until("!!document.querySelector('#wall > :first-child figure')", within=20)
        await page.until(f"{FIGURES} <= 600", within=20)
