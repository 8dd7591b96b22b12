"""POST /v1/files: upload a file, which goes to the disk and the store as it comes."""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.jobs.uploads import store_upload
from api.openai.context import authenticated, context_of
from api.openai.files.documents import file_document
from api.openai.files.stored_files import BATCH, JSONL, drop_objects, object_key, put_content
from api.openai.made_once import find_made, make_once
from api.openai.repeats import JoinedRequest
from api.services import ApiServices
from api.web.problems import Problem
from api.web.responses import JsonResponse
from models.errors import InvalidRequest, NotFound
from models.queries.openai.files import NewFile, delete_file, find_file, insert_files
from models.queries.openai.requests import forget_request

PURPOSES = (BATCH, "vision", "user_data")
LEAST_AGE, MOST_AGE = 3_600, 2_592_000  #: seconds of ``expires_after``
_BATCH_AGE = timedelta(seconds=MOST_AGE)  # of an input of a batch, unless the upload says otherwise
_FORM = "multipart/form-data"
_CHUNK = 256 * 1024
_LONGEST_NAME = 512
_PICTURE = re.compile(r"\.(png|jpe?g|webp|gif|avif|bmp|heic|tiff?)$", re.IGNORECASE)
_EXPIRY = ("expires_after[anchor]", "expires_after[seconds]")


@dataclass(frozen=True, slots=True)
class _Received:
    """An upload on the disk."""

    path: Path
    size: int
    filename: str
    is_picture: bool
    fields: Mapping[str, str]
    digest: bytes  #: of all that the form has, not of its boundary, which each repetition has anew


async def post_file(request: Request) -> Response:
    """Store a file; the same upload again gets the file of the first."""
    services, caller = await authenticated(request)
    at = services.clock()
    async with _received(request) as received:
        purpose = _purpose(received)
        expires_at = _expiry(received, purpose, at)
        context = await context_of(request, services, caller, received.digest)
        made = await find_made(context)
        if made is None:
            new = await _store(services, caller, received, purpose, expires_at, at)

            async def insert(connection: AsyncConnection) -> UUID:
                if await find_file(connection, new.id, caller_id=None, at=at) is not None:
                    raise JoinedRequest(new.id)  # a picture, which has the id of its asset
                await delete_file(connection, new.id)  # it has expired
                await forget_request(connection, new.id)
                await insert_files(connection, [new])
                return new.id

            try:
                made, _ = await make_once(context, insert)
            except Problem:  # rolled back: another request has the key
                await drop_objects(services, [new.key])
                raise
            if made != new.id:
                await drop_objects(services, [new.key])
    async with services.database.reading() as connection:
        row = await find_file(connection, made, caller_id=caller.id, at=at)
    if row is None:
        raise NotFound("The file was deleted meanwhile.")
    return JsonResponse(file_document(row), headers={"Cache-Control": "no-store"})


@asynccontextmanager
async def _received(request: Request) -> AsyncIterator[_Received]:
    """Write the file of a form to the disk. Raises ``Problem``."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM:
        raise Problem(415, "unsupported_media_type", f"Send the file as a form, with Content-Type: {_FORM}.")
    try:
        async with request.form(max_files=1, max_fields=16) as form:
            upload = form.get("file")
            if not isinstance(upload, UploadFile):
                raise InvalidRequest("file", "is required: the file of a form")
            fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
            with TemporaryDirectory(prefix="darkroom-file-") as folder:
                path = Path(folder) / "content"
                size, digest = await asyncio.to_thread(_copy, upload.file, path)
                name = (upload.filename or "file").replace("\0", "")[:_LONGEST_NAME] or "file"
                kind = (upload.content_type or "").partition("/")[0]
                whole = sha256(orjson.dumps([sorted(fields.items()), name]) + digest).digest()
                is_picture = kind == "image" or bool(_PICTURE.search(name))
                yield _Received(path, size, name, is_picture, fields, whole)
    except HTTPException as error:
        raise Problem(400, "malformed_form", f"The form can't be read: {error.detail}") from error


def _copy(source: Any, path: Path) -> tuple[int, bytes]:
    source.seek(0)
    size, digest = 0, sha256()
    with path.open("wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
            digest.update(chunk)
            size += len(chunk)
    return size, digest.digest()


def _purpose(received: _Received) -> str:
    purpose = received.fields.get("purpose")
    if purpose is None:
        raise InvalidRequest("purpose", f"is required: {', '.join(PURPOSES)}")
    if purpose not in PURPOSES:
        raise InvalidRequest("purpose", f"must be one of {', '.join(PURPOSES)}; others are not served")
    if received.size == 0:
        raise InvalidRequest("file", "is empty")
    return purpose


def _expiry(received: _Received, purpose: str, at: datetime) -> datetime | None:
    """Return when a file is deleted. Raises ``InvalidRequest``."""
    anchor, seconds = (received.fields.get(name) for name in _EXPIRY)
    if anchor is None and seconds is None:
        return at + _BATCH_AGE if purpose == BATCH else None
    if anchor != "created_at":
        raise InvalidRequest("expires_after.anchor", "must be created_at")
    text = seconds or ""
    if not (text.isascii() and text.isdigit() and len(text) < 10 and LEAST_AGE <= int(text) <= MOST_AGE):
        raise InvalidRequest(
            "expires_after.seconds", f"must be a whole number from {LEAST_AGE} to {MOST_AGE}"
        )
    return at + timedelta(seconds=int(text))


async def _store(
    services: ApiServices,
    caller: Caller,
    received: _Received,
    purpose: str,
    expires_at: datetime | None,
    at: datetime,
) -> NewFile:
    """Store the content; a picture becomes an input image, which jobs can name by the id of its file."""
    if purpose == "vision" or (purpose == "user_data" and received.is_picture):
        asset = (await store_upload(services, caller, _chunks(received.path), field="file")).asset
        return NewFile(
            id=asset.id,
            caller_id=caller.id,
            purpose=purpose,
            filename=received.filename,
            content_type=asset.content_type,
            bytes=asset.bytes,
            key=asset.key,
            created_at=at,
            expires_at=expires_at,
        )
    content_type = JSONL if purpose == BATCH else "application/octet-stream"
    key = await put_content(services, received.path, content_type=content_type)
    return NewFile(
        id=key,
        caller_id=caller.id,
        purpose=purpose,
        filename=received.filename,
        content_type=content_type,
        bytes=received.size,
        key=object_key(key),
        created_at=at,
        expires_at=expires_at,
    )


async def _chunks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while chunk := await asyncio.to_thread(file.read, _CHUNK):
            yield chunk
