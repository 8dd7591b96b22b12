"""The Python client against a running Darkroom: one suite for both clients, its README, and the example."""

import ast
import csv
import inspect
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from darkroom_client import (
    AsyncDarkroom,
    CampaignWaits,
    Conflict,
    Darkroom,
    InvalidRequest,
    JobFailed,
    NotFound,
    Unauthorized,
    WaitTimeout,
)
from tests.support.api_client import KEY
from tests.support.embedded import EmbeddedDarkroom
from tests.support.practice import Practice

ROOT = Path(__file__).parents[2]
README = (ROOT / "clients" / "python" / "README.md").read_text(encoding="utf-8")
EXAMPLE = ROOT / "examples" / "bulk.py"
MODEL = "gpt-4o-image"
CHANNEL = f"""[[channels]]
name = "upstream"
base_url = "{{url}}"
api_key = "practice"
models = ["{MODEL}"]
preset = "generic"
concurrency = 10
prices = {{{{ "{MODEL}" = {{{{ per_call = 0.04, currency = "USD" }}}} }}}}
"""
pytestmark = pytest.mark.slow(reason="an installation is started for the tests of this file")


@pytest.fixture(scope="module")
def darkroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedDarkroom]:
    """One installation for all tests of this file."""
    folder = tmp_path_factory.mktemp("darkroom")
    practice = Practice(folder, delay=0.01)
    practice.start()
    (folder / "darkroom.toml").write_text(CHANNEL.format(url=practice.url), encoding="utf-8")
    running = EmbeddedDarkroom(folder, practice)
    del running.variables["DARKROOM_UPSTREAM_BASE_URL"]  # the channel of the file takes its place
    running.start()
    yield running
    running.client.close()
    running.process.end()
    practice.process.end()


@pytest.fixture(params=[Darkroom, AsyncDarkroom])
async def client(request: pytest.FixtureRequest, darkroom: EmbeddedDarkroom) -> Any:
    """Each client in turn."""
    opened = request.param(darkroom.url, KEY, model=MODEL)
    yield opened
    await result_of(opened.close())


async def result_of(value: Any) -> Any:
    """Return the result of an operation of either client."""
    return await value if inspect.isawaitable(value) else value


async def items_of(stream: Any, limit: int = 10**6) -> list[Any]:
    """Return the items of a stream of either client, up to a number of them."""
    found: list[Any] = []
    if hasattr(stream, "__anext__"):
        async for item in stream:
            found.append(item)
            if len(found) == limit:
                break
        await stream.aclose()
        return found
    for item in stream:
        found.append(item)
        if len(found) == limit:
            break
    stream.close()
    return found


async def test_run_returns_pictures_that_can_be_saved_and_used_again(client: Any, tmp_path: Path) -> None:
    [picture] = await result_of(client.run("a cat"))
    path = await result_of(picture.save(tmp_path / "cat.png"))
    assert path.read_bytes() == await result_of(picture.bytes())
    assert (path.stat().st_size, picture.content_type) == (picture.size, "image/png")
    images = [path, path.read_bytes(), picture, picture.id]
    job = await result_of(client.submit("a hat", images=images))
    job = await result_of(client.wait(job, timeout=60))
    assert job.succeeded
    assert len(set(job.document["images"])) == 2  # the upload, stored once, and the picture


async def test_an_upload_is_stored_once(client: Any, tmp_path: Path) -> None:
    [picture] = await result_of(client.run("once"))
    path = await result_of(picture.save(tmp_path / "once.png"))
    first, second = [await result_of(client.upload(each)) for each in (path, path.read_bytes())]
    assert (first.id, first.sha256) == (second.id, picture.sha256)


async def test_many_jobs_are_gathered_and_a_wrong_one_is_named(client: Any) -> None:
    jobs = [{"prompt": f"picture {number}", "metadata": {"row": number}} for number in range(20)]
    batch = await result_of(client.submit_many([*jobs, {"prompt": "a cat", "size": "banana"}]))
    assert [(each.index, each.code) for each in batch.rejected] == [(20, "invalid")]
    found = await items_of(client.gather(batch, timeout=60))
    assert sorted(job.metadata["row"] for job in found) == list(range(20))
    assert all(job.succeeded and len(job.pictures) == 1 for job in found)


async def test_the_same_idempotency_key_returns_the_same_job(client: Any) -> None:
    key = f"key-of-{type(client).__name__}"
    first = await result_of(client.submit("a cat", idempotency_key=key))
    again = await result_of(client.submit("a cat", idempotency_key=key))
    assert first.id == again.id
    with pytest.raises(InvalidRequest) as refused:
        await result_of(client.submit("a dog", idempotency_key=key))
    assert refused.value.field == "Idempotency-Key"


async def test_the_events_of_a_job_end_with_it_and_can_be_resumed(client: Any) -> None:
    job = await result_of(client.submit("a cat"))
    events = await items_of(client.iter_events(job))
    assert [event.revision for event in events] == list(range(1, len(events) + 1))
    assert (events[0].status, events[-1].status) == ("queued", "succeeded")
    rest = await items_of(client.iter_events(job, after=events[1].last_event_id))
    assert rest == events[2:]
    assert await items_of(client.iter_events(job, after=events[-1].last_event_id)) == []


async def test_the_events_of_a_campaign_are_one_stream(client: Any) -> None:
    name = f"events of {type(client).__name__}"
    batch = await result_of(client.submit_many([{"prompt": "a", "campaign": name} for _ in range(2)]))
    events = await items_of(client.iter_events(campaign=name, after=0), limit=4)
    assert {event.job_id for event in events} <= {job.id for job in batch.accepted}


async def test_jobs_are_listed_over_pages(client: Any) -> None:
    name = f"pages of {type(client).__name__}"
    batch = await result_of(client.submit_many([{"prompt": "a", "campaign": name} for _ in range(130)]))
    found = await items_of(client.jobs.list(campaign=name))
    assert [job.id for job in found] == [job.id for job in batch.accepted][::-1]
    assert len(await items_of(client.jobs.list(campaign=name, limit=7))) == 7
    await items_of(client.gather(batch, timeout=60))
    counted = await result_of(client.jobs.eta(campaign=name))
    assert sum(counted.remaining.values()) == 0


async def test_jobs_are_cancelled_retried_and_deleted(client: Any) -> None:
    later = {"not_before": "2100-01-01T00:00:00Z"}
    job = await result_of(client.submit("a cat", **later))
    with pytest.raises(WaitTimeout):
        await result_of(client.wait(job, timeout=0.1))
    assert (await result_of(client.jobs.cancel(job.id))).status == "cancelled"
    with pytest.raises(JobFailed):
        (await result_of(client.jobs.get(job.id))).raise_for_status()
    with pytest.raises(Conflict):
        await result_of(client.jobs.release(job.id))
    assert (await result_of(client.jobs.retry(job.id))).status == "queued"
    assert (await result_of(client.wait(job, timeout=60))).succeeded
    other = await result_of(client.submit("a cat", **later))
    assert (await result_of(client.jobs.cancel_many(ids=[other.id]))).changed == 1
    assert (await result_of(client.jobs.delete_many(ids=[job.id], dry_run=True))).eligible == 1
    assert (await result_of(client.jobs.delete_many(ids=[job.id]))).changed == 1
    with pytest.raises(NotFound):
        await result_of(client.jobs.get(job.id))
    with pytest.raises(NotFound):
        await items_of(client.gather([job.id]))


async def test_models_are_listed_and_an_unknown_one_is_refused_with_the_nearest(client: Any) -> None:
    assert MODEL in [model.id for model in await items_of(client.models.list())]
    assert (await result_of(client.models.get(MODEL))).channels == ("upstream",)
    with pytest.raises(InvalidRequest, match=MODEL) as refused:
        await result_of(client.run("a cat", model="gpt-4o-imagee"))
    assert refused.value.field == "model"


async def test_a_campaign_runs_from_rows_to_its_export_and_again_without_paying_twice(
    client: Any, darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    name = f"sheet of {type(client).__name__}"
    prompt = f"of {type(client).__name__}, a {{colour}} cat {{hint|}}"
    rows = [{"key": f"k{number}", "colour": f"no. {number}"} for number in range(12)]
    rows[3]["hint"] = "[fail refusal]"
    for run in range(2):
        campaign = client.campaign(name, template=prompt, canary=2)
        await result_of(campaign.open())
        report = await result_of(campaign.add([*rows, {"key": "k0", "colour": "again"}]))
        assert (report.added, report.unchanged, report.duplicates) == ((12, 0, 1), (0, 12, 1))[run]
        assert (await result_of(campaign.plan())).items == 12
        await result_of(campaign.start())
        if run == 0:
            with pytest.raises(CampaignWaits) as waits:
                await items_of(campaign.results(timeout=60))
            assert waits.value.needs == "approval"
            await result_of(campaign.approve())
        found = await items_of(campaign.results(timeout=60))
        assert {item.key for item in found if item.is_made} == {row["key"] for row in rows} - {"k3"}
    [failed] = await items_of(campaign.items(where={"status": "failed"}))
    assert (failed.key, failed.error) == ("k3", "refusal")
    assert [group.samples for group in await result_of(campaign.failures())] == [("k3",)]
    assert (await result_of(campaign.retry(dry_run=True))).eligible == 1
    first = next(item for item in found if item.is_made)
    [saved] = await result_of(first.save(tmp_path))
    assert saved.name == f"{first.key}.png"
    assert (await result_of(campaign.give_verdict("pick", ["k1", "k2"]))).done == 2
    path = await result_of(campaign.export(tmp_path / "spring.zip", where={"verdict": "pick"}))
    with zipfile.ZipFile(path) as archive:
        assert {each for each in archive.namelist() if each.endswith(".png")} == {"k1/1.png", "k2/1.png"}
    counts = darkroom.practice.call_counts()
    made = {prompt for prompt in counts if prompt.startswith(f"of {type(client).__name__}, ")}
    assert len(made) == 12
    assert {counts[each] for each in made} == {1}


async def test_webhooks_are_managed(client: Any) -> None:
    made = await result_of(client.webhooks.create("http://127.0.0.1:9/x", events=["job.held"]))
    assert made.secret.startswith("whsec_")
    assert (await result_of(client.webhooks.update(made.id, enabled=False))).enabled is False
    assert made.id in [each.id for each in await items_of(client.webhooks.list())]
    assert (await result_of(client.webhooks.rotate(made.id, overlap=0))).secret != made.secret
    await result_of(client.webhooks.delete(made.id))
    with pytest.raises(NotFound):
        await result_of(client.webhooks.get(made.id))


@pytest.mark.parametrize("kind", [Darkroom, AsyncDarkroom])
async def test_a_wrong_key_is_unauthorized(kind: Any, darkroom: EmbeddedDarkroom) -> None:
    client = kind(darkroom.url, "dk_wrong")
    with pytest.raises(Unauthorized):
        await result_of(client.jobs.get("job_01h455vb4pex5vsknk084sn02q"))
    await result_of(client.close())


def run_program(
    arguments: list[str], darkroom: EmbeddedDarkroom, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a Python program as a user of the client does."""
    own = {"DARKROOM_URL": darkroom.url, "DARKROOM_API_KEY": KEY, "DARKROOM_MODEL": MODEL}
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_examples_of_the_readme_run_in_their_order(
    darkroom: EmbeddedDarkroom, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "\n".join(re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL))
    (tmp_path / "readme.py").write_text(f"{code}\nclient.close()\n", encoding="utf-8")
    ran = run_program(["readme.py"], darkroom, tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert {"cat.png", "0.png", "1.png", "2.png", "cat-0.png", "cat-2.png", "spring.zip"} <= {
        path.name for path in tmp_path.iterdir()
    }
    assert "size write WIDTHxHEIGHT" in ran.stdout


def test_a_campaign_of_a_csv_file_takes_fifteen_lines_and_runs_twice_without_paying_twice(
    darkroom: EmbeddedDarkroom, tmp_path: Path
) -> None:
    module = ast.parse(EXAMPLE.read_text(encoding="utf-8"))
    docstring = ast.get_docstring(module, clean=False) or ""
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if line.strip()]
    imports = sum(isinstance(node, ast.Import | ast.ImportFrom) for node in module.body)
    assert len(lines) - len([line for line in docstring.splitlines() if line.strip()]) - imports <= 15

    with (tmp_path / "night.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["name", "prompt"])
        rows.writerows((f"row-{number}", f"Row {number}, 猫") for number in range(200))
    (tmp_path / "pictures").mkdir()
    for _ in range(2):
        ran = run_program([str(EXAMPLE), "night.csv", "pictures"], darkroom, tmp_path)
        assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        f"row-{number}.png" for number in range(200)
    }
    counts = darkroom.practice.call_counts()
    assert {counts[f"Row {number}, 猫"] for number in range(200)} == {1}
