"""Options of one request: delay, delivery, progress, failures, recorded case.

Sources, in order of precedence: the ``practice`` member of a request body
(``{"practice": {"delay": 2, "fail": "429", "times": 2, "deliver": "markdown_data"}}``), hints in the prompt
(see ``request_parser.parse_hints``), and the server's defaults (``options.PracticeOptions``).
"""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from worker.practice.corpus import CorpusCase, corpus, parse_case_id
from worker.practice.drawing.render import ImageMode

Delivery = Literal[
    "markdown_url", "markdown_data", "download_link", "images_field", "parts", "b64_json",
    "task_s", "task_a", "task_c", "task_e", "task_k", "task_o", "task_record", "image_body",
]  # fmt: skip
Announcement = Literal["retry_after", "headers", "nothing"]  #: how a 429 announces when to retry
ProgressStyle = Literal["percent", "cumulative", "sentences", "none"]
FailureKind = Literal[
    "400", "401", "402", "403", "404", "429", "500", "502", "503", "504",
    "moderation", "html", "no_picture", "refusal",
    "cut", "unfinished", "stall", "stream_error", "invalid_json", "drip", "hang", "reset", "drop",
    "dead_link", "truncated", "joined", "drafts", "only_drafts", "failed_task", "finished_task",
    "unknown_answer", "quotation", "lost_upstream",
]  # fmt: skip
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)

#: Synonyms of failure kinds.
ALIASES = {
    "quota": "402", "not_found": "404", "rate_limit": "429", "rate_limited": "429", "overloaded": "503",
    "timeout": "504", "bad_json": "invalid_json", "refuse": "refusal", "slow_drip": "drip",
    "no_image": "no_picture",
}  # fmt: skip

_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(?:(?:-|\.\.)(\d+(?:\.\d+)?))?(ms|s)?")


def parse_seconds_range(value: object) -> object:
    """Parse seconds into a range: ``2``, ``"2"``, ``"500ms"``, ``"1-5s"`` or ``[1, 5]``."""
    if isinstance(value, int | float):
        return value, value
    if isinstance(value, str) and (found := _SECONDS.fullmatch(value.replace(" ", ""))):
        unit = 0.001 if found[3] == "ms" else 1
        return float(found[1]) * unit, float(found[2] or found[1]) * unit
    if isinstance(value, str):
        raise ValueError("write seconds as 2, 500ms or 1-5")
    return value


def parse_failure_kind(value: object) -> object:
    """Normalise a failure kind or a synonym: ``429``, ``"rate limit"``, ``"no-picture"``."""
    word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
    return ALIASES.get(word, word)


ParsedFailureKind = Annotated[FailureKind, BeforeValidator(parse_failure_kind)]
Seconds = Annotated[float, Field(ge=0)]
SecondsRange = Annotated[tuple[Seconds, Seconds], BeforeValidator(parse_seconds_range)]


def _ids(value: object) -> object:
    """Parse case ids: ``"S010"``, ``"H006, R002"`` or a list."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


CaseIds = Annotated[tuple[Annotated[str, AfterValidator(parse_case_id)], ...], BeforeValidator(_ids)]


class Failure(BaseModel):
    """One kind of failure, and how many calls of the same prompt fail so (``None``: all)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ParsedFailureKind
    times: int | None = Field(None, ge=0)


def _fails(value: object) -> object:
    entries = value if isinstance(value, list | tuple) else () if value is None else (value,)
    return tuple({"kind": entry} if isinstance(entry, str | int) else entry for entry in entries)


class RequestOptions(BaseModel):
    """Options of one request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay: SecondsRange = Field((0, 0), description="seconds until the picture is made, or a range of them")
    picture: ImageMode = Field("drawn", description="drawn, tiny (one pixel) or 64k (noise)")
    deliver: Delivery = Field("markdown_url", description="how a response delivers its pictures")
    progress: ProgressStyle = Field("percent", description="style of the progress lines in a stream")
    n: int | None = Field(None, ge=1, le=10, description="pictures; none: the body's n, or 1")
    fail: Annotated[tuple[Failure, ...], BeforeValidator(_fails)] = Field(
        (), description="failures, one after the other"
    )
    times: int | None = Field(
        None, ge=0, description="number of failing calls, for failures without a count of their own"
    )
    retry_after: float | None = Field(1, ge=0, description="seconds, sent with 429 and 503; none: not sent")
    interval: float = Field(1, ge=0, description="seconds between the chunks of a slow drip")
    kill: Literal["worker"] | None = Field(
        None, description="end the worker that asks for the task of this call first; of the demo alone"
    )
    case: CaseIds = Field(
        (), description="recorded responses to replay one after the other, the last for ever"
    )
    says: str | None = Field(None, description="text to answer with instead of a picture")
    verbatim: bool = Field(
        False, description="leave the URLs of a case unchanged, although nothing serves them"
    )

    def replace(self, members: dict[str, Any]) -> "RequestOptions":
        """Return a copy with these members replaced. Raises pydantic's ``ValidationError``."""
        return RequestOptions.model_validate(
            {name: getattr(self, name) for name in RequestOptions.model_fields} | members
        )

    def case_for(self, earlier: int) -> CorpusCase | None:
        """Return the case to replay for a prompt after ``earlier`` calls of the same prompt."""
        return corpus()[self.case[min(earlier, len(self.case) - 1)]] if self.case else None

    def failure_for(self, earlier: int) -> Failure | None:
        """Return the failure of a prompt after ``earlier`` calls of the same prompt."""
        for failure in self.fail:
            times = self.times if failure.times is None else failure.times
            if times is None or earlier < times:
                return Failure(kind=failure.kind, times=times) if times != failure.times else failure
            earlier -= times
        return None
