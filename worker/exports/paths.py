"""Paths of pictures in an export: by a template of names, or the row's own file name."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Row

from models.campaigns.template import Placeholder, Template, parse_template
from models.ids import public_id
from models.queries.campaigns.export_items import ExportedItem
from worker.exports.names import safe_path
from worker.exports.records import variables_of_item

DEFAULT, DEFAULT_WITH_AXES = "{key}/{take}.{ext}", "{key}/{variant}/{take}.{ext}"
VARIABLES = ("key", "variant", "take", "picture", "position", "model", "campaign", "item", "job", "ext")
"""Variables of a template beside the columns of the rows and the axes."""
_EMPTY = "_"  # instead of a variable without a value and default


def picture_path(
    template: str | None, campaign: str, found: ExportedItem, asset: Row[Any], number: int
) -> list[str]:
    """Return the components of a picture's path. ``number``: of the picture in its take, from 1.

    ``/`` separates folders in the template and in file names of rows; in other values it is replaced.
    """
    own = (found.item.overrides or {}).get("file_name")
    if template is None and own:
        return list(safe_path(own, asset.extension))
    chosen = template or (DEFAULT_WITH_AXES if found.item.variant else DEFAULT)
    variables = _variables(campaign, found, asset, number)
    return list(safe_path(_render(parse_template(chosen), variables), asset.extension))


def _render(template: Template, variables: Mapping[str, str]) -> str:
    flat = {name: value.replace("/", "_").replace("\\", "_") for name, value in variables.items()}
    return "".join(part if isinstance(part, str) else _value(part, flat) for part in template.parts)


def _value(part: Placeholder, variables: Mapping[str, str]) -> str:
    return variables.get(part.name) or (_EMPTY if part.default is None else part.default)


def _variables(campaign: str, found: ExportedItem, asset: Row[Any], number: int) -> dict[str, str]:
    item, job = found.item, found.job
    return {
        **variables_of_item(item),
        "key": item.key,
        "variant": item.variant,
        "take": str(job.take) if job else "",
        "picture": str(number),
        "position": str(item.position + 1),
        "model": job.model if job else "",
        "campaign": campaign,
        "item": public_id("item", item.id),
        "job": public_id("job", asset.job_id),
        "ext": asset.extension,
    }
