"""What clients may send. Unknown members are ignored; hints may be of any type and value."""

from typing import Annotated, Any, TypeVar

import orjson
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel
from starlette.requests import Request

from api.jobs.validation import rejection_of
from api.midjourney.responses import SubmitError, legible
from api.web.json_body import read_json
from models.midjourney.notify_hook import STATE_BYTES
from models.midjourney.protocol import Bot, Code, Mode

_B = TypeVar("_B", bound="Body")


def _listed(value: object) -> object:
    return [] if value is None else value


def _short(state: str) -> str:
    if len(orjson.dumps(state)) > STATE_BYTES:
        raise ValueError(f"may have at most {STATE_BYTES:,} bytes, as JSON writes it")
    return state


Pictures = Annotated[list[str], BeforeValidator(_listed)]


class Body(BaseModel):
    """What every submit may say."""

    model_config = ConfigDict(
        alias_generator=to_camel, extra="ignore", coerce_numbers_to_str=True, frozen=True
    )

    state: Annotated[str, AfterValidator(_short)] | None = None
    notify_hook: str | None = Field(None, max_length=2000)
    bot_type: Any = None
    account_filter: Any = None
    mode: Any = None

    @property
    def bot(self) -> Bot:
        """The drawing style; whatever is unknown is the usual one."""
        return Bot.NIJI if "niji" in str(self.bot_type).lower() else Bot.MIDJOURNEY

    @property
    def wanted_mode(self) -> Mode | None:
        """How soon it shall be done, if the body says so."""
        filters = self.account_filter.get("modes") if isinstance(self.account_filter, dict) else None
        said = [*(filters if isinstance(filters, list) else ()), self.mode]
        return next((Mode(word.upper()) for word in said if _is_mode(word)), None)


def _is_mode(word: object) -> bool:
    return isinstance(word, str) and word.upper() in set(Mode)


async def read_body(request: Request, kind: type[_B]) -> tuple[_B, bytes]:
    """Read a submit's body; return it also as it was sent.

    Raises ``Problem`` for what is no JSON, ``Refusal`` for what does not fit.
    """
    raw, value = await read_json(request)
    try:
        return kind.model_validate(value), raw
    except ValidationError as error:
        raise SubmitError(Code.INVALID, legible(rejection_of(error).message)) from error
