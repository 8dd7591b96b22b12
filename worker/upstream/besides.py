"""What a model said besides its pictures: its words without picture links, base64 and progress."""

import re

from worker.upstream.answer import Answer

_DATA = re.compile(r"data:[a-z0-9.+/-]{0,60};base64,[A-Za-z0-9+/=_\-\s]{0,64}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=_-]{400,}")
_PICTURE = re.compile(
    r"!?\[[^\[\]\n]{0,300}\]\(\s?<?[^()<>\s]{0,4000}(?:\([^()\s]{0,200}\)[^()\s]{0,1000})?>?(?:\s\"[^\"\n]{0,200}\")?\)"
)
_BLANKS = re.compile(r"\n\s*\n\s*")
_LIMIT = 20_000  # characters; more is no caption


def text_besides(answer: Answer) -> str:
    """Return the model's own words. Linear in the answer's length."""
    text = _BASE64.sub("", answer.spoken)
    text = _PICTURE.sub("", _DATA.sub("", text))
    lines = (line for line in text.splitlines() if not (answer.progress and line.lstrip().startswith(">")))
    return _BLANKS.sub("\n\n", "\n".join(lines)).strip(" \n()![]")[:_LIMIT]
