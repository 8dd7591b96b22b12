"""Validation of a batch: all lines of its input are checked before any of them runs, and imported."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from api.auth import Caller
from api.campaigns.control import spec_of, start_campaign
from api.campaigns.import_rows import import_staged
from api.campaigns.sheets.record import SheetError
from api.campaigns.staged_rows import Staging
from api.jobs.served_models import read_all_served
from api.openai.batches.endpoints import ENDPOINTS
from api.openai.batches.input_lines import LONGEST_LINE, read_input
from api.openai.batches.line_reader import DUPLICATE, INVALID, MOST_ERRORS, LineReader
from api.openai.own_pictures import as_named, with_own_pictures
from api.services import ApiServices
from models.campaigns.status import CampaignStatus
from models.errors import NotFound
from models.ids import public_id
from models.queries.campaigns import campaigns
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.rows import ImportedRow
from models.queries.openai.files import find_file

MOST_LINES = 50_000
_MOST_LISTED = (MOST_LINES + 1) * MOST_ERRORS  # so that each faulty line is told
_CODES = {"duplicate_key": DUPLICATE}
_MEMBERS = frozenset({"custom_id", "method", "url", "body", "input_file_id"})


@dataclass(frozen=True, slots=True)
class ValidInput:
    """An input without an error, imported into the campaign of its batch."""

    lines: int
    model: str | None  #: of all lines; none: of several


@dataclass(frozen=True, slots=True)
class FaultyInput:
    """An input with errors, by line; nothing of it runs."""

    errors: Sequence[SheetError]


async def validate_batch(services: ApiServices, batch: Any, caller: Caller) -> ValidInput | FaultyInput:
    """Read the input of a batch; if no line is faulty, import it and start the campaign.

    It may be done again, wherever it was cut. Raises ``StorageError``, ``DatabaseAway`` and ``Conflict``.
    """
    async with services.database.reading() as connection:
        file = await find_file(
            connection, batch.input_file_id, caller_id=batch.caller_id, at=batch.created_at
        )
        campaign = await campaigns.get(connection, batch.campaign_id)
    if campaign is None:
        return FaultyInput([SheetError(0, None, "batch_failed", "The campaign of the batch was deleted.")])
    reader = LineReader(
        batch.endpoint,
        ENDPOINTS[batch.endpoint],
        services,
        await read_all_served(services),
        services.clock(),
    )
    with TemporaryDirectory(prefix="darkroom-batch-") as folder:
        path = Path(folder) / "input.jsonl"
        try:
            if file is None:
                raise NotFound("no row")
            await _download(services, file.key, path)
        except NotFound:
            words = "The input file was deleted, or its content is lost; upload it again."
            return FaultyInput([SheetError(0, "input_file_id", "input_modified", words)])
        staging = Staging(Path(folder) / "rows.db", most_listed=_MOST_LISTED)
        try:
            await asyncio.to_thread(_stage, path, reader, staging)
            path.unlink()
            if not staging.errors and campaign.status == CampaignStatus.DRAFT:
                own = partial(with_own_pictures, services, caller)
                await import_staged(services, caller, campaign, spec_of(campaign), staging, own)
                # images of lines are read here: their errors are in staging, too
            errors, lines = list(staging.errors), staging.rows
        finally:
            staging.close()
    if errors:
        return FaultyInput(_sorted(errors, reader.names))
    await _start(services, caller, campaign, lines)
    return ValidInput(lines, next(iter(reader.models)) if len(reader.models) == 1 else None)


async def _download(services: ApiServices, key: str, path: Path) -> None:
    with path.open("wb") as target:
        async for chunk in services.store.stream(key):
            await asyncio.to_thread(target.write, chunk)


def _stage(path: Path, reader: LineReader, staging: Staging) -> None:
    """Read all lines into staging; runs in a thread."""
    count = 0
    for number, raw in read_input(path):
        count += 1
        if count > MOST_LINES:
            words = f"A batch may have at most {MOST_LINES:,} lines; split the file."
            staging.add_errors([SheetError(number, None, "too_many_tasks", words)])
            return
        if raw is None:
            words = f"A line may have at most {LONGEST_LINE:,} bytes."
            staging.add_errors([SheetError(number, None, INVALID, words)])
            continue
        read = reader.read(number, raw)
        if isinstance(read, ImportedRow):
            staging.add(read)
        else:
            staging.add_errors(read)
    if not count:
        staging.add_errors([SheetError(0, None, "empty_file", "The file has no lines.")])


async def _start(services: ApiServices, caller: Caller, campaign: Campaign, lines: int) -> None:
    async with services.database.reading() as connection:
        now = await campaigns.get(connection, campaign.id)
    if now is not None and now.status == CampaignStatus.DRAFT:
        await start_campaign(services, caller, public_id("camp", campaign.id), lines)


def _place_of(column: str | None) -> str | None:
    """Return the member of a line that an error names; those of jobs are members of its body."""
    first = (column or "custom_id").partition(".")[0]
    return column if first in _MEMBERS else f"body.{column}"


def _sorted(errors: Sequence[SheetError], names: Mapping[str, str]) -> list[SheetError]:
    named = [
        SheetError(
            each.line,
            "custom_id" if each.code == "duplicate_key" else _place_of(each.column),
            _CODES.get(each.code, each.code),
            each.message.replace("the key", "The custom_id")
            if each.code == "duplicate_key"
            else as_named(each.message, names),
        )
        for each in errors
    ]
    return sorted(named, key=lambda error: error.line)
