"""Pictures of the dashboard's pages, from the demo's data: ``make screenshots``."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from tests.support.browser import Page, browser
from tests.support.fleet import COMMAND
from tests.support.processes import Process, free_port, until

FOLDER = Path(__file__).parents[2] / "docs" / "pictures" / "dashboard"
PAGES = (
    ("overview", "/dashboard"),
    ("jobs", "/dashboard/jobs"),
    ("job", ""),
    ("errors", "/dashboard/errors"),
    ("channel", "/dashboard/channels/practice"),
    ("health", "/dashboard/health"),
    ("keys", "/dashboard/keys"),
    ("gallery", "/dashboard/gallery"),
    ("compare", ""),
    ("new-action", "/dashboard/actions/new?kind=retry&scope=matching&status=failed,succeeded"),
)
_SEEN = (
    "[...document.images].filter((each) => each.getBoundingClientRect().top < innerHeight)"
    ".every((each) => each.complete)"
)
_REFUSED = (
    "A castle in the fog #case:S038",
    "A castle in the rain #case:S038",
    "Two cranes above a river #case:S015",
)


async def _log_in(page: Page, link: str) -> None:
    await page.prefer()
    await page.go(link)
    await page.until("document.querySelector('#fresh')?.dataset.asOf", within=30)


async def _take(page: Page, url: str, suffix: str) -> None:
    for name, path in PAGES:
        if name == "job":
            path = await page.run("document.querySelector('.film a, tr[data-row] a').getAttribute('href')")
        if name == "compare":  # right after the gallery
            script = (
                "[...document.querySelectorAll('[data-asset]')].slice(0, 3).map((each) => each.dataset.asset)"
            )
            path = f"/dashboard/gallery/compare?ids={','.join((await page.run(script))[:3])}"
        await page.go(url + path)
        await page.until(_SEEN)
        await page.picture(FOLDER / f"{name}{suffix}.png")
        if name == "overview":
            await page.go(f"{url}/dashboard/jobs")


async def take_all(folder: Path) -> None:
    """Start the demo in a folder, and write the pictures."""
    port = free_port()
    demo = Process(
        [COMMAND, "demo", "--port", str(port), "--data", str(folder / "data")],
        folder / "demo.log",
        folder=folder,
    )
    demo.start()
    try:
        until(lambda: "Ctrl-C ends it" in demo.log_tail(), within=120, what="the sample campaign is done")
        log = (folder / "demo.log").read_text(encoding="utf-8")
        found = re.search(r"http://\S+/dashboard/login\?link=\S+", log)
        if found is None:
            raise SystemExit("the demo printed no link")
        async with browser(folder / "browser") as running:
            page = await running.page()
            await page.resize(1360, 850)
            await _log_in(page, found[0])
            for prompt in _REFUSED:
                await page.run(
                    "import(document.querySelector('script[type=module]').src).then((module) => "
                    f"module.call('POST', '/v1/jobs', {{model: 'practice', prompt: {prompt!r}}}))"
                )
            await asyncio.sleep(8)
            url = f"http://127.0.0.1:{port}"
            await _take(page, url, "")
            await page.prefer(dark=True)
            await page.go(f"{url}/dashboard")
            await _take(page, url, "-dark")
            await page.resize(375, 812, scale=2)
            await page.go(f"{url}/dashboard")
            await page.picture(FOLDER / "phone.png")
    finally:
        demo.end()


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asyncio.run(take_all(Path(folder)))
    sys.stdout.write(f"The pictures are in {FOLDER}.\n")


if __name__ == "__main__":
    main()
