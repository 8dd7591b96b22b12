"""What is left of a prompt that was erased: its hash and its length, as a text and in the job's request."""

import hashlib
from collections.abc import Mapping
from typing import Any

from models.request import RESPONSE, is_background_response

MEMBER = "erased"  #: of a job's request
START = "(erased: sha256 "  #: of the text that stands in place of a prompt
_MEMBERS_LEFT = ("size", "n", "wants", "detail")
_HEX = 16  # digits of the hash that are shown: people compare them


def erased_text(prompt: str) -> str:
    """Return the text that stands in place of a prompt from now on."""
    return f"{START}{_hash(prompt)[:_HEX]}…, {len(prompt)} characters)"


def erased_request(prompt: str, request: Any) -> dict[str, Any]:
    """Return what stays of a job's request: no words, no input images, no parameters.

    A response of the OpenAI API stays one, so that its id is still found.
    """
    given = request if isinstance(request, Mapping) else {}
    rest = {name: given[name] for name in _MEMBERS_LEFT if name in given}
    if RESPONSE in given:
        rest[RESPONSE] = {"background": is_background_response(given)}
    return {**rest, MEMBER: {"sha256": _hash(prompt), "length": len(prompt)}}


def is_erased(request: Any) -> bool:
    """Return whether the prompt of a job was erased, so that it can't be called for again."""
    return isinstance(request, Mapping) and MEMBER in request


def _hash(prompt: str) -> str:
    return hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest()
