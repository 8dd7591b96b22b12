"""Keys of known services are recognized wherever they stand, and nothing else is."""

import pytest

from models.credentials.key_shapes import SHAPES, KeyShapes, check_shape

HEX, WORD = "0123456789abcdef" * 2, "aB3" * 14
KEYS = {
    "Darkroom, OpenAI, Anthropic, Stripe, webhook secrets": (
        *(f"dk_{WORD}", f"sk-{WORD}", f"sk-proj-{WORD}_x", f"sk-ant-api03-{WORD}-AA", f"sk-or-v1-{HEX}"),
        *(f"rk_live_{WORD}", f"whsec_{WORD}=="),
    ),
    "Google": ("AIza" + "aB3-_" * 7, f"ya29.{WORD}"),
    "AWS, Alibaba Cloud": ("AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", f"LTAI{WORD[:20]}"),
    "GitHub, GitLab": (f"ghp_{WORD}", f"ghs_{WORD}", f"github_pat_{WORD}", f"glpat-{WORD[:20]}"),
    "Hugging Face, Replicate": (f"hf_{WORD}", f"r8_{WORD}"),
    "xAI, Groq, NVIDIA, Perplexity": (f"xai-{WORD}", f"gsk_{WORD}", f"nvapi-{WORD}", f"pplx-{WORD}"),
    "fal": (f"01234567-89ab-cdef-0123-456789abcdef:{HEX}",),
    "Zhipu": (f"{HEX}.aB3aB3aB3aB3aB3a",),
    "Slack": ("xoxb-1234567890-abcdef",),
    "JSON Web Token": ("eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl",),
}
TEXTS = (
    "{}",
    "Incorrect API key provided: {}.",
    '{{"key": "{}"}}',
    "https://x.example/?key={}&a=1",
    "错误：{}，请",
)


@pytest.mark.parametrize("service", SHAPES)
def test_keys_of_a_service_are_hidden_in_every_text(service: str) -> None:
    for key in KEYS[service]:
        for text in TEXTS:
            assert KeyShapes().hide(text.format(key)) == text.format("[key]"), (key, text)


def test_headers_and_private_keys_are_hidden() -> None:
    pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"
    assert KeyShapes().hide(f"a {pem} b {pem[:40]}") == "a [key] b [key]"
    assert KeyShapes().hide("x-api-key: 0a1b2c3d4e") == "x-api-key: [key]"
    assert KeyShapes().hide('{"X-Goog-Api-Key": "0a1b2c3d4e"}') == '{"X-Goog-Api-Key": "[key]"}'


@pytest.mark.parametrize(
    "text",
    [
        "job_01h455vb4pex5vsknk084sn02q, task-0123456789abcdef0123, disk_0123456789abcdef01",
        f"{HEX}.png and ab/cd/{HEX}{HEX}.webp, 01234567-89ab-cdef-0123-456789abcdef",
        "sk-…abcd, sk-proj-****abcd: your API key is wrong; api-key is missing",
    ],
)
def test_ids_files_and_words_stay(text: str) -> None:
    assert KeyShapes().hide(text) == text


def test_shapes_of_the_settings_are_hidden_too_and_wrong_ones_refused() -> None:
    assert KeyShapes(["int-[0-9a-f]{4,8}", "secret(ly)?"]).hide("int-0a1b, secretly") == "[key], [key]"
    for wrong in ("(", "a*", "(?i)x"):
        with pytest.raises(ValueError, match=r"expression|empty"):
            check_shape(wrong)
