"""Request bodies. Unknown members are ignored; hints may be of any type and value."""

from typing import Annotated, Any, ClassVar, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from api.auth import Caller
from api.jobs.validation import rejection_of
from api.midjourney.responses import SubmitError, short_text
from api.web.json_body import read_json
from models.midjourney.notify_hook import MAX_STATE_BYTES
from models.midjourney.protocol import Bot, Code, Mode

_B = TypeVar("_B", bound="Body")


def _empty_if_null(value: object) -> object:
    return [] if value is None else value


def _within_limit(state: str) -> str:
    if len(orjson.dumps(state)) > MAX_STATE_BYTES:
        raise ValueError(f"may have at most {MAX_STATE_BYTES:,} bytes, as JSON writes it")
    return state


def _no_number(value: object) -> object:
    if isinstance(value, int | float):
        raise ValueError("must be a text, in quotes")
    return value


Prompt = Annotated[str | None, BeforeValidator(_no_number)]
"""A prompt: unlike ids and hints, a number is no text that somebody has written."""

Images = Annotated[list[str], BeforeValidator(_empty_if_null)]
"""Images as data URLs, bare base64 or URLs; ``null`` is an empty list."""


class Body(BaseModel):
    """Members of every submit."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", coerce_numbers_to_str=True, frozen=True
    )
    has_images: ClassVar[bool] = True  #: whether it may carry images, and so be large

    state: Annotated[str, AfterValidator(_within_limit)] | None = None
    notify_hook: str | None = Field(None, max_length=2000)
    bot_type: Any = None
    account_filter: Any = None
    mode: Any = None

    @property
    def bot(self) -> Bot:
        """The drawing style; an unknown ``botType`` is Midjourney's."""
        return Bot.NIJI if "niji" in str(self.bot_type).lower() else Bot.MIDJOURNEY

    @property
    def wanted_mode(self) -> Mode | None:
        """The mode in the body, if any: ``accountFilter.modes`` before ``mode``."""
        filters = self.account_filter.get("modes") if isinstance(self.account_filter, dict) else None
        modes = [*(filters if isinstance(filters, list) else ()), self.mode]
        return next((Mode(word.upper()) for word in modes if _is_mode(word)), None)


def _is_mode(word: object) -> bool:
    return isinstance(word, str) and word.upper() in set(Mode)


async def read_body(request: Request, caller: Caller, kind: type[_B]) -> tuple[_B, bytes]:
    """Return a submit's body, validated and raw.

    Raises ``Problem`` for what is no JSON, ``SubmitError`` for what does not match the schema.
    """
    raw, value = await read_json(request, caller, images=kind.has_images)
    try:
        return kind.model_validate(value), raw
    except ValidationError as error:
        raise SubmitError(Code.INVALID, short_text(rejection_of(error).message)) from error
