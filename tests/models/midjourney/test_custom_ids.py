"""customIds: ours come back as what they were, clients' own ones are read, forged ones are not."""

from uuid import UUID

import pytest

from models.midjourney.buttons import buttons_of
from models.midjourney.custom_ids import Button, Verb, read_custom_id
from models.midjourney.protocol import Action

HASH = UUID("3f0c1a52-0000-4000-8000-000000000001")


@pytest.mark.parametrize("action", list(Action))
def test_every_button_is_parsed_from_its_own_custom_id(action: Action) -> None:
    offered = buttons_of(action, HASH, 4, has_video_model=True)
    for button in offered:
        read = read_custom_id(button.custom_id())
        assert read is not None
        assert [other for other in offered if read.matches(other)] == [button]


@pytest.mark.parametrize(
    ("custom_id", "button"),
    [
        (f"MJ::Outpaint::75::1::{HASH}::SOLO", Button(Verb.OUTPAINT, 75, HASH)),
        (f"MJ::Inpaint::1::{HASH}::SOLO", Button(Verb.INPAINT, 1, HASH)),
        (f"MJ::CustomZoom::{HASH}", Button(Verb.CUSTOM_ZOOM, 0, HASH)),
        (f"MJ::JOB::pan_left::1::{HASH}::SOLO", Button(Verb.PAN_LEFT, 1, HASH)),
        (f"MJ::JOB::upsample_v7_2x_creative::1::{HASH}::SOLO", Button(Verb.UPSCALE_CREATIVE, 1, HASH)),
        (f"MJ::JOB::upsample_v6r1_2x_subtle::1::{HASH}::SOLO", Button(Verb.UPSCALE_SUBTLE, 1, HASH)),
        ("MJ::Job::PicReader::3", Button(Verb.PIC_READER, 3, None)),
        ("MJ::Job::PicReader::all", Button(Verb.PIC_READER, 0, None)),
        ("MJ::Picread::Retry", Button(Verb.PICREAD_RETRY, 0, None)),
        ("MJ::Job::PromptAnalyzer::5", Button(Verb.PROMPT_ANALYZER, 5, None)),
    ],
)
def test_custom_ids_of_clients_are_parsed(custom_id: str, button: Button) -> None:
    assert read_custom_id(custom_id) == button


@pytest.mark.parametrize(
    "custom_id",
    [
        "",
        "MJ",
        "MJ::",
        "MJ::SOLO",
        "MJ::JOB::SOLO",
        "MJ::JOB::upsample::1",
        "MJ::Job::PicReader",
        "MJ::Job::PicReader::",
        "MJ::Job::PicReader::0",
        "MJ::Job::PicReader::99999",
        "MJ::Job::PicReader::1::2",
        f"MJ::JOB::upsample::1::{str(HASH)[:-1]}",
        f"MJ::JOB::upsample::1::{HASH}::{HASH}",
        f"MJ::{HASH}::{HASH}",
        f"MJ::JOB::{'x' * 300}::1::{HASH}",
        f"XX::JOB::upsample::1::{HASH}",
        "MJ::JOB::upsample::１::" + str(HASH)[:-1] + "１",
        "MJ::JOB::\x00::1::",
    ],
)
def test_forged_and_truncated_custom_ids_are_none(custom_id: str) -> None:
    assert read_custom_id(custom_id) is None


def test_only_suggested_prompts_match_without_a_hash() -> None:
    assert not Button(Verb.UPSAMPLE, 1, None).matches(Button(Verb.UPSAMPLE, 1, HASH))
    other = UUID("3f0c1a52-0000-4000-8000-000000000002")
    assert not Button(Verb.PIC_READER, 1, other).matches(Button(Verb.PIC_READER, 1, HASH))
