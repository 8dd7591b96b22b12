"""Forms (``multipart/form-data``): their fields as the JSON members that they stand for, and their files.

The SDK writes members of members as ``name[member]`` and lists as ``name[]``; all values are text.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request

from api.web.problems import Problem, invalid_field

MEDIA_TYPE = "multipart/form-data"
_FIELDS = 200  # of one form
_FILES = 20
_FIELD_SIZE = 2**20  # bytes of one field
_CHUNK = 256 * 1024
_NAME = re.compile(r"([^\[\]]{1,100})((?:\[[^\[\]]{0,100}\])*)")
_SCALAR = re.compile(r"-?\d{1,18}(\.\d{1,18})?|true|false|null")


@dataclass(frozen=True, slots=True)
class Form:
    """A form that was read. Its files are open while the form is."""

    members: dict[str, Any]
    files: Sequence[tuple[str, UploadFile]]  #: name of the field, without ``[]``, and the file
    digest: bytes  #: of all that it contains, not of the boundary, which each repetition has anew


def is_form(request: Request) -> bool:
    """Return whether the body of a request is a form."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower() == MEDIA_TYPE


@asynccontextmanager
async def open_form(request: Request) -> AsyncIterator[Form]:
    """Read the form of a request; its files go to the disk. Raises ``Problem``."""
    try:
        async with request.form(max_files=_FILES, max_fields=_FIELDS, max_part_size=_FIELD_SIZE) as fields:
            parts = fields.multi_items()
            texts = [(name, value) for name, value in parts if isinstance(value, str)]
            files = [(name, value) for name, value in parts if isinstance(value, UploadFile)]
            digest = await _digest(texts, files)
            named = [(name.partition("[")[0], file) for name, file in files]
            yield Form(form_members(texts), named, digest)
    except HTTPException as error:
        raise Problem(400, "malformed_form", f"The form can't be read: {error.detail}") from error


async def chunks_of(file: UploadFile) -> AsyncIterator[bytes]:
    """Yield the content of a file from its start."""
    await file.seek(0)
    while chunk := await file.read(_CHUNK):
        yield chunk


def form_members(fields: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """Return the members that fields of a form stand for. Raises ``Problem`` for a faulty name.

    A field without brackets stays text: whoever reads it knows its type.
    """
    members: dict[str, Any] = {}
    for name, text in fields:
        found = _NAME.fullmatch(name)
        if found is None or "\0" in text:
            raise invalid_field(name[:100] or "form", "this is no name or value of a field")
        path = re.findall(r"\[([^\[\]]*)\]", found[2])
        if not _place(members, [found[1], *path], _scalar(text) if path else text):
            raise invalid_field(name[:100], "contradicts another field of the form")
    return members


def _place(members: dict[str, Any], path: Sequence[str], value: Any) -> bool:
    """Write a value at its path; ``False`` if something else is there."""
    here: dict[str, Any] = members
    for position, name in enumerate(path[:-1]):
        if path[position + 1] == "":  # a list is the end of a path
            return position == len(path) - 2 and _append(here, name, value)
        inner = here.setdefault(name, {})
        if not isinstance(inner, dict):
            return False
        here = inner
    if path[-1] in here:
        return len(path) == 1 and _repeat(here, path[-1], value)
    here[path[-1]] = value
    return True


def _append(members: dict[str, Any], name: str, value: Any) -> bool:
    inner = members.setdefault(name, [])
    if not isinstance(inner, list):
        return False
    inner.append(value)
    return True


def _repeat(members: dict[str, Any], name: str, value: Any) -> bool:
    """A field that comes several times is a list."""
    if isinstance(members[name], dict):
        return False
    earlier = members[name] if isinstance(members[name], list) else [members[name]]
    members[name] = [*earlier, value]
    return True


def _scalar(text: str) -> Any:
    return orjson.loads(text) if _SCALAR.fullmatch(text) and not re.match(r"-?0\d", text) else text


async def _digest(texts: Sequence[tuple[str, str]], files: Sequence[tuple[str, UploadFile]]) -> bytes:
    whole = sha256(orjson.dumps([[name, text] for name, text in texts]))
    for name, file in files:
        content = sha256()
        async for chunk in chunks_of(file):
            await asyncio.to_thread(content.update, chunk)
        whole.update(orjson.dumps([name, file.filename or "", content.hexdigest()]))
    return whole.digest()


def numbers_of(members: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the members, those of these names as numbers where their text is one."""
    return {
        name: int(value)
        if name in names and isinstance(value, str) and re.fullmatch(r"\d{1,9}", value)
        else value
        for name, value in members.items()
    }


def flags_of(members: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the members, those of these names as booleans where their text is one."""
    words = {"true": True, "false": False, "1": True, "0": False, "True": True, "False": False}
    return {
        name: words.get(value, value) if name in names and isinstance(value, str) else value
        for name, value in members.items()
    }
