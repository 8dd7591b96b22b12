"""Batches: create, list, read, cancel."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller
from api.campaigns.control import insert_draft
from api.ceilings import limit_reached
from api.openai.batches.batch_request import BatchRequest, read_batch
from api.openai.batches.documents import batch_document
from api.openai.budget import budget_problem, spent_budget
from api.openai.context import authenticated, json_context
from api.openai.files.stored_files import BATCH, JSONL, OUTPUT
from api.openai.made_once import find_made, make_once
from api.openai.pages import page_document, read_page
from api.services import ApiServices
from api.web.problems import Problem
from api.web.responses import JsonResponse
from models.errors import InvalidRequest, NotFound
from models.ids import new_id, parse_id, public_id
from models.openai.batch_status import CANCELLABLE, BatchStatus
from models.openai.file_ids import parse_file_id
from models.queries.callers import lock_submits
from models.queries.campaigns import campaigns
from models.queries.campaigns.counts import count_items
from models.queries.openai.batches import (
    NewBatch,
    change_status,
    count_open,
    find_batch,
    insert_batch,
    list_batches,
)
from models.queries.openai.files import NewFile, find_file, insert_files

_PAGE, _LONGEST_PAGE = 20, 100
_NO_STORE = {"Cache-Control": "no-store"}


async def post_batch(request: Request) -> Response:
    """Create a batch; its input is read soon, by any API process."""
    context, members = await json_context(request, images=False)
    services, caller, at = context.services, context.caller, context.at
    key = new_id()
    wanted = read_batch(members, key, at)
    made = await find_made(context)
    if made is None:
        if (spent := await spent_budget(services, caller.id)) is not None:
            raise budget_problem(spent)

        async def insert(connection: AsyncConnection) -> UUID:
            await _insert(connection, services, caller, wanted, key, at)
            return key

        made, _ = await make_once(context, insert)
        services.batch_wake.set()
    return await _answer(services, caller, made)


async def _insert(
    connection: AsyncConnection,
    services: ApiServices,
    caller: Caller,
    wanted: BatchRequest,
    key: UUID,
    at: Any,
) -> None:
    """Insert a batch with its campaign, and the files that show its lines. Raises ``Problem``."""
    input_file = await _input_file(connection, caller, wanted.input_file_id, at)
    await lock_submits(connection, caller.id)
    if await count_open(connection, caller.id) >= (most := services.settings.campaigns):
        raise limit_reached("batches that have not ended", most, "campaigns", retry_after=60)
    campaign_id = await insert_draft(connection, services, caller, wanted.spec, at, surface="openai")
    new = NewBatch(
        id=key,
        caller_id=caller.id,
        campaign_id=campaign_id,
        input_file_id=input_file,
        endpoint=wanted.endpoint,
        completion_window=wanted.completion_window,
        metadata=wanted.metadata,
        inline_images=wanted.inline_images,
        output_expires_after=wanted.output_expires_after,
        partial_output_id=new_id(),
        partial_error_id=new_id(),
        created_at=at,
        expires_at=wanted.expires_at,
    )
    await insert_batch(connection, new)
    partial = ((new.partial_output_id, False), (new.partial_error_id, True))
    await insert_files(connection, [_partial_file(new, each, failed) for each, failed in partial])


async def _input_file(connection: AsyncConnection, caller: Caller, text: str, at: Any) -> UUID:
    """Return the id of an input file. Raises the 404 or 400 problem."""
    try:
        row = await find_file(connection, parse_file_id(text), caller_id=caller.id, at=at)
    except NotFound:
        row = None
    if row is None:
        errors = [{"field": "input_file_id", "message": f"there is no file {text[:64]!r}"}]
        raise Problem(404, "not_found", f"No such File object: {text[:64]}", errors=errors)
    if row.purpose != BATCH:
        raise InvalidRequest(
            "input_file_id", f"this file has the purpose {row.purpose}; upload it with the purpose {BATCH}"
        )
    return row.id  # type: ignore[no-any-return]


def _partial_file(batch: NewBatch, key: UUID, failed: bool) -> NewFile:
    name = "errors" if failed else "output"
    return NewFile(
        id=key,
        caller_id=batch.caller_id,
        purpose=OUTPUT,
        filename=f"{public_id('batch', batch.id)}_partial_{name}.jsonl",
        content_type=JSONL,
        bytes=0,
        key=None,
        created_at=batch.created_at,
        batch_id=batch.id,
        failed_lines=failed,
    )


async def get_batches(request: Request) -> Response:
    """Return a page of the caller's batches, the newest first."""
    services, caller = await authenticated(request)
    page = read_page(request, default=_PAGE, most=_LONGEST_PAGE)
    after = _parse(page.after) if page.after else None
    spent = await spent_budget(services, caller.id)
    async with services.database.reading() as connection:
        found = await list_batches(connection, caller.id, after=after, limit=page.limit + 1)
        documents = [await _document(connection, row, spent) for row in found]
    return JsonResponse(page_document(documents, page.limit), headers=_NO_STORE)


async def get_batch(request: Request) -> Response:
    """Return a batch."""
    services, caller = await authenticated(request)
    return await _answer(services, caller, _parse(request.path_params["batch_id"]))


async def cancel_batch(request: Request) -> Response:
    """Cancel a batch: no further call is made; calls under way end, and are in its files."""
    services, caller = await authenticated(request)
    key = _parse(request.path_params["batch_id"])
    async with services.database.writing() as connection:
        batch = _found(await find_batch(connection, key, caller_id=caller.id, lock=True), key)
        status = BatchStatus(batch.status)
        if status in CANCELLABLE:
            await change_status(connection, batch, BatchStatus.CANCELLING, at=services.clock())
        elif status not in (BatchStatus.CANCELLING, BatchStatus.CANCELLED):
            raise Problem(409, "conflict", f"The batch is {status.value}; it can't be cancelled any more.")
    services.batch_wake.set()
    return await _answer(services, caller, key)


async def _answer(services: ApiServices, caller: Caller, key: UUID) -> Response:
    spent = await spent_budget(services, caller.id)
    async with services.database.reading() as connection:
        batch = _found(await find_batch(connection, key, caller_id=caller.scope), key)
        document = await _document(connection, batch, spent if batch.caller_id == caller.id else None)
    return JsonResponse(document, headers=_NO_STORE)


async def _document(connection: AsyncConnection, batch: Row[Any], spent: str | None) -> dict[str, Any]:
    """Return a batch; ``spent``: why the budget of its caller lets no line start."""
    campaign = await campaigns.get(connection, batch.campaign_id)
    states = {}
    if campaign is not None and batch.counts is None:
        states = (await count_items(connection, [campaign.id]))[campaign.id]
    return batch_document(batch, campaign, states, spent=spent)


def _parse(text: str) -> UUID:
    try:
        return parse_id("batch", text)
    except NotFound as error:
        raise NotFound(f"No such batch: {text[:64]}") from error


def _found(row: Row[Any] | None, key: UUID) -> Row[Any]:
    if row is None:
        raise NotFound(f"No such batch: {public_id('batch', key)}")
    return row
