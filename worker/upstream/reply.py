"""Reply: everything one provider call returned, whether or not there was an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.outcomes import CallResult
from worker.upstream.parsing.answer import Answer
from worker.upstream.transport_errors import TransportFailure


@dataclass(frozen=True, slots=True)
class Reply:
    """Result of one call; ``elapsed`` is in seconds.

    ``raw`` is the response body without its content encoding. In it, each run of more than 65,536 base64
    characters is replaced by a placeholder of 400: its first 128 and last 192 characters, and between them
    ``sha256/<64 hex digits>/<8 hex digits>``, the SHA-256 of the run's bytes and its length in characters.
    ``blobs`` holds those bytes by SHA-256, in lower-case hex; shorter base64 stays in ``raw`` as it is. The
    placeholders are those of ``worker.upstream.parsing.base64_stream``: ``raw`` can be parsed again. An image
    in ``blobs`` has its bytes in ``ResultImage.blob``, not in ``data``.
    """

    answer: Answer | None
    result: CallResult
    http_status: int | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    elapsed: float = 0.0
    first_chunk: float | None = None  #: seconds until the first byte of a streamed answer
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    failure: TransportFailure | None = None  #: why the response is missing or incomplete
