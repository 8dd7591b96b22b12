"""Images in the text of an answer, in all notations of relays."""
# ruff: noqa: E501 - a table of answers is read row by row

import pytest

from tests.worker.upstream.answers import (
    JPEG,
    PNG,
    Expected,
    data,
    image_urls,
    listed,
    text_answer,
)

A, B, C = (
    "https://img.example.com/o/a.png",
    "https://img.example.com/o/b.webp",
    "https://img.example.com/o/c.jpg",
)
BARE = "https://img.example.com/files/9f8e"  # no extension
URLSAFE = data(JPEG).replace("+", "-").replace("/9j", "_9j").rstrip("=")


def rows(table: dict[str, tuple[str, Expected]]) -> list[object]:
    return [pytest.param(*row, id=title) for title, row in table.items()]


MARKDOWN: dict[str, tuple[str, Expected]] = {
    "empty label": (f"![]({BARE})", [BARE]),
    "label is the address": (f"![{A}]({A})", [A]),
    "label with a link inside": (f"![a [b](c) d]({BARE})", [BARE]),
    "label over two lines": (f"![two\nlines]({BARE})", [BARE]),
    "spaces around the destination": (f"![a](  {BARE}  )", [BARE]),
    "title in single quotes": (f"![a]({BARE} 'a cat')", [BARE]),
    "title in parentheses": (f"![a]({BARE} (a cat))", [BARE]),
    "title with a parenthesis": (f'![a]({BARE} "cat :)")', [BARE]),
    "title with an address": (f'![a]({A} "see {B}")', [A]),
    "angle brackets and a title": (f'![a](<{BARE}> "cat")', [BARE]),
    "angle brackets around parentheses": ("![a](<https://h.example/x)(y.png>)", ["https://h.example/x)(y.png"]),
    "nested parentheses": ("![a](https://h.example/((1)).png)", ["https://h.example/((1)).png"]),
    "parentheses in the query": ("![a](https://h.example/x?n=(1)&m=2)", ["https://h.example/x?n=(1)&m=2"]),
    "escaped parentheses": (r"![a](https://h.example/x\(1\).png)", ["https://h.example/x(1).png"]),
    "escaped underscore": (r"![a](https://h.example/my\_cat.png)", ["https://h.example/my_cat.png"]),
    "upper-case scheme and extension": ("![a](HTTPS://H.example/X.PNG)", ["HTTPS://H.example/X.PNG"]),
    "a port and credentials-like path": ("![a](http://h.example:8080/@me/x)", ["http://h.example:8080/@me/x"]),
    "an address in the query": ("![a](https://h.example/p?u=https://o.example/i.png)", ["https://h.example/p?u=https://o.example/i.png"]),
    "no space between pictures": (f"![a]({A})![b]({B})", [A, B]),
    "in a table": (f"| 1 | 2 |\n|---|---|\n| ![a]({A}) | ![b]({B}) |", [A, B]),
    "in a nested list": (f"1. one\n   - ![a]({A})\n2. two\n   * ![b]({B})", [A, B]),
    "in a quote": (f"> ![a]({A})\n> done", [A]),
    "in bold": (f"**![a]({A})**", [A]),
    "in a fence": (f"```markdown\n![a]({A})\n```", [A]),
    "in a nameless fence": (f"```\n{A}\n```", [A]),
    "in backticks": (f"`{A}`", [A]),
    "a thumbnail that leads to its original": (f"[![a]({B})]({A})", [(A, B)]),
    "a thumbnail that leads to itself": (f"[![a]({A})]({A})", [A]),
    "a search card": (f"[![News]({B})](https://news.example.org/story) text", []),
    "search cards beside the result": (f"![x]({A})\n[![1]({B})](https://n.example/1) [![2]({C})](https://n.example/2)", [A]),
    "a document behind an exclamation mark": ("Look![terms](https://h.example/terms.html)", []),
    "no closing parenthesis": (f"![a]({A}", []),
    "no closing parenthesis, more lines": (f"![a]({A}\nand so on", [A]),
    "an empty destination": ("![a]()", []),
    "other schemes": ("![a](sandbox:/mnt/data/a.png) ![b](base64://aGk=) ![c](file:///a.png) ![d](attachment://a.png) ![e](blob:https)", []),
    "a size behind the address": (f"![a]({BARE} =300x200)", [BARE]),
    "attributes behind it": (f"![a]({BARE}){{width=50%}}", [BARE]),
    "quotes in the parentheses": (f'![a]("{BARE}")', [BARE]),
    "words in the parentheses": (f"![a]({A}，请查收)", [A]),
    "a literal line end": (f"![a]({BARE}\\n)", [BARE]),
    "no scheme, but a host": ("![a](//img.example.com/x)", ["https://img.example.com/x"]),
    "escaped brackets": (f"!\\[a\\]\\({A}\\)", [A]),
    "full-width parentheses": (f"![a]（{A}）", [A]),
    "a reference": (f"![cat][1]\n\n[1]: {BARE}", [BARE]),
    "a collapsed reference with a title": (f'![cat][]\n\n[cat]: <{BARE}> "title"', [BARE]),
    "a shortcut reference": (f"![Cat]\n\n[cat]: {BARE}", [BARE]),
    "a reference that is no picture": (f"see [docs][1]\n\n[1]: {BARE}", []),
}  # fmt: skip

LINKS: dict[str, tuple[str, Expected]] = {
    "numbered downloads": (f"[下载1]({A}) [下载2]({B}) [下载3]({C})", [A, B, C]),
    "download without extension": (f"[Click here to download]({BARE})", [BARE]),
    "arrow": (f"[⏬]({BARE})", [BARE]),
    "original": (f"[查看原图]({BARE})", [BARE]),
    "picture extension, other label": (f"[result]({A})", [A]),
    "upper-case download": (f"[DOWNLOAD IMAGE]({BARE})", [BARE]),
    "spaces in the label": (f"[ 点击 下载 ]({BARE})", [BARE]),
    "bold label": (f"[**下载原图**]({BARE})", [BARE]),
    "bold link": (f"**[下载原图]({BARE})**", [BARE]),
    "traditional Chinese": (f"[點擊下載]({BARE})", [BARE]),
    "a page": (f"[help center]({BARE})", []),
    "a document to download": ("[下载说明](https://h.example/manual.pdf)", []),
    "sandbox": ("[Download cat.png](sandbox:/mnt/data/cat.png)", []),
    "download of the same object": ("![a](https://h.example/cdn/a.png)\n[下载](https://h.example/cdn/download/a.png)", [("https://h.example/cdn/a.png", "https://h.example/cdn/download/a.png")]),
    "download written before its picture": ("[下载](https://h.example/cdn/download/a.png)\n![a](https://h.example/cdn/a.png)", [("https://h.example/cdn/a.png", "https://h.example/cdn/download/a.png")]),
    "download of a preview with another name": (f"![preview]({B})\n\n[Download]({A})", [(A, B)]),
    "decorated download of a preview": (f"![preview]({B})\n\n👉 **[下载原图]({A})**", [(A, B)]),
    "each preview with its download": (f"![1](https://h.example/t1.webp)\n[下载]({A})\n\n![2](https://h.example/t2.webp)\n[下载]({B})", [(A, "https://h.example/t1.webp"), (B, "https://h.example/t2.webp")]),
    "a second download after a paired picture": (f"![p](https://h.example/t.webp)\n[下载1]({A})\n[下载2]({B})", [(A, "https://h.example/t.webp"), B]),
    "words between picture and download": (f"![p]({C})\nHere is one more for you:\n[下载2]({A})", [C, A]),
    "a download without a name after a picture": (f"![p]({A})\n[下载]({BARE})", [(BARE, A)]),
    "original of a resized object": (f"![p]({A}?x-oss-process=image/resize,w_200) [原图]({A})", [(A, f"{A}?x-oss-process=image/resize,w_200")]),
    "resized after the object": (f"![p]({A})\n![t]({A}?imageView2/2/w/200)", [(A, f"{A}?imageView2/2/w/200")]),
    "raw data and preview pages": ("[数据预览](https://asyncdata.example/web/t) [原始数据](https://pro.asyncdata.net/source/t) [Preview](https://asyncdata.net/web/t.png) [Raw data](https://h.example/source/t)", []),
    "a bare task page": ("https://pro.asyncdata.net/web/task_1.png", []),
    "a marked end alone": (f"> 进度 10..50..[100]({A})\n", [A]),
    "a marked end beside the picture": (f"> Progress 10..[100]({B})\n\n![g]({A})", [(A, B)]),
    "a marked end beside a download": (f"> Progress 10..[100]({B})\n\n[下载]({A})", [(A, B)]),
    "a marked end beside two pictures": (f"> 进度 [100]({C})\n![g]({A})![g]({B})", [A, B]),
    "two marked ends beside two pictures": (f"> 进度 [100](https://v.example/1.png)\n> 进度 [100](https://v.example/2.png)\n![g]({A})![g]({B})", [(A, "https://v.example/1.png"), (B, "https://v.example/2.png")]),
    "a marked percentage with a sign": (f"> 进度：30%..[100%]({A})\n", [A]),
    "a number that is no progress": (f"See [100]({BARE})", []),
    "two pictures on one object with other ids": ("![a](https://h.example/v?id=1) ![b](https://h.example/v?id=2)", ["https://h.example/v?id=1", "https://h.example/v?id=2"]),
}  # fmt: skip

HTML: dict[str, tuple[str, Expected]] = {
    "attributes in any order": (f'<img alt="x > y" width=5 src="{BARE}">', [BARE]),
    "line breaks in the tag": (f'<img\n  class="a"\n  src="{BARE}"\n/>', [BARE]),
    "upper case, no quotes": (f"<IMG SRC={BARE} ALT=x>", [BARE]),
    "entities": ('<img src="https://h.example/x?a=1&amp;b=2&#38;c=3">', ["https://h.example/x?a=1&b=2&c=3"]),
    "entity-escaped tag": ("&lt;img src=&quot;https://h.example/x.png?a=1&amp;b=2&quot; /&gt;", ["https://h.example/x.png?a=1&b=2"]),
    "entity-escaped tag, single quotes": ("&lt;img src=&#39;https://h.example/x.png&#39;&gt;", ["https://h.example/x.png"]),
    "source set only": (f'<img srcset="{B} 1x, {A} 2x">', [A]),
    "source set beside the source": (f'<img srcset="{B} 1x" src="{A}">', [A]),
    "a picture element": (f'<picture><source srcset="{B}" type="image/webp"><img src="{A}"></picture>', [A]),
    "lazy picture": (f'<img data-src="{A}" alt="">', [A]),
    "figure": (f'<figure><img src="{BARE}"/><figcaption>cat</figcaption></figure>', [BARE]),
    "anchor to a picture": (f'<a href="{A}" download>get</a>', [A]),
    "anchor with a download word": (f'<a href="{BARE}" target="_blank">下载原图</a>', [BARE]),
    "anchor around its thumbnail": (f'<a href="{A}"><img src="{B}"></a>', [(A, B)]),
    "anchor to a page": (f'<a href="{BARE}">help</a>', []),
    "picture and its download": (f'<img src="{B}"><br><a href="{A}">Download</a>', [(A, B)]),
    "base64": (f'<img src="{data(PNG)}" width="64">', [data(PNG)]),
    "other schemes": ('<img src="blob:https://h.example/1"><img src="sandbox:/a.png">', []),
    "escaped quotes": (f'<img src=\\"{BARE}\\" />', [BARE]),
    "no quotes, closed": (f"<img src={BARE}/>", [BARE]),
    "no value": (f"<img src= ><img src>{A}", [A]),
    "an unfinished tag": (f'<img src="{A}', []),
    "a script page": ('<html><body><img src="https://h.example/logo.png"></body></html>', []),
}  # fmt: skip

BARE_ADDRESSES: dict[str, tuple[str, Expected]] = {
    **{f"followed by {sign}": (f"图：{A}{sign}好", [A]) for sign in "，。；：！？、）】》」』…”’"},
    **{f"ends with {sign}": (f"see {A}{sign} ok", [A]) for sign in (".", ",", ";", ":", "!", "?", "...", "**", ")", ").", "]", "'", '"')},
    "in full-width brackets": (f"（{A}）【{B}】《{C}》", [A, B, C]),
    "a balanced parenthesis stays": ("https://h.example/a_(1).png", ["https://h.example/a_(1).png"]),
    "one per line": (f"1. {A}\n2. {B}\n", [A, B]),
    "separated by bars": (f"{A}|{B}", [A, B]),
    "glued by a comma": (f"{A},{B}", [A, B]),
    "in angle brackets": (f"<{A}>", [A]),
    "in quotes": (f"\"{A}\" “{B}” '{C}'", [A, B, C]),
    "signed": (f"{A}?Expires=1&Signature=a%2Bb%3D", [f"{A}?Expires=1&Signature=a%2Bb%3D"]),
    "literal escapes": (r"https:\/\/h.example\/x.png?a=1\u0026b=2", ["https://h.example/x.png?a=1&b=2"]),
    "format in the query": ("https://h.example/v/1?format=webp&x=1", ["https://h.example/v/1?format=webp&x=1"]),
    "style behind the extension": ("https://h.example/x.jpg!large", ["https://h.example/x.jpg!large"]),
    "fragment": (f"{A}#view", [f"{A}#view"]),
    "glued by a word": (f"{A}和{B}", [A, B]),
    "in BBCode": (f"[img]{A}[/img]", [A]),
    "in braces": (f"{{{A}}}", [A]),
    "in another tag": (f"<image>{A}</image>", [A]),
    "a page": (f"{BARE} and https://h.example/", []),
    "a known host": ("https://pro.filesystem.site/cdn/20250101/abcdef", ["https://pro.filesystem.site/cdn/20250101/abcdef"]),
    "a link to a known host": ("[image](https://imgen.x.ai/xai-imgen/1234)", ["https://imgen.x.ai/xai-imgen/1234"]),
    "the front page of a known host": ("https://filesystem.site/ https://bfl.ai/pricing", []),
    "a look-alike of a known host": ("https://filesystem.site.evil.example/cdn/1 https://notimgen.x.ai.example/1", []),
    "words between the dots": ("https://h.example/img.png.html", []),
    "AVIF, HEIC, GIF, BMP": ("https://h.example/1.avif https://h.example/2.heic https://h.example/3.gif https://h.example/4.bmp", ["https://h.example/1.avif", "https://h.example/2.heic", "https://h.example/3.gif", "https://h.example/4.bmp"]),
    "a bucket of generated pictures": ("https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/7d/1a", ["https://dashscope-result-bj.oss-cn-beijing.aliyuncs.com/7d/1a"]),
    "malformed": ("https://[h/x.png [a](https://[h/x) ![a](https://[h/x) [下载](https://[h:z]/x.png)", []),
    "no scheme": ("h.example/x.png //h.example/y.png", []),
    "no host": ("https:///x.png https://", []),
    "Chinese file name": ("https://h.example/小猫.png", ["https://h.example/小猫.png"]),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), rows(MARKDOWN))
def test_markdown_images(text: str, expected: Expected) -> None:
    assert image_urls(text_answer(text)) == listed(expected)


@pytest.mark.parametrize(("text", "expected"), rows(LINKS))
def test_links(text: str, expected: Expected) -> None:
    assert image_urls(text_answer(text)) == listed(expected)


@pytest.mark.parametrize(("text", "expected"), rows(HTML))
def test_html(text: str, expected: Expected) -> None:
    assert image_urls(text_answer(text)) == listed(expected)


@pytest.mark.parametrize(("text", "expected"), rows(BARE_ADDRESSES))
def test_bare_urls(text: str, expected: Expected) -> None:
    assert image_urls(text_answer(text)) == listed(expected)


PROSE = (
    "",
    "Here you go: ",
    "图片已经生成好了。\n\n",
    '1) one (two) [three] {four} "five" *six*\n',
    "a < b > c\n\n",
)
TABLES = {**MARKDOWN, **LINKS, **HTML, **BARE_ADDRESSES}
ALONE = ("no closing parenthesis", "an unfinished tag", "a script page")


@pytest.mark.parametrize("prose", PROSE)
def test_innocent_prose_around_an_answer_changes_nothing(prose: str) -> None:
    for title, (text, expected) in TABLES.items():
        if title not in ALONE:
            answer = text_answer(f"{prose}\n\n{text}\n\n{prose}")
            assert (title, image_urls(answer)) == (title, listed(expected))
            assert answer == text_answer(f"{prose}\n\n{text}\n\n{prose}")
