"""Bad input: the right code, the right status, and always a JSON body."""

from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import accepted, rejected

UNKNOWN = "1700000000000123"
HASH = "3f0c1a52-0000-4000-8000-000000000001"
FORGED = [
    "",
    "U1",
    "MJ",
    "MJ::",
    "MJ::JOB",
    "MJ::JOB::upsample",
    "MJ::JOB::upsample::1",
    "MJ::JOB::upsample::1::",
    "MJ::JOB::upsample::1::{hash}::SOLO::SOLO",
    "MJ::JOB::upsample::0::{hash}",
    "MJ::JOB::upsample::5::{hash}",
    "MJ::JOB::upsample::-1::{hash}",
    "MJ::JOB::upsample::１::{hash}",
    "MJ::JOB::nonsense::1::{hash}",
    f"MJ::JOB::upsample::1::{HASH}",
    "MJ::JOB::upsample::1::{hash}" + "0" * 5000,
    "::" * 2000,
    "\u202emoc.elpmaxe",
]


async def test_blank_prompts_are_refused(stack: MidjourneyStack) -> None:
    for body in ({}, {"prompt": None}, {"prompt": ""}, {"prompt": " \n\t"}, {"prompt": "--ar 16:9"}):
        rejected(await stack.submit("imagine", **body), 4)
    for unseen in ("\u200b", "\u3000\u2060", "\u202e\u2066", "\ufeff \u200d"):
        rejected(await stack.submit("imagine", prompt=unseen), 4)
    assert not await stack.jobs()


NO_JSON = [b"", b"{", b"prompt=a", b'{"prompt": "\\ud800"}', b"\xff"]


async def test_what_is_no_json_is_400_with_an_envelope(stack: MidjourneyStack) -> None:
    for content in NO_JSON:
        answer = await stack.call("POST", "/mj/submit/imagine", content=content)

        assert answer.status_code == 400
        rejected(answer.json(), 4)


async def test_wrong_types_are_refused_by_the_fields_name(stack: MidjourneyStack) -> None:
    for verb, body, field in [
        ("imagine", {"prompt": ["a"]}, "prompt"),
        ("imagine", {"prompt": "a", "base64Array": "x"}, "base64Array"),
        ("imagine", {"prompt": "a", "base64Array": [1, {}]}, "base64Array"),
        ("imagine", {"prompt": "a", "state": {}}, "state"),
        ("imagine", {"prompt": "a", "notifyHook": True}, "notifyHook"),
        ("change", {"taskId": UNKNOWN, "action": "UPSCALE", "index": "two"}, "index"),
    ]:
        envelope = await stack.submit(verb, **body)
        rejected(envelope, 4)
        assert field in envelope["description"]


NO_OBJECTS = [b"[]", b'"text"', b"5", b"null"]


async def test_a_body_that_is_no_object_is_refused(stack: MidjourneyStack) -> None:
    for body in NO_OBJECTS:
        for verb in ("imagine", "action", "change", "simple-change"):
            answer = await stack.call("POST", f"/mj/submit/{verb}", content=body)
            assert answer.status_code == 200
            rejected(answer.json(), 4)


NO_PICTURES = [
    "data:image/png;base64,!!!",
    "data:image/png;base64,",
    "data:text/html;base64,PGI+",
    "data:,x",
    "hello",
    "data:",
]


async def test_bad_pictures_are_refused_and_nothing_is_kept(stack: MidjourneyStack) -> None:
    for picture in NO_PICTURES:
        rejected(await stack.submit("imagine", prompt="a cat", base64Array=[picture]), 4)
        assert not await stack.jobs()


UNKNOWN_PARENTS = [
    {"taskId": UNKNOWN, "action": "UPSCALE", "index": 1},
    {"taskId": "abc", "action": "UPSCALE", "index": 1},
    {"taskId": "9" * 50, "action": "REROLL"},
    {"taskId": "-1", "action": "REROLL"},
    {"taskId": 5, "action": "REROLL"},
]


async def test_unknown_parents_are_code_3(stack: MidjourneyStack) -> None:
    for body in UNKNOWN_PARENTS:
        rejected(await stack.submit("change", **body), 3)


async def test_parents_that_have_not_succeeded_are_code_4(stack: MidjourneyStack) -> None:
    waiting = await stack.number()
    rejected(await stack.submit("change", taskId=waiting, action="UPSCALE", index=1), 4)
    rejected(await stack.submit("simple-change", content=f"{waiting} U1"), 4)
    await stack.call("POST", f"/mj/task/{waiting}/cancel")
    rejected(await stack.submit("change", taskId=waiting, action="UPSCALE", index=1), 4)


async def test_change_names_what_is_wrong_with_it(stack: MidjourneyStack) -> None:
    for body in [
        {},
        {"taskId": " ", "action": "UPSCALE", "index": 1},
        {"taskId": UNKNOWN},
        {"taskId": UNKNOWN, "action": "PAINT", "index": 1},
        {"taskId": UNKNOWN, "action": "UPSCALE"},
        {"taskId": UNKNOWN, "action": "UPSCALE", "index": 0},
        {"taskId": UNKNOWN, "action": "VARIATION", "index": 5},
    ]:
        rejected(await stack.submit("change", **body), 4)


async def test_simple_change_takes_two_words_only(stack: MidjourneyStack) -> None:
    for content in ("", UNKNOWN, f"{UNKNOWN} U5", f"{UNKNOWN} U", f"{UNKNOWN} X1", f"{UNKNOWN} U1 U2", None):
        rejected(await stack.submit("simple-change", content=content), 4)
    rejected(await stack.submit("simple-change", content=f"{UNKNOWN} u1"), 3)


async def test_forged_custom_ids_are_refused(stack: MidjourneyStack) -> None:
    grid, other = await stack.done(), await stack.done()
    hash_ = grid["buttons"][0]["customId"].split("::")[4]

    for forged in FORGED:
        custom_id = forged.replace("{hash}", hash_)
        rejected(await stack.submit("action", taskId=grid["id"], customId=custom_id), 4)
    theirs = other["buttons"][0]["customId"]
    rejected(await stack.submit("action", taskId=grid["id"], customId=theirs), 4)
    assert len(stack.darkroom.provider.call_log.calls) == 8


async def test_a_picture_that_was_picked_offers_nothing_to_pick(stack: MidjourneyStack) -> None:
    grid = await stack.done()
    picked = await stack.number("simple-change", content=f"{grid['id']} u4")

    assert (await stack.fetch(picked))["imageUrl"] == grid["imageUrls"][3]["url"]
    rejected(await stack.submit("change", taskId=picked, action="UPSCALE", index=1), 4)


async def test_prompts_of_any_script_and_50000_characters_are_taken(stack: MidjourneyStack) -> None:
    prompts = [
        "🐱" * 12_500,
        "قطة تحت المطر --ar 2:3",
        "\u202eright to left\u202c",
        "a " * 25_000,
        "y " + "--no x " * 7_000,
        "a\u200d\ufe0f",
    ]
    for prompt in prompts:
        number = accepted(await stack.submit("imagine", prompt=prompt))
        assert (await stack.fetch(number))["prompt"] == prompt.strip()
    rejected(await stack.submit("imagine", prompt="a" * 100_001), 4)


async def test_a_nul_character_is_refused(stack: MidjourneyStack) -> None:
    rejected(await stack.submit("imagine", prompt="a\0b"), 4)


async def test_a_nul_character_in_a_very_deep_body_is_refused(stack: MidjourneyStack) -> None:
    deep = b"[" * 1000 + b'"\\u0000"' + b"]" * 1000
    answer = await stack.call("POST", "/mj/submit/imagine", content=b'{"prompt": "a", "x": ' + deep + b"}")

    assert answer.status_code == 200
    rejected(answer.json(), 4)


async def test_a_prompt_that_is_too_long_is_refused_by_each_verb(stack: MidjourneyStack) -> None:
    grid = await stack.done()
    bodies: dict[str, dict[str, str]] = {
        "imagine": {},
        "shorten": {},
        "edits": {"taskId": grid["id"]},
        "retexture": {"image": "x"},
        "modal": {"taskId": grid["id"]},
    }
    for verb, body in bodies.items():
        envelope = await stack.submit(verb, prompt="--tile " * 15_000, **body)

        rejected(envelope, 4)
        assert "100,000" in envelope["description"], verb
