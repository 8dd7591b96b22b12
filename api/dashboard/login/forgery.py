"""Requests that another site's page makes a browser send (CSRF) are refused: by origin, and by a token."""

from urllib.parse import urlsplit

from starlette.requests import Request

from api.web.problems import Problem
from models.credentials.session_tokens import proves_request

TOKEN_HEADER = "X-Darkroom-Token"
TOKEN_FIELD = "request_token"
_REFUSED = "This request did not come from a page of this dashboard. Load the page again and repeat it."


def check_origin(request: Request) -> None:
    """Raise the 403 problem unless a request comes from a page of this host, by Fetch Metadata or Origin.

    Pages without a referrer send ``Origin: null`` with a form; then Fetch Metadata alone say where.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    own = urlsplit(origin or "").netloc == request.headers.get("host")
    trusted = site == "same-origin" and (own or origin in (None, "null"))
    if not trusted and not (site is None and own):
        raise Problem(403, "forbidden", _REFUSED)


def check_token(session_token: str, given: str | None) -> None:
    """Raise the 403 problem unless a request has the token of its session."""
    if not given or not proves_request(session_token, given):
        raise Problem(403, "forbidden", _REFUSED)
