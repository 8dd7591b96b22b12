"""Parsing of prompts into images, text and flags."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.midjourney.prompt import parse_prompt
from api.midjourney.translate import image_parameters

A, B, C = "https://a.example/a.png", "http://b.example/b?x=1", "https://c.example/c.webp"


@pytest.mark.parametrize(
    ("prompt", "text", "images", "flags"),
    [
        ("a cat", "a cat", (), {}),
        ("a cat --ar 16:9 --v 6.1", "a cat", (), {"aspect": "16:9", "version": "6.1"}),
        (f"{A} <{B}> two\n  lines", "two\n  lines", (A, B), {}),
        (f"a cat {A}", f"a cat {A}", (), {}),
        ("--ar 2:3 a cat", "a cat", (), {"aspect": "2:3"}),
        ("a cat --ar=2:3", "a cat", (), {"aspect": "2:3"}),
        ("a cat —ar 2:3", "a cat", (), {"aspect": "2:3"}),
        ("a cat --AR 2:3", "a cat", (), {"aspect": "2:3"}),
        ("yes —no way", "yes —no way", (), {}),
        ("a cat --no dogs, birds --tile", "a cat", (), {"no": "dogs, birds", "tile": ""}),
        ("a cat --foo bar --seed 7", "a cat --foo bar", (), {"seed": "7"}),
        ("a cat --seed x", "a cat --seed x", (), {}),
        ("a cat --ar", "a cat --ar", (), {}),
        ("a cat --ar wide", "a cat --ar wide", (), {}),
        ("a cat --niji", "a cat", (), {"niji": ""}),
        ("a cat --niji 6", "a cat", (), {"niji": "6"}),
        ("a cat --relax", "a cat", (), {"relax": ""}),
        ("it runs --video --bs 4 --loop", "it runs", (), {"video": "", "batch_size": "4", "loop": ""}),
        ("it runs --video 1 --motion HIGH", "it runs", (), {"video": "1", "motion": "HIGH"}),
        ("a dancer --motion slow", "a dancer --motion slow", (), {}),
        ("a --- cat --", "a --- cat --", (), {}),
    ],
)
def test_prompts_are_parsed(prompt: str, text: str, images: tuple[str, ...], flags: dict[str, str]) -> None:
    found = parse_prompt(prompt)

    assert (found.text, tuple(found.images), dict(found.flags)) == (text, images, flags)


@given(
    st.text(max_size=200)
    | st.lists(st.sampled_from(["--ar", "--no", "—v", "1:2", "--seed", A, "x", "--sref"])).map(" ".join)
)
def test_any_prompt_is_parsed_without_an_error_or_a_new_word(prompt: str) -> None:
    found = parse_prompt(prompt)
    parameters = image_parameters(found)

    assert set(found.text.split()) <= set(prompt.split())
    assert isinstance(parameters.text, str)
