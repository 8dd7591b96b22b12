"""Request of POST /v1/batches: what OpenAI takes, and what campaigns offer beyond it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from api.campaigns.control import read_definition
from api.openai.batches.endpoints import ENDPOINTS
from api.openai.files.upload import LEAST_AGE, MOST_AGE
from api.web.problems import Problem
from models.campaigns.spec import CampaignSpec
from models.clock import rfc3339
from models.errors import InvalidRequest
from models.ids import public_id

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_WINDOW = re.compile(r"([1-9][0-9]{0,3})([mhd])", re.ASCII)
_LONGEST_WINDOW = timedelta(days=30)
_PAIRS, _LONGEST_NAME, _LONGEST_VALUE = 16, 64, 512  # of metadata
_OF_DEFAULTS = ("priority", "max_attempts", "on_unknown", "retry")
_OF_CAMPAIGN = ("budget", "limits", "canary", "windows", "start_at", "failing", "checks")
_KNOWN = frozenset(
    {
        *("input_file_id", "endpoint", "completion_window", "metadata", "output_expires_after"),
        *("inline_images", *_OF_DEFAULTS, *_OF_CAMPAIGN),
    }
)


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch that is wanted."""

    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: Mapping[str, str] | None
    output_expires_after: int | None  #: seconds
    inline_images: bool
    expires_at: datetime
    spec: CampaignSpec  #: of its campaign


def read_batch(members: Mapping[str, Any], key: UUID, at: datetime) -> BatchRequest:
    """Return the batch of a body. Raises ``InvalidRequest``, or the 422 problem."""
    if unknown := sorted(members.keys() - _KNOWN):
        known = ", ".join(sorted(_KNOWN))
        raise InvalidRequest(unknown[0][:80], f"there is no such member; there are {known}")
    expires_at = at + _window(members.get("completion_window"))
    inline = members.get("inline_images") or False
    if not isinstance(inline, bool):
        raise InvalidRequest("inline_images", "must be true or false")
    return BatchRequest(
        input_file_id=_text(members, "input_file_id"),
        endpoint=_endpoint(members),
        completion_window=members["completion_window"],
        metadata=_metadata(members.get("metadata")),
        output_expires_after=_expiry(members.get("output_expires_after")),
        inline_images=inline,
        expires_at=expires_at,
        spec=_spec(members, key, expires_at),
    )


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if value is None:
        raise InvalidRequest(name, "is required: a text")
    if not isinstance(value, str) or not value:
        raise InvalidRequest(name, "must be a text")
    return value


def _endpoint(members: Mapping[str, Any]) -> str:
    given = _text(members, "endpoint")
    if given not in ENDPOINTS:
        raise InvalidRequest("endpoint", f"must be one of {', '.join(ENDPOINTS)}, not {given[:100]!r}")
    return given


def _window(value: Any) -> timedelta:
    found = _WINDOW.fullmatch(value) if isinstance(value, str) else None
    window = int(found[1]) * _UNITS[found[2]] if found else None
    if window is None or window > _LONGEST_WINDOW:
        words = "is required" if value is None else "can't be read"
        raise InvalidRequest(
            "completion_window", f"{words}: 24h, or another time from 1m to 30d, such as 90m"
        )
    return window


def _metadata(value: Any) -> Mapping[str, str] | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or not all(isinstance(each, str) for each in value.values()):
        raise InvalidRequest("metadata", "must be an object of texts")
    if len(value) > _PAIRS:
        raise InvalidRequest("metadata", f"may have at most {_PAIRS} members, not {len(value)}")
    for name, text in value.items():
        if len(name) > _LONGEST_NAME or len(text) > _LONGEST_VALUE:
            words = f"names may have {_LONGEST_NAME} characters, values {_LONGEST_VALUE}"
            raise InvalidRequest(f"metadata.{name[:_LONGEST_NAME]}", words)
    return dict(value)


def _expiry(value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or value.get("anchor") != "created_at":
        raise InvalidRequest("output_expires_after.anchor", "must be created_at")
    seconds = value.get("seconds")
    if not isinstance(seconds, int) or isinstance(seconds, bool) or not LEAST_AGE <= seconds <= MOST_AGE:
        words = f"must be a whole number from {LEAST_AGE} to {MOST_AGE}"
        raise InvalidRequest("output_expires_after.seconds", words)
    return seconds


def _spec(members: Mapping[str, Any], key: UUID, expires_at: datetime) -> CampaignSpec:
    """Return the definition of the campaign; unless that is wanted, failing lines don't pause it."""
    defaults = {name: members[name] for name in _OF_DEFAULTS if members.get(name) is not None}
    given = {name: members[name] for name in _OF_CAMPAIGN if members.get(name) is not None}
    definition = {
        "name": public_id("batch", key),
        "defaults": defaults,
        "failing": {"enabled": False},
        "deadline": rfc3339(expires_at),
        **given,
    }
    try:
        return read_definition(definition)
    except Problem as problem:
        errors = [{**each, "field": each["field"].removeprefix("defaults.")} for each in problem.errors]
        raise Problem(problem.status, problem.code, problem.detail, errors=errors) from problem
