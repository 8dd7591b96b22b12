"""Card of one explained answer, for a terminal."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from api.cli.output import shortened
from api.cli.render.times import duration
from models.outcomes import Billed, Outcome, Scope
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.diagnosis.outcome_help import BILLED_HELP, OUTCOME_HELP, SCOPE_HELP, job_help
from worker.upstream.parsing.answer_text import message_text

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
    observation, answer = explanation.observation, explanation.answer
    parts = [
        None if observation.id is None else shortened(_CONTROL.sub(" ", str(observation.id)), 30),
        f"HTTP {observation.status}" if observation.status is not None else None,
        observation.failure.value if observation.failure else None,
        f"{observation.elapsed:g} s" if observation.elapsed else None,
    ]
    text = message_text(answer) if answer is not None else None
    return document_card(explanation.document(), " · ".join(part for part in parts if part), text=text)


def document_card(document: Mapping[str, Any], title: str, *, text: str | None = None) -> Group:
    """Return the card of an explanation's document; ``text`` is what the answer says beside its images."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True, min_width=11)
    facts.add_column(overflow="fold")
    for name, value in _facts(document, text):
        facts.add_row(name, Text(_CONTROL.sub(" ", value), overflow="fold"))
    return Group(_head(document, title), facts, Text())


def _head(document: Mapping[str, Any], title: str) -> Table:
    """Return the first line: the outcome on the left; the title on the right."""
    outcome, code = document["outcome"], document.get("error_code")
    symbol, colour = _STYLES.get(outcome, ("?", "yellow"))
    words = Text(f"{symbol} {outcome.replace('_', ' ')}", style=f"bold {colour}")
    if code:
        words.append(f"  {code}", style=colour)
    head = Table.grid(expand=True)
    head.add_column()
    head.add_column(justify="right", style="dim")
    head.add_row(words, Text(title))
    return head


def _facts(document: Mapping[str, Any], text: str | None) -> Iterator[Fact]:
    """Yield all facts of the card, in order."""
    yield "", document["message"]
    if document["outcome"] in set(Outcome):
        outcome = Outcome(document["outcome"])
        yield "job", job_help(outcome, document.get("error_code"))
        yield "money", BILLED_HELP[Billed(document["billed"])]
        yield "to do", OUTCOME_HELP[outcome].action
    if scope := document.get("scope"):
        yield "concerns", SCOPE_HELP[Scope(scope)]
    yield from _results(document, text)
    yield from _notes(document)
    if message := document.get("provider_message"):
        yield "it said", shortened(message, _MAX_TEXT)
    if decided_by := document.get("decided_by"):
        yield "decided by", decided_by


def _results(document: Mapping[str, Any], text: str | None) -> Iterator[Fact]:
    """Yield the results in the answer: images, videos, progress, text and handles."""
    images: Sequence[str] = document["images"]
    for number, image in enumerate(images, 1):
        yield "image" if len(images) == 1 else f"image {number}", _address(image)
        for alternate in (document.get("alternates") or {}).get(image, ()):
            yield "  or", _address(alternate)
    yield from (("video", address) for address in document.get("videos") or ())
    yield from (("poster", address) for address in document.get("posters") or ())
    if progress := document.get("progress"):
        yield "progress", " → ".join(f"{percent:g}" for percent in progress) + " %"
    if images and text:
        yield "text", shortened(text, _MAX_TEXT)
    for name, label in (("task_id", "task"), ("poll_url", "result at")):
        if value := document.get(name):
            yield label, value
    yield from (("task at", address) for address in document.get("task_urls") or ())
    if gen_ids := document.get("gen_ids"):
        yield "for edits", ", ".join(gen_ids)


def _notes(document: Mapping[str, Any]) -> Iterator[Fact]:
    """Yield flags, waits, limits and the request id."""
    yield from (("note", note) for flag, note in _FLAGS if document.get(flag))
    if (wait := document.get("retry_after_s")) is not None:
        yield "wait", f"{duration(wait)}, as the provider says"
    if limit := document.get("call_limit"):
        yield "limit", f"{limit['calls']:,} calls in {duration(limit['period_s'])}, stated by the provider"
    for name, bucket in (document.get("ratelimit") or {}).items():
        yield f"limit {name}", _bucket(bucket)
    if request_id := document.get("request_id"):
        yield "request id", f"{request_id} (for the provider's support)"


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


def _bucket(bucket: Mapping[str, Any]) -> str:
    limit, remaining, reset = bucket["limit"], bucket["remaining"], bucket["reset_s"]
    of = "" if limit is None else f" of {limit:,}"
    left = f"{remaining:,}{of} left" if remaining is not None else f"{of[4:] or 'unknown'} in all"
    return left if reset is None else f"{left}, full again in {duration(reset)}"
