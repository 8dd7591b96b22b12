"""POST /v1/images/generations with the official SDK: results, errors, and what is called for them."""

import base64

from tests.api.openai.stack import MODEL, OpenAiStack
from worker.practice.drawing.png import prompt_of


async def test_a_picture_comes_as_base64_and_by_its_permanent_address(each_stack: OpenAiStack) -> None:
    answer = await each_stack.client().images.generate(model=MODEL, prompt="a red fox")

    assert answer.data is not None
    content = base64.b64decode(answer.data[0].b64_json or "")
    assert prompt_of(content) == "a red fox"
    assert (answer.data[0].url or "").startswith(each_stack.url.removesuffix("/v1") + "/assets/")
    fetched = await each_stack.request("GET", answer.data[0].url or "", key=None)
    assert fetched.content == content
    [job] = await each_stack.jobs()
    assert (job.surface, job.status, len(each_stack.calls)) == ("openai", "succeeded", 1)
