"""Files: list, read, delete, and the content with ranges."""

from typing import Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from api.openai.batches.output import read_lines
from api.openai.context import authenticated
from api.openai.files.documents import file_document
from api.openai.files.stored_files import JSONL, delete_file, find_own_file
from api.openai.pages import page_document, read_page
from api.web.byte_ranges import requested_range
from api.web.responses import JsonResponse, matches_etag, prepend
from models.errors import Conflict, InvalidRequest, NotFound
from models.openai.file_ids import file_id, parse_file_id
from models.queries.openai.batches import find_batch
from models.queries.openai.files import list_files

_PAGE = 10_000
_NO_STORE = {"Cache-Control": "no-store"}


async def get_files(request: Request) -> Response:
    """Return a page of the caller's files."""
    services, caller = await authenticated(request)
    page = read_page(request, default=_PAGE, most=_PAGE)
    order = request.query_params.get("order") or "desc"
    if order not in ("asc", "desc"):
        raise InvalidRequest("order", "must be asc or desc")
    direction: Literal["asc", "desc"] = "asc" if order == "asc" else "desc"
    after = parse_file_id(page.after) if page.after else None
    async with services.database.reading() as connection:
        found = await list_files(
            connection,
            caller.id,
            purpose=request.query_params.get("purpose"),
            order=direction,
            after=after,
            at=services.clock(),
            limit=page.limit + 1,
        )
    return JsonResponse(page_document([file_document(row) for row in found], page.limit), headers=_NO_STORE)


async def get_file(request: Request) -> Response:
    """Return a file."""
    services, caller = await authenticated(request)
    async with services.database.reading() as connection:
        row = await find_own_file(connection, caller, request.path_params["file_id"], services.clock())
    return JsonResponse(file_document(row), headers=_NO_STORE)


async def remove_file(request: Request) -> Response:
    """Delete a file."""
    services, caller = await authenticated(request)
    async with services.database.reading() as connection:
        row = await find_own_file(connection, caller, request.path_params["file_id"], services.clock())
    if row.key is None:
        raise Conflict("This file shows the lines of a batch so far; it goes with its batch.")
    await delete_file(services, row)
    return JsonResponse({"id": file_id(row.id), "object": "file", "deleted": True}, headers=_NO_STORE)


async def get_content(request: Request) -> Response:
    """Return the content of a file, or a range of it; that of a batch under way is written as it is read."""
    services, caller = await authenticated(request)
    async with services.database.reading() as connection:
        row = await find_own_file(connection, caller, request.path_params["file_id"], services.clock())
        batch = None
        if row.key is None:
            batch = await find_batch(connection, row.batch_id, caller_id=None)
    if row.key is None:
        if batch is None:
            raise NotFound(f"No such File object: {file_id(row.id)}")
        lines = read_lines(services, batch, failed=row.failed_lines, ended=False)
        return StreamingResponse((line.content async for line in lines), headers=_NO_STORE, media_type=JSONL)
    etag = f'"{row.id.hex}"'
    headers = {
        "ETag": etag,
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Type": row.content_type,
        "X-Content-Type-Options": "nosniff",
        "Content-Disposition": "attachment",
    }
    if matches_etag(request, etag):
        return Response(status_code=304, headers=headers)
    wanted = requested_range(request, etag, row.bytes, headers={"Accept-Ranges": "bytes"})
    start, end = wanted or (0, row.bytes)
    headers["Content-Length"] = str(end - start)
    if wanted:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{row.bytes}"
    stream = services.store.stream(row.key, start, end)
    first = await anext(stream, b"")  # read here, so that a missing object is still a 404
    return StreamingResponse(prepend(first, stream), 206 if wanted else 200, headers=headers)
