"""Text of the model beside its images: without image links, base64 and progress lines."""

import re

from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.image_extraction import find_result_spans

_MAX_TEXT = 20_000  #: characters
_BASE64 = re.compile(
    r"(?<![\w+/=-])(?:data:[a-z0-9.+/;=-]{0,120};base64,\s*)?[\w+/=-]{400,}", re.ASCII | re.IGNORECASE
)
_UNFINISHED = re.compile(
    r"!?\[[^\[\]\n]{0,300}\]\([^()\s]{0,8192}\Z|data:image/[a-z+]{1,10};base64,\S{0,400}\Z"
)
_TAG = re.compile(
    r"</?(?:a|b|br|center|div|em|figcaption|figure|i|img|p|picture|source|span|strong|table|t[dhr]|tbody|thead"
    r"|video)\b[^<>]{0,2000}>",
    re.IGNORECASE,
)
_STAGES = (
    r"排队中|正在排队|生成中|正在生成|生成完成|生成成功|生成失败|失败原因|视频信息|请稍[候等]|(?:进度|progress)[^\w\n]{0,8}\d"
    r"|queu(?:e|ed|ing)\b|generating|generation (?:complete|failed)|failure reason|\bin progress\b"
    r"|\belapsed\b|\bID\**[：:]"
)
_QUOTED_STAGE = re.compile(rf"[ \t]*>.{{0,80}}?(?:{_STAGES})", re.IGNORECASE)
_WHOLE_STAGE = re.compile(
    rf"\W*(?:(?:图片|图像|视频|任务|image|video|task)\s*)?(?:(?:{_STAGES})[\W\d]*){{1,4}}`?[\w.:-]{{0,80}}`?\W*",
    re.IGNORECASE,
)
_MAX_STAGE = 120  #: characters of a line with nothing but progress
_EMPTY = re.compile(r"[\W_]*(?:\[[^\[\]]{0,200}\]:)?[\W_]*|[ \t]*\d{1,3}[.)、][ \t]*")
_BLANKS = re.compile(r"\n{3,}")


def message_text(answer: Answer) -> str:
    """Return the text of the model. Takes time linear in the length of the answer."""
    text = _TAG.sub("", _UNFINISHED.sub("", _BASE64.sub("", _without_results(answer.filtered_text))))
    lines = [line.rstrip() for line in text.splitlines() if not _is_progress_line(line)]
    return _BLANKS.sub("\n\n", "\n".join("" if _EMPTY.fullmatch(line) else line for line in lines)).strip()[
        :_MAX_TEXT
    ]


def _without_results(text: str) -> str:
    parts, position = [], 0
    for start, end in find_result_spans(text):
        parts.append(text[position:start])
        position = max(position, end)
    return "".join([*parts, text[position:]])


def _is_progress_line(line: str) -> bool:
    """Return whether a line contains nothing but progress."""
    if line.lstrip().startswith(">"):
        return _QUOTED_STAGE.match(line) is not None
    return len(line) <= _MAX_STAGE and _WHOLE_STAGE.fullmatch(line) is not None
