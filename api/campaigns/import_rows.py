"""Import of rows: a sheet is read into staging, compared with the stored rows, and written in batches."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from api.auth import Caller
from api.campaigns.row_reader import RowReader, SheetColumn
from api.campaigns.sheets.csv_sheet import read_csv
from api.campaigns.sheets.encoding import find_encoding
from api.campaigns.sheets.jsonl_sheet import read_jsonl
from api.campaigns.sheets.record import Record, SheetError, SheetLimits, UnreadableSheet
from api.campaigns.sheets.xlsx_sheet import read_rows
from api.campaigns.staged_rows import Staging
from api.jobs.input_images import asset_sizes, read_data_url
from api.services import ApiServices
from api.web.problems import Problem
from models.campaigns.row import RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.status import IMPORTABLE, CampaignStatus
from models.errors import Conflict, ImageError, InvalidRequest, NotFound
from models.ids import new_id, parse_id, public_id
from models.queries.assets import find_input_by_key, insert_assets
from models.queries.campaigns import campaigns, rows
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.rows import ImportedRow
from models.settings import Settings
from worker.asset_store import CheckedImage, check_image
from worker.images.limits import Limits

_PAGE = 500  # rows of one transaction
_KEYS = 5_000  # stored keys that are compared at a time
_CLAIM = timedelta(minutes=2)  # of an import that no longer writes, until another may begin
_MISSING_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Sheet:
    """An uploaded sheet. ``form``: csv, tsv, jsonl or xlsx; ``files``: those beside it, by name."""

    path: Path
    form: str
    encoding: str | None = None
    files: Mapping[str, Path] = field(default_factory=dict)


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do."""

    dry_run: bool
    mapping: Mapping[str, str]
    rows: int = 0
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    missing: int = 0
    duplicates: int = 0
    missing_keys: list[str] = field(default_factory=list)
    errors: Sequence[SheetError] = ()
    codes: Mapping[str, int] = field(default_factory=dict)
    columns: Sequence[SheetColumn] = ()

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON."""
        counts = {
            name: getattr(self, name)
            for name in ("rows", "added", "changed", "unchanged", "missing", "duplicates")
        }
        return {
            "object": "import",
            "dry_run": self.dry_run,
            **counts,
            "missing_keys": self.missing_keys,
            "error_count": sum(self.codes.values()),
            "errors_by_code": dict(self.codes),
            "errors": [error.to_json() for error in self.errors],
            "mapping": dict(self.mapping),
            "columns": [column.to_json() for column in self.columns],
        }


async def import_rows(
    services: ApiServices,
    caller: Caller,
    campaign: Campaign,
    spec: CampaignSpec,
    sheet: Sheet,
    *,
    mapping: Mapping[str, str] | None,
    dry_run: bool,
) -> ImportReport:
    """Import a sheet; with ``dry_run`` nothing is written. Rows with errors do not block the others.

    Raises ``Conflict`` while another import of the campaign is under way.
    """
    if CampaignStatus(campaign.status) not in IMPORTABLE or not campaign.is_planned:
        raise Conflict(f"A campaign that is {campaign.status} takes no rows.")
    work = _Import(services, caller, campaign, spec, dry_run)
    return await work.run(sheet, mapping if mapping is not None else campaign.mapping or {})


ResolveImages = Callable[[Sequence[str]], Awaitable[Sequence[str]]]
"""Returns images of a row as an import takes them, in the same order."""


async def import_staged(
    services: ApiServices,
    caller: Caller,
    campaign: Campaign,
    spec: CampaignSpec,
    staging: Staging,
    resolve: ResolveImages,
) -> ImportReport:
    """Import rows that were staged; those whose images can't be used are errors of ``staging``.

    It takes over from an import under way, which may be that of a process that was killed: the caller sees to
    it that there is one at a time. Raises ``Conflict`` once another has taken over.
    """
    return await _Import(services, caller, campaign, spec, False, resolve).run_staged(staging)


class _Import:
    """One import under way."""

    def __init__(
        self,
        services: ApiServices,
        caller: Caller,
        campaign: Campaign,
        spec: CampaignSpec,
        dry_run: bool,
        resolve: ResolveImages | None = None,
    ) -> None:
        self._resolve = resolve
        self._services, self._caller, self._campaign, self._spec = services, caller, campaign, spec
        self._dry_run, self._id, self._at = dry_run, new_id(), services.clock()
        self._variants = spec.variants(services.settings.campaign_combinations)
        self._inputs: dict[str, str] = {}  # asset ids of images of this import, by content key

    async def run(self, sheet: Sheet, mapping: Mapping[str, str]) -> ImportReport:
        """Import a sheet, once the earlier imports of the caller have ended: each keeps a thread busy."""
        async with self._services.import_turns.hold(self._caller.id):
            return await self._run(sheet, mapping)

    async def _run(self, sheet: Sheet, mapping: Mapping[str, str]) -> ImportReport:
        if not self._dry_run:
            await self._claim()
        try:
            files = {name: await self._file(name, path) for name, path in sheet.files.items()}
            with TemporaryDirectory(prefix="darkroom-import-") as folder:
                staging = Staging(Path(folder) / "rows.db")
                try:
                    reader = self._reader(mapping, files)
                    try:
                        sheet = await self._with_rows(sheet, Path(folder))
                        await asyncio.to_thread(_stage, sheet, reader, staging, self._services.settings)
                    except UnreadableSheet as error:
                        staging.is_complete = False
                        staging.add_errors([error.error])
                    report = await self._write(staging, mapping)
                    report.columns = list(reader.found.values())
                    return report
                finally:
                    staging.close()
        finally:
            if not self._dry_run:
                async with self._services.database.writing() as connection:
                    await campaigns.end_import(connection, self._campaign.id, self._id, mapping)

    async def _with_rows(self, sheet: Sheet, folder: Path) -> Sheet:
        """Return a sheet whose rows can be read one after the other."""
        if sheet.form != "xlsx":
            return sheet
        path = folder / "rows.jsonl"
        await self._services.workbooks.write_rows(sheet.path, path)
        return replace(sheet, path=path)

    async def run_staged(self, staging: Staging) -> ImportReport:
        await self._claim(take_over=True)
        try:
            return await self._write(staging, {})
        finally:
            async with self._services.database.writing() as connection:
                await campaigns.end_import(connection, self._campaign.id, self._id, None)

    def _reader(self, mapping: Mapping[str, str], files: Mapping[str, str]) -> RowReader:
        first = self._variants.assignment(0) if len(self._variants) else {}
        return RowReader(self._spec, first, mapping, files, self._services.settings, self._at)

    async def _claim(self, *, take_over: bool = False) -> None:
        async with self._services.database.writing() as connection:
            now = self._services.clock()
            claimed = await campaigns.claim_import(
                connection, self._campaign.id, self._id, until=now + _CLAIM, at=now, take_over=take_over
            )
        if not claimed:
            raise Conflict("Another import of this campaign is under way; try again when it has ended.")

    async def _write(self, staging: Staging, mapping: Mapping[str, str]) -> ImportReport:
        report = ImportReport(self._dry_run, mapping, rows=staging.rows, duplicates=staging.duplicates)
        for page in staging.pages(_PAGE):
            await self._write_page(page, staging, report)
        if staging.is_complete:  # else nobody knows what the rest of it has
            await self._mark_missing(staging, report)
        report.errors = sorted(staging.errors, key=lambda error: error.line)
        report.codes = staging.codes
        return report

    async def _write_page(self, page: list[ImportedRow], staging: Staging, report: ImportReport) -> None:
        database, key = self._services.database, self._campaign.id
        async with database.reading() as connection:
            known = await rows.hashes_of(connection, key, [row.key for row in page])
        added = [row for row in page if row.key not in known]
        changed = [row for row in page if row.key in known and known[row.key][0] != row.content_hash]
        back = [row.key for row in page if row.key in known and known[row.key][1]]
        report.unchanged += len(page) - len(added) - len(changed)
        added = self._within_ceiling(added, staging, report)
        added, changed = [await self._resolved(each, staging) for each in (added, changed)]
        report.added += len(added)
        report.changed += len(changed)
        if self._dry_run or not (added or changed or back):
            return
        async with database.writing() as connection:
            campaign = await campaigns.get(connection, key, lock=True)
            if campaign is None or campaign.import_id != self._id:
                raise Conflict("The campaign was deleted, or another import has taken over.")
            await rows.insert_rows(connection, key, added, first_position=campaign.row_count)
            await rows.change_rows(connection, key, changed)
            await rows.mark_missing(connection, key, back, None)
            if added:
                await campaigns.add_rows(connection, key, rows=len(added), variants=len(self._variants))
            now = self._services.clock()
            await campaigns.claim_import(connection, key, self._id, until=now + _CLAIM, at=now)

    def _within_ceiling(
        self, added: list[ImportedRow], staging: Staging, report: ImportReport
    ) -> list[ImportedRow]:
        settings, variants = self._services.settings, max(len(self._variants), 1)
        most = min(settings.campaign_rows, settings.campaign_items // variants)
        left = max(most - self._campaign.row_count - report.added, 0)
        words = (
            f"a campaign may have at most {settings.campaign_rows:,} rows (DARKROOM_CAMPAIGN_ROWS) and "
            f"{settings.campaign_items:,} items (DARKROOM_CAMPAIGN_ITEMS)"
        )
        staging.add_errors([SheetError(row.line, None, "too_many_rows", words) for row in added[left:]])
        return added[:left]

    async def _mark_missing(self, staging: Staging, report: ImportReport) -> None:
        """Report rows that the import does not have; they stay."""
        database, key, after = self._services.database, self._campaign.id, None
        while True:
            async with database.reading() as connection:
                keys = await rows.list_keys(connection, key, after=after, limit=_KEYS)
            if not keys:
                return
            after = keys[-1]
            if gone := staging.missing(keys):
                report.missing += len(gone)
                report.missing_keys += gone[: _MISSING_SHOWN - len(report.missing_keys)]
                if not self._dry_run:
                    async with database.writing() as connection:
                        await rows.mark_missing(connection, key, gone, self._at)

    # Reference pictures.

    async def _resolved(self, page: list[ImportedRow], staging: Staging) -> list[ImportedRow]:
        """Return the rows with assets instead of data URLs; those with an unusable image are errors."""
        wanted = {
            image: _asset_key(image)
            for row in page
            for image in row.content.overrides.get("images") or ()
            if image.startswith("asset_") and image not in self._inputs.values()
        }
        known = {key for key in wanted.values() if key is not None}
        missing = known - set(await asset_sizes(self._services, self._caller, known))
        good = list[ImportedRow]()
        for row in page:
            images = row.content.overrides.get("images")
            try:
                if images:
                    row = await self._with_images(row, images, wanted, missing)
                good.append(row)
            except InvalidRequest as error:
                staging.add_errors([SheetError(row.line, "images", error.code, error.message)])
        return good

    async def _with_images(
        self,
        row: ImportedRow,
        images: Sequence[str],
        wanted: Mapping[str, UUID | None],
        missing: set[UUID],
    ) -> ImportedRow:
        resolved = []
        for image in await self._resolve(images) if self._resolve else images:
            if image in wanted and (wanted[image] is None or wanted[image] in missing):
                raise InvalidRequest(
                    "images", f"there is no asset {image[:64]!r}", code="input_image_not_found"
                )
            if image.startswith("data:"):
                new = await read_data_url(self._services, self._caller, image, field="images", at=self._at)
                image = await self._stored(new.image)
            resolved.append(image)
        overrides = {**row.content.overrides, "images": resolved}
        return replace(row, content=RowContent(row.content.variables, overrides))

    async def _file(self, name: str, path: Path) -> str:
        """Return the asset id of a file beside the sheet. Raises the 422 problem if it is no picture."""
        limits = Limits(size=self._services.settings.input_image_limit)
        try:
            image = await asyncio.to_thread(lambda: check_image(path.read_bytes(), limits=limits))
            if not image.stored.content_type.startswith("image/"):
                raise ImageError("asset_not_image", f"This is {image.stored.content_type}, not a picture.")
        except ImageError as error:
            words = f"{name[:100]}: {error.message}"
            raise Problem(
                422, "input_image_invalid", words, errors=[{"field": name[:100], "message": error.message}]
            ) from error
        return await self._stored(image)

    async def _stored(self, image: CheckedImage) -> str:
        """Return the asset id of a picture, which is stored once by its content for each caller."""
        key = image.stored.key
        if key not in self._inputs:
            async with self._services.database.reading() as connection:
                found = await find_input_by_key(connection, key, caller_id=self._caller.id)
            if found is None:
                asset = image.stored.as_asset(caller_id=self._caller.id, at=self._at)
                found = asset.id
                if not self._dry_run:
                    await image.put(self._services.store)
                    async with self._services.database.writing() as connection:
                        await insert_assets(connection, [asset])
            self._inputs[key] = public_id("asset", found)
        return self._inputs[key]


def _asset_key(text: str) -> UUID | None:
    try:
        return parse_id("asset", text)
    except NotFound:
        return None


def _stage(sheet: Sheet, reader: RowReader, staging: Staging, settings: Settings) -> None:
    """Read a sheet into staging; runs in a thread. Raises ``UnreadableSheet``."""
    for count, record in enumerate(_records(sheet, settings), 1):
        if count > settings.campaign_rows:
            words = (
                f"the sheet is read up to here: it has more than {settings.campaign_rows:,} rows, "
                "the most that a campaign may have (DARKROOM_CAMPAIGN_ROWS)"
            )
            raise UnreadableSheet(SheetError(record.line, None, "too_many_rows", words))
        read = reader.read(record)
        if isinstance(read, ImportedRow):
            staging.add(read)
        else:
            staging.add_errors(read)


def _records(sheet: Sheet, settings: Settings) -> Iterator[Record]:
    limits = SheetLimits(settings.campaign_columns, settings.campaign_cell_bytes)
    if sheet.form == "xlsx":
        return read_rows(sheet.path, limits)[1]
    encoding = find_encoding(sheet.path, sheet.encoding)
    if sheet.form == "jsonl":
        return read_jsonl(sheet.path, encoding, limits)
    return read_csv(sheet.path, encoding, limits, delimiter="\t" if sheet.form == "tsv" else None)[1]
