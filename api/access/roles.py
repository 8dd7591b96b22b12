"""What each role may do: the least role of each route, for the API and the dashboard alike."""

from collections.abc import Mapping

from starlette.requests import Request

from api.web.problems import Problem
from models.api_keys import Role

_SAFE = frozenset({"GET", "HEAD"})
_READS = frozenset({"/v1/tokens", "/v1/explain", "/v1/assets/zip"})  # POSTs that change nothing
_LEAST: Mapping[str, Role] = {
    "/v1/campaigns/{name}/verdicts": Role.REVIEWER,
    "/v1/campaigns/{name}/verdicts/undo": Role.REVIEWER,
    "/v1/campaigns/{name}/reroll": Role.REVIEWER,
    "/v1/actions/{action_id}/abort": Role.REVIEWER,
    "/v1/campaigns/{name}/exports": Role.VIEWER,
    "/v1/views": Role.VIEWER,  # the caller's own
    "/v1/views/{page}/{name:path}": Role.VIEWER,
    "/v1/sessions/{session_id}/end": Role.ADMIN,
    "/v1/keys": Role.ADMIN,
    "/v1/keys/{key_id}/rotate": Role.ADMIN,
    "/v1/keys/{key_id}/revoke": Role.ADMIN,
}
"""Routes that need less, or more, than an operator to change something."""


def least_role(method: str, route: str) -> Role:
    """Return the least role that may call a route, of those that see all; users are bound by their jobs."""
    if method in _SAFE or route in _READS:
        return Role.VIEWER
    return _LEAST.get(route, Role.OPERATOR)


def may_change(role: Role) -> bool:
    """Return whether a role makes jobs and decides them: users their own."""
    return not role.sees_all or role.reaches(Role.OPERATOR)


def check_access(request: Request, role: Role) -> None:
    """Raise the 403 problem if a role is too low for the route of a request."""
    route = str(getattr(request.scope.get("route"), "path", ""))
    least = least_role(request.method, route)
    if role.sees_all and not role.reaches(least):
        raise forbidden(role, least)


def check_sees_all(role: Role, least: Role) -> None:
    """Raise the 403 problem for a user, who sees the own jobs alone; ``least``: the role that is needed."""
    if not role.sees_all:
        raise forbidden(role, least)


def forbidden(role: Role, least: Role) -> Problem:
    """Return the 403 problem of a role that is too low."""
    detail = (
        f"This needs a key with the role {least}; yours is {role}. "
        f"An operator of this installation makes one: darkroom keys create NAME --role {least}"
    )
    return Problem(403, "forbidden", detail)
