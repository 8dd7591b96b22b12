"""Base64 as providers write it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ImageError
from worker.images.base64_decoder import decode_base64
from worker.images.limits import MIB, Limits


@given(data=st.binary(max_size=200), style=st.sampled_from(["plain", "urlsafe", "bare", "lines", "prefix"]))
def test_every_way_of_writing_is_read(data: bytes, style: str) -> None:
    text = base64.urlsafe_b64encode(data) if style == "urlsafe" else base64.b64encode(data)
    if style == "bare":
        text = text.rstrip(b"=")
    elif style == "lines":
        text = b"\r\n ".join(text[at : at + 7] for at in range(0, len(text), 7))
    elif style == "prefix":
        text = b"data:image/png;base64," + text
    assert decode_base64(text) == decode_base64(text.decode()) == data


@pytest.mark.parametrize("size", [MIB * 3 // 4 - 1, MIB * 3 // 4, MIB * 3 // 4 + 1, 3 * MIB + 1])
@pytest.mark.parametrize("gap", [0, 76])
def test_large_texts_are_read_piece_by_piece(size: int, gap: int) -> None:
    data = bytes(range(251)) * (size // 251) + bytes(size % 251)
    text = base64.encodebytes(data) if gap else base64.b64encode(data)
    assert decode_base64(text) == data


@pytest.mark.parametrize("text", ["ab*d", "ab=d", "=abc", "äbcd", "a=bc", "data:image/png;base64"])
def test_what_is_no_base64_is_no_picture(text: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_base64(text)
    assert caught.value.code == "asset_not_image"


def test_a_text_that_stops_within_a_group_is_cut_off() -> None:
    with pytest.raises(ImageError) as caught:
        decode_base64("abcde")
    assert caught.value.code == "asset_truncated"


@pytest.mark.parametrize("size", [101, 1_000_000])
def test_a_text_above_the_cap_is_too_large(size: int) -> None:
    with pytest.raises(ImageError) as caught:
        decode_base64(base64.b64encode(bytes(size)), limits=Limits(size=100))
    assert caught.value.code == "asset_too_large"
