"""Invalid input of any action: code, HTTP status and a JSON body."""

from tests.api.midjourney.stack import MidjourneyStack
from tests.api.midjourney.strict_types import accepted, rejected


async def test_blank_prompts_are_refused(stack: MidjourneyStack) -> None:
    for body in ({}, {"prompt": None}, {"prompt": ""}, {"prompt": " \n\t"}, {"prompt": "--ar 16:9"}):
        rejected(await stack.submit("imagine", **body), 4)
    for unseen in ("\u200b", "\u3000\u2060", "\u202e\u2066", "\ufeff \u200d"):
        rejected(await stack.submit("imagine", prompt=unseen), 4)
    assert not await stack.jobs()


async def test_a_number_is_no_prompt(stack: MidjourneyStack) -> None:
    for prompt in (5, 0.5, True):
        for verb in ("imagine", "shorten", "edits", "retexture", "video", "modal"):
            envelope = await stack.submit(verb, prompt=prompt, taskId="1", image="x")
            rejected(envelope, 4)
            assert envelope["description"].startswith("prompt: must be a text")
    assert not await stack.jobs()


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
