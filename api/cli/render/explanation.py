"""Card of one explained answer, for a terminal."""

import re
from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from api.cli.output import shortened
from api.cli.render.times import duration
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.diagnosis.outcome_help import BILLED_HELP, OUTCOME_HELP, SCOPE_HELP, job_help
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.response_headers import Bucket

_STYLES = {
    "success": ("✔", "green"),
    "pending": ("…", "cyan"),
    "retry": ("↻", "blue"),
    "no_image": ("○", "yellow"),
    "permanent": ("✘", "red"),
    "needs_human": ("!", "magenta"),
    "ambiguous": ("?", "yellow"),
    "headers_only": ("≡", "cyan"),
}
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]+")
_MAX_TEXT = 600  #: characters of the model's or the provider's text
_FLAGS = (
    ("incomplete_stream", "the stream broke off, but the image in it is complete"),
    ("partial", "fewer images than requested"),
    ("relative", "the URL has no host: the provider's is used"),
)

Fact = tuple[str, str]


def card(explanation: Explanation) -> Group:
    """Return the card of an explanation, for a terminal of any width."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True, min_width=11)
    facts.add_column(overflow="fold")
    for name, value in _facts(explanation):
        facts.add_row(name, Text(_CONTROL.sub(" ", value), overflow="fold"))
    return Group(_head(explanation), facts, Text())


def _head(explanation: Explanation) -> Table:
    """Return the first line: the outcome on the left; id, status and duration on the right."""
    observation, result = explanation.observation, explanation.result
    symbol, colour = _STYLES[explanation.outcome]
    title = Text(f"{symbol} {explanation.outcome.replace('_', ' ')}", style=f"bold {colour}")
    if result is not None and result.code:
        title.append(f"  {result.code}", style=colour)
    parts = [
        None if observation.id is None else shortened(_CONTROL.sub(" ", str(observation.id)), 30),
        f"HTTP {observation.status}" if observation.status is not None else None,
        observation.failure.value if observation.failure else None,
        f"{observation.elapsed:g} s" if observation.elapsed else None,
    ]
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right", style="dim")
    head.add_row(title, Text(" · ".join(part for part in parts if part)))
    return head


def _facts(explanation: Explanation) -> Iterator[Fact]:
    """Yield all facts of the card, in order."""
    yield "", explanation.message
    if (result := explanation.result) is not None:
        yield "job", job_help(result)
        yield "money", BILLED_HELP[result.billed]
        yield "to do", OUTCOME_HELP[result.outcome].action
        if result.scope is not None:
            yield "concerns", SCOPE_HELP[result.scope]
    if explanation.answer is not None:
        yield from _results(explanation.answer)
    yield from _notes(explanation)
    if result is not None and result.provider_message:
        yield "it said", shortened(result.provider_message, _MAX_TEXT)
    if result is not None and result.decided_by:
        yield "decided by", result.decided_by


def _results(answer: Answer) -> Iterator[Fact]:
    """Yield the results in the answer: images, videos, progress, text and handles."""
    for number, image in enumerate(answer.images, 1):
        yield "image" if len(answer.images) == 1 else f"image {number}", _address(image.address)
        for alternate in image.alternates:
            yield "  or", _address(alternate)
    yield from (("video", address) for address in answer.videos)
    yield from (("poster", address) for address in answer.posters)
    if answer.progress:
        yield "progress", " → ".join(f"{percent:g}" for percent in answer.progress) + " %"
    if answer.images and (text := message_text(answer)):
        yield "text", shortened(text, _MAX_TEXT)
    if answer.task_id:
        yield "task", answer.task_id
    if answer.poll_url:
        yield "result at", answer.poll_url
    yield from (("task at", address) for address in answer.task_urls)
    if answer.gen_ids:
        yield "for edits", ", ".join(answer.gen_ids)


def _notes(explanation: Explanation) -> Iterator[Fact]:
    """Yield flags, waits, limits and the request id."""
    document = explanation.document()
    yield from (("note", note) for flag, note in _FLAGS if document.get(flag))
    if explanation.retry_after is not None:
        yield "wait", f"{duration(explanation.retry_after)}, as the provider says"
    if explanation.result is not None and (limit := explanation.result.limit):
        yield (
            "limit",
            f"{limit.calls:,} calls in {duration(limit.period.total_seconds())}, stated by the provider",
        )
    yield from ((f"limit {name}", _bucket(bucket)) for name, bucket in explanation.ratelimit.items())
    if explanation.request_id:
        yield "request id", f"{explanation.request_id} (for the provider's support)"


def _address(address: str) -> str:
    """Return a web URL as it is, and a ``data:`` URL as its media type and size."""
    if not address.startswith("data:"):
        return address
    media_type, _, data = address[5:].partition(";base64,")
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return f"inside the answer: {media_type}, {_bytes(size)}"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def _bucket(bucket: Bucket) -> str:
    of = "" if bucket.limit is None else f" of {bucket.limit:,}"
    left = (
        f"{bucket.remaining:,}{of} left" if bucket.remaining is not None else f"{of[4:] or 'unknown'} in all"
    )
    return left if bucket.reset is None else f"{left}, full again in {duration(bucket.reset)}"
