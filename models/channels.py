"""Channel settings: one provider endpoint with one key, its models and limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, field_validator

from models.credentials.strength import is_placeholder
from models.integrity.bounds import check_number
from models.money.price import Price, UnknownPrice
from models.request import OWN_MEMBERS, ImageSize
from models.retry.rules import RetryRules

ContentStyle = Literal["auto", "string", "parts", "images_first"]
"""Content of the user's message: a string (URLs of input images precede the prompt), parts with the text
before or after the images, or ``auto``: parts if there are images."""

ImageStyle = Literal["parts", "inlined", "member"]
"""Input images: ``image_url`` parts, such parts with data URLs only, or the list ``image`` of the body."""

SizeStyle = Literal["size", "aspect_ratio", "image_config", "imageConfig", "system", "prompt", "none"]
"""Place of the size: the member ``size`` (a ratio: ``aspect_ratio``), the member ``aspect_ratio``,
``image_config.aspect_ratio``, ``generationConfig.imageConfig.aspectRatio``, a line of the system message,
words in the prompt, or none."""

NStyle = Literal["n", "calls", "prompt"]
"""Several images: by the member ``n``, by one call each, or by words in the prompt."""


class RoutingPolicy(StrEnum):
    """Which of the channels that are open gets a call."""

    ORDER = "order"  #: by order, weight and load
    CHEAPEST = "cheapest"  #: settled cost per made picture
    FASTEST = "fastest"  #: median of the seconds of a call that succeeded
    MOST_RELIABLE = "most_reliable"  #: share of calls that succeeded, but for faults of the job


@dataclass(frozen=True, slots=True)
class RoutingRule:
    """The policy of models: a name, or a beginning followed by ``*``."""

    models: str
    policy: RoutingPolicy

    @classmethod
    def parse(cls, text: str) -> "RoutingRule":
        """Parse ``MODEL=POLICY``, or a policy for all models. Raises ``ValueError`` with what to write."""
        models, equals, policy = text.rpartition("=")
        try:
            return cls(models.strip() if equals else "*", RoutingPolicy(policy.strip().replace("-", "_")))
        except ValueError:
            known = ", ".join(RoutingPolicy)
            raise ValueError(f"{text!r}: write a policy ({known}), or MODEL=POLICY") from None


def policy_of(rules: Sequence[RoutingRule], model: str) -> RoutingPolicy:
    """Return the policy of the first rule that names a model; ``order`` if none does."""
    for rule in rules:
        beginning = rule.models.removesuffix("*")
        if rule.models == model or (beginning != rule.models and model.startswith(beginning)):
            return rule.policy
    return RoutingPolicy.ORDER


EditStyle = Literal["form", "json"]
"""Requests for edits: a form with the images as files, or JSON with the list ``images``."""

_OWN_HEADERS = frozenset({"content-type", "content-length", "accept-encoding", "host", "transfer-encoding"})


class Limits(BaseModel):
    """Rate limits, exact over all workers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rpm: float | None = Field(None, gt=0, description="calls per minute; none: no limit")
    rps: float | None = Field(None, gt=0, description="calls per second")
    rpd: int | None = Field(None, gt=0, description="calls per day, which begins at midnight UTC")
    ipm: float | None = Field(None, gt=0, description="images requested per minute")

    @field_validator("*")
    @classmethod
    def _bounded(cls, value: object) -> object:
        """Refuse numbers that no column holds."""
        return check_number(value)


class ModelLimits(Limits):
    """Limits of one model on a channel, in addition to those of the whole channel."""

    concurrency: int | None = Field(None, gt=0, description="calls in flight")


class Paths(BaseModel):
    """Paths of a provider, below the API version of ``base_url``; from the root if they begin with ``/``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    chat: str = Field("chat/completions", min_length=1, description="of chat completions")
    images: str | None = Field(
        None, min_length=1, description="of image generations; set: jobs without input images go there"
    )
    edits: str | None = Field(
        None, min_length=1, description="of image edits; set: jobs with input images go there, as a form"
    )
    tasks: str | None = Field(None, pattern=r"\{id\}", description="of a task's state, with {id}")


class ChannelSettings(Limits):
    """One ``[[channels]]`` entry of ``darkroom.toml``, or the one that ``DARKROOM_UPSTREAM_*`` describes."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="its name in logs and jobs")
    base_url: AnyHttpUrl = Field(description="the provider's address; /v1/chat/completions is added to it")
    api_key: SecretStr = Field(description="the provider's key; never logged or shown")
    models: tuple[str, ...] = Field(description="models it serves; a trailing * matches any ending")
    preset: str = Field("generic", description="the provider family: how to ask and what to expect")
    concurrency: int = Field(16, gt=0, description="calls in flight over all workers")
    burst: int = Field(1, gt=0, description="calls of a minute that may start at once")
    limits: Mapping[str, ModelLimits] = Field({}, description="limits of single models, in addition to these")
    order: int = Field(0, ge=0, le=1000, description="lower ones are used first; higher ones take the rest")
    weight: float = Field(1, gt=0, description="its share among open channels of the same order")
    enabled: bool = Field(True, description="false: known, but not used")
    model_names: Mapping[str, str] = Field({}, description="the provider's name of a model, by our name")
    params: Mapping[str, Any] = Field({}, description="members of every request, unless a job sets them")
    address_params: Mapping[str, Any] | None = Field(
        None,
        description="members that ask for an image's address, for a job whose last answer broke off",
    )
    headers: Mapping[str, str] = Field({}, description="further headers of every request")
    system: str | None = Field(None, min_length=1, description="system message of every request")
    modalities: tuple[str, ...] = Field((), description="the member modalities, such as text and image")
    content_style: ContentStyle | None = Field(None, description="content of the user's message")
    image_style: ImageStyle | None = Field(None, description="which member has the input images")
    size_style: SizeStyle | None = Field(None, description="which member has the size")
    sizes: tuple[str, ...] = Field((), description="the only sizes that the provider accepts; empty: any")
    n_style: NStyle | None = Field(None, description="how several images are asked for")
    images_endpoint: bool = Field(
        False, description="call the provider's own images endpoints, generations and edits, for every job"
    )
    edit_style: EditStyle | None = Field(None, description="form of a request for edits; form: with files")
    paths: Paths = Field(Paths(), description="paths that differ from OpenAI's")
    max_pictures: int | None = Field(None, ge=0, le=64, description="input images of one call at most")
    max_image_bytes: int | None = Field(
        None, ge=10_000, description="larger input images are shrunk to as many bytes; none: they are not"
    )
    stream: Literal["on", "off"] | None = Field(None, description="overrides the preset's choice")
    inline_images: bool | None = Field(
        None, description="send input images as data URLs; overrides the preset"
    )
    idle_timeout: float | None = Field(None, gt=0, description="seconds without a byte; overrides the preset")
    silent_timeout: float | None = Field(
        None, gt=0, description="seconds with nothing but comments or white space; overrides the preset"
    )
    total_timeout: float | None = Field(
        None, gt=0, description="seconds for the whole call; overrides the preset"
    )
    retry: RetryRules | None = Field(None, description="retry rules by class, over those of the settings")
    prices: Mapping[str, Price] = Field({}, description="prices by model; a trailing * matches any ending")
    price_list: Literal["official"] | None = Field(
        None, description="official: models without a price here cost what the official list says"
    )
    price_ratio: Decimal = Field(
        Decimal(1), gt=0, le=1000, max_digits=12, description="of the official price that it charges"
    )
    unknown_price: UnknownPrice = Field(
        "flag", description='calls without a known price: reject, flag, or { assume = 0.1, currency = "USD" }'
    )

    def all_limits(self) -> dict[str, dict[str, float]]:
        """Return the limits by model, as the channel's row stores them; "" is the whole channel."""
        whole = self.model_dump(include={"rps", "rpd", "ipm", "burst"}, exclude_none=True)
        return {"": whole, **{m: limits.model_dump(exclude_none=True) for m, limits in self.limits.items()}}

    @field_validator("api_key")
    @classmethod
    def _no_placeholder(cls, value: SecretStr) -> SecretStr:
        return refuse_placeholder(value)

    @field_validator("params", "address_params")
    @classmethod
    def _no_own_member(cls, value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
        if value and (taken := sorted(OWN_MEMBERS & value.keys())):
            raise ValueError(f"{taken[0]} is written by Darkroom itself; take it out")
        return value

    @field_validator("headers")
    @classmethod
    def _no_own_header(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if taken := [name for name in value if name.lower() in _OWN_HEADERS]:
            raise ValueError(f"{taken[0]} is written by Darkroom itself; take it out of headers")
        return value

    @field_validator("sizes")
    @classmethod
    def _known_sizes(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for size in value:
            ImageSize.parse(size)
        return value

    @field_validator("models", mode="before")
    @classmethod
    def _split_models(cls, value: object) -> object:
        """Accept ``a, b`` as well as a list: environment variables have no lists."""
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @field_validator("models")
    @classmethod
    def _some_model(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("name at least one model, or * for any")
        return value


def refuse_placeholder(value: SecretStr) -> SecretStr:
    """Return a secret that somebody else has issued. Raises ``ValueError`` for a placeholder."""
    if is_placeholder(value.get_secret_value()):
        raise ValueError("this is a placeholder, not a secret; write the one that you were issued")
    return value


def serves(patterns: Sequence[str], model: str) -> bool:
    """Return whether one of a channel's model patterns (``name`` or ``prefix*``) covers ``model``."""
    return any(
        model == pattern or (pattern.endswith("*") and model.startswith(pattern[:-1])) for pattern in patterns
    )
