"""An image model of the ai-sdk kind: a bearer key, one call from a prompt to the bytes of its pictures."""

from io import BytesIO

import pytest
from PIL import Image

from tests.api.service import ALICE
from tests.clients.midjourney.installation import ClientProgram, Installation


@pytest.fixture
def model(installation: Installation) -> ClientProgram:
    """The provider object of the library."""
    return installation.client("/mj-fast", authorization=f"Bearer {ALICE}", content_type="application/json")


async def generate(installation: Installation, model: ClientProgram, prompt: str) -> list[bytes]:
    """Generate pictures as the library does; an error has the reason in it."""
    body = {"prompt": f"{prompt} --ar 16:9 --seed 7", "botType": "MID_JOURNEY", "base64Array": None}
    submit = await model.post("/mj/submit/imagine", body)
    if submit.status != 200 or submit.read("code", int) not in (1, 22):
        raise ValueError(submit.read("description", str))
    number = submit.read("result", str)
    for _ in range(3):
        task = await model.get(f"/mj/task/{number}/fetch")
        assert task.status == 200
        match task.read("status", str):
            case "SUCCESS":
                several = task.read("imageUrls", list, None)
                urls = [each["url"] for each in several] if several else [task.read("imageUrl", str)]
                return [await model.picture(url) for url in urls]
            case "FAILURE":
                raise ValueError(task.read("failReason", str))
        await installation.draw()
    raise TimeoutError


async def test_a_prompt_becomes_the_bytes_of_four_pictures(
    installation: Installation, model: ClientProgram
) -> None:
    pictures = await generate(installation, model, "a red fox")
    assert len(pictures) == 4
    for picture in pictures:
        Image.open(BytesIO(picture)).verify()


async def test_a_refusal_and_a_failure_are_errors_with_a_reason(
    installation: Installation, model: ClientProgram
) -> None:
    for prompt in ("x" * 100_001, "a wolf [fail moderation]"):
        with pytest.raises(ValueError, match=r"\w+"):
            await generate(installation, model, prompt)
