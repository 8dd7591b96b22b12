"""Chosen pictures as one ZIP."""

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.auth import authenticate
from api.jobs.selection.job_conditions import AnyJobs, problem_of_validation
from api.jobs.selection.picture_zip import PICTURES, choose_matching, choose_pictures, zip_pictures
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.services import services_of
from api.web.json_body import read_json
from api.web.responses import prepend

PATH = "/v1/assets/zip"


class PictureSelection(BaseModel):
    """Pictures to send as one ZIP: exactly one of ``ids``, in this order, and ``filter``."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    ids: list[Annotated[str, Field(min_length=1, max_length=64)]] | None = Field(
        None, min_length=1, max_length=PICTURES, description="ids of assets: asset_…"
    )
    filter: AnyJobs | None = Field(None, description="all pictures of the jobs that match, newest first")

    @model_validator(mode="after")
    def _either(self) -> "PictureSelection":
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give either ids or filter")
        return self


async def post_zip(request: Request) -> Response:
    """Return the chosen pictures as a ZIP with a manifest, which also names those that are not in it."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    _, value = await read_json(request, caller)
    try:
        given = PictureSelection.model_validate(value)
    except ValidationError as error:
        raise problem_of_validation(error) from error
    if given.filter is not None:
        chosen = await choose_matching(services, caller, given.filter)
    else:
        chosen = await choose_pictures(services, caller, list(dict.fromkeys(given.ids or ())))
    at = services.clock()
    stream = zip_pictures(services.store, chosen, at)
    first = await anext(stream)  # an outage of the storage is an error response
    headers = {
        "Content-Disposition": f'attachment; filename="pictures-{at:%Y%m%d-%H%M%S}.zip"',
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "X-Darkroom-Missing": str(len(chosen.missing)),
    }
    return StreamingResponse(prepend(first, stream), media_type="application/zip", headers=headers)


def add_routes(router: APIRouter) -> None:
    """Add the routes."""
    content = {"type": "string", "format": "binary"}
    router.add_api_route(
        PATH,
        post_zip,
        methods=["POST"],
        tags=["assets"],
        summary=f"Download up to {PICTURES:,} images as one ZIP with a manifest",
        responses=merge_responses(
            response(200, "The ZIP.", content, media_type="application/zip"),
            problem_responses(400, 401, 404, 413, 415, 422, 503),
        ),
        openapi_extra=request_docs(body={"schema": schema_ref("PictureSelection")}),
    )
