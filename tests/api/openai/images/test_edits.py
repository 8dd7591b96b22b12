"""POST /v1/images/edits: forms as the official SDK sends them, and JSON as other clients do."""

import base64
from typing import Any

import httpx
import openai
import pytest

from tests.api.openai.pictures import png
from tests.api.openai.stack import MODEL, PATIENT, OpenAiStack

PICTURE, MASK = png(), png(colour="#00000000")
ASK = {"model": MODEL, "prompt": "make it blue"}


@pytest.mark.parametrize("count", [1, 3])
async def test_pictures_and_a_mask_are_sent_as_a_form(each_stack: OpenAiStack, count: int) -> None:
    files = [(f"{number}.png", png(colour=colour)) for number, colour in enumerate(("red", "green", "blue"))]
    answer = await each_stack.client().images.edit(
        image=files[0] if count == 1 else files[:count], mask=("mask.png", MASK), n=1, quality="high", **ASK
    )
    assert answer.data
    assert answer.data[0].b64_json
    [job] = await each_stack.jobs()
    assert len(job.request["images"]) == count + 1
    assert (job.request["mask"], job.request["n"]) == (count, 1)
    assert job.request["params"] == {"quality": "high"}
    assert len(each_stack.calls) == 1


async def test_a_repeated_form_is_joined_although_its_boundary_is_another(stack: OpenAiStack) -> None:
    client = stack.client(timeout=0.5, max_retries=PATIENT)
    with pytest.raises(openai.APIError):  # white space keeps it alive: it fails late, and is joined once
        await client.images.edit(
            image=("a.png", PICTURE), extra_body={"practice": {"delay": 1, "fail": "lost_upstream"},
                                                  "darkroom": {"on_unknown": "fail"}}, **ASK
        )  # fmt: skip
    [job] = await stack.jobs()
    assert job.request["params"]["practice"] == {"delay": 1, "fail": "lost_upstream"}
    assert job.on_unknown == "fail"
    assert len(stack.calls) == 1


@pytest.mark.parametrize(
    "members",
    [
        {"images": [{"image_url": "data"}], "mask": {"image_url": "mask"}},
        {"image": "data"},
        {"image": ["data", "data"]},
        {"images": [{"image_url": {"url": "data"}}]},
    ],
)
async def test_json_has_pictures_by_data_url(stack: OpenAiStack, members: dict[str, Any]) -> None:
    text = repr(members)
    for name, content in (("'data'", PICTURE), ("'mask'", MASK)):
        text = text.replace(name, repr(f"data:image/png;base64,{base64.b64encode(content).decode()}"))
    answer = await stack.post("/images/edits", json=ASK | eval(text))
    assert answer.status_code == 200, answer.text
    assert len(stack.calls) == 1


async def test_json_names_a_stored_picture(stack: OpenAiStack) -> None:
    made = await stack.client().images.generate(model=MODEL, prompt="a fox")
    asset = (made.model_extra or {})["darkroom"]["assets"][0]["id"]
    answer = await stack.post("/images/edits", json=ASK | {"images": [{"file_id": asset}]})
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("files", "field"),
    [
        ([], "image"),
        ([("image", ("a.png", b"no picture"))], "image"),
        ([("image", ("a.png", b""))], "image"),
        ([("picture", ("a.png", PICTURE))], "picture"),
        ([("image", ("a.png", PICTURE)), ("mask", ("m.png", png(9, 9)))], "mask"),
        ([("image[]", (f"{n}.png", PICTURE)) for n in range(17)], "image"),
    ],
)
async def test_bad_forms_are_refused_by_field_and_make_nothing(
    stack: OpenAiStack, files: list[Any], field: str
) -> None:
    files = files or [("other", (None, b"1"))]
    answer = await stack.post("/images/edits", data=ASK, files=files)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"] == field
    assert not await stack.jobs()


@pytest.mark.parametrize(
    "images", [None, [], [{}], [1], [{"image_url": ""}], [{"image_url": "ftp://a"}], [{"file_id": "asset_x"}]]
)
async def test_bad_pictures_in_json_are_refused(stack: OpenAiStack, images: Any) -> None:
    answer = await stack.post("/images/edits", json=ASK | {"images": images})
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["param"].startswith("image")
    assert not await stack.jobs()


async def test_a_broken_form_is_refused(stack: OpenAiStack) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer: httpx.Response = await stack.post("/images/edits", content=b"--y\r\n\r\n", headers=headers)
    assert answer.status_code == 400, answer.text
