"""POST /v1/uploads: send an input image once, to name it in many jobs."""

from collections.abc import AsyncIterator

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.jobs.serializers import serialize_asset
from api.jobs.uploads import store_upload
from api.rest.openapi.route_docs import merge_responses, problem_responses, request_docs, response, schema_ref
from api.services import services_of
from api.web.problems import Problem, invalid_field
from api.web.responses import JsonResponse

_FORM = "multipart/form-data"
_CHUNK = 64 * 1024
_FIELDS = 16  # of a form; all but the file are ignored


async def post_upload(request: Request) -> Response:
    """Store an image: the body itself, or the field ``file`` of a form. 200: it was there already."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        upload = await store_upload(services, caller, request.stream(), field="body")
    else:
        try:
            form = request.form(max_files=1, max_fields=_FIELDS)
            async with form as fields:
                file = fields.get("file")
                if not isinstance(file, UploadFile):
                    raise invalid_field("file", "send the image as the file of this field")
                upload = await store_upload(services, caller, _chunks(file), field="file")
        except HTTPException as error:
            raise Problem(400, "malformed_form", f"The form can't be read: {error.detail}") from error
    content = serialize_asset(upload.asset, public_url=services.public_url)
    headers = {"Location": f"{services.public_url}/v1/assets/{content['id']}", "Cache-Control": "no-store"}
    return JsonResponse(content, 201 if upload.new else 200, headers=headers)


async def _chunks(file: UploadFile) -> AsyncIterator[bytes]:
    while chunk := await file.read(_CHUNK):
        yield chunk


_ASSET = schema_ref("AssetWithJobDocument")
_BINARY = {"schema": {"type": "string", "format": "binary"}}
_BODY = {
    _FORM: {
        "schema": {
            "type": "object",
            "required": ["file"],
            "properties": {"file": {"type": "string", "format": "binary"}},
        }
    },
    "image/*": _BINARY,
    "application/octet-stream": _BINARY,
}


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    docs = request_docs()
    router.add_api_route(
        "/v1/uploads",
        post_upload,
        methods=["POST"],
        tags=["assets"],
        summary="Upload an input image once, and name its id in the images of many jobs",
        status_code=201,
        responses=merge_responses(
            response(200, "The asset: the caller had sent the same bytes before.", _ASSET),
            response(201, "The asset. It stays for DARKROOM_UPLOAD_AGE, and while a job names it.", _ASSET),
            problem_responses(400, 401, 413, 422, 503),
        ),
        openapi_extra={**docs, "requestBody": {"required": True, "content": _BODY}},
    )
