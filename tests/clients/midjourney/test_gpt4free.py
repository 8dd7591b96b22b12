"""A client of the gpt4free kind, and shell scripts: an address is all that they can be given, no header."""

import re
from pathlib import Path

import pytest

from tests.api.service import ALICE
from tests.clients.midjourney.installation import ClientProgram, Installation, open_installation


async def draw(installation: Installation, client: ClientProgram) -> str:
    """Submit and poll by searching the text of the answers, as scripts do; return the picture's address."""
    body = {"prompt": "a red fox", "base64": None, "notifyHook": None}
    submit = await client.post("/mj/submit/imagine", body)
    found = re.search(rb'"result":"([^"]*)"', submit.body)
    assert found is not None
    path = f"/mj/task/{found[1].decode()}/fetch"
    assert b'"status":"NOT_START"' in (await client.get(path)).body
    await installation.draw()
    done = await client.get(path)
    assert b'"status":"SUCCESS"' in done.body
    url = re.search(rb'"imageUrl":"([^"]*)"', done.body)
    assert url is not None
    return url[1].decode()


@pytest.mark.parametrize("base", [f"/mj/k/{ALICE}", f"/mj-fast/mj/k/{ALICE}"])
async def test_the_address_has_the_key(installation: Installation, base: str) -> None:
    client = installation.client(base)
    assert await client.picture(await draw(installation, client))


async def test_an_address_in_a_listed_network_needs_none(sqlite_url: str, tmp_path: Path) -> None:
    networks = {"midjourney_keyless_key": ALICE, "midjourney_keyless_networks": "127.0.0.0/8"}
    async with open_installation(sqlite_url, tmp_path, **networks) as installation:
        client = installation.client(Content_Type="application/json")
        assert await client.picture(await draw(installation, client))


async def test_without_either_the_refusal_is_json(installation: Installation) -> None:
    refused = await installation.client().post("/mj/submit/imagine", {"prompt": "a red fox"})
    assert (refused.status, refused.read("result", None)) == (401, None)
    assert refused.read("description", str)
