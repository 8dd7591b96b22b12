"""Answers of real picture hosts, and what each of them is."""

import base64
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from models.errors import ImageError
from tests.worker.download.hosts import Names, serve
from worker.asset_store import AssetStore
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.storage.store import open_store

LINES = (Path(__file__).parent / "corpus" / "assets.jsonl").read_text("utf-8").splitlines()
CASES = [case for case in map(json.loads, LINES) if case["kind"] == "asset"]
#: The corpus has names of its own for some of our codes.
CODES = {
    "asset_gone": "asset_not_found",
    "not_an_image": "asset_not_image",
    "ssrf_blocked": "asset_blocked_address",
    "rate_limited": "asset_unreachable",
}
LOOPBACK = AllowList.parse(["127.0.0.1"])
HOSTS = Names(filesystem_site=[["127.0.0.1"]], bucket_s3_example_com=[["127.0.0.1"]])


def playing(case: dict[str, Any]) -> Any:
    """Answer as the host of ``case`` did, even where that ends the connection early."""

    async def answer(request: web.Request) -> web.StreamResponse:
        if request.host.startswith("bucket."):
            return web.Response(body=base64.b64decode(CASES[0]["body_b64"]))
        body = base64.b64decode(case["body_b64"])
        response = web.StreamResponse(status=case["status"], headers=case["headers"])
        if "location" in response.headers:
            response.headers["Location"] = response.headers["location"].replace(
                "https://bucket.s3.example.com", f"http://bucket.s3.example.com:{request.url.port}"
            )
        await response.prepare(request)
        await response.write(body)
        if response.content_length not in (None, len(body)) and request.transport is not None:
            request.transport.close()
        return response

    return answer


async def stored(case: dict[str, Any], into: Path) -> Any:
    old = timedelta(minutes=10) if "10 min" in case["handling"] else timedelta(0)
    async with serve(playing(case)) as origin, open_download_client(LOOPBACK, 5, resolver=HOSTS) as client:
        asset_store = AssetStore(open_store("memory://"), Downloader(client, allow=LOOPBACK), into=into)
        return await asset_store.store_url(origin.replace("127.0.0.1", "filesystem.site") + "/a.png", age=old)


@pytest.mark.parametrize("case", CASES, ids=[f"{case['id']} {case['title']}" for case in CASES])
async def test_an_answer_is_understood(case: dict[str, Any], tmp_path: Path) -> None:
    expected = case["expected"]
    if expected["outcome"] in ("success", "redirect"):
        picture = await stored(case, tmp_path)
        assert picture.content_type == expected.get("mime", "image/png")
        assert f".{picture.extension}" == expected.get("ext", ".png")
        return
    with pytest.raises(ImageError) as caught:
        await stored(case, tmp_path)
    assert caught.value.code == CODES.get(expected["error_code"], expected["error_code"])
    assert caught.value.retryable is (expected["outcome"] == "retry")
    assert caught.value.retry_after == expected.get("retry_after_s")


def test_the_corpus_has_its_download_cases() -> None:
    assert len(CASES) >= 13
