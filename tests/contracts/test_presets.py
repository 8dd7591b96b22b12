"""Contract of the presets: each writes the requests of its cases, and makes as many images as are asked for.

The cases of a preset are the lines of ``tests/worker/upstream/presets/NAME.jsonl``: a ``job``, and the
``path`` and the ``body`` of the request that it becomes, or why it is ``refused``.
"""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest

from models.errors import InvalidRequest
from models.request import ImagePart, ImageRequest, Message, TextPart
from tests.support.counting_provider import REFUSED, darkroom_with_preset, run_job_for_three
from worker.upstream.presets.catalog import PRESETS, preset_named
from worker.upstream.request import ProviderRequest, build_request

FOLDER = Path(__file__).parent.parent / "worker" / "upstream" / "presets"


def cases_of(preset: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (FOLDER / f"{preset}.jsonl").read_text("utf-8").splitlines()]


CASES = [pytest.param(name, case, id=f"{name} {case['case']}") for name in PRESETS for case in cases_of(name)]


def image_request(job: dict[str, Any]) -> ImageRequest:
    turns = [Message(turn["role"], tuple(map(part_of, turn["parts"]))) for turn in job.get("messages", ())]
    return ImageRequest(**{**job, "images": tuple(job.get("images", ())), "messages": tuple(turns)})


def part_of(part: dict[str, str]) -> TextPart | ImagePart:
    return TextPart(part["text"]) if "text" in part else ImagePart(part["url"])


def build(preset: str, job: dict[str, Any]) -> ProviderRequest:
    return build_request(
        image_request(job), base_url="https://api.example.com", api_key="sk-1", preset=preset_named(preset)
    )


@pytest.mark.parametrize(("preset", "case"), CASES)
def test_a_job_becomes_the_request_of_its_case(preset: str, case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(InvalidRequest) as raised:
            build(preset, case["job"])
        assert str(raised.value) == case["refused"]
        return
    request = build(preset, case["job"])
    assert request.url == f"https://api.example.com{case['path']}"
    assert orjson.loads(request.body) == case["body"]


def test_every_preset_has_the_same_cases() -> None:
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == set(PRESETS)
    jobs = {name: {case["case"]: case["job"] for case in cases_of(name)} for name in PRESETS}
    assert len(jobs["generic"]) >= 10
    assert all(each == jobs["generic"] for each in jobs.values())


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_job_for_three_images_gets_three_by_one_call_or_by_three(
    plain_database_url: str, tmp_path: Path, preset: str
) -> None:
    async with darkroom_with_preset(plain_database_url, tmp_path, preset) as (darkroom, provider):
        row, positions = await run_job_for_three(darkroom)
        assert (row.status, positions, row.progress) == ("succeeded", [0, 1, 2], 100)
        assert provider.asked == ([3] if preset_named(preset).n_style == "n" else [1, 1, 1])
        assert len(await darkroom.attempts(row.id)) == len(provider.asked)


@pytest.mark.parametrize("preset", PRESETS)
async def test_a_job_of_which_one_image_fails_succeeds_with_the_others(
    plain_database_url: str, tmp_path: Path, preset: str
) -> None:
    async with darkroom_with_preset(plain_database_url, tmp_path, preset) as (darkroom, provider):
        provider.missing, provider.failures = 1, {3: (400, REFUSED)}
        row, positions = await run_job_for_three(darkroom)
        assert (row.status, positions, row.error) == ("succeeded", [0, 1], None)
        assert provider.asked == ([3] if preset_named(preset).n_style == "n" else [1, 1, 1])
