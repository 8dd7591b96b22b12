"""Rules that clients depend on, by number: texts, seeds, uploads and URLs."""

from pathlib import Path

from models.settings import Settings
from tests.api.midjourney.actions_support import picture
from tests.api.midjourney.stack import MidjourneyStack, open_stack
from tests.api.midjourney.strict_types import decoded

PORTS = (80, 443, 8080, 8443)  # that a relay with a guard against private services reaches


async def test_r5_the_words_of_describe_and_shorten_are_strings_from_the_first_moment(
    sqlite_url: str, tmp_path: Path
) -> None:
    async with open_stack(sqlite_url, tmp_path, midjourney_text_model="practice-text") as stack:
        for verb, body in (
            ("describe", {"base64": picture()}),
            ("shorten", {"prompt": "a very long prompt"}),
            ("shorten", {"prompt": "a cat [refuse]"}),
        ):
            number = await stack.number(verb, **body)
            waiting = decoded(await stack.fetch(number))
            await stack.work()
            ended = decoded(await stack.fetch(number))
            for task in (waiting, ended):
                words = task["properties"]
                assert (type(words["finalPrompt"]), words["finalZhPrompt"]) == (str, "")
            assert ended["properties"]["finalPrompt"] or ended["status"] == "FAILURE"


async def test_r23_a_seed_is_a_number_above_zero_in_a_string(stack: MidjourneyStack) -> None:
    for prompt in ("a cat --seed 42", "a cat --seed 0", "a cat"):
        task = await stack.done("imagine", prompt=prompt)
        answer = (await stack.call("GET", f"/mj/task/{task['id']}/image-seed", content=b"null")).json()
        assert (answer["code"], type(answer["result"])) == (1, str)
        assert int(answer["result"]) > 0


async def test_r24_uploads_are_answered_with_a_list_of_addresses(stack: MidjourneyStack) -> None:
    for body in ({"base64Array": [picture(), picture(colour="blue")]}, {"base64": picture()}):
        envelope = await stack.submit("upload-discord-images", **body)
        assert envelope["code"] == 1
        assert len(envelope["result"]) == len(body.get("base64Array", [""]))
        assert all(url.startswith("http://darkroom.test/") for url in envelope["result"])


async def test_r28_image_urls_begin_with_the_public_url_for_any_host(
    stack: MidjourneyStack,
) -> None:
    number = await stack.number()
    await stack.work()
    task = await stack.fetch(number, headers={"Host": "10.0.0.5:3000"})

    assert all(
        url.startswith("http://darkroom.test/")
        for url in (task["imageUrl"], *(each["url"] for each in task["imageUrls"]))
    )


def test_r28_the_usual_port_is_one_that_relays_reach() -> None:
    assert Settings.model_fields["port"].default in PORTS
