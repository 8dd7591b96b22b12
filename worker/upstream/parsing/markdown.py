"""Links and pictures in text: Markdown, HTML, bare addresses and ``data:`` URLs, in one linear pass."""

import re
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from worker.upstream.parsing.base64_images import find_base64_end, parse_base64_image, starts_like_image
from worker.upstream.parsing.urls import is_image, unescape

# HTML start tags in prose: their attributes, and where they end.

_NAME = re.compile(r"[\s/]*([a-z_:][\w:.-]{0,63})\s*(\s*=\s*\\?)?", re.IGNORECASE)
_PLAIN = re.compile(r"[^\s\"'<>]+")
_UNFINISHED = re.compile(r"[^\s<>]*")
_END = re.compile(r"[\s/]*>?")
_MOST = 40  #: attributes; no tag of a picture has more


def parse_attributes(text: str, start: int) -> tuple[dict[str, str], int]:
    """Return the attributes of the tag whose name ends at ``start``, and where the tag ends.

    Of a tag that does not end, the attributes that do are returned.
    """
    found: dict[str, str] = {}
    position = start
    for _ in range(_MOST):
        name = _NAME.match(text, position)
        if name is None:
            break
        value, position = _value(text, name.end()) if name[2] else ("", name.end())
        if position < 0:
            return found, _end(_UNFINISHED, text, name.end())
        found.setdefault(name[1].lower(), value)
    return found, _end(_END, text, position)


def _end(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position  # it matches nothing, too


def _value(text: str, start: int) -> tuple[str, int]:
    """Return the value that begins at ``start`` and its end, which is -1 if the closing quote is missing."""
    quote = text[start : start + 1]
    if quote in ('"', "'"):
        stop = text.find(quote, start + 1)
        return (text[start + 1 : stop].removesuffix("\\"), stop + 1) if stop >= 0 else ("", -1)
    plain = _PLAIN.match(text, start)
    if plain is None:
        return "", start
    value = plain.group()
    return (value[:-1] if value.endswith("/") and text.startswith(">", plain.end()) else value), plain.end()


def largest_source(sources: str) -> str:
    """Return the last address of a ``srcset``: they are listed from the smallest to the largest."""
    candidates = [entry.split() for entry in re.split(r",\s+", sources) if entry.strip()]
    return candidates[-1][0] if candidates else ""


LinkKind = Literal["image", "link", "img", "video", "bare", "data"]

_KINDS: dict[str, LinkKind] = {"img": "img", "a": "link", "video": "video", "source": "video"}
_TOKEN = re.compile(
    r"!?\[|\](\()?|<(img|video|source|a)\b|https?:\\?/\\?/|data:(?=[\w/.+;=-]{0,120}base64,)"
    r"|(?<![\w+/=.-])(?:iVBORw0KGgo|/9j/|UklGR|R0lGOD)",
    re.I,
)
_DATA = re.compile(r"(?:data:[\w/.+;=-]{0,120}?base64,\s{0,8}){1,3}", re.I)  # some write it twice
_CJK_SIGNS = "，。；：！？、（）【】《》「」『』“”‘’…"
#: an address goes on, but not into the next one, nor into the tag around it
_BARE = re.compile(
    rf"(?:[^\]\[\s<>\"'`\\|,;&\u0080-\U0010ffff]|[^\x00-\x7f\s{_CJK_SIGNS}](?!(?i:https?:))|\](?!\()|\[(?!/)"
    r"|[,;](?!(?i:https?:))|\\/|\\u00[0-7][0-9a-fA-F]"
    r"|&(?!(?i:quot|apos|gt|lt|nbsp|#39|#34|#x27|#x22);)){1,8192}"
)
_CJK_SIGN = re.compile(f"[{_CJK_SIGNS}]")
_DESTINATION_SIGN = re.compile(r"[()\s]|\\[()]")
_LONGEST = 8192  #: characters of an address or a label
_WRAPPED = re.compile(r"\r?\n(?=[\w+/-]+={0,2}\s*(?:\r?\n|$))")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_DEFINITION = re.compile(
    r"^[ \t>]{0,8}\[([^\[\]\n]{1,200})\]:[ \t]{0,8}<?(https?://[^\s<>]{1,8000})", re.I | re.M
)
_REFERENCE = re.compile(r"\](?:\[([^\[\]\n]{0,200})\])?(?![(:])")


@dataclass(slots=True)
class Link:
    """One thing in a text that points somewhere.

    ``payload`` is base64 text, ``inner`` are
    pictures in its label.
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
    """Walks over a text once, with the open brackets on a stack.

    ``complete`` says that no more text follows: only then a bare address at the very end is taken. A link
    without its closing parenthesis never is; ``broken`` tells that there was one.
    """

    def __init__(self, text: str, *, complete: bool) -> None:
        self._text = text
        self._complete = complete
        self._links: list[Link] = []
        self._open: list[tuple[int, bool]] = []  # where a bracket opened, and whether it was ``![``
        self.broken = False  # a destination began and did not end

    def scan(self) -> list[Link]:
        """Return everything in the text that points somewhere, in order."""
        position = 0
        while match := _TOKEN.search(self._text, position):
            position = self._read(match)
        return self._links

    def _read(self, match: re.Match[str]) -> int:
        sign = match.group()
        if sign in ("[", "!["):
            self._open.append((match.start(), sign == "!["))
            return match.end()
        if sign == "](":
            return self._close_label(match)
        if sign == "]":
            return self._close_reference(match)
        if match[2]:
            return self._read_tag(match)
        if sign[:4].lower() == "http":
            return self._read_bare(match.start())
        return self._read_data(match.start(), spelt=sign[0] in "dD")

    def _close_label(self, match: re.Match[str]) -> int:
        if not self._open:
            return match.end()
        opened, picture = self._open.pop()
        inner = []
        while self._links and self._links[-1].start > opened:
            link = self._links.pop()
            if link.kind in ("image", "img"):
                inner.append(link)
        destination, payload, end = self._destination(match.end())
        if destination or payload:
            label = self._text[max(opened + 1 + picture, match.start() - _LONGEST) : match.start()]
            kind: LinkKind = "image" if picture else "link"
            self._links.append(Link(kind, opened, end, destination, label, payload, inner=inner[::-1]))
        return end

    def _close_reference(self, match: re.Match[str]) -> int:
        """Read ``![label][name]`` and ``![name]``, which are defined elsewhere; brackets in a label close."""
        if not self._open:
            return match.end()
        opened, picture = self._open[-1]
        if not picture:
            self._open.pop()
            return match.end()
        reference = _REFERENCE.match(self._text, match.start())
        if reference is None or match.start() - opened > _LONGEST or not self._definitions:
            return match.end()
        label = self._text[opened + 2 : match.start()]
        url = self._definitions.get((reference[1] or label).strip().lower())
        if url is None:
            return match.end()
        self._open.pop()
        self._links.append(Link("image", opened, reference.end(), url, label))
        return reference.end()

    @cached_property
    def _definitions(self) -> dict[str, str]:
        """The addresses that are defined by name: ``[name]: https://…``."""
        if "]:" not in self._text:
            return {}
        return {name.strip().lower(): unescape(url) for name, url in _DEFINITION.findall(self._text)}

    def _destination(self, start: int) -> tuple[str, str, int]:
        """Return ``(url, base64 payload, end)`` of a destination; both empty if it is not terminated."""
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
            stop = text.find(">", start, start + _LONGEST)
            return (
                (unescape(text[start:stop].strip()), "", self._after(stop + 1))
                if stop > 0
                else ("", "", start)
            )
        stop, closed = self._end_of_url(start)
        if not closed:
            self.broken = self.broken or text.startswith("http", start)
            return "", "", stop
        spaced = text.find(")", stop, stop + 512)
        if spaced > stop and is_image(text[start:spaced]) and not set("\"'\n“") & set(text[stop:spaced]):
            return unescape(text[start:spaced]), "", spaced + 1  # a file name with spaces in it
        return _destination(text[start:stop]), "", self._after(stop)

    def _end_of_url(self, start: int) -> tuple[int, bool]:
        """Return where a plain destination ends, and whether something ended it."""
        depth = 0
        limit = min(len(self._text), start + _LONGEST)
        for match in _DESTINATION_SIGN.finditer(self._text, start, limit):
            sign = match.group()
            if sign == "(":
                depth += 1
            elif sign == ")" and depth:
                depth -= 1
            elif sign == ")" or sign.isspace():
                return match.start(), True
        return limit, False

    def _after(self, position: int) -> int:
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
        address = (
            _source(attributes) if name == "img" else attributes.get("href" if name == "a" else "src", "")
        )
        poster = unescape(attributes.get("poster", "")) if name == "video" else ""
        if not (address or poster):
            return end
        link = Link(_KINDS[name], match.start(), end, poster=poster)
        if data := _DATA.match(address):
            link.payload = address[data.end() :]
        if not data or link.payload[:4].lower() == "http":
            link.url, link.payload = unescape(link.payload or address).strip(), ""
        if name == "a":
            end = link.end = self._read_anchor(link)
        self._links.append(link)
        return end

    def _read_anchor(self, link: Link) -> int:
        """Read on to the anchor's end: its words are its label, its picture is a thumbnail."""
        closed = self._text.find("</", link.end, link.end + 2000)
        if closed < 0:
            return link.end
        link.label = self._text[link.end : closed]
        shown = link.label.find("<img")
        if shown < 0:
            return closed
        if not is_image(link.url):  # it leads to a page; the picture is what is shown
            return link.end
        thumbnail = unescape(_source(parse_attributes(link.label, shown + 4)[0]))
        link.inner = [Link("img", link.start, closed, thumbnail)]
        return closed

    def _read_data(self, start: int, *, spelt: bool) -> int:
        """Read base64 behind ``data:`` (``spelt``), or bare base64 that begins like a picture."""
        data = _DATA.match(self._text, start) if spelt else None
        begin = data.end() if data else start
        if spelt and (data is None or self._text[begin : begin + 4].lower() == "http"):
            return max(begin, start + 5)
        ends = self._ends_of_lines(begin)
        for stop in ends[-1:-4:-1]:  # a word on a line of its own may look like base64, too
            if parse_base64_image(self._text[begin:stop]) is not None:
                break
        else:
            stop = ends[0]
        payload = self._text[begin:stop]
        if not payload.isascii():
            payload = _NOT_ASCII.split(payload, maxsplit=1)[0]
        if spelt or starts_like_image(payload):
            self._links.append(Link("data", start, begin + len(payload), payload=payload))
        return max(stop, start + 1)

    def _ends_of_lines(self, start: int) -> list[int]:
        """Return where each line of base64 ends, for text that is wrapped."""
        ends = [find_base64_end(self._text, start)]
        while wrapped := _WRAPPED.match(self._text, ends[-1]):
            ends.append(find_base64_end(self._text, wrapped.end()))
        return ends

    def _read_bare(self, start: int) -> int:
        match = _BARE.match(self._text, start)
        if match is None:  # pragma: no cover - the address itself always matches
            return start + 4
        address = match.group()
        end = start + len(address)
        trimmed = trim_url(address)
        if len(address) < _LONGEST and (self._complete or end < len(self._text)):
            self._links.append(Link("bare", start, start + len(trimmed), unescape(trimmed)))
        return end


def _destination(address: str) -> str:
    """Return a destination without the quotes, or the words, that somebody put in its parentheses."""
    address = unescape(address).strip("\"'`")
    words = _CJK_SIGN.search(address)
    return address[: words.start()] if words and is_image(address[: words.start()]) else address


def trim_url(address: str) -> str:
    """Cut what prose hangs on an address: closing signs, full stops, and words in another script."""
    if not address.isascii():
        ascii_part = re.split(r"[^\x00-\x7f]", address, maxsplit=1)[0]
        if is_image(trim_url(ascii_part)):
            address = ascii_part
    while address:
        last = address[-1]
        unbalanced = (last == ")" and address.count("(") < address.count(")")) or (
            last in "]}" and address.count("[" if last == "]" else "{") < address.count(last)
        )
        if last not in ".,;:!?*~_" and not unbalanced:
            break
        address = address[:-1]
    return address


def _source(attributes: dict[str, str]) -> str:
    """Return where a tag's picture is, also if a script is to load it."""
    return attributes.get("src") or attributes.get("data-src") or largest_source(attributes.get("srcset", ""))
