"""Extract images from text: group the links of each image, rank them, remove duplicates.

``find_images`` reads one text; ``merge_images`` joins its images with those of JSON members. The renderings
of one image form an ``ImageGroup``: the primary is fetched, the others are its alternates.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import attrgetter
from typing import NamedTuple

from worker.upstream.parsing.base64_images import find_base64_end, parse_base64_image, starts_like_image
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.markdown import Link, LinkKind, LinkScanner
from worker.upstream.parsing.urls import (
    CanonicalUrl,
    canonical,
    is_document,
    is_http_url,
    is_image,
    is_on_image_host,
    is_placeholder,
    is_resized,
    is_task_page,
    is_video,
)

_DOWNLOAD_LABEL = re.compile(r"下\s?[载載]|download|原[图圖]|原始[图圖]|⏬|⬇|📥", re.IGNORECASE)
_ORIGINAL_LABEL = re.compile(r"original|full[ -]?(?:size|resolution)|高清|大[图圖]", re.IGNORECASE)
_TASK_PAGE_LABEL = re.compile(r"数据预览|原始数据|^\W*(?:preview|raw data)\W*$", re.IGNORECASE)
_RAW_DATA_LABEL = re.compile(r"原始数据|raw data", re.IGNORECASE)
_NO_SCHEME = re.compile(r"//[\w-]+\.[\w.-]+/")
_PERCENT_LABEL = re.compile(r"\s*\**(\d{1,3})(?:\.\d+)?\s*%?\**\s*", re.ASCII)
_PROGRESS = re.compile(r"进度|progress", re.IGNORECASE)
_BETWEEN = re.compile(r"(?:[^\w\[\]!()<]|_|<[^<>]{0,40}>)*")  # punctuation and tags, but no words
#: words that present the URL after them as an image
_ANNOUNCEMENT = re.compile(
    r"(?:\b(?:images?|pictures?|photos?|artworks?|illustrations?|drawings?)|图片|图像|照片|作品|画作|图)"
    r"(?: (?:urls?|links?|here|is ready)|地址|链接|网址|如下|已生成|生成完成)?"
    r"[*_`]{0,3}\s{0,3}[:：][\s*_`<>-]{0,12}\Z",
    re.IGNORECASE,
)
_MAX_ANNOUNCEMENT = 64  #: characters
#: the name of a file rather than of a page
_FILE_PATH = re.compile(r"https?://[^/?#]+/(?:[^?#]*/)?(?=[^/?#]*\d)[^/?#]{8,}(?:[?#]|$)", re.IGNORECASE)
_URL = re.compile(r"https?://\S+", re.IGNORECASE)
_WORD = re.compile(r"\w")
_MAX_URLS = 16_384  #: characters of a text with nothing but URLs
#: label of an image that a stream shows before the final one
_DRAFT_LABEL = re.compile(
    r"\W*(?:partial|preview|draft|blurr(?:ed|y)|low[- ]?res(?:olution)?|intermediate"
    r"|预览|草图|草稿|模糊|中间)"
    r"[\s_-]{0,3}(?:image|picture|result|图片|图像|图|结果)?[\s#(（]{0,3}\d{0,3}(?:/\d{1,3})?\W*",
    re.IGNORECASE,
)
#: priority of a kind of link: the lowest comes first, and is the one to fetch
_RANKS: Mapping[LinkKind, int] = {"image": 2, "link": 3, "img": 4, "data": 5, "bare": 6, "video": 6}
_LAST_RANK = 9
_MAX_LINE = 4096  #: characters before a link that are searched for its line

ImageKey = CanonicalUrl | str  #: equal for all renderings of an image: canonical URL, or base64


class FoundMedia(NamedTuple):
    """Images, videos and other links of a text."""

    images: Sequence[ResultImage] = ()
    videos: Sequence[str] = ()
    posters: Sequence[str] = ()
    labels: Sequence[str] = ()  #: of the images, in Markdown and HTML
    only_progress: bool = False  #: all images are links in progress lines
    poll_url: str | None = None
    relative: Sequence[str] = ()  #: URLs of images without a host
    echoed: bool = False  #: an input image was repeated
    broken: bool = False  #: an image began, but is incomplete
    drafts: bool = False  #: all images are labelled as drafts


@dataclass(slots=True)
class ImageGroup:
    """Renderings of one image: the primary to fetch, and the others by URL."""

    primary: ResultImage
    rank: int = 0  #: of its best link; the lowest is the best
    others: dict[str, ResultImage] = field(default_factory=dict)
    end: int = -1  #: position in the text after its last rendering
    paired: bool = False  #: its last rendering is a link
    has_original: bool = False  #: its original is known
    draft: bool = False  #: all its renderings are labelled as drafts

    def add(self, image: ResultImage, *, rank: int = 0, original: bool = False) -> None:
        """Add a rendering.

        An ``original`` becomes the primary; otherwise the one that is not resized, or has the better rank.
        """
        if image.address == self.primary.address:
            self.primary = with_alternates(self.primary, *image.alternates)
        else:
            if original or self._prefers(image, rank):
                self.others = {self.primary.address: self.primary, **self.others}
                self.others.pop(image.address, None)
                self.primary = image
            else:
                self.others.setdefault(image.address, image)
        self.rank, self.has_original = min(self.rank, rank), self.has_original or original

    def _prefers(self, image: ResultImage, rank: int) -> bool:
        current, other = _is_resized(self.primary), _is_resized(image)
        return current and not other if current != other else rank < self.rank and not self.has_original

    def image(self) -> ResultImage:
        """Return the primary, with the others as its alternates."""
        known = [*self.primary.alternates]
        for address, other in self.others.items():
            known += [address, *other.alternates]
        alternates = (address for address in dict.fromkeys(known) if address != self.primary.address)
        return replace(self.primary, alternates=tuple(alternates))


def image_key(image: ResultImage) -> ImageKey:
    """Return the key of an image: its canonical URL, or its base64."""
    return canonical(image.url) if image.url is not None else str(image.data)


def find_images(text: str, *, complete: bool, inputs: frozenset[ImageKey] = frozenset()) -> FoundMedia:
    """Return the images and videos of a text without echoes; ``inputs`` are those of the request."""
    whole = text.strip(" \r\n\t\"'`")
    if _is_base64(whole):
        bare = parse_base64_image(whole)
        return FoundMedia([ResultImage(data=bare[0], mime=bare[1])] if bare else [], broken=bare is None)
    if whole[:15].lower().startswith(("<!doctype html", "<html")):
        return FoundMedia()
    grouper = _ImageGrouper(text, inputs, complete=complete)
    scanner = LinkScanner(text, complete=complete)
    for link in scanner.scan():
        grouper.add(link)
    return grouper.close(broken=scanner.broken)


def find_result_spans(text: str) -> list[tuple[int, int]]:
    """Return the spans of a text that are not prose: images, videos, task pages, dead links."""
    if _is_base64(text.strip()):
        return [(0, len(text))]
    grouper = _ImageGrouper(text, frozenset(), complete=True)
    links = LinkScanner(text, complete=True).scan()
    return [(link.start, link.end) for link in links if grouper.add(link)]


class _ImageGrouper:
    """Groups the links of a text, in order, by the image that they show."""

    def __init__(self, text: str, inputs: frozenset[ImageKey], *, complete: bool) -> None:
        self._text = text
        self._complete = complete
        self._inputs = inputs
        self._groups: list[ImageGroup] = []
        self._by_key: dict[ImageKey, ImageGroup] = {}
        self._progress_links: list[tuple[int, ResultImage]] = []
        self._videos: dict[CanonicalUrl, str] = {}
        self._posters: list[str] = []
        self._labels: list[str] = []
        self._relative: list[str] = []
        self._poll_url: str | None = None
        self._echoed = False
        self._broken = False

    def add(self, link: Link) -> bool:
        """Add one link; return whether it is a result or belongs to one, not prose."""
        if link.poster and is_http_url(link.poster):
            self._posters.append(link.poster)
        if link.payload:
            self._add_payload(link)
            return True
        if link.kind in ("image", "img") and _NO_SCHEME.match(link.url):
            link.url = "https:" + link.url
        if is_http_url(link.url):
            link.url = link.url.replace(" ", "%20")
            return self._add_url(link)
        if link.kind in ("image", "img") and re.match(r"/(?!/)\S", link.url):
            self._relative.append(link.url)
        return link.kind != "link" or bool(_DOWNLOAD_LABEL.search(link.label))  # other scheme

    def _add_payload(self, link: Link) -> None:
        decoded = parse_base64_image(link.payload)
        if decoded:
            self._add_image(link, ResultImage(data=decoded[0], mime=decoded[1]))
        else:
            self._broken = self._broken or starts_like_image(link.payload)

    def _add_url(self, link: Link) -> bool:
        if is_placeholder(link.url):
            return True
        if is_task_page(link.url) or (link.kind == "link" and _TASK_PAGE_LABEL.search(link.label)):
            if link.kind != "image" and (_RAW_DATA_LABEL.search(link.label) or "/source/" in link.url):
                self._poll_url = self._poll_url or link.url
            return True
        if is_video(link.url) or (link.kind == "video" and not _is_not_video(link.url)):
            self._videos.setdefault(canonical(link.url), link.url)
            return True
        percent = _PERCENT_LABEL.fullmatch(link.label) if link.kind == "link" else None
        if percent and self._follows_progress(link.start):
            self._progress_links.append((int(percent[1]), ResultImage(url=link.url)))
            return True
        if self._is_image_link(link):
            self._add_image(link, ResultImage(url=link.url))
            return True
        return bool(link.inner)

    def _follows_progress(self, position: int) -> bool:
        """Return whether the line mentions progress before this position."""
        start = max(position - _MAX_LINE, 0)
        line = max(self._text.rfind("\n", start, position) + 1, start)
        return _PROGRESS.search(self._text, line, position) is not None

    def _is_image_link(self, link: Link) -> bool:
        """Return whether a link is an image, not a page or another file."""
        if link.kind in ("image", "img"):
            return not is_document(link.url)
        if link.inner and not is_image(link.url):
            return False  # a search result: a thumbnail linked to a page
        if link.kind == "link" and _DOWNLOAD_LABEL.search(link.label):
            return not is_document(link.url)
        if is_image(link.url) or (is_on_image_host(link.url) and not is_document(link.url)):
            return True
        return link.kind == "bare" and self._is_announced(link)

    def _is_announced(self, link: Link) -> bool:
        """Return whether the text presents a bare URL as its image: after such words, or without words."""
        if not self._complete or not _FILE_PATH.match(link.url) or is_document(link.url):
            return False
        start = max(link.start - _MAX_ANNOUNCEMENT, 0)
        return self._has_no_words or _ANNOUNCEMENT.search(self._text, start, link.start) is not None

    @cached_property
    def _has_no_words(self) -> bool:
        """Whether the text holds nothing but URLs."""
        return len(self._text) < _MAX_URLS and not _WORD.search(_URL.sub("", self._text))

    def _add_image(self, link: Link, image: ResultImage) -> None:
        key = image_key(image)
        if key in self._inputs:
            self._echoed = True
            return
        draft = False
        if link.kind in ("image", "img"):
            self._labels.append(link.label)
            draft = _DRAFT_LABEL.fullmatch(link.label) is not None
        rank = _RANKS["image" if link.inner else link.kind]
        group = self._by_key.get(key)
        if group is not None:
            group.add(image, rank=rank)
        elif group := self._group_before(link):
            group.add(image, rank=rank, original=True)
        else:
            group = ImageGroup(image, rank, draft=draft)
            self._groups.append(group)
        group.draft &= draft
        for inner in link.inner:
            if is_http_url(inner.url):
                group.add(ResultImage(url=inner.url), rank=_LAST_RANK)
                self._by_key[canonical(inner.url)] = group
        group.end = link.end
        group.paired |= link.kind == "link"
        self._by_key[key] = group

    def _group_before(self, link: Link) -> ImageGroup | None:
        """Return the group that a download link directly follows: the link is its original."""
        group = self._groups[-1] if self._groups else None
        if group is None or group.paired or link.kind != "link":
            return None
        if not (
            _DOWNLOAD_LABEL.search(link.label) or (_ORIGINAL_LABEL.search(link.label) and is_image(link.url))
        ):
            return None
        return group if _BETWEEN.fullmatch(self._text, group.end, link.start) else None

    def close(self, *, broken: bool) -> FoundMedia:
        """Return all that was found; ``broken`` means that a link was unterminated."""
        drafts = bool(self._groups) and all(group.draft for group in self._groups)
        groups = [group for group in self._groups if drafts or not group.draft]
        images = [group.image() for group in sorted(groups, key=attrgetter("rank"))]
        only_progress = bool(self._progress_links) and not (images or self._videos)
        if self._videos:
            self._posters += [image.address for image in images]
            images = []
        elif self._progress_links:
            images = _add_progress_links(images, self._progress_links)
        return FoundMedia(
            images,
            list(self._videos.values()),
            list(dict.fromkeys(self._posters)),
            self._labels,
            only_progress,
            self._poll_url,
            self._relative,
            self._echoed,
            broken or self._broken,
            drafts,
        )


def _is_base64(text: str) -> bool:
    return starts_like_image(text) and find_base64_end(text, 0, spaces=True) >= len(text)


def _is_not_video(url: str) -> bool:
    return is_image(url) or is_document(url)


def _add_progress_links(
    images: list[ResultImage], progress_links: list[tuple[int, ResultImage]]
) -> list[ResultImage]:
    """Add the links of progress lines (``[100](…)``): as alternates, or else as results."""
    highest = max(percent for percent, _ in progress_links)
    finals = [image for percent, image in progress_links if percent == highest]
    if not images:
        return list(dict.fromkeys(finals)) if highest == 100 else finals[-1:]
    if len(finals) != len(images):
        return images
    pairs = zip(images, finals, strict=True)
    return [with_alternates(image, final.address) for image, final in pairs]


def merge_images(
    from_fields: Sequence[ResultImage], from_text: Sequence[ResultImage], *, only_progress: bool
) -> list[ResultImage]:
    """Merge the images of JSON members with those of the text.

    An image in both counts once; equal numbers in both are the same images; otherwise both count.
    ``only_progress`` means that the text has only links in progress lines, which are never further images.
    """
    unique = _merge(from_fields)
    if not (unique and from_text):
        return unique or _merge(from_text)
    keys = {key for image in unique for key in _keys(image)}
    overlap = any(key in keys for image in from_text for key in _keys(image))
    if len(unique) == len(from_text) and not overlap:
        pairs = zip(unique, from_text, strict=True)
        return [with_alternates(image, other.address, *other.alternates) for image, other in pairs]
    return unique if only_progress else _merge((*unique, *from_text))


def with_alternates(image: ResultImage, *addresses: str) -> ResultImage:
    """Return the image with further alternates."""
    known = (*image.alternates, *(address for address in addresses if address != image.address))
    return replace(image, alternates=tuple(dict.fromkeys(known)))


def _merge(images: Sequence[ResultImage]) -> list[ResultImage]:
    """Merge images that share a rendering."""
    groups: list[ImageGroup] = []
    by_key: dict[ImageKey, ImageGroup] = {}
    for image in images:
        keys = list(_keys(image))
        group = next((by_key[key] for key in keys if key in by_key), None)
        if group is None:
            group = ImageGroup(image)
            groups.append(group)
        else:  # the group of an alternate of this image gets its original
            group.add(image, original=image_key(group.primary) in keys[1:])
        by_key.update(dict.fromkeys(keys, group))
    return [group.image() for group in groups]


def _keys(image: ResultImage) -> Iterator[ImageKey]:
    yield image_key(image)
    for address in image.alternates:
        yield address.partition(",")[2] if address.startswith("data:") else canonical(address)


def _is_resized(image: ResultImage) -> bool:
    return image.url is not None and is_resized(image.url)
