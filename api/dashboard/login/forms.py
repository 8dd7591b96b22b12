"""Small forms of pages: read within a limit, before anybody is known."""

from urllib.parse import parse_qsl

from starlette.requests import Request

from api.web.problems import Problem

_MOST_BYTES = 16 * 1024
_MOST_FIELDS = 20
_TYPE = "application/x-www-form-urlencoded"


async def read_form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises the 413, 415 and 422 problems."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _TYPE:
        raise Problem(415, "unsupported_media_type", f"Send the form as {_TYPE}.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > _MOST_BYTES:
            raise Problem(413, "too_large", f"A form has at most {_MOST_BYTES:,} bytes.")
    try:
        pairs = parse_qsl(bytes(body).decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise Problem(422, "invalid", "The form can't be read; load the page again.") from error
    return {name: value for name, value in pairs if "\0" not in value}
