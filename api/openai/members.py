"""Members that the endpoints of this surface share, and what they become of a job.

``darkroom`` holds members of the native API's submit; ``service_tier`` is a priority.
"""

from collections.abc import Mapping
from typing import Any

from api.services import ApiServices
from models.errors import InvalidRequest
from models.openai.partial_pictures import MOST, PARTIAL_IMAGES

OWN = "darkroom"
"""Member with the native API's fields, for the SDK's ``extra_body``."""

_NATIVE = frozenset(
    {
        *("priority", "not_before", "expires_at", "expires_in", "metadata", "webhook_url", "max_attempts"),
        *("on_unknown", "retry", "campaign", "tags", "allow_unserved"),
    }
)
_TIERS: Mapping[str, int] = {"flex": 3, "priority": 7, "auto": 5, "default": 5, "standard": 5, "scale": 5}


def native_fields(members: dict[str, Any]) -> dict[str, Any]:
    """Take the shared members out of a body; return the fields of the job that they make.

    Raises ``InvalidRequest``.
    """
    fields: dict[str, Any] = {}
    tier = members.pop("service_tier", None)
    if tier is not None:
        if not isinstance(tier, str) or tier not in _TIERS:
            raise InvalidRequest("service_tier", f"must be one of {', '.join(_TIERS)}")
        fields["priority"] = _TIERS[tier]
    if (metadata := members.pop("metadata", None)) is not None:
        fields["metadata"] = metadata
    own = members.pop(OWN, None)
    if own is None:
        return fields
    if not isinstance(own, Mapping):
        raise InvalidRequest(OWN, "must be a JSON object")
    if unknown := sorted(own.keys() - _NATIVE):
        raise InvalidRequest(
            f"{OWN}.{unknown[0][:80]}", f"there is no such field; there are {', '.join(sorted(_NATIVE))}"
        )
    return fields | dict(own)


def model_of(members: dict[str, Any], services: ApiServices) -> Any:
    """Take the model out of a body; without one it is the image model of the settings."""
    if (given := members.pop("model", None)) is not None:
        return given
    settings = services.settings
    named = (name for each in settings.all_channels() if each.enabled for name in each.models)
    found = settings.midjourney_image_model or next((name for name in named if not name.endswith("*")), None)
    if found is None:
        raise InvalidRequest("model", "is required: no channel names a model that could be the default")
    return found


def partials_of(members: dict[str, Any], *, stream: bool, place: str = "") -> dict[str, int]:
    """Take the number of partial pictures out of a body; return the member for the provider, if any.

    Without a stream there is no place for them. Raises ``InvalidRequest``, which names it below ``place``.
    """
    given = members.pop(PARTIAL_IMAGES, None)
    if not stream or not given:
        return {}
    if type(given) is not int or not 0 <= given <= MOST:
        raise InvalidRequest(place + PARTIAL_IMAGES, f"must be a whole number from 0 to {MOST}")
    return {PARTIAL_IMAGES: given}


def flag_of(members: dict[str, Any], name: str) -> bool:
    """Take a flag out of a body. Raises ``InvalidRequest``."""
    value = members.pop(name, None) or False
    if not isinstance(value, bool):
        raise InvalidRequest(name, "must be true or false")
    return value
