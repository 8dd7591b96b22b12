"""Input images: data URLs, bare base64 and URLs."""

import pytest

from api.midjourney.image_inputs import as_url
from tests.api.midjourney.stack import PIXEL, MidjourneyStack
from tests.api.midjourney.strict_types import rejected

NO_PICTURES = [
    "data:image/png;base64,!!!",
    "data:image/png;base64,",
    "data:text/html;base64,PGI+",
    "data:,x",
    "hello",
    "data:",
]


async def test_invalid_images_are_refused_and_nothing_is_stored(stack: MidjourneyStack) -> None:
    for picture in NO_PICTURES:
        rejected(await stack.submit("imagine", prompt="a cat", base64Array=[picture]), 4)
        assert not await stack.jobs()


@pytest.mark.parametrize(
    "picture", [f"data:image/png;base64,{PIXEL}", f"data:image/jpeg;base64,{PIXEL}", PIXEL]
)
async def test_reference_images_may_be_data_urls_of_any_type_or_bare_base64(
    stack: MidjourneyStack, picture: str
) -> None:
    task = await stack.done(prompt="https://pictures.example/a.png a cat --iw 2", base64Array=[picture])

    assert task["status"] == "SUCCESS"
    jobs = await stack.jobs()
    assert {len(job.request["images"]) for job in jobs} == {2}
    assert {job.request["images"][0][:6] for job in jobs} == {"asset_"}
    assert {job.request["images"][1] for job in jobs} == {"https://pictures.example/a.png"}


@pytest.mark.parametrize(
    ("image", "url"),
    [
        (" https://a.example/x.png ", "https://a.example/x.png"),
        ("HTTP://a.example/x.png", "HTTP://a.example/x.png"),
        ("DATA:image/webp;base64,AA", "data:image/webp;base64,AA"),
        ("iVBORw0KGgo=", "data:image/png;base64,iVBORw0KGgo="),
    ],
)
def test_a_bare_image_becomes_a_data_url(image: str, url: str) -> None:
    assert as_url(image) == url
