"""Definition of a planned campaign, as it is submitted and stored in ``campaigns.spec``."""

from collections.abc import Mapping
from datetime import UTC, datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from models.campaigns.template import Template, TemplateError, parse_template
from models.campaigns.variants import Variants, make_variants
from models.campaigns.windows import DAYS, Opening, Window, next_opening
from models.checks.findings import CheckRules
from models.checks.vision_rules import VisionRules
from models.integrity.bounds import check_time
from models.request import SIZE_PATTERN, ImageSize
from models.retry.rules import RetryRules

LONGEST_NAME = 128  #: characters
MICRO = 1_000_000
_MOST_AMOUNT = Decimal(1_000_000_000)
_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


def _non_blank(value: str) -> str:
    if not value.strip() or "\0" in value:
        raise ValueError("must not be blank, and have no NUL")
    return value


def _size(value: str) -> str:
    ImageSize.parse(value)
    return value


def _template(value: str) -> str:
    try:
        parse_template(value)
    except TemplateError as error:
        raise ValueError(str(error)) from error
    return value


def _moment(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        moment = datetime.fromisoformat(value)
    except ValueError as error:
        raise ValueError("write a time with its offset, such as 2026-01-31T18:00:00Z (RFC 3339)") from error
    if moment.tzinfo is None:
        raise ValueError("write a time with its offset, such as 2026-01-31T18:00:00Z (RFC 3339)")
    return check_time(moment.astimezone(UTC))


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("there is no such time zone; write one such as Europe/Berlin") from error
    return value


def _clock(value: str) -> str:
    try:
        time.fromisoformat(value)
    except ValueError as error:
        raise ValueError("write a time of day as HH:MM") from error
    return value


Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_non_blank)]
Model = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(_non_blank)]
TemplateText = Annotated[str, Field(min_length=1), AfterValidator(_template)]
Size = Annotated[str, Field(pattern=SIZE_PATTERN), AfterValidator(_size)]
Moment = Annotated[datetime, BeforeValidator(_moment)]
Clock = Annotated[str, Field(pattern=r"^\d{2}:\d{2}$"), AfterValidator(_clock)]
AxisName = Annotated[
    str, Field(min_length=1, max_length=64, pattern=r"^[^{}|]+$"), AfterValidator(_non_blank)
]
AxisValue = Annotated[str, Field(min_length=1, max_length=10_000), AfterValidator(_non_blank)]


class PromptTemplate(BaseModel):
    """What each item asks for; texts may have ``{column}`` placeholders."""

    model_config = _STRICT

    prompt: TemplateText | None = Field(None, description="instructions; a row's own prompt outranks them")
    images: list[TemplateText] = Field([], max_length=16, description="input images, before those of a row")
    size: Size | None = None
    params: dict[str, Any] = Field({}, description="passed to the provider unchanged")


class Defaults(BaseModel):
    """Values of each job, where its row has none."""

    model_config = _STRICT

    size: Size | None = None
    n: int | None = Field(None, ge=1, le=16, description="number of images")
    params: dict[str, Any] = {}
    priority: int = Field(5, ge=0, le=9)
    max_attempts: int | None = Field(None, ge=1, le=20)
    on_unknown: Literal["hold", "retry_once", "retry", "fail"] | None = None
    retry: RetryRules | None = None


class Axes(BaseModel):
    """Axes that each row is combined with: every combination is a variant, and an item of its own."""

    model_config = _STRICT

    values: dict[AxisName, Annotated[list[AxisValue], Field(min_length=1, max_length=10_000)]] = Field(
        min_length=1, max_length=8, description="values by axis; {axis} stands for the value in templates"
    )
    combine: Literal["product", "zip"] = "product"
    skip: list[dict[str, str]] = Field(
        [], max_length=1_000, description="combinations to leave out, by the values of some axes"
    )
    sample: int | None = Field(None, ge=1, description="use so many combinations only, drawn at random")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="the same seed draws the same sample")

    @model_validator(mode="after")
    def _consistent(self) -> "Axes":
        for name, values in self.values.items():
            if len(set(values)) < len(values):
                raise ValueError(f"axis {name!r} has a value twice")
        if self.combine == "zip" and len({len(values) for values in self.values.values()}) > 1:
            raise ValueError("axes that are combined by zip need equally many values")
        for each in self.skip:
            if unknown := sorted(set(each) - set(self.values)):
                raise ValueError(f"skip: there is no axis {unknown[0]!r}")
        return self


class Budget(BaseModel):
    """What the calls of the campaign may cost together."""

    model_config = _STRICT

    amount: Annotated[Decimal, Field(strict=False, gt=0, le=_MOST_AMOUNT, max_digits=18, decimal_places=6)]
    currency: str = Field(pattern=r"^[A-Z]{3,8}$", description="such as USD; never converted")

    @property
    def micro(self) -> int:
        """The amount in millionths."""
        return int(self.amount * MICRO)


class Limits(BaseModel):
    """The campaign's own limits, beside those of its caller and its channels."""

    model_config = _STRICT

    rpm: float | None = Field(None, gt=0, le=100_000, strict=False, description="calls per minute")
    concurrency: int | None = Field(None, ge=1, le=100_000, description="calls in flight")
    weight: float = Field(
        1, ge=1, le=100, strict=False, description="its share, relative to other campaigns of its caller"
    )


class Canary(BaseModel):
    """Items that run first, sampled over rows and axes."""

    model_config = _STRICT

    items: int = Field(ge=1, le=10_000)
    then: Literal["approve", "auto"] = Field(
        "approve", description="approve: wait for a person; auto: go on if they did not fail"
    )


class WindowSpec(BaseModel):
    """A time of the week in which calls are made."""

    model_config = ConfigDict(**_STRICT, populate_by_name=True)

    start: Clock = Field(alias="from", description="HH:MM by the clocks of the zone")
    end: Clock = Field(alias="to", description="HH:MM; past midnight if it is earlier than from")
    zone: Annotated[str, AfterValidator(_zone)] = Field("UTC", description="such as Europe/Berlin")
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] | None = Field(
        None, min_length=1, description="of its start; all if left out"
    )

    @model_validator(mode="after")
    def _has_length(self) -> "WindowSpec":
        if self.start == self.end:
            raise ValueError("from and to are the same: this window never opens")
        return self

    def to_window(self) -> Window:
        """Return the window."""
        days = frozenset(DAYS.index(day) for day in self.days or DAYS)
        start, end = time.fromisoformat(self.start), time.fromisoformat(self.end)
        return Window(start, end, ZoneInfo(self.zone), days)


class FailingRule(BaseModel):
    """When a campaign pauses because its items fail."""

    model_config = _STRICT

    of_last: int = Field(40, ge=2, le=1_000, description="items that ended last")
    share: float = Field(0.5, gt=0, le=1, strict=False, description="more of them failed for one class")
    enabled: bool = True


class CampaignSpec(BaseModel):
    """A planned campaign."""

    model_config = _STRICT

    name: Name
    model: Model | None = Field(None, description="of all jobs whose row names none")
    template: PromptTemplate = PromptTemplate()
    defaults: Defaults = Defaults()
    axes: Axes | None = None
    budget: Budget | None = None
    limits: Limits = Limits()
    canary: Canary | None = None
    windows: list[WindowSpec] = Field([], max_length=32)
    start_at: Moment | None = Field(None, description="no call before")
    deadline: Moment | None = Field(None, description="no call after; items not started by then expire")
    failing: FailingRule = FailingRule()
    checks: CheckRules = CheckRules()
    vision: VisionRules | None = Field(None, alias="gate")

    def to_json(self) -> dict[str, Any]:
        """Return the JSON that ``read_spec`` reads."""
        return self.model_dump(mode="json", by_alias=True, exclude_unset=True)

    def variants(self, ceiling: int) -> Variants:
        """Return the variants of each row. Raises ``TooManyCombinations``."""
        if self.axes is None:
            return make_variants({}, ceiling=ceiling)
        return make_variants(
            self.axes.values,
            combine=self.axes.combine,
            skip=self.axes.skip,
            sample=self.axes.sample,
            seed=self.axes.seed,
            ceiling=ceiling,
        )

    def opening(self, at: datetime) -> Opening | None:
        """Return the opening of its windows that holds or follows; ``None``: never."""
        return next_opening([each.to_window() for each in self.windows], self.start_at, at)

    @property
    def prompt_template(self) -> Template | None:
        """The parsed template of the prompt."""
        return parse_template(self.template.prompt) if self.template.prompt else None


def read_spec(stored: Mapping[str, Any]) -> CampaignSpec:
    """Return a stored definition. Raises ``ValueError`` if a person has changed it in the database."""
    return CampaignSpec.model_validate(dict(stored))
