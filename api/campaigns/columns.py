"""Mapping of a sheet's columns to fields of a row, by name or as given."""

from collections.abc import Mapping, Sequence
from typing import Any

from models.campaigns.row import FIELDS, GROUPS
from models.errors import InvalidRequest

IGNORED = "-"  #: field of a column that is left out


def check_mapping(given: Any) -> dict[str, str]:
    """Return a mapping of columns to fields. Raises ``InvalidRequest``."""
    if not isinstance(given, dict) or len(given) > 1_000:
        raise InvalidRequest("mapping", 'write a JSON object of columns and fields, such as {"SKU": "key"}')
    used = dict[str, str]()
    for column, field in given.items():
        if not isinstance(field, str) or not is_field(field):
            known = ", ".join((*FIELDS, *(f"{group}.NAME" for group in GROUPS), f'"{IGNORED}"'))
            raise InvalidRequest(f"mapping.{column[:100]}", f"is no field; write one of {known}")
        if field != IGNORED and field in used:
            raise InvalidRequest(f"mapping.{column[:100]}", f"{used[field][:100]!r} is mapped to it too")
        used[field] = column
    return dict(given)


def is_field(name: str) -> bool:
    """Return whether a column of this name is a field of a row."""
    group, dot, rest = name.partition(".")
    return name in FIELDS or name == IGNORED or bool(group in GROUPS and dot and rest)


def fields_of(columns: Sequence[str], mapping: Mapping[str, str]) -> dict[str, str]:
    """Return the field of each column that has one: by the mapping, else by the column's own name."""
    mapped = set(mapping.values())
    by_name = {name: name for name in columns if name and is_field(name) and name not in mapped}
    return by_name | {name: mapping[name] for name in columns if name in mapping}
