"""Link scanner: links and images in Markdown, HTML, bare URLs and ``data:`` URLs, in one linear pass."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from worker.upstream.parsing.base64_images import find_base64_end, parse_base64_image, starts_like_image
from worker.upstream.parsing.urls import is_image, unescape

LinkKind = Literal["image", "link", "img", "video", "bare", "data"]

_TAG_KINDS: dict[str, LinkKind] = {"img": "img", "a": "link", "video": "video", "source": "video"}
_TOKEN = re.compile(
    r"!?\[|\](\()?|<(img|video|source|a)\b|https?:\\?/\\?/|data:(?=[\w/.+;=-]{0,120}base64,)"
    r"|(?<![\w+/=.-])(?:iVBORw0KGgo|/9j/|UklGR|R0lGOD)",
    re.I,
)
_DATA = re.compile(r"(?:data:[\w/.+;=-]{0,120}?base64,\s{0,8}){1,3}", re.I)  # some providers repeat it
_CJK_PUNCTUATION = "，。；：！？、（）【】《》「」『』“”‘’…"
#: a URL ends before the next one, and before the tag around it
_BARE_URL = re.compile(
    rf"(?:[^\]\[\s<>\"'`\\|,;&\u0080-\U0010ffff]|[^\x00-\x7f\s{_CJK_PUNCTUATION}](?!(?i:https?:))"
    r"|\](?!\()|\[(?!/)"
    r"|[,;](?!(?i:https?:))|\\/|\\u00[0-7][0-9a-fA-F]"
    r"|&(?!(?i:quot|apos|gt|lt|nbsp|#39|#34|#x27|#x22);)){1,8192}"
)
_CJK_MARK = re.compile(f"[{_CJK_PUNCTUATION}]")
_DESTINATION_SIGN = re.compile(r"[()\s]|\\[()]")
_MAX_LENGTH = 8192  #: characters of a URL or a label
_WRAPPED = re.compile(r"\r?\n(?=[\w+/-]+={0,2}\s*(?:\r?\n|$))")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_DEFINITION = re.compile(
    r"^[ \t>]{0,8}\[([^\[\]\n]{1,200})\]:[ \t]{0,8}<?(https?://[^\s<>]{1,8000})", re.I | re.M
)
_REFERENCE = re.compile(r"\](?:\[([^\[\]\n]{0,200})\])?(?![(:])")
_ATTRIBUTE_NAME = re.compile(r"[\s/]*([a-z_:][\w:.-]{0,63})\s*(\s*=\s*\\?)?", re.IGNORECASE)
_UNQUOTED_VALUE = re.compile(r"[^\s\"'<>]+")
_UNTERMINATED_TAG = re.compile(r"[^\s<>]*")
_TAG_END = re.compile(r"[\s/]*>?")
_MAX_ATTRIBUTES = 40  #: of one tag


@dataclass(slots=True)
class Link:
    """One link, image or video in a text.

    ``payload`` is base64 of a ``data:`` URL, ``inner`` are the images in its label.
    """

    kind: LinkKind
    start: int
    end: int
    url: str = ""
    label: str = ""
    payload: str = ""
    poster: str = ""
    inner: list["Link"] = field(default_factory=list)


class LinkScanner:
    """Scans a text once, with a stack of open brackets.

    ``complete`` means that no more text follows: only then a bare URL at the very end counts. A link without
    its closing parenthesis never counts; ``broken`` is set if there was one.
    """

    def __init__(self, text: str, *, complete: bool) -> None:
        self._text = text
        self._complete = complete
        self._links: list[Link] = []
        self._open_brackets: list[tuple[int, bool]] = []  # position, and whether it is ``![``
        self.broken = False  # a destination is unterminated

    def scan(self) -> list[Link]:
        """Return all links, images and videos of the text, in order."""
        position = 0
        while match := _TOKEN.search(self._text, position):
            position = self._read(match)
        return self._links

    def _read(self, match: re.Match[str]) -> int:
        sign = match.group()
        if sign in ("[", "!["):
            self._open_brackets.append((match.start(), sign == "!["))
            return match.end()
        if sign == "](":
            return self._close_label(match)
        if sign == "]":
            return self._close_reference(match)
        if match[2]:
            return self._read_tag(match)
        if sign[:4].lower() == "http":
            return self._read_bare_url(match.start())
        return self._read_data(match.start(), data_url=sign[0] in "dD")

    def _close_label(self, match: re.Match[str]) -> int:
        if not self._open_brackets:
            return match.end()
        start, image = self._open_brackets.pop()
        inner = []
        while self._links and self._links[-1].start > start:
            link = self._links.pop()
            if link.kind in ("image", "img"):
                inner.append(link)
        destination, payload, end = self._read_destination(match.end())
        if destination or payload:
            label = self._text[max(start + 1 + image, match.start() - _MAX_LENGTH) : match.start()]
            kind: LinkKind = "image" if image else "link"
            self._links.append(Link(kind, start, end, destination, label, payload, inner=inner[::-1]))
        return end

    def _close_reference(self, match: re.Match[str]) -> int:
        """Read the references ``![label][name]`` and ``![name]``; other brackets just close."""
        if not self._open_brackets:
            return match.end()
        start, image = self._open_brackets[-1]
        if not image:
            self._open_brackets.pop()
            return match.end()
        reference = _REFERENCE.match(self._text, match.start())
        if reference is None or match.start() - start > _MAX_LENGTH or not self._definitions:
            return match.end()
        label = self._text[start + 2 : match.start()]
        url = self._definitions.get((reference[1] or label).strip().lower())
        if url is None:
            return match.end()
        self._open_brackets.pop()
        self._links.append(Link("image", start, reference.end(), url, label))
        return reference.end()

    @cached_property
    def _definitions(self) -> dict[str, str]:
        """URLs by reference name, from ``[name]: https://…``."""
        if "]:" not in self._text:
            return {}
        return {name.strip().lower(): unescape(url) for name, url in _DEFINITION.findall(self._text)}

    def _read_destination(self, start: int) -> tuple[str, str, int]:
        """Return ``(url, base64 payload, end)`` of a destination; both empty if it is unterminated."""
        text = self._text
        while start < len(text) and text[start] in " \t":
            start += 1
        angled = text.startswith("<", start)
        data = _DATA.match(text, start + angled)
        if data and not text[data.end() : data.end() + 4].lower().startswith("http"):
            stop = find_base64_end(text, data.end(), spaces=True)
            return "", text[data.end() : stop], stop + text.startswith(")", stop)
        start = data.end() if data else start + angled
        if angled:
            stop = text.find(">", start, start + _MAX_LENGTH)
            if stop < 0:
                return "", "", start
            return unescape(text[start:stop].strip()), "", self._skip_title(stop + 1)
        stop, closed = self._end_of_url(start)
        if not closed:
            self.broken = self.broken or text.startswith("http", start)
            return "", "", stop
        spaced = text.find(")", stop, stop + 512)
        if spaced > stop and is_image(text[start:spaced]) and not set("\"'\n“") & set(text[stop:spaced]):
            return unescape(text[start:spaced]), "", spaced + 1  # a file name with spaces in it
        url = unescape(text[start:stop]).strip("\"'`")
        mark = _CJK_MARK.search(url)
        if mark and is_image(url[: mark.start()]):  # text after the URL, in its parentheses
            url = url[: mark.start()]
        return url, "", stop + 1 if text.startswith(")", stop) else self._skip_title(stop)

    def _end_of_url(self, start: int) -> tuple[int, bool]:
        """Return the end of a plain destination, and whether it is terminated."""
        depth = 0
        limit = min(len(self._text), start + _MAX_LENGTH)
        for match in _DESTINATION_SIGN.finditer(self._text, start, limit):
            sign = match.group()
            if sign == "(":
                depth += 1
            elif sign == ")" and depth:
                depth -= 1
            elif sign == ")" or sign.isspace():
                return match.start(), True
        return limit, False

    def _skip_title(self, position: int) -> int:
        """Skip an optional title and the closing parenthesis."""
        line_end = self._text.find("\n", position, position + 2048)
        stop = self._text.find(")", position, line_end if line_end >= 0 else position + 2048)
        if stop < 0:
            return position
        between = self._text[position:stop].strip()
        return stop + 1 if not between or between[0] in "\"'(“" else position

    def _read_tag(self, match: re.Match[str]) -> int:
        name = match[2].lower()
        attributes, end = parse_attributes(self._text, match.end())
        source = attributes.get("href" if name == "a" else "src", "")
        url = _image_source(attributes) if name == "img" else source
        poster = unescape(attributes.get("poster", "")) if name == "video" else ""
        if not (url or poster):
            return end
        link = Link(_TAG_KINDS[name], match.start(), end, poster=poster)
        if data := _DATA.match(url):
            link.payload = url[data.end() :]
        if not data or link.payload[:4].lower() == "http":
            link.url, link.payload = unescape(link.payload or url).strip(), ""
        if name == "a":
            end = link.end = self._read_anchor(link)
        self._links.append(link)
        return end

    def _read_anchor(self, link: Link) -> int:
        """Read an anchor to its end: its text is the label, an image in it is a thumbnail."""
        closed = self._text.find("</", link.end, link.end + 2000)
        if closed < 0:
            return link.end
        link.label = self._text[link.end : closed]
        shown = link.label.find("<img")
        if shown < 0:
            return closed
        if not is_image(link.url):  # a link to a page: the image itself is the result
            return link.end
        thumbnail = unescape(_image_source(parse_attributes(link.label, shown + 4)[0]))
        link.inner = [Link("img", link.start, closed, thumbnail)]
        return closed

    def _read_data(self, start: int, *, data_url: bool) -> int:
        """Read base64 of a ``data:`` URL, or bare base64 that starts like an image."""
        data = _DATA.match(self._text, start) if data_url else None
        begin = data.end() if data else start
        if data_url and (data is None or self._text[begin : begin + 4].lower() == "http"):
            return max(begin, start + 5)
        ends = self._line_ends(begin)
        for stop in ends[-1:-4:-1]:  # a word on a line of its own may look like base64
            if parse_base64_image(self._text[begin:stop]) is not None:
                break
        else:
            stop = ends[0]
        payload = self._text[begin:stop]
        if not payload.isascii():
            payload = _NOT_ASCII.split(payload, maxsplit=1)[0]
        if data_url or starts_like_image(payload):
            self._links.append(Link("data", start, begin + len(payload), payload=payload))
        return max(stop, start + 1)

    def _line_ends(self, start: int) -> list[int]:
        """Return the end of each line of wrapped base64."""
        ends = [find_base64_end(self._text, start)]
        while wrapped := _WRAPPED.match(self._text, ends[-1]):
            ends.append(find_base64_end(self._text, wrapped.end()))
        return ends

    def _read_bare_url(self, start: int) -> int:
        match = _BARE_URL.match(self._text, start)
        if match is None:  # pragma: no cover - the URL itself always matches
            return start + 4
        url = match.group()
        end = start + len(url)
        trimmed = trim_url(url)
        if len(url) < _MAX_LENGTH and (self._complete or end < len(self._text)):
            self._links.append(Link("bare", start, start + len(trimmed), unescape(trimmed)))
        return end


def trim_url(url: str) -> str:
    """Return a URL without what prose adds: closing brackets, punctuation, text in another script."""
    if not url.isascii():
        ascii_part = re.split(r"[^\x00-\x7f]", url, maxsplit=1)[0]
        if is_image(trim_url(ascii_part)):
            url = ascii_part
    while url:
        last = url[-1]
        unbalanced = (last == ")" and url.count("(") < url.count(")")) or (
            last in "]}" and url.count("[" if last == "]" else "{") < url.count(last)
        )
        if last not in ".,;:!?*~_" and not unbalanced:
            break
        url = url[:-1]
    return url


def _image_source(attributes: dict[str, str]) -> str:
    """Return the URL of an ``img`` tag, also of one that is loaded lazily."""
    return attributes.get("src") or attributes.get("data-src") or largest_source(attributes.get("srcset", ""))


def parse_attributes(text: str, start: int) -> tuple[dict[str, str], int]:
    """Return the attributes of the HTML tag whose name ends at ``start``, and the end of the tag.

    Of an unterminated tag, the complete attributes are returned.
    """
    found: dict[str, str] = {}
    position = start
    for _ in range(_MAX_ATTRIBUTES):
        name = _ATTRIBUTE_NAME.match(text, position)
        if name is None:
            break
        value, position = _attribute_value(text, name.end()) if name[2] else ("", name.end())
        if position < 0:
            return found, _match_end(_UNTERMINATED_TAG, text, name.end())
        found.setdefault(name[1].lower(), value)
    return found, _match_end(_TAG_END, text, position)


def _match_end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position  # it matches the empty string


def _attribute_value(text: str, start: int) -> tuple[str, int]:
    """Return the value at ``start`` and its end; -1 if the closing quote is missing."""
    quote = text[start : start + 1]
    if quote in ('"', "'"):
        stop = text.find(quote, start + 1)
        return (text[start + 1 : stop].removesuffix("\\"), stop + 1) if stop >= 0 else ("", -1)
    plain = _UNQUOTED_VALUE.match(text, start)
    if plain is None:
        return "", start
    value = plain.group()
    return (value[:-1] if value.endswith("/") and text.startswith(">", plain.end()) else value), plain.end()


def largest_source(sources: str) -> str:
    """Return the last URL of a ``srcset``, which is sorted from the smallest to the largest."""
    candidates = [entry.split() for entry in re.split(r",\s+", sources) if entry.strip()]
    return candidates[-1][0] if candidates else ""
