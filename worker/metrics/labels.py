"""Closed sets of label values: what clients and providers write never becomes a new time series."""

from collections.abc import Iterable

from models.outcomes import ERROR_CODES

OTHER = "other"
_MOST_MODELS = 50  # of those that no setting names
_LONGEST = 80  # characters of a model's name
_JOB_ERRORS = frozenset(
    {
        *("asset_blocked_address", "asset_expired", "asset_forbidden", "asset_invalid", "asset_not_found"),
        *("asset_not_image", "asset_redirects", "asset_timeout", "asset_too_large", "asset_truncated"),
        *("asset_unreachable", "asset_unstored"),
        *("expired", "unreadable", "unwritable", "internal_error", "price_unknown"),
    }
)


class ModelLabel:
    """The models that metrics name: those of the settings, and the first few others.

    A channel may serve any model (``*``), so that callers choose the names.
    """

    def __init__(self, most: int = _MOST_MODELS) -> None:
        self._most = most
        self._configured: frozenset[str] = frozenset()
        self._others: set[str] = set()

    def configure(self, models: Iterable[str]) -> None:
        """Name these models in any case."""
        self._configured |= {model for model in models if "*" not in model}

    def value(self, model: str) -> str:
        """Return the label of a model; ``other`` for those beyond the limit."""
        if model in self._configured or model in self._others:
            return model
        if len(self._others) >= self._most or len(model) > _LONGEST or not model.isprintable():
            return OTHER
        self._others.add(model)
        return model


MODELS = ModelLabel()
"""The models of this process's metrics."""


def error_type(code: str | None) -> str:
    """Return the label of an error code; empty without an error."""
    if code is None:
        return ""
    return code if code in ERROR_CODES or code in _JOB_ERRORS else OTHER
