"""The text of the model remains without images, base64 and progress."""
# ruff: noqa: E501 - a table of answers is read row by row

import pytest

from tests.worker.upstream.answers import GIF, PNG, data, message, text_answer
from worker.upstream.parsing.answer_text import message_text

A, B = "https://img.example.com/o/a_(1).png", "https://img.example.com/o/b.webp"
WORDS = "这是一只坐在窗台上的小猫，画面温暖柔和。"
#: what relays add around the result
FRAME = f"""```json
{{"prompt": "cat", "ratio": "1:1"}}
```

> ID: `task_01`
>[数据预览](https://pro.asyncdata.net/web/task_01) | [原始数据](https://pro.asyncdata.net/source/task_01)

>🕐 排队中.

>⚡ 生成中.....

>🏃 进度 36..72..[100]({B})

> ✅ 生成完成


![gen_01]({A})

[点击下载]({A})

"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(f"{WORDS}\n\n![cat]({A})", WORDS, id="a picture after the words"),
        pytest.param(f"![cat]({A})\n{WORDS}", WORDS, id="a picture before the words"),
        pytest.param(f"![cat]({A} \"a title\")[下载⏬]({A})", "", id="nothing but a picture and its download"),
        pytest.param(FRAME, "", id="nothing but the relay's frame"),
        pytest.param(FRAME + WORDS, WORDS, id="words after the relay's frame"),
        pytest.param(f"{{\"prompt\":\"x\"}}\n\n[下载1]({B})\n\n{WORDS}", WORDS, id="a prompt, a download, words"),
        pytest.param(f"Here:\n![a]({data(PNG)})\nEnjoy!", "Here:\n\nEnjoy!", id="base64"),
        pytest.param(f"Done {data(GIF, 'gif')} bye", "Done  bye", id="bare base64"),
        pytest.param(f"![a](data:image/png;base64,{PNG[:-12]})\nSorry", "Sorry", id="damaged base64"),
        pytest.param(PNG, "", id="a message that is base64"),
        pytest.param(f"<p>Done &amp; dusted</p><img src='{B}' alt='a > b'/>", "Done &amp; dusted", id="HTML"),
        pytest.param(f"<a href='{B}'>下载</a>\nok", "ok", id="an anchor"),
        pytest.param(f"Look at {B}, nice", "Look at , nice", id="a bare address"),
        pytest.param("Read [the guide](https://h.example/guide) first", "Read [the guide](https://h.example/guide) first", id="other links stay"),
        pytest.param("Call f(x)[0] and use `a![b](c)`", "Call f(x)[0] and use `a`", id="brackets stay"),
        pytest.param(f"1. ![a]({B})\n2. ![b]({A})\n", "", id="an empty list"),
        pytest.param(f"| a | b |\n|---|---|\n| ![a]({A}) | ![b]({B}) |", "| a | b |", id="an empty table row"),
        pytest.param("> 生活就像一盒巧克力\n", "> 生活就像一盒巧克力", id="a quotation stays"),
        pytest.param(f"> 进度 **34%**\n\n> To be or not to be\n\n![a]({A})", "> To be or not to be", id="a quotation beside progress stays"),
        pytest.param(f"🎨 图像生成中，请稍候...\n![a]({A})\n图像生成完成！", "", id="heartbeats"),
        pytest.param(f"Generating...\nGeneration complete ✅\n![a]({A})\nI like the light.", "I like the light.", id="English stages"),
        pytest.param("The progress of science is slow.", "The progress of science is slow.", id="words about progress stay"),
        pytest.param("[Download cat.png](sandbox:/mnt/data/cat.png)\nThere it is.", "There it is.", id="a dead link"),
        pytest.param(f"![cat][1]\nA cat.\n\n[1]: {A}", "A cat.", id="a reference"),
        pytest.param(f"<think>hmm {B}</think>{WORDS}", WORDS, id="thoughts"),
        pytest.param(f"{WORDS}\n![a](https://img.example.com/o/a", WORDS, id="a link that was cut off"),
        pytest.param("[▶️ play](https://v.example/1.mp4)\nYour film.", "Your film.", id="a video"),
        pytest.param("a\n\n\n\n\nb", "a\n\nb", id="blank lines"),
    ],
)  # fmt: skip
def test_the_text_remains(text: str, words: str) -> None:
    assert message_text(text_answer(text)) == words


def test_text_beside_images_in_fields_remains() -> None:
    answer = message(
        {"content": [{"type": "text", "text": WORDS}, {"type": "image_url", "image_url": {"url": A}}]}
    )
    assert message_text(answer) == WORDS


def test_a_long_text_is_cut() -> None:
    assert len(message_text(text_answer("word " * 10_000))) == 20_000
