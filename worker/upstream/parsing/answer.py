"""Answer: everything a parsed response holds, and how it is assembled from the accumulator."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
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
from worker.upstream.parsing.task_state import ProviderTask

_MAX_DEPTH = 3  #: of texts within JSON within texts


@dataclass(frozen=True, slots=True)
class Answer:
    """Parsed response. ``text`` is verbatim, ``filtered_text`` is without echoed prompts and reasoning."""

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
    usage: Mapping[str, Any] | None = None  #: token counts of the provider
    told_cost: Decimal | None = None  #: what the provider says that the call costs
    stated: Mapping[str, str | int] = field(default_factory=dict)  #: id, model and time of a completion
    tool_calls: tuple[Mapping[str, Any], ...] = ()  #: of its first choice
    made_size: str | None = None  #: of the images, as the provider states it
    made_quality: str | None = None  #: the same
    streamed: bool = False  #: an event stream
    incomplete_stream: bool = False  #: the stream ended without its end mark
    readable: bool = True  #: false: looks like JSON, but is not
    empty: bool = False  #: no byte besides comments and white space
    html: bool = False  #: a web page instead of an answer
    waiting: bool = False  #: a task was accepted, its result is still pending
    partial: bool = False  #: fewer images than requested
    relative: bool = False  #: the URL of an image had no host
    draft: bool = False  #: only drafts of an image were sent, which are no result
    echoed: bool = False  #: an input image was repeated
    broken: bool = False  #: an image began, but is incomplete
    refusal: str = ""  #: of the ``refusal`` member
    withheld: str = ""  #: what members about safety say of an image that was withheld
    task: ProviderTask | None = None  #: the asynchronous task that the answer shows
    task_urls: tuple[str, ...] = ()  #: of the task, as the answer writes them
    content: bool = False  #: something besides formal members, in an answer without choices
    searched: bool = False  #: the images were found in members that no rule names

    @property
    def handles(self) -> Handles:
        """Ids and URLs that recover the result or refer to it."""
        return Handles(self.task_id, self.poll_url, self.gen_ids, task_urls=self.task_urls)


@dataclass(frozen=True, slots=True)
class BodyInfo:
    """What the reader knows about the body as a whole."""

    whole: bool  #: not truncated
    streamed: bool = False
    incomplete_stream: bool = False
    readable: bool = True
    empty: bool = False
    html: bool = False
    page: str = ""  #: the text of a body that is neither JSON nor a stream


def build_answer(
    accumulator: AnswerAccumulator,
    body: BodyInfo,
    *,
    inputs: frozenset[ImageKey],
    n: int | None,
    origin: str | None,
    decode: Callable[[ResultImage], ResultImage],
) -> Answer:
    """Build the answer from the accumulator.

    ``inputs`` are images of the request, which are never results; ``n`` images were requested; ``origin``
    completes URLs without a host; ``decode`` adds the bytes of an image.
    """
    texts = accumulator.texts
    filtered = list(_filter_texts(accumulator, texts))
    text = "\n".join(part.text for part in filtered)
    found = find_images(text, complete=body.whole, inputs=inputs)
    if found.drafts and body.streamed:  # a stream shows them before the image itself
        accumulator.extracted.drafts += found.images
        found = found._replace(images=())
    media = _images(accumulator.extracted, found, inputs=inputs, n=n, origin=origin)
    media["images"] = tuple(map(decode, media["images"]))
    return _answer(
        accumulator,
        body,
        found,
        media,
        text="".join(texts) or body.page,
        filtered_text=text or body.page,
        reasoning="\n".join(part.reasoning for part in filtered),
    )


def _filter_texts(
    accumulator: AnswerAccumulator, texts: Sequence[str], depth: int = 0
) -> Iterator[FilteredText]:
    """Yield the texts without echoes; JSON values in them are added, with the texts in these."""
    for text in texts:
        part = strip_echoes(text)
        inner = [quoted for value in part.values for quoted in accumulator.add_embedded(value)]
        yield part
        if depth < _MAX_DEPTH:
            yield from _filter_texts(accumulator, inner, depth + 1)


class _Images(TypedDict):
    images: tuple[ResultImage, ...]
    videos: tuple[str, ...]
    partial: bool
    relative: bool
    draft: bool
    echoed: bool
    broken: bool


def _images(
    extracted: ExtractedImages,
    found: FoundMedia,
    *,
    inputs: frozenset[ImageKey],
    n: int | None,
    origin: str | None,
) -> _Images:
    from_fields = [image for image in extracted.images if image_key(image) not in inputs]
    images = merge_images(from_fields, found.images, only_progress=found.only_progress)
    paths = dict.fromkeys((*extracted.relative, *found.relative))
    relative = not images and bool(paths)
    if relative:
        images = [ResultImage(url=(origin or "") + path) for path in paths]
    videos = tuple(dict.fromkeys((*extracted.videos, *found.videos)))
    draft = bool(extracted.drafts) and not images and not videos
    return {
        "images": tuple(images),
        "videos": videos,
        "partial": bool(images) and n is not None and len(images) < n,
        "relative": relative,
        "draft": draft,
        "echoed": found.echoed or len(from_fields) < len(extracted.images),
        "broken": not images and (found.broken or extracted.broken),
    }


def _answer(
    accumulator: AnswerAccumulator, body: BodyInfo, found: FoundMedia, media: _Images, **texts: str
) -> Answer:
    handles = accumulator.scanner.handles
    labelled = (answer for label in found.labels if (answer := find_generation_id(label)))
    return Answer(
        **media,
        **texts,
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
        told_cost=accumulator.told_cost,
        stated=accumulator.stated,
        tool_calls=_tool_calls(accumulator),
        made_size=accumulator.made.get("size"),
        made_quality=accumulator.made.get("quality"),
        streamed=body.streamed,
        incomplete_stream=body.incomplete_stream,
        readable=body.readable,
        empty=body.empty,
        html=body.html,
        waiting=accumulator.waiting,
        refusal="\n".join(accumulator.refusals),
        withheld="; ".join(accumulator.withheld),
        task=accumulator.task,
        task_urls=handles.task_urls,
        content=accumulator.content,
        searched=accumulator.searched,
    )


def _tool_calls(accumulator: AnswerAccumulator) -> tuple[Mapping[str, Any], ...]:
    choices = sorted(accumulator.choices.items())
    return tuple(choices[0][1].tool_calls) if choices else ()
