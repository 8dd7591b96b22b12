"""Images are found in text, in any notation, in linear time."""

import sys

import pytest

from tests.worker.upstream.answers import PNG, text_answer
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.parsing.response_reader import read_answer
from worker.upstream.parsing.urls import canonical

DATA = f"data:image/png;base64,{PNG}"
WRAPPED = "\n".join(PNG[start : start + 40] for start in range(0, len(PNG), 40))


def found(answer: Answer) -> list[str]:
    return [picture.address for picture in answer.images]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param("![a](https://h.co/x_(1)_(b).png)", ["https://h.co/x_(1)_(b).png"], id="balanced"),
        pytest.param('![a](https://h.co/x.png "a) title")', ["https://h.co/x.png"], id="title"),
        pytest.param("![a](<https://h.co/x (1.png>)", ["https://h.co/x%20(1.png"], id="angle"),
        pytest.param("![a](https://h.co/my cat.png)", ["https://h.co/my%20cat.png"], id="space"),
        pytest.param("![a](https://h.co/x.png\n", ["https://h.co/x.png"], id="newline ends"),
        pytest.param("![a](https://h.co/x.png", [], id="unterminated"),
        pytest.param("![a [b] c](https://h.co/x)", ["https://h.co/x"], id="brackets in the label"),
        pytest.param("见https://h.co/x.png。", ["https://h.co/x.png"], id="Chinese full stop"),
        pytest.param("图https://h.co/x.png请查收", ["https://h.co/x.png"], id="glued to words"),
        pytest.param("(see https://h.co/x.png).", ["https://h.co/x.png"], id="in parentheses"),
        pytest.param("**https://h.co/x.png**", ["https://h.co/x.png"], id="bold"),
        pytest.param(
            "https://h.co/1.png,https://h.co/2.png",
            ["https://h.co/1.png", "https://h.co/2.png"],
            id="comma between",
        ),
        pytest.param("https://h.co/page", [], id="bare page"),
        pytest.param("[help](https://h.co/page)", [], id="link to a page"),
        pytest.param("[see](https://h.co/x.webp?a=1)", ["https://h.co/x.webp?a=1"], id="link to a picture"),
        pytest.param("[下载2](https://h.co/get/7)", ["https://h.co/get/7"], id="download word"),
        pytest.param("[download](https://h.co/app.zip)", [], id="download of no picture"),
        pytest.param("[![t](https://h.co/t.jpg)](https://h.co/page)", [], id="search card"),
        pytest.param("<IMG alt='' SRC=https://h.co/x>", ["https://h.co/x"], id="unquoted src"),
        pytest.param(f"<img src='{DATA}'>", [DATA], id="data in html"),
        pytest.param("<a href='https://h.co/x.png'>x</a>", ["https://h.co/x.png"], id="anchor"),
        pytest.param(f"done {DATA} bye", [DATA], id="bare data"),
        pytest.param(f"![a](data:image/jpeg;base64,{PNG})", [DATA], id="lying type is sniffed"),
        pytest.param(f"![a](data:image/png;base64,{WRAPPED})", [DATA], id="wrapped base64"),
        pytest.param(f"data:image/png;base64,{WRAPPED}\n\nDone", [DATA], id="bare wrapped base64"),
        pytest.param(f"![a](data:image/png;base64,{PNG[:-8]})", [], id="damaged base64"),
        pytest.param(WRAPPED, [DATA], id="nothing but base64"),
        pytest.param("![a](data:image/png;base64,https://h.co/x)", ["https://h.co/x"], id="not base64"),
        pytest.param("![a](sandbox:/mnt/x.png) ![b](base64://abc)", [], id="other schemes"),
        pytest.param(r"![a](https:\/\/h.co\/x.png?a=1\u0026b)", ["https://h.co/x.png?a=1&b"], id="escapes"),
        pytest.param('```json\n{"data":[{"url":"https://h.co/x"}]}\n```', ["https://h.co/x"], id="JSON"),
        pytest.param('```json\n{"prompt":"a","image":"https://h.co/x.png"}\n```', [], id="prompt echo"),
        pytest.param("<think>https://h.co/x.png</think>no", [], id="thinking"),
        pytest.param("```html\n<img src='https://h.co/x.png'>\n```", ["https://h.co/x.png"], id="html fence"),
        pytest.param("> 进度 20..[100](https://h.co/s.png)\n", ["https://h.co/s.png"], id="only a mark"),
    ],
)  # fmt: skip
def test_images_in_text(content: str, expected: list[str]) -> None:
    assert found(text_answer(content)) == expected


@pytest.mark.parametrize(
    "body", [DATA, f'"![a]({DATA})"', f"  {PNG}\n", f'{{"data":[{{"b64_json":"{PNG}"}}]}}']
)
def test_a_body_may_be_nothing_but_an_image(body: str) -> None:
    assert found(read_answer(body.encode())) == [DATA]


HOSTILE = (
    "[", "![a](https://x/a.png) ", "![a](https://x", "<img ",
    '<img src="', "https://", "data:image/png;base64,",
    "```\n", '{"a":\n', "\n{", "[{", "<think>", "</think>", "https://a/)))", "https://a/&amp;", "progress 1",
    "进度 1..2", "> 进度 [100](https://a/b.png)", '\n{"prompt":"', "> 生成中\n", "[x]: https://a\n![x] ",
    '<img srcset="a 1x,', '<a href="x">', "](https://x/a.png)", "\n", "![a](data:image/png;base64,\n", "((((",
)  # fmt: skip


@pytest.mark.parametrize("part", HOSTILE)
def test_the_work_on_hostile_text_is_linear_in_its_length(part: str) -> None:
    def calls(size: int) -> int:
        count = 0

        def note(_frame: object, event: str, _argument: object) -> None:
            nonlocal count
            count += event in ("call", "c_call")

        sys.setprofile(note)
        try:
            message_text(text_answer(part * (size // len(part))))
        finally:
            sys.setprofile(None)
        return count

    canonical.cache_clear()
    assert calls(40_000) < 1000 + 5 * calls(10_000)
