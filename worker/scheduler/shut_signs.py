"""Signs that a channel is shut: how many are needed, and the first one until a second confirms it.

A sign in words alone shuts nothing: a caller's request may have provoked it. A second call must say the same
for another caller, or for another job where there is only one caller.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

_VALID = timedelta(hours=1)  #: of a first sign
_MAX_SIGNS = 16  #: kept per channel: one for it all, and for the newest models


@dataclass(frozen=True, slots=True)
class ShutSign:
    """One call that says, in words alone, that a channel or a model on it needs a person."""

    code: str
    caller: str  #: id of the job's caller
    job: str  #: id of the job
    at: datetime

    def confirms(self, first: "ShutSign", *, only_caller: bool) -> bool:
        """Return whether this sign is independent of ``first`` and says the same."""
        if self.code != first.code or self.at - first.at > _VALID:
            return False
        return self.caller != first.caller or (only_caller and self.job != first.job)


def read_signs(stored: Mapping[str, Any] | None) -> dict[str, ShutSign]:
    """Read the first signs from a channel's row, by model; ``""``: the whole channel."""
    return _SIGNS.validate_python(stored or {})


def with_sign(signs: Mapping[str, ShutSign], name: str, sign: ShutSign) -> dict[str, Any]:
    """Return the first signs as a channel's row stores them, with one more; the oldest are dropped.

    A sign of the same code that is still valid stays: it is the first.
    """
    first = signs.get(name)
    valid = first is not None and first.code == sign.code and sign.at - first.at <= _VALID
    merged = {**signs, name: first if first is not None and valid else sign}
    newest = sorted(merged.items(), key=lambda item: item[1].at)[-_MAX_SIGNS:]
    return {model: {**asdict(one), "at": one.at.isoformat()} for model, one in newest}


_SIGNS = TypeAdapter(dict[str, ShutSign])
