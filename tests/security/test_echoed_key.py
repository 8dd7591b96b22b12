"""A provider that repeats the key it was called with: the key reaches no row, file or log line."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import select
from structlog.testing import capture_logs

from models.tables import metadata
from tests.support.darkroom import Darkroom, open_darkroom
from worker.practice.drawing.png import tiny_png

KEY = "sk-live/0123456789+abcdefghij"
HALF = len(KEY) // 2


def answer(content: str) -> bytes:
    return json.dumps({"choices": [{"message": {"content": content}, "finish_reason": "stop"}]}).encode()


def events(*texts: str) -> bytes:
    deltas = ({"choices": [{"index": 0, "delta": {"content": text}}]} for text in texts)
    return b"".join(f"data: {json.dumps(delta)}\n\n".encode() for delta in deltas) + b"data: [DONE]\n\n"


def error(message: str, **members: Any) -> bytes:
    return json.dumps({"error": {"message": message, "type": "invalid_request_error", **members}}).encode()


ESCAPED = "".join(f"\\u{ord(character):04x}" for character in KEY)
IN_BASE64 = base64.b64encode(f"Bearer {KEY}".encode()).decode()
#: position → status, further headers, body
POSITIONS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "error message": (401, {}, error(f"Incorrect API key provided: {KEY}.")),
    "error members": (400, {}, error("no", code=KEY, param=KEY, **{KEY: {"deep": [KEY]}})),
    "error of the server": (502, {}, error(f"upstream refused {KEY}")),
    "limit": (429, {"x-ratelimit-reset-requests": KEY}, error(f"Rate limit for {KEY}: 3 per minute.")),
    "header": (500, {"x-request-id": KEY, "location": f"/?key={quote(KEY, safe='')}"}, b"{}"),
    "web page": (403, {"content-type": "text/html"}, f"<html><body>{KEY}</body></html>".encode()),
    "plain text": (400, {"content-type": "text/plain"}, KEY.encode()),
    "escaped JSON": (400, {}, b'{"error": {"message": "key ' + ESCAPED.encode() + b'"}}'),
    "escaped slashes": (400, {}, error(f"key {KEY}").replace(b"/", b"\\/")),
    "base64": (400, {}, error(f"Authorization: {IN_BASE64}")),
    "percent-encoding": (400, {}, error(f"GET /?key={quote(KEY, safe='')}")),
    "text": (200, {}, answer(f"your key is {KEY}")),
    "text beside an image": (200, {}, answer(f"{KEY} ![a](URL/a.png)")),
    "image URL": (200, {}, answer(f"![a](URL/{KEY}/a.png)")),
    "task id": (200, {}, json.dumps({"task_id": KEY, "status": "queued"}).encode()),
    "poll URL": (200, {}, answer(f"> ID: `{KEY}`\n[data](URL/source/{KEY})")),
    "usage": (200, {}, json.dumps({"choices": [], "id": KEY, "usage": {"key": KEY}}).encode()),
    "stream": (200, {"content-type": "text/event-stream"}, events(f"> ID: `{KEY}`\n", "nothing")),
    "split stream": (
        200,
        {"content-type": "text/event-stream"},
        events(f"key {KEY[:HALF]}", KEY[HALF:], "."),
    ),
    "split image URL": (
        200,
        {"content-type": "text/event-stream"},
        events("![a](URL/", KEY[:HALF], KEY[HALF:], "/a.png)"),
    ),
}


async def rows_of(darkroom: Darkroom) -> list[str]:
    """Return the rows of all tables."""
    found = []
    async with darkroom.services.database.reading() as connection:
        for table in metadata.sorted_tables:
            rows = (await connection.execute(select(table))).all()
            found += [f"{table.name}: {tuple(row)!r}" for row in rows]
    return found


def files_of(folder: Path) -> list[str]:
    """Return the contents of all files, uncompressed."""
    found = []
    for path in filter(Path.is_file, folder.rglob("*")):
        data = path.read_bytes()
        found.append(f"{path}: {(gzip.decompress(data) if path.suffix == '.gz' else data)!r}")
    return found


@pytest.mark.parametrize("position", POSITIONS)
async def test_a_key_that_the_provider_repeats_is_kept_nowhere(
    plain_database_url: str, tmp_path: Path, position: str
) -> None:
    status, headers, body = POSITIONS[position]

    async def respond(request: web.Request) -> web.Response:
        if request.path.endswith(".png"):
            return web.Response(body=tiny_png("a cat", 1), content_type="image/png")
        url = f"{request.scheme}://{request.host}".encode()
        return web.Response(
            status=status,
            headers={"content-type": "application/json"} | headers,
            body=body.replace(b"URL", url),
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", respond)
    async with TestServer(app) as server:
        settings = {"upstream_base_url": str(server.make_url("/v1")), "upstream_api_key": KEY}
        async with open_darkroom(plain_database_url, tmp_path, practice={}, **settings) as darkroom:
            with capture_logs() as logs:
                job = await darkroom.submit(await darkroom.caller(), max_attempts=1)
                worker = await darkroom.worker()
                await worker.run_round()
            assert await darkroom.attempts(job)
            kept = [*(await rows_of(darkroom)), *map(repr, logs)]
    kept += files_of(tmp_path)
    forbidden = (KEY, KEY[:HALF], KEY[HALF:], ESCAPED, IN_BASE64[10:-4], quote(KEY, safe=""))
    assert [line for line in kept for each in forbidden if each in line] == []
