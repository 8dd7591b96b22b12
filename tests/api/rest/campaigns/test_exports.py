"""Exports over HTTP: a ZIP equals its sheet, is resumed at any byte; destinations get what changed."""

import asyncio
import csv
import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import insert, select, update

from models.clock import now
from models.ids import new_id, parse_id
from models.queries.campaigns.campaigns import get
from models.queries.campaigns.items import NewItem, insert_items
from models.queries.jobs import NewJob, insert_jobs
from models.settings import Settings
from models.tables import campaign_items, campaign_rows, verdicts
from tests.api.conftest import started
from tests.api.rest.campaigns.conftest import DEFINITION, SPRING
from tests.api.service import BOB, Service
from tests.support.s3 import S3, serve_s3
from worker.exports.exporter import Exporter
from worker.services import build_services

SHEET = (
    "key,colour,file\n"
    "a/1,red,x\n"
    "b..,=1+1,y\n"
    "con,<script>,z\n"
    "CON,green,\n"
    "failed,blue,\n"
    "waiting,grey,\n"
    "lost,black,\n"
)
MADE = ("a/1", "b..", "con", "CON", "lost")


@pytest.fixture(scope="module")
def s3() -> Iterator[S3]:
    with serve_s3() as server:
        yield server


@pytest.fixture(params=["folder", "s3"])
async def service(
    request: pytest.FixtureRequest, make_settings: Callable[..., Settings], tmp_path: Path
) -> AsyncIterator[Service]:
    """A running API that exports to a folder, with pictures in a folder or a bucket."""
    options: dict[str, Any] = {"export_url": f"file://{tmp_path}/exports"}
    if request.param == "s3":
        server: S3 = request.getfixturevalue("s3")
        options |= {
            "storage_url": f"{server.url}/{tmp_path.name}",
            "export_url": f"{server.url}/exports-{tmp_path.name}",
            "s3_endpoint": server.options["endpoint"],
            "s3_region": server.options["region"],
            "s3_access_key_id": server.options["access_key_id"],
            "s3_secret_access_key": "8fK2-mQz7-Lw4R-tYb9",
        }
    async with started(make_settings(**options)) as running:
        yield running


def picture(number: int) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 5), (number * 20, 3, 7)).save(file, "PNG")
    return file.getvalue()


async def make_campaign(service: Service, **members: Any) -> None:
    """Make a campaign whose items were made, failed or wait, as workers would."""
    created = (await service.post("/v1/campaigns", json=DEFINITION | members)).json()
    sent = await service.post(f"{SPRING}/rows", content=SHEET.encode(), headers={"Content-Type": "text/csv"})
    assert sent.json()["added"] == 7, sent.text
    campaign_id = parse_id("camp", created["id"])
    async with service.services.database.writing() as connection:
        campaign = await get(connection, campaign_id)
        assert campaign is not None
        rows = (await connection.execute(select(campaign_rows).order_by(campaign_rows.c.position))).all()
        jobs, items = [], []
        for row in rows:
            job = NewJob(
                id=new_id(),
                model="gpt-image",
                prompt=f"a {row.variables['colour']} cat",
                request={"images": [], "size": None, "n": None, "params": {}},
                priority=5,
                max_attempts=3,
                on_unknown="hold",
                not_before=now(),
                campaign="spring",
                item_id=new_id(),
                take=1,
                take_reason="first",
            )
            jobs.append(job)
            assert job.item_id is not None
            items.append(NewItem(job.item_id, campaign_id, row.key, "", row.position, 1, False, job.id, 1))
        await insert_items(connection, items)
        await insert_jobs(connection, jobs, caller_id=campaign.caller_id, surface="rest", at=now())
    found = (await service.get("/v1/jobs?campaign=spring&limit=50")).json()["data"]
    by_prompt = {job["prompt"]: job for job in found}
    for number, row in enumerate(rows):
        job = by_prompt[f"a {row.variables['colour']} cat"]
        if row.key in MADE:
            made = await service.finish(job, picture(number))
            if row.key == "lost":
                await service.services.store.delete(made["key"])
        elif row.key == "failed":
            error = {"code": "moderation", "message": 'Refused, "really".'}
            await service.move(job, "queued", "failed", error=error)  # type: ignore[arg-type]
    async with service.services.database.writing() as connection:
        picked = campaign_items.c.key.in_(["a/1", "b.."])
        await connection.execute(update(campaign_items).where(picked).values(verdict="pick"))
        chosen = select(campaign_items).where(campaign_items.c.key == "a/1")
        item = (await connection.execute(chosen)).one()
        given = {"campaign_id": campaign_id, "item_id": item.id, "job_id": item.job_id, "at": now()}
        for source, verdict, by, reason in (
            ("person", "reject", "bob", "too dark"),
            ("person", "pick", "alice", "bright"),
            ("machine", "reject", "gate", None),
        ):
            words = {"source": source, "verdict": verdict, "by": by, "reason": reason}
            await connection.execute(insert(verdicts).values(**given, **words))


async def export(service: Service, **options: Any) -> dict[str, Any]:
    """Create an export, let a worker build it, and return it."""
    answer = await service.post(f"{SPRING}/exports", json=options)
    assert answer.status_code == 202, answer.text
    assert (await service.get(f"/v1/exports/{answer.json()['id']}/content")).status_code in (404, 409)
    await run_worker(service)
    found: dict[str, Any] = (await service.get(answer.headers["location"])).json()
    return found


async def run_worker(service: Service, **changes: Any) -> None:
    services = replace(build_services(service.services.settings), **changes)
    try:
        await Exporter(services, asyncio.Event()).run_round()
    finally:
        await services.close()


async def download(service: Service, made: dict[str, Any], **headers: str) -> bytes:
    answer = await service.get(made["links"]["content"], headers=headers)
    assert answer.status_code == (206 if "Range" in headers else 200), answer.text
    assert int(answer.headers["content-length"]) == len(answer.content)
    return answer.content


def read_zip(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


async def test_the_zip_equals_the_sheet_row_by_row(service: Service) -> None:
    await make_campaign(service)
    made = await export(service)
    assert (made["status"], made["items"], made["pictures"], made["missing"]) == ("ready", 7, 5, 1)
    content = await download(service, made)
    assert len(content) == made["bytes"]
    files = read_zip(content)
    rows = [json.loads(line) for line in files["manifest.jsonl"].splitlines()]
    sheet = list(csv.DictReader(io.StringIO(SHEET)))
    assert [row["key"] for row in rows] == [row["key"] for row in sheet]
    for number, (row, given) in enumerate(zip(rows, sheet, strict=True)):
        assert row["colour"] == given["colour"]
        assert row["variable.file"] == given["file"]
        assert row["prompt"] == f"a {given['colour']} cat"
        if row["key"] in MADE and row["key"] != "lost":
            assert files[row["file"]] == picture(number)
            assert row["sha256"] == hashlib.sha256(picture(number)).hexdigest()
            assert (row["bytes"], row["width"], row["take"]) == (len(picture(number)), 3, 1)
    assert [rows[0].get(name) for name in ("verdict", "reviewer", "reason")] == ["pick", "alice", "bright"]
    assert "reviewer" not in rows[1]
    paths = [row.get("file") for row in rows]
    assert paths[:4] == ["a_1/1.png", "b/1.png", "_con/1.png", "_CON/1-2.png"]
    assert paths[4:] == [None, None, None]
    assert "missing" in rows[-1]["problem"]
    assert (rows[4]["status"], rows[4]["error"], rows[5]["status"]) == ("failed", "moderation", "waiting")
    table = list(csv.DictReader(io.StringIO(files["manifest.csv"].decode("utf-8-sig"))))
    assert [row["colour"] for row in table][:2] == ["red", "'=1+1"]
    assert [row["error_message"] for row in table][4] == 'Refused, "really".'
    sums = dict(reversed(line.split("  ")) for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items() if name != "SHA256SUMS"
    }
    page = files["index.html"].decode()
    assert "<script>" not in page
    assert page.count("<img ") == 4


async def test_a_filter_chooses_the_approved_pictures(service: Service) -> None:
    await make_campaign(service)
    made = await export(service, filter={"status": "approved"}, names="{colour}-{key}.{ext}")
    files = read_zip(await download(service, made))
    assert {name for name in files if name.endswith("png")} == {"red-a_1.png", "=1+1-b.png"}


async def test_every_range_is_the_same_part_of_the_same_bytes(service: Service) -> None:
    await make_campaign(service)
    made = await export(service)
    whole = await download(service, made)
    assert await download(service, made) == whole
    edges = {0, 1, len(whole) - 1}
    with zipfile.ZipFile(io.BytesIO(whole)) as archive:
        for info in archive.infolist():
            start = info.header_offset
            data = start + 30 + len(info.filename.encode())
            edges |= {start, data, data + info.file_size, data + info.file_size // 2}
        edges.add(archive.start_dir)
    near = sorted({at for edge in edges for at in (edge - 1, edge, edge + 1) if 0 <= at < len(whole)})
    for first in near[:: 3 if len(near) > 60 else 1]:
        assert await download(service, made, Range=f"bytes={first}-") == whole[first:]
        last = min(first + 700, len(whole) - 1)
        assert await download(service, made, Range=f"bytes={first}-{last}") == whole[first : last + 1]
    assert await download(service, made, Range="bytes=-5") == whole[-5:]
    content = made["links"]["content"]
    beyond = await service.get(content, headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    head = await service.request("HEAD", content)
    assert int(head.headers["content-length"]) == len(whole)
    other = await service.get(content, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, whole)


async def test_marked_pictures_have_equal_pixels_and_their_own_sums(service: Service) -> None:
    await make_campaign(service)
    made = await export(service, marking="xmp", filter={"key": "a/1"})
    files = read_zip(await download(service, made))
    row = json.loads(files["manifest.jsonl"])
    data = files["a_1/1.png"]
    assert b"trainedAlgorithmicMedia" in data
    with Image.open(io.BytesIO(data)) as marked, Image.open(io.BytesIO(picture(0))) as plain:
        assert marked.tobytes() == plain.tobytes()
    assert row["sha256"] == hashlib.sha256(data).hexdigest()
    assert (row["stored_sha256"], row["marking"]) == (hashlib.sha256(picture(0)).hexdigest(), "xmp")


async def test_an_imagefolder_has_its_metadata_beside_the_pictures(service: Service) -> None:
    await make_campaign(service)
    files = read_zip(await download(service, await export(service, format="imagefolder")))
    lines = [json.loads(line) for line in files["train/metadata.jsonl"].splitlines()]
    assert len(lines) == 4
    assert len({tuple(line) for line in lines}) == 1
    for line in lines:
        assert hashlib.sha256(files[f"train/{line['file_name']}"]).hexdigest() == line["sha256"]


async def test_a_webdataset_has_shards_of_pictures_with_their_records(service: Service) -> None:
    await make_campaign(service)
    files = read_zip(await download(service, await export(service, format="webdataset")))
    with tarfile.open(fileobj=io.BytesIO(files["shard-000000.tar"])) as shard:
        members = {each.name: shard.extractfile(each).read() for each in shard.getmembers()}  # type: ignore[union-attr]
    assert sorted({name.partition(".")[2] for name in members}) == ["json", "png"]
    for name, data in members.items():
        if name.endswith(".json"):
            stem = name.removesuffix(".json")
            assert "." not in stem
            assert hashlib.sha256(members[f"{stem}.png"]).hexdigest() == json.loads(data)["sha256"]


async def test_a_destination_gets_only_what_changed(service: Service) -> None:
    await make_campaign(service)
    first = await export(service, format="folder", destination="shop/spring")
    assert (first["status"], first["files"], first["unchanged"], first["bytes"]) == ("ready", 8, 0, None)
    second = await export(service, format="folder", destination="shop/spring")
    assert (second["files"], second["unchanged"]) == (8, 4)
    assert (await service.get(f"/v1/exports/{second['id']}/content")).status_code == 404


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"format": "rar"}, "format"),
        ({"filter": {"state": "made"}}, "filter.state"),
        ({"names": "{nothing}"}, "names"),
        ({"names": "{"}, "names"),
        ({"format": "folder", "destination": "../up"}, "destination"),
        ({"format": "folder", "destination": "/etc"}, "destination"),
        ({"format": "zip", "destination": "a"}, "destination"),
        ({"marking": "iptc"}, "marking"),
    ],
)
async def test_a_wrong_option_is_named(service: Service, options: dict[str, Any], field: str) -> None:
    await service.post("/v1/campaigns", json=DEFINITION)
    answer = await service.post(f"{SPRING}/exports", json=options)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text


async def test_exports_of_others_are_not_found_and_old_ones_are_deleted(service: Service) -> None:
    await make_campaign(service)
    made = await export(service)
    page = (await service.get("/v1/exports", params={"campaign": "spring", "limit": 1})).json()
    assert ([each["id"] for each in page["data"]], page["next"]) == ([made["id"]], None)
    assert (await service.with_key(BOB).get("/v1/exports")).json()["data"] == []
    assert (await service.with_key(BOB).get(made["links"]["content"])).status_code == 404
    later = now() + timedelta(seconds=service.services.settings.export_age + 1)
    await run_worker(service, clock=lambda: later)
    gone = await service.get(made["links"]["content"])
    assert (gone.status_code, gone.json()["code"]) == (410, "export_expired")
    assert await service.services.store.list_files("exports/", limit=10) == []
