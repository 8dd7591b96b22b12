"""Which pictures an answer holds: links become groups, one group per picture, each with one primary."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from worker.upstream.base64_pictures import end_of_base64, looks_like_picture, read_base64
from worker.upstream.markdown import Link, LinkScanner
from worker.upstream.pictures import Picture
from worker.upstream.urls import (
    Key,
    canonical,
    is_document,
    is_picture,
    is_resized,
    is_video,
    is_web,
)

_DOWNLOAD = re.compile(r"下载|download|原图|原始图|⏬|⬇|📥", re.IGNORECASE)
_PAGES = re.compile(r"数据预览|原始数据|^\W*(?:preview|raw data)\W*$", re.IGNORECASE)
_RAW = re.compile(r"原始数据|raw data", re.IGNORECASE)
_TASK_DATA = re.compile(r"^https?://[^/]*asyncdata[^/]*/", re.IGNORECASE)
_MARK = re.compile(r"\s*\**(\d{1,3})(?:\.\d+)?\s*%?\**\s*", re.ASCII)
_PROGRESS = re.compile(r"进度|progress", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s>|*_-]*(?:<[^<>]{0,40}>[\s>|*_-]*)*")

Identity = Key | str


class Found(NamedTuple):
    """What a text holds."""

    pictures: Sequence[Picture] = ()
    videos: Sequence[str] = ()
    posters: Sequence[str] = ()
    labels: Sequence[str] = ()  #: of the pictures
    poll_url: str | None = None
    relative: Sequence[str] = ()  #: picture destinations without a host
    echoed: bool = False  #: an input picture was shown again
    broken: bool = False  #: a picture began, and is not whole


@dataclass(slots=True)
class _Group:
    """Renderings of one picture; the first is the one to fetch."""

    members: list[Picture]
    end: int = -1  # where its last rendering stands in the text
    downloadable: bool = False
    keys: set[Identity] = field(default_factory=set)

    def add(self, picture: Picture, *, first: bool = False) -> None:
        self.keys.add(identity(picture))
        if all(member.address != picture.address for member in self.members):
            self.members.insert(0 if first else len(self.members), picture)

    def picture(self) -> Picture:
        primary, *others = self.members
        addresses = (*(other.address for other in others), *primary.alternates)
        return Picture(primary.url, primary.data, primary.mime, tuple(dict.fromkeys(addresses)))


def identity(picture: Picture) -> Identity:
    """Return what two renderings of the same picture share: the canonical key, or the bytes."""
    return canonical(picture.url) if picture.url is not None else str(picture.data)


def find_pictures(text: str, *, complete: bool, inputs: frozenset[Identity] = frozenset()) -> Found:
    """Return the pictures and videos of a text whose echoes are stripped; ``inputs`` were in the request."""
    whole = text.strip()
    if looks_like_picture(whole) and end_of_base64(whole, 0, spaces=True) >= len(whole):
        bare = read_base64(whole)
        return Found([Picture(data=bare[0], mime=bare[1])] if bare else [], broken=bare is None)
    if whole[:15].lower().startswith(("<!doctype html", "<html")):
        return Found()
    gatherer = _Gatherer(text, inputs)
    scanner = LinkScanner(text, complete=complete)
    for link in scanner.scan():
        gatherer.take(link)
    return gatherer.found(broken=scanner.broken)


class _Gatherer:
    """Takes links in order and forms groups."""

    def __init__(self, text: str, inputs: frozenset[Identity]) -> None:
        self._text = text
        self._inputs = inputs
        self._groups: list[_Group] = []
        self._by_key: dict[Identity, _Group] = {}
        self._marks: list[tuple[int, Picture]] = []
        self._videos: dict[Key, str] = {}
        self._posters: list[str] = []
        self._labels: list[str] = []
        self._relative: list[str] = []
        self._poll_url: str | None = None
        self._echoed = False
        self._broken = False

    def take(self, link: Link) -> None:
        if link.poster and is_web(link.poster):
            self._posters.append(link.poster)
        if link.payload:
            self._take_payload(link)
        elif is_web(link.url):
            link.url = link.url.replace(" ", "%20")
            self._take_url(link)
        elif link.kind in ("image", "img") and re.match(r"/(?!/)\S", link.url):
            self._relative.append(link.url)

    def _take_payload(self, link: Link) -> None:
        decoded = read_base64(link.payload)
        if decoded:
            self._add(link, Picture(data=decoded[0], mime=decoded[1]))
        else:
            self._broken = self._broken or looks_like_picture(link.payload)

    def _take_url(self, link: Link) -> None:
        if _TASK_DATA.match(link.url) or (link.kind == "link" and _PAGES.search(link.label)):
            if link.kind != "image" and (_RAW.search(link.label) or "/source/" in link.url):
                self._poll_url = self._poll_url or link.url
            return
        if is_video(link.url) or (link.kind == "video" and not is_picture(link.url)):
            self._videos.setdefault(canonical(link.url), link.url)
            return
        mark = _MARK.fullmatch(link.label) if link.kind == "link" else None
        if mark and _PROGRESS.search(self._text, self._text.rfind("\n", 0, link.start) + 1, link.start):
            self._marks.append((int(mark[1]), Picture(url=link.url)))
        elif self._counts(link):
            self._add(link, Picture(url=link.url))

    def _counts(self, link: Link) -> bool:
        """Tell whether this link is a picture at all, rather than a page or a file."""
        if link.kind in ("image", "img"):
            return not is_document(link.url)
        if link.inner and not is_picture(link.url):
            return False  # a search card: a thumbnail that leads to a page
        if link.kind == "link" and _DOWNLOAD.search(link.label):
            return not is_document(link.url)
        return is_picture(link.url)

    def _add(self, link: Link, picture: Picture) -> None:
        key = identity(picture)
        if key in self._inputs:
            self._echoed = True
            return
        if link.kind in ("image", "img"):
            self._labels.append(link.label)
        group = self._by_key.get(key)
        if group is None and link.kind == "link" and (group := self._directly_before(link)):
            group.add(picture, first=True)
        elif group is None:
            group = _Group([picture], keys={key})
            self._groups.append(group)
        else:
            group.add(picture, first=_is_better(picture, group.members[0]))
        for inner in link.inner:
            if is_web(inner.url):
                group.add(Picture(url=inner.url))
                self._by_key[canonical(inner.url)] = group
        group.end = link.end
        group.downloadable |= link.kind == "link"
        self._by_key[key] = group

    def _directly_before(self, link: Link) -> _Group | None:
        """Return the picture that this download link is the original of: the one it directly follows."""
        group = self._groups[-1] if self._groups else None
        if group is None or group.downloadable or not _DOWNLOAD.search(link.label):
            return None
        return group if _BETWEEN.fullmatch(self._text, group.end, link.start) else None

    def found(self, *, broken: bool) -> Found:
        """Return the groups as pictures; ``broken`` says that a link did not end."""
        pictures = [group.picture() for group in self._groups]
        if self._videos:
            self._posters += [picture.address for picture in pictures]
            pictures = []
        elif self._marks:
            pictures = _with_marks(pictures, self._marks)
        return Found(
            pictures,
            list(self._videos.values()),
            list(dict.fromkeys(self._posters)),
            self._labels,
            self._poll_url,
            self._relative,
            self._echoed,
            broken or self._broken,
        )


def _is_better(picture: Picture, than: Picture) -> bool:
    """Prefer the object itself to a resized rendering of it."""
    return bool(picture.url and than.url) and is_resized(str(than.url)) and not is_resized(str(picture.url))


def _with_marks(pictures: list[Picture], marks: list[tuple[int, Picture]]) -> list[Picture]:
    """Add what ``[100](…)`` in a progress line points at: a fallback, or the result if nothing else is."""
    highest = max(percent for percent, _ in marks)
    finals = [mark for percent, mark in marks if percent == highest]
    if not pictures:
        return list(dict.fromkeys(finals)) if highest == 100 else finals[-1:]
    if len(finals) != len(pictures):
        return pictures
    return [with_alternate(picture, mark.address) for picture, mark in zip(pictures, finals, strict=True)]


def with_alternate(picture: Picture, *addresses: str) -> Picture:
    """Return the picture with further fallbacks."""
    known = (*picture.alternates, *(address for address in addresses if address != picture.address))
    return Picture(picture.url, picture.data, picture.mime, tuple(dict.fromkeys(known)))


def combine(structured: Sequence[Picture], written: Sequence[Picture]) -> list[Picture]:
    """Join the pictures of fields with those of the text.

    The same picture in both is one; with as many in both they are the same ones; otherwise both count.
    """
    unique = _unique(structured)
    keys = {identity(picture) for picture in unique}
    overlap = [picture for picture in written if identity(picture) in keys]
    if unique and written and not overlap and len(unique) == len(written):
        pairs = zip(unique, written, strict=True)
        return [with_alternate(picture, other.address, *other.alternates) for picture, other in pairs]
    return _unique((*unique, *written))


def _unique(pictures: Sequence[Picture]) -> list[Picture]:
    groups: dict[Identity, _Group] = {}
    for picture in pictures:
        key = identity(picture)
        if key in groups:
            groups[key].add(picture, first=_is_better(picture, groups[key].members[0]))
            for address in picture.alternates:
                groups[key].add(Picture(url=address))
        else:
            groups[key] = _Group([picture], keys={key})
    return [group.picture() for group in groups.values()]
