"""Import of rows: a sheet as the body, or a form with a sheet and the reference files beside it."""

import asyncio
import shutil
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

from fastapi import APIRouter
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from api.auth import Caller, authenticate
from api.campaigns.columns import check_mapping
from api.campaigns.control import spec_of
from api.campaigns.import_rows import Sheet, import_rows
from api.campaigns.lookup import get_named
from api.rest.campaigns.routing import NAME, NO_STORE, ONE, add_route, read_name
from api.rest.openapi.route_docs import (
    merge_responses,
    problem_responses,
    query_parameter,
    request_docs,
    response,
    schema_ref,
)
from api.rest.parameters import read_query
from api.services import ApiServices, services_of
from api.web.json_body import parse_json
from api.web.problems import Problem, invalid_field
from api.web.responses import JsonResponse

_MULTIPART = "multipart/form-data"
FORMS = {
    "text/csv": "csv",
    "text/tab-separated-values": "tsv",
    "application/jsonl": "jsonl",
    "application/x-ndjson": "jsonl",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}
"""Format of a sheet by its media type."""
_ENDINGS = {".csv": "csv", ".tsv": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx"}
_MOST_FILES = 5_000
_PARAMETERS = frozenset({"mapping", "dry_run"})


async def post_rows(request: Request) -> Response:
    """Import rows; those with errors are reported, and do not block the others."""
    services = services_of(request)
    caller = await authenticate(request, services.authenticator)
    query = read_query(request, _PARAMETERS)
    given = query.get("mapping")
    mapping = check_mapping(await _parse_mapping(given)) if given else None
    dry_run = _read_flag(query.get("dry_run"), "dry_run")
    name = read_name(request)
    async with services.database.reading() as connection:
        campaign = await get_named(connection, caller, name)
    spec = spec_of(campaign)
    with TemporaryDirectory(prefix="darkroom-sheet-") as folder:
        sheet = await _receive(request, services, caller, Path(folder))
        report = await import_rows(services, caller, campaign, spec, sheet, mapping=mapping, dry_run=dry_run)
    services.notifier.notify()
    return JsonResponse(report.to_json(), headers=NO_STORE)


async def _parse_mapping(text: str) -> Any:
    try:
        return (await parse_json(text.encode())).value
    except Problem as problem:
        raise invalid_field("mapping", 'must be a JSON object, such as {"SKU": "key"}') from problem


def _read_flag(text: str | None, name: str) -> bool:
    if text in (None, "", "false", "0"):
        return False
    if text in ("true", "1"):
        return True
    raise invalid_field(name, "must be true or false")


async def _receive(request: Request, services: ApiServices, caller: Caller, folder: Path) -> Sheet:
    """Write the body to a file as it comes. Raises the 415 problem for an unknown media type."""
    kind, _, parameters = request.headers.get("content-type", "").partition(";")
    kind = kind.strip().lower()
    if kind == _MULTIPART:
        return await _receive_form(request, folder)
    if kind not in FORMS:
        known = ", ".join((*FORMS, _MULTIPART))
        raise Problem(
            415, "unsupported_media_type", f"Send a sheet with one of these Content-Types: {known}."
        )
    path = folder / "sheet"
    with path.open("wb") as file:
        async for chunk in request.stream():
            file.write(chunk)
    return Sheet(path, FORMS[kind], _charset(parameters))


def _charset(parameters: str) -> str | None:
    for each in parameters.split(";"):
        name, _, value = each.partition("=")
        if name.strip().lower() == "charset":
            found = value.strip().strip('"').lower()
            return None if found in ("", "utf-8", "utf8") else found
    return None


async def _receive_form(request: Request, folder: Path) -> Sheet:
    """Write the files of a form: ``sheet``, and any others under their names."""
    async with request.form(max_files=_MOST_FILES, max_fields=10) as form:
        sheet: Sheet | None = None
        files: dict[str, Path] = {}
        for number, (field, upload) in enumerate(form.multi_items()):
            if not isinstance(upload, UploadFile):
                raise invalid_field(field[:100], "must be a file")
            path = folder / f"file-{number}"
            await asyncio.to_thread(_copy, upload.file, path)
            if field == "sheet":
                sheet = Sheet(path, _form_of(upload))
            else:
                files[upload.filename or field] = path
    if sheet is None:
        raise invalid_field("sheet", "is required: the file with the rows")
    return Sheet(sheet.path, sheet.form, None, files)


def _copy(source: Any, path: Path) -> None:
    with path.open("wb") as target:
        shutil.copyfileobj(source, target)


def _form_of(upload: UploadFile) -> str:
    ending = PurePosixPath(upload.filename or "").suffix.lower()
    kind = (upload.content_type or "").partition(";")[0].strip().lower()
    form = _ENDINGS.get(ending) or FORMS.get(kind)
    if form is None:
        raise invalid_field("sheet", f"name it with one of the endings {', '.join(_ENDINGS)}")
    return form


def add_routes(router: APIRouter) -> None:
    """Add the route."""
    documented = request_docs(
        NAME,
        query_parameter(
            "mapping",
            'JSON object of columns and fields, such as `{"SKU": "key"}`; `-` leaves a column out. '
            "Remembered for the next import.",
            type="string",
        ),
        query_parameter("dry_run", "Report only, and write nothing.", type="boolean", default=False),
    )
    binary = {"schema": {"type": "string", "format": "binary"}}
    content: dict[str, Any] = dict.fromkeys(FORMS, binary)
    content[_MULTIPART] = {
        "schema": {
            "type": "object",
            "required": ["sheet"],
            "properties": {"sheet": {"type": "string", "format": "binary"}},
            "additionalProperties": {"type": "string", "format": "binary"},
        }
    }
    documented["requestBody"] = {"required": True, "content": content}
    done = response(200, "What was imported.", schema_ref("ImportDocument"))
    add_route(
        router,
        "POST",
        f"{ONE}/rows",
        post_rows,
        "Import rows from a CSV, TSV, JSONL or XLSX sheet",
        merge_responses(done, problem_responses(400, 401, 404, 409, 413, 415, 422, 503)),
        documented,
    )
