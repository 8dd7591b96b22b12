"""Which pictures an answer holds: links become groups, one group per picture, each with one primary."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import attrgetter
from typing import NamedTuple

from worker.upstream.parsing.base64_images import find_base64_end, parse_base64_image, starts_like_image
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.markdown import Link, LinkKind, LinkScanner
from worker.upstream.parsing.urls import (
    CanonicalUrl,
    canonical,
    is_document,
    is_image,
    is_on_image_host,
    is_resized,
    is_task_page,
    is_video,
    is_web,
)

# Renderings of one picture: found by what they share, with one of them to fetch.

ImageKey = CanonicalUrl | str


@dataclass(slots=True)
class ImageGroup:
    """Renderings of one picture: the one to fetch, and the others by their addresses."""

    primary: ResultImage
    rank: int = 0  #: of the best source that shows it; the lowest is the best
    others: dict[str, ResultImage] = field(default_factory=dict)
    end: int = -1  #: where its last rendering stands in the text
    paired: bool = False  #: a link leads to it
    settled: bool = False  #: its original is known

    def add(self, picture: ResultImage, *, rank: int = 0, original: bool = False) -> None:
        """Take a further rendering.

        An ``original`` is the one to fetch; then what is not resized; then the better source's.
        """
        if picture.address == self.primary.address:
            self.primary = with_alternates(self.primary, *picture.alternates)
        else:
            if original or self._prefers(picture, rank):
                self.others = {self.primary.address: self.primary, **self.others}
                self.others.pop(picture.address, None)
                self.primary = picture
            else:
                self.others.setdefault(picture.address, picture)
        self.rank, self.settled = min(self.rank, rank), self.settled or original

    def _prefers(self, picture: ResultImage, rank: int) -> bool:
        now, then = _is_resized(self.primary), _is_resized(picture)
        return now and not then if now != then else rank < self.rank and not self.settled

    def picture(self) -> ResultImage:
        """Return the picture to fetch, with the others as its alternates."""
        further = [*self.primary.alternates]
        for address, other in self.others.items():
            further += [address, *other.alternates]
        alternates = (address for address in dict.fromkeys(further) if address != self.primary.address)
        return replace(self.primary, alternates=tuple(alternates))


def image_key(picture: ResultImage) -> ImageKey:
    """Return what two renderings of the same picture share: the canonical key, or the bytes."""
    return canonical(picture.url) if picture.url is not None else str(picture.data)


def merge_images(
    structured: Sequence[ResultImage], written: Sequence[ResultImage], *, marked: bool
) -> list[ResultImage]:
    """Join the pictures of fields with those of the text.

    The same picture in both is one; with as many in both they are the same ones; otherwise both count.
    ``marked`` says that the text has no more than marks in a progress line, which are never further pictures.
    """
    unique = _merged(structured)
    if not (unique and written):
        return unique or _merged(written)
    keys = {key for picture in unique for key in _keys(picture)}
    overlap = any(key in keys for picture in written for key in _keys(picture))
    if len(unique) == len(written) and not overlap:
        pairs = zip(unique, written, strict=True)
        return [with_alternates(picture, other.address, *other.alternates) for picture, other in pairs]
    return unique if marked else _merged((*unique, *written))


def with_alternates(picture: ResultImage, *addresses: str) -> ResultImage:
    """Return the picture with further fallbacks."""
    known = (*picture.alternates, *(address for address in addresses if address != picture.address))
    return replace(picture, alternates=tuple(dict.fromkeys(known)))


def _merged(pictures: Sequence[ResultImage]) -> list[ResultImage]:
    """Join the pictures that share a rendering."""
    groups: list[ImageGroup] = []
    by_key: dict[ImageKey, ImageGroup] = {}
    for picture in pictures:
        keys = list(_keys(picture))
        group = next((by_key[key] for key in keys if key in by_key), None)
        if group is None:
            group = ImageGroup(picture)
            groups.append(group)
        else:  # what is only an alternate of this one has found its original
            group.add(picture, original=image_key(group.primary) in keys[1:])
        by_key.update(dict.fromkeys(keys, group))
    return [group.picture() for group in groups]


def _keys(picture: ResultImage) -> Iterator[ImageKey]:
    yield image_key(picture)
    for address in picture.alternates:
        yield address.partition(",")[2] if address.startswith("data:") else canonical(address)


def _is_resized(picture: ResultImage) -> bool:
    return picture.url is not None and is_resized(picture.url)


__all__ = ["FoundMedia", "ImageKey", "find_images", "image_key", "merge_images"]

_DOWNLOAD = re.compile(r"下\s?[载載]|download|原[图圖]|原始[图圖]|⏬|⬇|📥", re.IGNORECASE)
_ORIGINAL = re.compile(r"original|full[ -]?(?:size|resolution)|高清|大[图圖]", re.IGNORECASE)
_PAGES = re.compile(r"数据预览|原始数据|^\W*(?:preview|raw data)\W*$", re.IGNORECASE)
_RAW = re.compile(r"原始数据|raw data", re.IGNORECASE)
_NO_SCHEME = re.compile(r"//[\w-]+\.[\w.-]+/")
_MARK = re.compile(r"\s*\**(\d{1,3})(?:\.\d+)?\s*%?\**\s*", re.ASCII)
_PROGRESS = re.compile(r"进度|progress", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:[^\w\[\]!()<]|_|<[^<>]{0,40}>)*")  # signs and tags, but no words
#: how much a source tells: the lowest is named first, and is the one to fetch
_RANKS: Mapping[LinkKind, int] = {"image": 2, "link": 3, "img": 4, "data": 5, "bare": 6, "video": 6}
_LAST = 9
_LONGEST_LINE = 4096  #: characters before a mark in which to look for what it marks


class FoundMedia(NamedTuple):
    """What a text holds."""

    pictures: Sequence[ResultImage] = ()
    videos: Sequence[str] = ()
    posters: Sequence[str] = ()
    labels: Sequence[str] = ()  #: of the pictures
    marked: bool = False  #: the pictures are no more than marks in a progress line
    poll_url: str | None = None
    relative: Sequence[str] = ()  #: picture destinations without a host
    echoed: bool = False  #: an input picture was shown again
    broken: bool = False  #: a picture began, and is not whole


def find_images(text: str, *, complete: bool, inputs: frozenset[ImageKey] = frozenset()) -> FoundMedia:
    """Return the pictures and videos of a text whose echoes are stripped; ``inputs`` were in the request."""
    whole = text.strip(" \r\n\t\"'`")
    if _is_base64(whole):
        bare = parse_base64_image(whole)
        return FoundMedia([ResultImage(data=bare[0], mime=bare[1])] if bare else [], broken=bare is None)
    if whole[:15].lower().startswith(("<!doctype html", "<html")):
        return FoundMedia()
    gatherer = _ImageGrouper(text, inputs)
    scanner = LinkScanner(text, complete=complete)
    for link in scanner.scan():
        gatherer.take(link)
    return gatherer.found(broken=scanner.broken)


def find_result_spans(text: str) -> list[tuple[int, int]]:
    """Return where in a text something else than words stands: pictures, videos, task pages, dead links."""
    if _is_base64(text.strip()):
        return [(0, len(text))]
    gatherer = _ImageGrouper(text, frozenset())
    links = LinkScanner(text, complete=True).scan()
    return [(link.start, link.end) for link in links if gatherer.take(link)]


class _ImageGrouper:
    """Takes links in order and forms groups."""

    def __init__(self, text: str, inputs: frozenset[ImageKey]) -> None:
        self._text = text
        self._inputs = inputs
        self._groups: list[ImageGroup] = []
        self._by_key: dict[ImageKey, ImageGroup] = {}
        self._marks: list[tuple[int, ResultImage]] = []
        self._videos: dict[CanonicalUrl, str] = {}
        self._posters: list[str] = []
        self._labels: list[str] = []
        self._relative: list[str] = []
        self._poll_url: str | None = None
        self._echoed = False
        self._broken = False

    def take(self, link: Link) -> bool:
        """Take one link, and tell whether it is anything but prose."""
        if link.poster and is_web(link.poster):
            self._posters.append(link.poster)
        if link.payload:
            self._take_payload(link)
            return True
        if link.kind in ("image", "img") and _NO_SCHEME.match(link.url):
            link.url = "https:" + link.url
        if is_web(link.url):
            link.url = link.url.replace(" ", "%20")
            return self._take_url(link)
        if link.kind in ("image", "img") and re.match(r"/(?!/)\S", link.url):
            self._relative.append(link.url)
        return link.kind != "link" or bool(_DOWNLOAD.search(link.label))  # a scheme that nobody can fetch

    def _take_payload(self, link: Link) -> None:
        decoded = parse_base64_image(link.payload)
        if decoded:
            self._add(link, ResultImage(data=decoded[0], mime=decoded[1]))
        else:
            self._broken = self._broken or starts_like_image(link.payload)

    def _take_url(self, link: Link) -> bool:
        if is_task_page(link.url) or (link.kind == "link" and _PAGES.search(link.label)):
            if link.kind != "image" and (_RAW.search(link.label) or "/source/" in link.url):
                self._poll_url = self._poll_url or link.url
            return True
        if is_video(link.url) or (link.kind == "video" and not _is_no_video(link.url)):
            self._videos.setdefault(canonical(link.url), link.url)
            return True
        mark = _MARK.fullmatch(link.label) if link.kind == "link" else None
        if mark and self._speaks_of_progress(link.start):
            self._marks.append((int(mark[1]), ResultImage(url=link.url)))
            return True
        if self._counts(link):
            self._add(link, ResultImage(url=link.url))
            return True
        return bool(link.inner)

    def _speaks_of_progress(self, position: int) -> bool:
        """Tell whether the line speaks of progress before this place."""
        line = max(
            self._text.rfind("\n", max(0, position - _LONGEST_LINE), position) + 1,
            position - _LONGEST_LINE,
            0,
        )
        return _PROGRESS.search(self._text, line, position) is not None

    def _counts(self, link: Link) -> bool:
        """Tell whether this link is a picture at all, rather than a page or a file."""
        if link.kind in ("image", "img"):
            return not is_document(link.url)
        if link.inner and not is_image(link.url):
            return False  # a search card: a thumbnail that leads to a page
        if link.kind == "link" and _DOWNLOAD.search(link.label):
            return not is_document(link.url)
        return is_image(link.url) or (is_on_image_host(link.url) and not is_document(link.url))

    def _add(self, link: Link, picture: ResultImage) -> None:
        key = image_key(picture)
        if key in self._inputs:
            self._echoed = True
            return
        if link.kind in ("image", "img"):
            self._labels.append(link.label)
        rank = _RANKS["image" if link.inner else link.kind]
        group = self._by_key.get(key)
        if group is not None:
            group.add(picture, rank=rank)
        elif group := self._directly_before(link):
            group.add(picture, rank=rank, original=True)
        else:
            group = ImageGroup(picture, rank)
            self._groups.append(group)
        for inner in link.inner:
            if is_web(inner.url):
                group.add(ResultImage(url=inner.url), rank=_LAST)
                self._by_key[canonical(inner.url)] = group
        group.end = link.end
        group.paired |= link.kind == "link"
        self._by_key[key] = group

    def _directly_before(self, link: Link) -> ImageGroup | None:
        """Return the picture that this download link is the original of: the one it directly follows."""
        group = self._groups[-1] if self._groups else None
        if group is None or group.paired or link.kind != "link":
            return None
        if not (_DOWNLOAD.search(link.label) or (_ORIGINAL.search(link.label) and is_image(link.url))):
            return None
        return group if _BETWEEN.fullmatch(self._text, group.end, link.start) else None

    def found(self, *, broken: bool) -> FoundMedia:
        """Return the groups as pictures; ``broken`` says that a link did not end."""
        pictures = [group.picture() for group in sorted(self._groups, key=attrgetter("rank"))]
        marked = bool(self._marks) and not (pictures or self._videos)
        if self._videos:
            self._posters += [picture.address for picture in pictures]
            pictures = []
        elif self._marks:
            pictures = _with_marks(pictures, self._marks)
        return FoundMedia(
            pictures,
            list(self._videos.values()),
            list(dict.fromkeys(self._posters)),
            self._labels,
            marked,
            self._poll_url,
            self._relative,
            self._echoed,
            broken or self._broken,
        )


def _is_base64(text: str) -> bool:
    return starts_like_image(text) and find_base64_end(text, 0, spaces=True) >= len(text)


def _is_no_video(url: str) -> bool:
    return is_image(url) or is_document(url)


def _with_marks(pictures: list[ResultImage], marks: list[tuple[int, ResultImage]]) -> list[ResultImage]:
    """Add what ``[100](…)`` in a progress line points at: a fallback, or the result if nothing else is."""
    highest = max(percent for percent, _ in marks)
    finals = [mark for percent, mark in marks if percent == highest]
    if not pictures:
        return list(dict.fromkeys(finals)) if highest == 100 else finals[-1:]
    if len(finals) != len(pictures):
        return pictures
    return [with_alternates(picture, mark.address) for picture, mark in zip(pictures, finals, strict=True)]
