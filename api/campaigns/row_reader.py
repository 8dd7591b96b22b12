"""Row reader: a record of a sheet becomes a row, or all the errors that it has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from api.campaigns.columns import IGNORED, fields_of
from api.campaigns.sheets.record import Record, SheetError
from api.jobs.validation import Rejection, validate
from models.campaigns.item_request import render_item
from models.campaigns.row import GROUPS, RowContent
from models.campaigns.spec import CampaignSpec
from models.campaigns.template import TemplateError
from models.queries.campaigns.rows import ImportedRow
from models.settings import Settings

LONGEST_KEY = 256  #: characters
_EXAMPLE = 100  # characters
_LINKS = ("http://", "https://", "data:", "asset_")
_TEXTS = ("prompt", "size", "model", "file_name")
_NOT_VARIABLES = ("prompt", "images")


@dataclass(frozen=True, slots=True)
class SheetColumn:
    """A column of a sheet: the field that it sets (none: only a variable), and its first cell, shortened."""

    name: str
    field: str | None
    example: str

    def to_json(self) -> dict[str, str | None]:
        """Return the column as JSON."""
        return {"name": self.name, "field": self.field, "example": self.example}


class RowReader:
    """Reads the records of one import; ``files``: the asset ids of the files beside the sheet, by name."""

    def __init__(
        self,
        spec: CampaignSpec,
        assignment: Mapping[str, str],
        mapping: Mapping[str, str],
        files: Mapping[str, str],
        settings: Settings,
        at: datetime,
    ) -> None:
        self._spec, self._assignment, self._mapping = spec, assignment, mapping
        self._files, self._settings, self._at = files, settings, at
        self._columns: tuple[str, ...] = ()
        self._fields: Mapping[str, str] = {}
        self.found: dict[str, SheetColumn] = {}  #: columns of the records so far, by name

    def read(self, record: Record) -> ImportedRow | Sequence[SheetError]:
        """Return the row of a record, or what is wrong with it."""
        if record.problem is not None:
            return [record.problem]
        columns = tuple(record.cells)
        if columns != self._columns:
            self._columns, self._fields = columns, fields_of(columns, self._mapping)
            self._note_columns(record)
        errors: list[SheetError] = []
        content, key = self._content(record, errors)
        if not errors:
            if not key:
                key = f"row-{content.content_hash[:16]}"
            if len(key) > LONGEST_KEY:
                words = f"a key may have at most {LONGEST_KEY} characters"
                errors.append(SheetError(record.line, self._column("key"), "key_too_long", words))
        if not errors:
            content = self._check(record.line, key, content, errors)
        return errors or ImportedRow(key, record.line, content, content.content_hash)

    def _note_columns(self, record: Record) -> None:
        for name, value in record.cells.items():
            if name and name not in self.found and len(self.found) < self._settings.campaign_columns:
                example = "" if value is None else str(value)
                self.found[name] = SheetColumn(name, self._fields.get(name), example[:_EXAMPLE])

    def _content(self, record: Record, errors: list[SheetError]) -> tuple[RowContent, str]:
        variables, own, key = dict[str, str](), dict[str, Any](), ""
        for column, value in record.cells.items():
            field = self._fields.get(column)
            if field == IGNORED or value is None or column == "":
                continue
            try:
                if field not in _NOT_VARIABLES and (field or "").partition(".")[0] not in GROUPS:
                    variables[column] = _text(value)
                if field == "key":
                    key = _text(value).strip()
                elif field is not None:
                    self._set(own, field, value)
            except ValueError as error:
                errors.append(SheetError(record.line, column, "invalid", str(error)))
        return RowContent(variables, own), key

    def _set(self, own: dict[str, Any], field: str, value: Any) -> None:
        """Set a field of a row; an empty cell leaves it to the campaign. Raises ``ValueError``."""
        if isinstance(value, str) and not value.strip():
            return
        group, _, name = field.partition(".")
        if group in GROUPS and name:
            own.setdefault(group, {})[name] = value if not isinstance(value, str) else _literal(value)
        elif field in GROUPS:
            if not isinstance(value, dict):
                raise ValueError("must be a JSON object")
            own.setdefault(field, {}).update(value)
        elif field == "images":
            own["images"] = [self._image(each) for each in _images(value)]
        elif field == "n":
            text = _text(value).strip()
            if not (text.isascii() and text.isdigit() and 1 <= int(text[:4]) <= 16):
                raise ValueError("must be a whole number from 1 to 16")
            own["n"] = int(text)
        else:
            own[field] = _text(value) if field == "prompt" else _text(value).strip()

    def _image(self, value: str) -> str:
        if value.startswith(_LINKS):
            return value
        if value not in self._files:
            raise ValueError(
                f"there is no file {value[:100]!r} beside the sheet; send it, or write a URL, a data: URL "
                "or an asset id"
            )
        return self._files[value]

    def _check(self, line: int, key: str, content: RowContent, errors: list[SheetError]) -> RowContent:
        """Render the first variant of a row, and check it as a submitted job is checked."""
        if self._spec.template.images and self._files:
            content = RowContent(content.variables, {**content.overrides, "files": dict(self._files)})
        try:
            item = render_item(self._spec, key, content, self._assignment)
        except TemplateError as error:
            errors += [
                SheetError(
                    line,
                    None,
                    each.code,
                    f"{each.message} (template, line {each.line}, column {each.column})",
                )
                for each in error.problems
            ]
            return content
        if "files" in content.overrides:  # only those that it names
            used = {name: asset for name, asset in self._files.items() if asset in item.images}
            content = RowContent(content.variables, {**content.overrides, "files": used})
        checked = validate(
            {
                "model": item.model,
                "prompt": item.prompt,
                "images": list(item.images),
                "size": item.size,
                "n": item.n,
                "params": dict(item.params),
                "metadata": dict(item.metadata),
            },
            self._settings,
            self._at,
        )
        if isinstance(checked, Rejection):
            for each in checked.errors:
                field = each["field"].partition(".")[0]
                words = f"{each['field']}: {each['message']}"
                errors.append(SheetError(line, self._column(field), checked.code, words))
        return content

    def _column(self, field: str) -> str | None:
        return next((column for column, known in self._fields.items() if known == field), None)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise ValueError("must be a text or a number")


def _literal(text: str) -> Any:
    """Return a cell of ``params`` or ``metadata`` as JSON where it is a number, true, false or JSON."""
    try:
        value = orjson.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, str) or value is None else value


def _images(value: Any) -> list[str]:
    """Return the images of a cell: a JSON list, or texts on lines of their own or with ``;`` between."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = orjson.loads(value)
        except ValueError as error:
            raise ValueError("is no valid JSON list") from error
    if isinstance(value, list):
        if not all(isinstance(each, str) and each for each in value):
            raise ValueError("must be a list of texts")
        return value
    text = _text(value).strip()
    parts = text.splitlines() if text.startswith("data:") else text.replace(";", "\n").splitlines()
    return [part.strip() for part in parts if part.strip()]
