"""No line of the log shows a key, a prompt, a data URL or a signed address."""

import base64
import json

import pytest
from pydantic import ValidationError

from models.settings import Settings
from worker.process.log_context import bind_log_context, log_context
from worker.process.log_redaction import LogRedaction, secrets_of
from worker.upstream.errors.own_text import OwnText

PROMPT = "Eine Katze auf einem grünen Sofa, 猫 at dawn"
KEYS = Settings(
    api_keys=("q7Zt-4Lm9-Xw2p-Kd8c",),
    upstream_api_key="w9Rv-3Hn6-Bj1y",
    s3_secret_access_key="u5/Qe+8Gs/Tf0x",
)
REDACTED = LogRedaction(secrets_of(KEYS))
DATA = "data:image/png;base64," + base64.b64encode(bytes(300)).decode()
PRIVATE = {
    "a key of the settings": ("refused q7Zt-4Lm9-Xw2p-Kd8c.", "refused [key]."),
    "the provider's key": ('{"key": "w9Rv-3Hn6-Bj1y"}', '{"key": "[key]"}'),
    "any key of ours": ("key dk_" + "aB3" * 14, "key [key]"),
    "a header": ("sent Authorization: Bearer abcdefgh.ijk", "sent Authorization: Bearer [key]"),
    "a data URL": (f"the image {DATA} is bad", f"the image data:image/png,[{len(DATA)} characters] is bad"),
    "base64": ("A" * 400 + " end", "[400 characters] end"),
    "a signed address": (
        "GET https://b.example/ab/cd.png?X-Amz-Signature=ab&x=1 failed",
        "GET https://b.example/ab/cd.png?… failed",
    ),
    "a password in an address": ("at postgresql://me:secret@db:5432/x", "at postgresql://db:5432/x"),
    "the address of a picture": (
        "GET /assets/0123456789abcdefghij/0.png",
        "GET /assets/…/0.png",
    ),
    "a row that PostgreSQL quotes": (
        "violates a check\nDETAIL:  Failing row (1, a\ncat).\nHINT: none\nCONTEXT:  JSON data, line 1: {",
        "violates a check\nHINT: none\n",
    ),
    "a prompt": (f"Bad request: {PROMPT} is not allowed", "Bad request:  …  is not allowed"),
    "a part of a prompt": ("Bad: 'Katze auf einem grünen Sofa'", "Bad: ' … '"),
    "an escaped prompt": ('{"error": "bad: ' + json.dumps(PROMPT)[1:-1] + '"}', None),
}


@pytest.mark.parametrize(("text", "expected"), PRIVATE.values(), ids=PRIVATE.keys())
def test_a_line_shows_nothing_private_at_any_depth(text: str, expected: str | None) -> None:
    with log_context(job="job_1"):
        bind_log_context(OwnText({"prompt": PROMPT}))
        line = REDACTED(None, "info", {"event": text, "error": {"a": [text]}, "job": "job_1"})
    if expected is None:
        assert "dawn" not in str(line)
        assert "sofa" not in str(line)
    else:
        assert line == {"event": expected, "error": {"a": [expected]}, "job": "job_1"}


def test_what_is_not_private_stays_as_it_is() -> None:
    line = {
        "event": "an address https://provider.example/v1/chat/completions answered 503",
        "data": 'data: {"x": 1}, a basic rule, Bearer realm="a"',
        "seconds": 1.5,
        "first": "ab/cd/" + "0" * 64 + ".png",
    }
    assert REDACTED(None, "info", dict(line)) == line


def test_a_setting_shows_content_but_never_keys() -> None:
    shown = LogRedaction(secrets_of(KEYS), content=True)
    text = f"{PROMPT} {DATA} https://b.example/x?sig=1 q7Zt-4Lm9-Xw2p-Kd8c"
    assert shown.text(text) == text.replace("q7Zt-4Lm9-Xw2p-Kd8c", "[key]")


def test_validation_errors_do_not_quote_their_input() -> None:
    with pytest.raises(ValidationError) as raised:
        Settings.model_validate({"port": "a private text"})
    text = REDACTED.text(str(raised.value))
    assert "a private text" not in text
    assert "valid integer" in text
