"""What the campaign routes share: how one is added, the campaign in the path, and its response."""

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from api.campaigns.documents import campaign_document
from api.rest.openapi import route_docs
from api.rest.openapi.route_docs import path_parameter, response, schema_ref
from api.services import ApiServices
from api.web.problems import invalid_field
from api.web.responses import JsonResponse
from models.campaigns.spec import LONGEST_NAME
from models.queries.campaigns.campaigns import Campaign

ROOT = "/v1/campaigns"
ONE = f"{ROOT}/{{name:path}}"
NO_STORE = {"Cache-Control": "no-store"}
NAME = path_parameter(
    "name", "Id of the campaign (camp_…, or a unique beginning of it), or its exact name as in its jobs."
)
add_route = partial(route_docs.add_route, tag="campaigns")
CAMPAIGN = response(200, "The campaign.", schema_ref("CampaignDocument"))


def read_name(request: Request) -> str:
    """Return the id or name in the path. Raises the 422 problem."""
    name: str = request.path_params["name"]
    if "\0" in name or not name.strip() or len(name) > LONGEST_NAME:
        raise invalid_field("name", f"must have 1 to {LONGEST_NAME} characters, not only blanks, and no NUL")
    return name


async def campaign_response(services: ApiServices, campaign: Campaign, status: int = 200) -> Response:
    """Return a campaign as it is now."""
    async with services.database.reading() as connection:
        content = await campaign_document(services, connection, campaign)
    headers = NO_STORE | ({"Location": content["links"]["self"]} if status == 201 else {})
    return JsonResponse(content, status, headers=headers)
