"""Context of a submit: the caller, the body and its mode, and images that are not stored yet."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from starlette.requests import Request

from api.auth import Caller
from api.jobs.input_images import NewInputImage
from api.midjourney.auth import authenticated
from api.midjourney.deduplication import DuplicateKey, duplicate_key_of, find_duplicate
from api.midjourney.schemas import Body, read_body
from api.midjourney.translate import mode_of
from api.services import ApiServices, services_of
from models.midjourney.protocol import Mode

_B = TypeVar("_B", bound=Body)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """What the handlers of one submit share."""

    services: ApiServices
    caller: Caller
    body: Body
    segment: str  #: path segment before ``/mj``
    at: datetime
    duplicate_key: DuplicateKey | None = None  #: recognises the same submit again
    input_images: list[NewInputImage] = field(default_factory=list)  #: checked, and not stored yet

    def mode(self, flags: Mapping[str, str] | None = None) -> Mode:
        """Return the mode of the task, given its prompt's flags."""
        return mode_of(self.segment, self.body.wanted_mode, flags or {})


async def request_context(request: Request, kind: type[_B]) -> tuple[RequestContext, _B]:
    """Return the context of a submit, and its body.

    Raises ``SubmitError``, ``Problem``, ``DuplicateSubmit``.
    """
    services = services_of(request)
    caller = await authenticated(request, services, changes=True)
    body, raw = await read_body(request, caller, kind)
    segment, at = request.path_params.get("mode", ""), services.clock()
    duplicate_key = duplicate_key_of(request, raw, services.settings)
    await find_duplicate(services, caller, duplicate_key, at)
    return RequestContext(services, caller, body, segment, at, duplicate_key), body
