"""Content types of request bodies: a web page can't pass JSON off as a form.

A page of another site may send forms and plain text here without asking (Fetch standard, CORS-safelisted
request headers); for ``application/json`` its browser asks first. Other clients send no Origin.
"""

from starlette.requests import Request

from api.web.problems import Problem


def check_media_type(request: Request) -> None:
    """Raise the 415 problem for a body that a web page sends as something else than JSON."""
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not given or "origin" not in request.headers:
        return
    if given != "application/json" and not (given.startswith("application/") and given.endswith("+json")):
        detail = "A request with an Origin needs `Content-Type: application/json`"
        raise Problem(415, "unsupported_media_type", f"{detail}, not {given[:100]!r}.")
