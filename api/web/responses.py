"""JSON answers, written once, as bytes."""

from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response


class JsonAnswer(Response):
    """An answer whose content becomes JSON without a detour."""

    media_type = "application/json"

    def __init__(self, content: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(content, status, dict(headers) if headers else None)

    def render(self, content: Any) -> bytes:
        """Write the content; bytes are JSON already."""
        return content if isinstance(content, bytes) else orjson.dumps(content)
