"""Input images of one job together: their bytes and pixels are limited."""

import pytest

from models.errors import InvalidRequest
from models.settings import Settings
from worker.images.input_limits import InputSize, check_input_sizes

SETTINGS = Settings(input_bytes_limit=100, input_pixels_limit=1000)


@pytest.mark.parametrize("sizes", [[], [InputSize(50, 500)] * 2, [InputSize.of(100, None, None)]])
def test_images_within_the_limits_pass(sizes: list[InputSize]) -> None:
    check_input_sizes(sizes, SETTINGS)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ([InputSize(51, 1)] * 2, "102 bytes .* at most 100 .*DARKROOM_INPUT_BYTES_LIMIT"),
        ([InputSize.of(1, 20, 26)] * 2, r"1,040 pixels .* at most 1,000 .*DARKROOM_INPUT_PIXELS_LIMIT"),
    ],
)
def test_the_refusal_names_field_limit_and_setting(sizes: list[InputSize], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as caught:
        check_input_sizes(sizes, SETTINGS)
    assert (caught.value.field, caught.value.code) == ("images", "input_images_too_large")
