"""One explained answer as people read it."""

import re
from collections.abc import Iterator

from rich.console import Group
from rich.table import Table
from rich.text import Text

from api.cli.output import shortened
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.diagnosis.outcome_help import MONEY, OUTCOME_HELP, REACH, help_for
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.response_headers import Bucket

_LOOKS = {
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
_LONGEST = 600  #: characters of what the model or the provider said
_FLAGS = (
    ("incomplete_stream", "the stream broke off, but the picture in it is whole"),
    ("partial", "fewer pictures than asked for"),
    ("relative", "the address has no host of its own: the provider's is taken"),
)

Fact = tuple[str, str]


def card(explanation: Explanation) -> Group:
    """Return all that an answer means, for a terminal of any width."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True, min_width=11)
    facts.add_column(overflow="fold")
    for name, value in _facts(explanation):
        facts.add_row(name, Text(_CONTROL.sub(" ", value), overflow="fold"))
    return Group(_head(explanation), facts, Text())


def _head(explanation: Explanation) -> Table:
    """Say the outcome on the left, and which answer it is on the right."""
    observation, result = explanation.observation, explanation.result
    sign, colour = _LOOKS[explanation.outcome]
    title = Text(f"{sign} {explanation.outcome.replace('_', ' ')}", style=f"bold {colour}")
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
    yield "", explanation.message
    if (result := explanation.result) is not None:
        yield "job", help_for(result)
        yield "money", MONEY[result.billed]
        yield "to do", OUTCOME_HELP[result.outcome].person
        if result.scope is not None:
            yield "concerns", REACH[result.scope]
    if explanation.answer is not None:
        yield from _results(explanation.answer)
    yield from _notes(explanation)
    if result is not None and result.provider_message:
        yield "it said", shortened(result.provider_message, _LONGEST)


def _results(answer: Answer) -> Iterator[Fact]:
    """Yield what the answer holds."""
    for number, picture in enumerate(answer.images, 1):
        yield "picture" if len(answer.images) == 1 else f"picture {number}", _address(picture.address)
        for other in picture.alternates:
            yield "  or", _address(other)
    yield from (("video", address) for address in answer.videos)
    yield from (("poster", address) for address in answer.posters)
    if answer.progress:
        yield "progress", " → ".join(f"{percent:g}" for percent in answer.progress) + " %"
    if answer.images and (words := message_text(answer)):
        yield "text", shortened(words, _LONGEST)
    if answer.task_id:
        yield "task", answer.task_id
    if answer.poll_url:
        yield "result at", answer.poll_url
    if answer.gen_ids:
        yield "for edits", ", ".join(answer.gen_ids)


def _notes(explanation: Explanation) -> Iterator[Fact]:
    """Yield what is worth knowing beside."""
    document = explanation.document()
    yield from (("note", words) for flag, words in _FLAGS if document.get(flag))
    if explanation.retry_after is not None:
        yield "wait", f"{_span(explanation.retry_after)}, by the provider's own account"
    if explanation.result is not None and (named := explanation.result.limit):
        yield "limit", f"{named.calls:,} calls in {_span(named.period.total_seconds())}, by its own words"
    yield from ((f"limit {name}", _limit(bucket)) for name, bucket in explanation.ratelimit.items())
    if explanation.request_id:
        yield "request id", f"{explanation.request_id} (for the provider's support)"


def _address(address: str) -> str:
    """Return a web address whole, and a picture that came inside the answer as its kind and size."""
    if not address.startswith("data:"):
        return address
    kind, _, data = address[5:].partition(";base64,")
    size = len(data) * 3 // 4 - data[-2:].count("=")
    return f"inside the answer: {kind}, {_bytes(size)}"


def _bytes(size: int) -> str:
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1e3:.1f} kB" if size < 1_000_000 else f"{size / 1e6:.1f} MB"


def _limit(bucket: Bucket) -> str:
    of = "" if bucket.limit is None else f" of {bucket.limit:,}"
    left = (
        f"{bucket.remaining:,}{of} left" if bucket.remaining is not None else f"{of[4:] or 'unknown'} in all"
    )
    return left if bucket.reset is None else f"{left}, full again in {_span(bucket.reset)}"


def _span(seconds: float) -> str:
    """Return seconds as people say them: 0.45 s, 12 s, 6 min, 1 h 23 min."""
    if seconds < 120:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    if minutes < 120:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    return f"{hours} h {rest} min" if rest else f"{hours} h"
