"""Partial pictures of a call that streams: where a worker leaves them for the request that waits.

They have no rows: what is not fetched is an object without a file, which is deleted after a day.
"""

from collections.abc import Mapping
from uuid import UUID, uuid5

FOLDER = "openai-files/"  #: of the object store
MOST = 3  #: partial pictures of one call
PARTIAL_IMAGES = "partial_images"
"""Member of a request's params: how many its client wants."""


def partial_key(job: UUID, index: int) -> str:
    """Return the key of a partial picture of a job."""
    return f"{FOLDER}{uuid5(job, f'partial {index}').hex}"


def wanted_partials(params: object) -> int:
    """Return how many partial pictures the params of a request ask for."""
    given = params.get(PARTIAL_IMAGES) if isinstance(params, Mapping) else None
    return min(given, MOST) if type(given) is int and given > 0 else 0
