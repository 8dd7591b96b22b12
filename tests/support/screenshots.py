"""Pictures of the dashboard's pages, from the demo's data: ``make screenshots``."""

import asyncio
import re
import sys
import tempfile
from itertools import product
from pathlib import Path

import httpx

from tests.support.browser import Page, browser
from tests.support.fleet import COMMAND
from tests.support.processes import Process, free_port, until

FOLDER = Path(__file__).parents[2] / "docs" / "pictures" / "dashboard"
PAGES = (
    ("overview", "/dashboard"),
    ("jobs", "/dashboard/jobs"),
    ("job", ""),
    ("campaigns", "/dashboard/campaigns"),
    ("campaign", "/dashboard/campaigns/{demo}"),
    ("approval", "/dashboard/campaigns/{spring}"),
    ("review", "/dashboard/campaigns/{demo}/review?status=all"),
    ("one-by-one", "/dashboard/campaigns/{demo}/review?view=one"),
    ("draft", "/dashboard/campaigns/new?draft={autumn}"),
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
    ".every((each) => each.complete) && !document.querySelector('#shot[hidden]')"
)
_REFUSED = (
    "A castle in the fog #case:S038",
    "A castle in the rain #case:S038",
    "Two cranes above a river #case:S015",
)


_PRODUCTS = ("glass teapot", "chipped blue bowl", "brass desk lamp", "linen cushion", "stoneware vase")
_COLOURS = ("white", "smoke grey", "moss", "rust", "bone", "sand")


def _add_campaigns(url: str, key: str) -> dict[str, str]:
    """Add a campaign that awaits its approval, and a draft; return the ids of all campaigns by their kind."""
    rows = [
        f"{thing[:1].upper()}-{number:02},{thing},{colour}"
        for number, (thing, colour) in enumerate(product(_PRODUCTS, _COLOURS))
    ]
    sheet = "\n".join(["sku,product,colour", *rows])
    template = {"prompt": "Product photo of a {colour} {product} on white"}
    ids = {}
    hooks = {"response": [httpx.Response.raise_for_status]}
    headers = {"Authorization": f"Bearer {key}"}
    with httpx.Client(
        base_url=f"{url}/v1", headers=headers, trust_env=False, timeout=30, event_hooks=hooks
    ) as client:
        [demo] = [each for each in client.get("/campaigns").json()["data"] if each["name"].startswith("demo")]
        ids["demo"] = demo["id"]
        client.post(
            f"/campaigns/{demo['id']}/verdicts", json={"filter": {"key": "card-3*"}, "verdict": "none"}
        )
        for name in ("autumn catalogue", "spring catalogue"):
            definition = {"name": name, "model": "practice", "template": template, "canary": {"items": 6}}
            budget = {"amount": "5", "currency": "USD"}
            made = client.post("/campaigns", json={**definition, "budget": budget}).json()["id"]
            ids[name.split()[0]] = made
            kind = {"Content-Type": "text/csv"}
            mapping = {"mapping": '{"sku": "key"}'}
            client.post(f"/campaigns/{made}/rows", content=sheet.encode(), headers=kind, params=mapping)
        client.post(f"/campaigns/{ids['spring']}/start", json={"expected_items": len(rows)})
        until(
            lambda: client.get(f"/campaigns/{ids['spring']}").json()["status"] == "awaiting_approval",
            within=60,
            what="the canary is done",
        )
    return ids


async def _log_in(page: Page, link: str) -> None:
    await page.prefer()
    await page.go(link)
    await page.until("document.querySelector('#fresh')?.dataset.asOf", within=30)


async def _take(page: Page, url: str, suffix: str, campaigns: dict[str, str]) -> None:
    for name, path in PAGES:
        if name == "job":
            path = await page.run("document.querySelector('.film a, tr[data-row] a').getAttribute('href')")
        if name == "compare":  # right after the gallery
            script = (
                "[...document.querySelectorAll('[data-asset]')].slice(0, 3).map((each) => each.dataset.asset)"
            )
            path = f"/dashboard/gallery/compare?ids={','.join((await page.run(script))[:3])}"
        await page.go(url + path.format(**campaigns))
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
        secret = re.search(r"Bearer (\S+)'", log)
        if found is None or secret is None:
            raise SystemExit("the demo printed no link, or no key")
        async with browser(folder / "browser") as running:
            page = await running.page()
            await page.resize(1360, 850)
            await _log_in(page, found[0])
            url = f"http://127.0.0.1:{port}"
            campaigns = await asyncio.to_thread(_add_campaigns, url, secret[1])
            for prompt in _REFUSED:
                await page.run(
                    "import(document.querySelector('script[type=module]').src).then((module) => "
                    f"module.call('POST', '/v1/jobs', {{model: 'practice', prompt: {prompt!r}}}))"
                )
            await asyncio.sleep(8)
            await _take(page, url, "", campaigns)
            await page.prefer(dark=True)
            await page.go(f"{url}/dashboard")
            await _take(page, url, "-dark", campaigns)
            await page.resize(375, 812, scale=2)
            await page.go(f"{url}/dashboard")
            await page.picture(FOLDER / "phone.png")
            await page.go(f"{url}/dashboard/campaigns/{campaigns['demo']}/review?view=one")
            await page.until(_SEEN)
            await page.picture(FOLDER / "phone-review.png")
    finally:
        demo.end()


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        asyncio.run(take_all(Path(folder)))
    sys.stdout.write(f"The pictures are in {FOLDER}.\n")


if __name__ == "__main__":
    main()
