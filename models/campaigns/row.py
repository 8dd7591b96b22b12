"""Row of a campaign: its variables, its own values for the request, and the hash that identifies both."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

FIELDS = ("key", "prompt", "images", "size", "n", "model", "file_name")
"""Fields that a column may be mapped to, beside ``params.NAME`` and ``metadata.NAME``."""
GROUPS = ("params", "metadata")


@dataclass(frozen=True, slots=True)
class RowContent:
    """What a row says.

    ``overrides`` may have prompt, images, size, n, model, params, metadata and file_name; ``files``: the
    assets of the file names that its rendered template names; and, for a line of a batch, its ``priority``
    and further ``members`` of the request.
    """

    variables: Mapping[str, str]
    overrides: Mapping[str, Any]

    @property
    def content_hash(self) -> str:
        """Hash of all of it, the same whatever the order of the columns."""
        raw = orjson.dumps([dict(self.variables), dict(self.overrides)], option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(raw, digest_size=16).hexdigest()
