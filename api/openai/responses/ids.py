"""Ids of responses and of what they put out: those of the job and its assets, with OpenAI's prefixes.

The picture of a response that streams partial ones is named before it is an asset, by the job's digits.
"""

from uuid import UUID

from models.errors import NotFound
from models.ids import parse_id

RESPONSE, PICTURE, MESSAGE = "resp", "ig", "msg"


def message_id(job: str) -> str:
    """Return the id of the message of a job."""
    return _with_prefix(job, MESSAGE)


def picture_id(public: str) -> str:
    """Return the id of the call that made an asset, or of the call of a job."""
    return _with_prefix(public, PICTURE)


def asset_of(picture: str) -> str:
    """Return the id of the asset of a call. Raises ``NotFound``."""
    prefix, _, digits = picture.partition("_")
    if prefix != PICTURE:
        raise NotFound(f"There is no picture {picture[:64]!r}.")
    return f"asset_{digits}"


def job_of(response: str) -> UUID:
    """Return the key of the job of a response. Raises ``NotFound``."""
    prefix, _, digits = response.partition("_")
    try:
        if prefix == RESPONSE:
            return parse_id("job", f"job_{digits}")
    except NotFound:
        pass
    raise NotFound(f"There is no response {response[:64]!r}.")


def _with_prefix(public: str, prefix: str) -> str:
    return f"{prefix}_{public.partition('_')[2]}"
