"""What a provider answered, as values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypedDict

from worker.upstream.handles import Handles, find_generation_id
from worker.upstream.parsing.accumulator import AnswerAccumulator
from worker.upstream.parsing.echo_filter import FilteredText, strip_echoes
from worker.upstream.parsing.error_object import ErrorObject
from worker.upstream.parsing.image import ResultImage
from worker.upstream.parsing.image_extraction import (
    FoundMedia,
    ImageKey,
    find_images,
    image_key,
    merge_images,
)
from worker.upstream.parsing.json_images import ExtractedImages
from worker.upstream.parsing.progress import Percent

_DEEPEST = 3  #: texts within JSON within texts


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything an answer holds. ``text`` is verbatim; ``spoken`` is without prompt echoes and thinking."""

    images: tuple[ResultImage, ...] = ()
    videos: tuple[str, ...] = ()
    posters: tuple[str, ...] = ()
    text: str = ""
    filtered_text: str = ""
    reasoning: str = ""
    progress: tuple[Percent, ...] = ()
    task_id: str | None = None
    poll_url: str | None = None
    gen_ids: tuple[str, ...] = ()
    request_id: str | None = None
    finish_reasons: tuple[str, ...] = ()
    block_reason: str | None = None
    error: ErrorObject | None = None
    completion_tokens: int | None = None
    usage: Mapping[str, Any] | None = None  #: tokens, as the provider counts them
    streamed: bool = False  #: it was an event stream
    incomplete_stream: bool = False  #: which ended without saying so
    readable: bool = True  #: false: it claimed to be JSON, and is not
    empty: bool = False  #: not one byte that means anything
    html: bool = False  #: a web page instead of an answer
    waiting: bool = False  #: a task was accepted, its result is not here
    partial: bool = False  #: fewer pictures than asked for
    relative: bool = False  #: a picture's address had no host of its own
    draft: bool = False  #: only drafts were sent; the last one is taken
    echoed: bool = False  #: an input picture was shown again
    broken: bool = False  #: a picture began, and is not whole
    refusal: str = ""  #: why the model declined, in the field made for it

    @property
    def handles(self) -> Handles:
        """What can be used to recover the result, or to refer to it."""
        return Handles(self.task_id, self.poll_url, self.gen_ids)


@dataclass(frozen=True, slots=True)
class BodyInfo:
    """How an answer came to its end, and what it was."""

    whole: bool  #: nothing is missing at its end
    streamed: bool = False
    incomplete_stream: bool = False
    readable: bool = True
    empty: bool = False
    html: bool = False
    page: str = ""  #: its text, if it is neither JSON nor a stream


def assemble(
    accumulator: AnswerAccumulator,
    ending: BodyInfo,
    *,
    inputs: frozenset[ImageKey],
    n: int | None,
    origin: str | None,
) -> Answer:
    """Make an answer of what was collected.

    ``inputs`` were in the request and are no results; ``n`` pictures were asked for; ``origin`` completes
    addresses that have no host.
    """
    texts = accumulator.texts
    spoken = list(_spoken(accumulator, texts))
    words = "\n".join(piece.text for piece in spoken)
    found = find_images(words, complete=ending.whole, inputs=inputs)
    known = _known(accumulator, ending, found)
    return replace(
        known,
        text="".join(texts) or ending.page,
        filtered_text=words or ending.page,
        reasoning="\n".join(piece.thoughts for piece in spoken),
        **_pictures(accumulator.extracted, found, inputs=inputs, n=n, origin=origin),
    )


def _spoken(accumulator: AnswerAccumulator, texts: Sequence[str], depth: int = 0) -> Iterator[FilteredText]:
    """Yield the texts without their echoes; JSON values in them are taken, and the texts in these too."""
    for text in texts:
        piece = strip_echoes(text)
        inner = [words for value in piece.values for words in accumulator.add_embedded(value)]
        yield piece
        if depth < _DEEPEST:
            yield from _spoken(accumulator, inner, depth + 1)


class _Pictures(TypedDict):
    images: tuple[ResultImage, ...]
    videos: tuple[str, ...]
    partial: bool
    relative: bool
    draft: bool
    echoed: bool
    broken: bool


def _pictures(
    extracted: ExtractedImages,
    found: FoundMedia,
    *,
    inputs: frozenset[ImageKey],
    n: int | None,
    origin: str | None,
) -> _Pictures:
    structured = [picture for picture in extracted.images if image_key(picture) not in inputs]
    images = merge_images(structured, found.pictures, marked=found.marked)
    paths = dict.fromkeys((*extracted.relative, *found.relative))
    relative = not images and bool(paths)
    if relative:
        images = [ResultImage(url=(origin or "") + path) for path in paths]
    videos = tuple(dict.fromkeys((*extracted.videos, *found.videos)))
    draft = bool(extracted.drafts) and not images and not videos
    images = extracted.drafts[-1:] if draft else images
    return {
        "images": tuple(images),
        "videos": videos,
        "partial": bool(images) and n is not None and len(images) < n,
        "relative": relative,
        "draft": draft,
        "echoed": found.echoed or len(structured) < len(extracted.images),
        "broken": not images and (found.broken or extracted.broken),
    }


def _known(accumulator: AnswerAccumulator, ending: BodyInfo, found: FoundMedia) -> Answer:
    """Return the answer without its pictures and texts."""
    handles = accumulator.handles
    labelled = (known for label in found.labels if (known := find_generation_id(label)))
    return Answer(
        posters=tuple(found.posters),
        progress=tuple(accumulator.progress),
        task_id=handles.task_id,
        poll_url=handles.poll_url or found.poll_url,
        gen_ids=tuple(dict.fromkeys((*handles.gen_ids, *labelled))),
        request_id=accumulator.request_id or (accumulator.error.request_id if accumulator.error else None),
        finish_reasons=tuple(accumulator.finish_reasons),
        block_reason=accumulator.block_reason,
        error=accumulator.error,
        completion_tokens=accumulator.completion_tokens,
        usage=accumulator.usage,
        streamed=ending.streamed,
        incomplete_stream=ending.incomplete_stream,
        readable=ending.readable,
        empty=ending.empty,
        html=ending.html,
        waiting=accumulator.waiting,
        refusal="\n".join(accumulator.refusals),
    )
