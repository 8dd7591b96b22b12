"""Exports of campaigns: checks of what is asked for, their documents, and their content."""

from typing import Any
from uuid import UUID

from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncConnection

from api.access.audit import describe_change
from api.auth import Caller
from api.campaigns.control import spec_of
from api.campaigns.lookup import get_named
from api.ceilings import limit_reached
from api.jobs.caller_scope import callers_in_scope
from api.services import ApiServices
from api.web.problems import Problem, not_found
from models.campaigns.export_options import ExportFormat, ExportOptions, ExportStatus
from models.campaigns.spec import CampaignSpec
from models.campaigns.template import TemplateError, parse_template
from models.errors import Conflict, InvalidRequest
from models.ids import parse_id, public_id
from models.queries.callers import lock_submits
from models.queries.campaigns import exports
from models.queries.campaigns.campaigns import Campaign
from models.queries.campaigns.export_items import list_variables
from models.queries.short_ids import whole_id
from models.serializers import moment
from worker.exports.names import safe_component
from worker.exports.paths import VARIABLES

_SAMPLED = 200  # rows whose columns a template of names may use
_MOST_FOLDERS = 8


async def create_export(services: ApiServices, caller: Caller, name: str, options: ExportOptions) -> Row[Any]:
    """Insert an export of a campaign for the workers to build. Raises the 422, 404 or 429 problem."""
    async with services.database.writing() as connection:
        campaign = await get_named(connection, caller, name)
        spec = spec_of(campaign)
        await _check_names(connection, campaign, spec, options.names)
        options = _with_destination(services, campaign, options)
        await lock_submits(connection, caller.id)
        limit = services.settings.exports
        if await exports.count_unfinished(connection, caller.id) >= limit:
            raise limit_reached("exports that are being prepared", limit, "exports", retry_after=10)
        at = services.clock()
        key = await exports.insert_export(connection, campaign.id, campaign.caller_id, options, at)
        row = await exports.get_export(connection, key)
        about = {"export": public_id("export", key), "format": options.format.value}
        describe_change(target=public_id("camp", campaign.id), after=about)
    assert row is not None
    return row


async def get_export(services: ApiServices, caller: Caller, text: str) -> Row[Any]:
    """Return an export that the caller may see. Raises the 404 problem."""
    async with services.database.reading() as connection:
        whole = await whole_id(connection, "export", text, caller_id=caller.scope, field="export_id")
        row = await exports.get_export(connection, parse_id("export", whole))
    if row is None or not (caller.role.sees_all or row.caller_id == caller.id):
        raise not_found(f"There is no export {text[:64]!r}.")
    return row


async def list_page(
    services: ApiServices, caller: Caller, *, campaign: str | None, before: UUID | None, limit: int
) -> list[dict[str, Any]]:
    """Return a page of exports as JSON, newest first: the caller's, with an admin's key all."""
    async with services.database.reading() as connection:
        campaign_id = (await get_named(connection, caller, campaign)).id if campaign else None
        found = await exports.list_exports(
            connection,
            await callers_in_scope(connection, caller, None),
            campaign_id=campaign_id,
            before=before,
            limit=limit,
        )
    return [export_document(services, row) for row in found]


def check_downloadable(row: Row[Any]) -> int:
    """Return the size of an export's content. Raises the 404, 409 or 410 problem where there is none."""
    match row.status:
        case ExportStatus.WAITING | ExportStatus.RUNNING:
            raise Problem(
                409,
                "export_not_ready",
                "Workers still prepare this export; read its status, and try again when it is ready.",
                headers={"Retry-After": "2"},
            )
        case ExportStatus.FAILED:
            raise Conflict(f"This export failed: {row.error}")
        case ExportStatus.EXPIRED:
            raise Problem(410, "export_expired", "The content of this export was deleted; make a new one.")
    if row.bytes is None:
        raise not_found("This export was written to its destination; there is nothing to download.")
    size: int = row.bytes
    return size


def export_document(services: ApiServices, row: Row[Any]) -> dict[str, Any]:
    """Return an export as JSON."""
    own = f"{services.public_url}/v1/exports/{public_id('export', row.id)}"
    counts: dict[str, int] = row.counts
    return {
        "id": public_id("export", row.id),
        "object": "export",
        "campaign": row.campaign,
        "status": row.status,
        **row.options,
        "items": counts.get("items"),
        "pictures": counts.get("pictures"),
        "missing": counts.get("missing"),
        "files": counts.get("files"),
        "unchanged": counts.get("unchanged"),
        "bytes": row.bytes,
        "error": row.error,
        "created_at": moment(row.created_at),
        "finished_at": moment(row.finished_at),
        "expires_at": moment(row.expires_at),
        "links": {"self": own, "content": f"{own}/content" if row.bytes is not None else None},
    }


async def _check_names(
    connection: AsyncConnection, campaign: Campaign, spec: CampaignSpec, names: str | None
) -> None:
    """Check that each variable of a template of names is one of a row, an axis or the item."""
    if names is None:
        return
    try:
        template = parse_template(names)
    except TemplateError as error:
        raise InvalidRequest("names", str(error)) from error
    known = {*VARIABLES, *(spec.axes.values if spec.axes else ())}
    for _, variables in await list_variables(connection, campaign.id, from_position=0, limit=_SAMPLED):
        known.update(variables)
    for each in template.placeholders:
        if each.name not in known and each.default is None:
            raise InvalidRequest(
                "names",
                f"there is no {each.name[:100]!r}; write {', '.join(VARIABLES)}, a column or an axis",
            )


def _with_destination(services: ApiServices, campaign: Campaign, options: ExportOptions) -> ExportOptions:
    """Return the options with the folder of the destination, by default one named like the campaign."""
    if options.destination is None and options.format is not ExportFormat.FOLDER:
        return options
    if services.settings.export_url is None:
        raise InvalidRequest(
            "destination" if options.destination else "format",
            "this installation writes to no folder or bucket; its operator sets DARKROOM_EXPORT_URL",
        )
    if options.format not in (ExportFormat.FOLDER, ExportFormat.IMAGEFOLDER):
        raise InvalidRequest("destination", "only folder and imagefolder are written to a destination")
    destination = options.destination or safe_component(campaign.name)
    folders = destination.split("/")
    if len(folders) > _MOST_FOLDERS or any(safe_component(each) != each for each in folders):
        raise InvalidRequest(
            "destination",
            f"must be a relative path of at most {_MOST_FOLDERS} folders, such as spring/shoes, whose names "
            "every file system can hold",
        )
    return ExportOptions(
        format=options.format,
        filter=options.filter,
        names=options.names,
        marking=options.marking,
        destination=destination,
    )
