"""Keys and sessions: who may do what, since when, and which browsers are logged in."""

from collections.abc import Mapping
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import Page, PageView
from models.api_keys import FROM_SETTINGS, Role
from models.ids import public_id
from models.queries.api_keys import list_keys
from models.queries.dashboard.sessions import list_sessions


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the keys, the usable ones first, and the open sessions."""
    at = view.services.clock()
    async with view.services.database.reading() as connection:
        keys = await list_keys(connection)
        sessions = await list_sessions(connection, at)
    rows = [
        {
            "key": key,
            "id": public_id("key", key.id),
            "state": key.state(at).value,
            "from_settings": key.name == FROM_SETTINGS,
            "own": key.id == view.caller.key_id,
        }
        for key in keys
    ]
    return {
        "keys": sorted(rows, key=lambda row: row["state"] != "ready"),
        "roles": [role.value for role in Role],
        "callers": sorted({key.caller for key in keys if key.caller != FROM_SETTINGS}),
        "sessions": [(row, public_id("session", row.id)) for row in sessions],
        "present": public_id("session", view.viewer.session_id),
    }


PAGE = Page(
    "/dashboard/keys",
    "keys",
    msgid("Keys"),
    load,
    live=frozenset({"audit"}),
    group="house",
    icon="keys",
    least=Role.ADMIN,
    scripts=("keys.js",),
)
