"""What holds for all jobs of a campaign: looked at, set, changed."""

from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from api.auth import authenticate
from api.campaign_bodies import CampaignSettings, merged, settings_in
from api.jobs.serializers import moment
from api.rest.parameters import integer, known_parameters, words
from api.services import services_of
from api.web.json_body import read_json
from api.web.problems import invalid, not_found
from api.web.responses import JsonAnswer
from models.queries.campaigns import any_job_of, find_campaign, list_campaigns, save_campaign

LONGEST_PAGE = 200
PAGE = 100
LONGEST_NAME = 128
_LISTING = frozenset({"after", "limit"})
_PRIVATE = {"Cache-Control": "no-store"}


async def get_campaigns(request: Request) -> Response:
    """List the campaigns that something is set for, by name."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = known_parameters(request, _LISTING)
    limit = integer(query, "limit", default=PAGE, least=1, most=LONGEST_PAGE) or PAGE
    after = words(query, "after", longest=LONGEST_NAME)
    async with services.database.reading() as connection:
        rows = await list_campaigns(connection, caller.id, after=after, limit=limit + 1)
    shown = [_view(row.name, row.retry, row.updated_at) for row in rows[:limit]]
    following = shown[-1]["name"] if len(rows) > limit else None
    return JsonAnswer({"data": shown, "next": following}, headers=_PRIVATE)


async def get_campaign(request: Request) -> Response:
    """Look at what is set for a campaign."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name = _name(request)
    async with services.database.reading() as connection:
        row = await find_campaign(connection, caller.id, name)
        if row is None and not await any_job_of(connection, caller.id, name):
            raise not_found(f"There is no campaign {name!r}: no job of yours names it, and nothing is set.")
    return JsonAnswer(_view(name, row and row.retry, row and row.updated_at), headers=_PRIVATE)


async def put_campaign(request: Request) -> Response:
    """Set all that holds for a campaign; what is not named is taken away."""
    return await _save(request, change=False)


async def patch_campaign(request: Request) -> Response:
    """Change some of what holds for a campaign; what is not named stays, null takes away."""
    return await _save(request, change=True)


async def _save(request: Request, *, change: bool) -> Response:
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    name, at = _name(request), services.clock()
    given = settings_in((await read_json(request))[1])
    async with services.database.writing() as connection:
        if change:
            row = await find_campaign(connection, caller.id, name, lock=True)
            given = merged(row and row.retry, given)
        retry = _kept(given)
        await save_campaign(connection, caller.id, name, retry=retry, at=at)
    return JsonAnswer(_view(name, retry, at), headers=_PRIVATE)


def _kept(given: CampaignSettings) -> dict[str, Any]:
    return given.retry.to_json() if given.retry else {}


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    if "\0" in name or not name.strip() or len(name) > LONGEST_NAME:
        raise invalid("name", f"must have 1 to {LONGEST_NAME} characters, not only blanks, and no NUL")
    return name


def _view(name: str, retry: dict[str, Any] | None, updated_at: datetime | None) -> dict[str, Any]:
    return {"object": "campaign", "name": name, "retry": retry or {}, "updated_at": moment(updated_at)}
