"""Pending images: their types, and the JSON by which a job's row keeps them."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.asset_store import StoredImage
from worker.images.inspection import ImageInfo
from worker.pending_images import (
    FetchProblem,
    InlineImage,
    LostImage,
    PendingAnswer,
    PendingImage,
    ReadyImage,
    RemoteImage,
    pending_image,
    settle,
)
from worker.upstream.handles import Handles
from worker.upstream.parsing.image import ResultImage

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
STORED = StoredImage.of("ab" * 32, ImageInfo("image/png", "png", 3, 2), 99)
URL, OTHER = "https://example.com/a.png", "https://example.com/b.png"
REMOTE = RemoteImage(URL, (OTHER,))
SPARED = RemoteImage(URL, spare=STORED)
UNSTORED_SPARE = RemoteImage(URL, spare=InlineImage(STORED))
LOST_BYTES = {"fault": "asset_unstored", "message": "its bytes were lost with the worker that held them"}
GONE = {"fault": "asset_gone", "message": "It is gone."}
JSON: list[tuple[PendingImage, dict[str, Any]]] = [
    (REMOTE, {"url": URL, "alternates": [OTHER]}),
    (SPARED, {"url": URL, "alternates": [], "spare": asdict(STORED)}),
    (
        RemoteImage(URL, problem=FetchProblem("asset_unreachable", "It is busy.", 3.0)),
        {"url": URL, "alternates": [], "problem": "It is busy.", "code": "asset_unreachable", "wait": 3.0},
    ),
    (ReadyImage(STORED), {"stored": asdict(STORED)}),
    (InlineImage(STORED), {"unstored": asdict(STORED), **LOST_BYTES}),
    (UNSTORED_SPARE, {"url": URL, "alternates": [], "unstored": asdict(STORED)}),
    (ReadyImage(STORED, known=True), {"stored": asdict(STORED), "known": True}),
    (LostImage("asset_gone", "It is gone."), GONE),
    (LostImage("asset_gone", "It is gone.", REMOTE), {"url": URL, "alternates": [OTHER], **GONE}),
]


@pytest.mark.parametrize(("image", "piece"), JSON)
def test_an_image_is_written_by_the_members_that_every_version_knows(
    image: PendingImage, piece: dict[str, Any]
) -> None:
    answer = PendingAnswer([image], NOW)
    assert answer.to_json() == {"pieces": [piece], "received_at": NOW.isoformat()}
    assert PendingAnswer.from_json(answer.to_json()) == answer


def test_an_answer_keeps_what_the_provider_can_be_polled_with() -> None:
    handles = Handles("task-1", "https://example.com/poll")
    answer = PendingAnswer([REMOTE], NOW, handles)
    assert answer.to_json()["handles"] == handles.to_json()
    assert PendingAnswer.from_json(answer.to_json()) == answer


def test_an_image_without_members_is_lost() -> None:
    answer = PendingAnswer.from_json({"pieces": [{}], "received_at": NOW.isoformat()})
    assert answer.images == [LostImage("asset_unreachable", "")]


def test_an_answer_separates_ready_open_and_lost_images() -> None:
    lost, ready, inline = LostImage("asset_gone", ""), ReadyImage(STORED), InlineImage(STORED)
    answer = PendingAnswer([lost, REMOTE, ready, inline], NOW)
    assert (answer.ready, answer.open, answer.lost) == ([ready], [REMOTE, inline], [lost])


def test_another_worker_knows_an_inline_image_by_its_content_key_and_its_other_renderings() -> None:
    alone, spare = InlineImage(STORED, b"bytes"), RemoteImage(URL, (OTHER,), InlineImage(STORED, b"bytes"))
    linked = InlineImage(STORED, b"bytes", RemoteImage(URL, (OTHER,)))
    read = PendingAnswer.from_json(PendingAnswer([alone, spare, linked], NOW).to_json())
    remote = RemoteImage(URL, (OTHER,), InlineImage(STORED))
    assert read.images == [InlineImage(STORED), remote, remote]


@pytest.mark.parametrize(
    ("image", "last", "settled"),
    [
        (SPARED, False, SPARED),
        (SPARED, True, ReadyImage(STORED)),
        (REMOTE, True, REMOTE),
        (LostImage("asset_gone", "", SPARED), False, ReadyImage(STORED)),
        (LostImage("asset_gone", "", REMOTE), True, LostImage("asset_gone", "", REMOTE)),
        (UNSTORED_SPARE, False, UNSTORED_SPARE),
        (UNSTORED_SPARE, True, InlineImage(STORED)),
        (LostImage("asset_gone", "", UNSTORED_SPARE), False, InlineImage(STORED)),
    ],
)
def test_a_spare_replaces_an_image_that_is_lost_or_not_fetched_in_time(
    image: PendingImage, last: bool, settled: PendingImage
) -> None:
    assert settle(image, last=last) == settled


@pytest.mark.parametrize(
    ("image", "inline", "pending"),
    [
        (ResultImage(URL, alternates=(OTHER,)), None, REMOTE),
        (ResultImage(URL), ReadyImage(STORED), SPARED),
        (ResultImage(URL), LostImage("asset_truncated", ""), RemoteImage(URL)),
        (ResultImage(data="aGk="), ReadyImage(STORED), ReadyImage(STORED)),
        (ResultImage(data="aGk=", alternates=(URL,)), ReadyImage(STORED), ReadyImage(STORED)),
        (ResultImage(data="aGk=", alternates=(URL,)), LostImage("asset_truncated", ""), RemoteImage(URL)),
        (ResultImage(data="aGk="), LostImage("asset_truncated", ""), LostImage("asset_truncated", "")),
    ],
)
def test_an_image_with_a_url_of_its_own_keeps_its_inline_bytes_as_a_spare(
    image: ResultImage, inline: ReadyImage | LostImage | None, pending: PendingImage
) -> None:
    assert pending_image(image, inline) == pending


def test_data_urls_are_never_fetched() -> None:
    assert RemoteImage.of(ResultImage("data:image/png;base64,aGk=", alternates=(URL,))) == RemoteImage(URL)
    assert RemoteImage.of(ResultImage("data:image/png;base64,aGk=")) is None
