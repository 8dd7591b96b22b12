"""Request of the images API, and the submitted job that it becomes.

Members that Darkroom does not read itself are passed on to the provider, as it may know them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from api.openai.context import RequestContext
from api.openai.images.inputs import InputImages
from api.openai.members import flag_of, model_of, native_fields, partials_of
from api.openai.tasks.submit import wants_task, webhook_of
from api.services import ApiServices
from models.errors import InvalidRequest

GENERATION, EDIT = "image_generation", "image_edit"
ResponseFormat = Literal["url", "b64_json"]
_FORMATS: tuple[ResponseFormat, ...] = ("url", "b64_json")


@dataclass(frozen=True, slots=True)
class ImagesRequest:
    """What a client of the images API asks for."""

    submission: Mapping[str, Any]  #: as the native API takes it
    response_format: ResponseFormat | None = None  #: none: both
    stream: bool = False
    kind: str = GENERATION  #: prefix of the events of a stream
    as_task: bool = False  #: whether the answer is a task that is polled


def read_request(
    members: Mapping[str, Any],
    context: RequestContext,
    *,
    inputs: InputImages | None = None,
    kind: str = GENERATION,
) -> ImagesRequest:
    """Return what a request asks for. Raises ``InvalidRequest``; the job is validated later."""
    rest = dict(members)
    as_task = wants_task(context.request, rest)
    wanted = read_members(rest, context.services, inputs=inputs, kind=kind)
    submission = {**wanted.submission, **webhook_of(context.request)}
    return replace(wanted, submission=submission, as_task=as_task)


def read_members(
    members: Mapping[str, Any],
    services: ApiServices,
    *,
    inputs: InputImages | None = None,
    kind: str = GENERATION,
) -> ImagesRequest:
    """Return what the members of a body ask for. Raises ``InvalidRequest``; the job is validated later."""
    rest = dict(members)
    fields = native_fields(rest)
    given = rest.pop("response_format", None)
    if given is not None and given not in _FORMATS:
        raise InvalidRequest("response_format", "must be url or b64_json")
    stream = flag_of(rest, "stream")
    if stream and given is not None and given != "b64_json":
        raise InvalidRequest("response_format", "a stream has b64_json only")
    rest |= partials_of(rest, stream=stream)
    submission: dict[str, Any] = {"model": model_of(rest, services), **fields}
    for name in ("prompt", "n", "size"):
        if (value := rest.pop(name, None)) is not None:
            submission[name] = value
    if inputs is not None:
        submission["images"] = inputs.images
        if inputs.mask is not None:
            submission["mask"] = inputs.mask
    submission["params"] = {name: value for name, value in rest.items() if value is not None}
    return ImagesRequest(submission, given, stream, kind)
