"""What one call may ask the practice provider for.

The members below are the server's defaults (see ``options``), the ``practice`` member of a request body
(``{"practice": {"delay": 2, "fail": "429", "times": 2, "deliver": "markdown_data"}}``), and hints in a prompt
(see ``hints``). A body outranks a prompt, and a prompt the defaults.
"""

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from worker.practice.corpus import CorpusCase, corpus, parse_case_id
from worker.practice.drawing.render import ImageMode

Delivery = Literal["markdown_url", "markdown_data", "download_link", "images_field", "parts", "b64_json"]
Announcement = Literal["retry_after", "headers", "nothing"]  #: what a 429 says about when to come again
ProgressStyle = Literal["percent", "cumulative", "sentences", "none"]
FailureKind = Literal[
    "400", "401", "402", "403", "404", "429", "500", "502", "503", "504",
    "moderation", "html", "no_picture", "refusal",
    "cut", "unfinished", "stall", "stream_error", "invalid_json", "drip", "hang", "reset", "drop",
    "dead_link", "truncated",
]  # fmt: skip
FAILURE_KINDS: tuple[FailureKind, ...] = get_args(FailureKind)

#: Other words for failures, as people type them.
ALIASES = {
    "quota": "402", "not_found": "404", "rate_limit": "429", "rate_limited": "429", "overloaded": "503",
    "timeout": "504", "bad_json": "invalid_json", "refuse": "refusal", "slow_drip": "drip",
    "no_image": "no_picture",
}  # fmt: skip

_SPAN = re.compile(r"(\d+(?:\.\d+)?)(?:(?:-|\.\.)(\d+(?:\.\d+)?))?(ms|s)?")


def parse_seconds_range(value: object) -> object:
    """Read seconds: ``2``, ``"2"``, ``"500ms"``, ``"1-5s"`` or ``[1, 5]``; becomes a range."""
    if isinstance(value, int | float):
        return value, value
    if isinstance(value, str) and (found := _SPAN.fullmatch(value.replace(" ", ""))):
        unit = 0.001 if found[3] == "ms" else 1
        return float(found[1]) * unit, float(found[2] or found[1]) * unit
    if isinstance(value, str):
        raise ValueError("write seconds as 2, 500ms or 1-5")
    return value


def parse_failure_kind(value: object) -> object:
    """Read a kind of failure, also by another word for it: ``429``, ``"rate limit"``, ``"no-picture"``."""
    word = str(value).strip().lower().replace(" ", "_").replace("-", "_")
    return ALIASES.get(word, word)


ParsedFailureKind = Annotated[FailureKind, BeforeValidator(parse_failure_kind)]
Seconds = Annotated[float, Field(ge=0)]
SecondsRange = Annotated[tuple[Seconds, Seconds], BeforeValidator(parse_seconds_range)]


def _ids(value: object) -> object:
    """Read ids of cases: ``"S010"``, ``"H006, R002"`` or a list."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


CaseIds = Annotated[tuple[Annotated[str, AfterValidator(parse_case_id)], ...], BeforeValidator(_ids)]


class Failure(BaseModel):
    """One kind of failure, and how many calls of the same prompt it spoils; ``None``: all of them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ParsedFailureKind
    times: int | None = Field(None, ge=0)


def _fails(value: object) -> object:
    entries = value if isinstance(value, list | tuple) else () if value is None else (value,)
    return tuple({"kind": entry} if isinstance(entry, str | int) else entry for entry in entries)


class RequestOptions(BaseModel):
    """How a call shall go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    delay: SecondsRange = Field((0, 0), description="seconds until the picture is made, or a range of them")
    picture: ImageMode = Field("drawn", description="drawn, tiny (one pixel) or 64k (noise)")
    deliver: Delivery = Field("markdown_url", description="how the answer carries its pictures")
    progress: ProgressStyle = Field("percent", description="what a stream says on the way")
    n: int | None = Field(None, ge=1, le=10, description="pictures; none: the body's n, or 1")
    fail: Annotated[tuple[Failure, ...], BeforeValidator(_fails)] = Field(
        (), description="one after the other"
    )
    times: int | None = Field(None, ge=0, description="for failures that have no number of their own")
    retry_after: float | None = Field(1, ge=0, description="seconds, sent with 429 and 503; none: not sent")
    interval: float = Field(1, ge=0, description="seconds between the pieces of a slow drip")
    case: CaseIds = Field(
        (), description="answers seen in the wild to play one after the other, the last for ever"
    )
    says: str | None = Field(None, description="words to answer with instead of a picture")
    verbatim: bool = Field(False, description="leave a case's addresses as they are, though nobody is there")

    def replace(self, members: dict[str, Any]) -> "RequestOptions":
        """Return this wish with other members. Raises pydantic's ``ValidationError``."""
        return RequestOptions.model_validate(
            {name: getattr(self, name) for name in RequestOptions.model_fields} | members
        )

    def case_for(self, earlier: int) -> CorpusCase | None:
        """Return the case that is played to a prompt which was called ``earlier`` times before."""
        return corpus()[self.case[min(earlier, len(self.case) - 1)]] if self.case else None

    def failure_for(self, earlier: int) -> Failure | None:
        """Return the failure that meets a prompt which was called ``earlier`` times before."""
        for failing in self.fail:
            times = self.times if failing.times is None else failing.times
            if times is None or earlier < times:
                return Failure(kind=failing.kind, times=times) if times != failing.times else failing
            earlier -= times
        return None
