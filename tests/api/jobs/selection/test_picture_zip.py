"""A ZIP of chosen pictures: readable, each file under a sane name, and all that is missing named."""

import io
import json
import zipfile
from typing import Any

import pytest

from models.ids import public_id
from tests.api.service import BOB, Service

LARGE = bytes(range(256)) * 8192  # more than is kept between the check and the sending


async def made(service: Service, prompt: str, content: bytes) -> dict[str, Any]:
    """Make a picture; return its id and its key in the store."""
    asset = await service.finish(await service.submit(prompt=prompt), content)
    return {"id": public_id("asset", asset["id"]), "key": asset["key"]}


async def fetched(service: Service, ids: list[str]) -> tuple[zipfile.ZipFile, list[dict[str, Any]], str]:
    answer = await service.post("/v1/assets/zip", json={"ids": ids})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(answer.content))
    assert archive.testzip() is None
    assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
    lines = archive.read("manifest.jsonl").decode().splitlines()
    return archive, [json.loads(line) for line in lines], answer.headers["x-darkroom-missing"]


async def test_pictures_come_in_their_order_under_names_that_every_system_can_hold(service: Service) -> None:
    hostile = "../../etc/passwd\u202e <b>*?"
    contents = {"一只猫": b"small", hostile: LARGE, "CON": b"device", "con": b"device again"}
    pictures = [await made(service, prompt, content) for prompt, content in contents.items()]
    archive, lines, missing = await fetched(service, [each["id"] for each in pictures])
    assert missing == "0"
    assert [line["asset"] for line in lines] == [each["id"] for each in pictures]
    assert [archive.read(line["file"]) for line in lines] == list(contents.values())
    assert [line["prompt"] for line in lines] == list(contents)
    assert lines[0]["file"].startswith("一只猫 ")
    for line in lines:
        assert not set(line["file"]) & set('<>:"/\\|?*\u202e')
        assert not line["file"].startswith((".", "CON.", "con."))
    assert len({line["file"].casefold() for line in lines}) == len(lines)
    assert archive.namelist()[-1] == "manifest.jsonl"


async def test_what_is_gone_is_named_in_the_manifest_and_the_others_come(service: Service) -> None:
    kept, deleted, lost, damaged = [await made(service, name, name.encode()) for name in ("a", "b", "c", "d")]
    assert (await service.request("DELETE", f"/v1/assets/{deleted['id']}")).status_code == 204
    await service.services.store.delete(lost["key"])
    await service.services.store.put(damaged["key"], b"other", content_type="image/png")
    foreign = await made(service.with_key(BOB), "of bob", b"of bob")
    ids = [each["id"] for each in (foreign, deleted, lost, damaged, kept)]
    archive, lines, missing = await fetched(service, [*ids, "nonsense", kept["id"]])
    assert missing == "3", "foreign, deleted and nonsense: what is not readable is found while it is sent"
    found = {line["asset"]: line.get("problem", "") for line in lines}
    assert found[kept["id"]] == ""
    assert found[foreign["id"]] == found["nonsense"] == "there is no such picture"
    for picture, words in ((deleted, "was deleted on"), (lost, "is missing"), (damaged, "is damaged")):
        assert words in found[picture["id"]]
    assert len(archive.namelist()) == 2


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"ids": []}, 422, "ids"),
        ({"ids": ["asset_x"] * 1001}, 422, "at most 1000"),
        ({"ids": [7]}, 422, "ids.0"),
        ({"ids": ["asset_01h455vb4pex5vsknk084sn02q", "../x"]}, 404, "None of the 2 pictures"),
        ({"filter": {"tag": "x"}}, 404, "No job that matches"),
        ({"ids": ["asset_x"], "filter": {}}, 422, "either ids or filter"),
    ],
)
async def test_a_selection_without_a_picture_is_an_error_that_says_why(
    service: Service, body: dict[str, Any], status: int, words: str
) -> None:
    answer = await service.post("/v1/assets/zip", json=body)
    assert answer.status_code == status
    assert words in answer.text
