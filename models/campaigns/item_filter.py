"""Item filter: the one grammar that lists, bulk actions, verdicts and exports select items by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.campaigns.item_state import ItemState
from models.checks.findings import Check
from models.errors import InvalidRequest, NotFound
from models.ids import parse_id

MEMBERS = ("status", "verdict", "key", "variant", "check", "error", "model", "action")
"""Members of a filter, as query parameters and as members of a JSON object."""

UNJUDGED = "none"  #: value of ``verdict`` for items without one
_VERDICTS = ("pick", "reject", UNJUDGED)
_MOST_VALUES = 1_000
_LONGEST = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemFilter:
    """Which items of a campaign are meant. An empty member means any; several values mean any of them."""

    states: Sequence[ItemState] = ()
    verdicts: Sequence[str] = ()  #: pick, reject, none
    keys: Sequence[str] = ()  #: of rows; one that ends with ``*`` means all that begin so
    variants: Sequence[str] = ()
    checks: Sequence[Check] = ()  #: that found something in a picture of the newest take
    errors: Sequence[str] = ()  #: error codes
    models: Sequence[str] = ()
    actions: Sequence[str] = ()  #: ids of bulk actions that were begun for the items, or gave their verdicts

    @property
    def is_empty(self) -> bool:
        """Whether all items are meant."""
        return not any(getattr(self, name) for name in self.__slots__)

    def to_json(self) -> dict[str, list[str]]:
        """Return the filter as the JSON that ``parse_filter`` reads."""
        values = {member: [str(each) for each in getattr(self, name)] for member, name in _FIELDS.items()}
        return {member: given for member, given in values.items() if given}


_FIELDS = {
    "status": "states",
    "verdict": "verdicts",
    "key": "keys",
    "variant": "variants",
    "check": "checks",
    "error": "errors",
    "model": "models",
    "action": "actions",
}


@dataclass(slots=True)
class _Reader:
    """Reads the members of one filter. ``prefix`` is put before their names in errors."""

    given: Mapping[str, Any]
    prefix: str

    def read(self, member: str, allowed: Sequence[str] | None = None) -> tuple[str, ...]:
        value = self.given.get(member)
        values = [] if value is None or value == "" else value if isinstance(value, list) else [value]
        name = f"{self.prefix}{member}"
        if len(values) > _MOST_VALUES:
            raise InvalidRequest(name, f"may have at most {_MOST_VALUES:,} values")
        for each in values:
            if not isinstance(each, str) or not each or "\0" in each or len(each) > _LONGEST:
                raise InvalidRequest(name, f"must be a text of 1 to {_LONGEST} characters, or a list of them")
            if allowed is not None and each not in allowed:
                raise InvalidRequest(name, f"there is no {each[:50]!r}; write {', '.join(allowed)}")
        return tuple(values)

    def read_actions(self) -> tuple[str, ...]:
        values = self.read("action")
        for each in values:
            try:
                parse_id("action", each)
            except NotFound as error:
                raise InvalidRequest(f"{self.prefix}action", "write the id of an action: action_…") from error
        return values


def parse_filter(given: Mapping[str, Any], *, prefix: str = "") -> ItemFilter:
    """Return the filter of query parameters or of a JSON object; a value is a text or a list of texts.

    ``prefix`` is put before the names of members in errors. Raises ``InvalidRequest``.
    """
    if unknown := sorted(set(given) - set(MEMBERS)):
        raise InvalidRequest(f"{prefix}{unknown[0][:100]}", f"there is no such member; {', '.join(MEMBERS)}")
    reader = _Reader(given, prefix)
    return ItemFilter(
        states=tuple(ItemState(each) for each in reader.read("status", list(ItemState))),
        verdicts=reader.read("verdict", _VERDICTS),
        keys=reader.read("key"),
        variants=reader.read("variant"),
        checks=tuple(Check(each) for each in reader.read("check", list(Check))),
        errors=reader.read("error"),
        models=reader.read("model"),
        actions=reader.read_actions(),
    )
