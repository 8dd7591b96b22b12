"""Reply: everything one provider call returned, whether or not there was an answer."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from models.outcomes import CallResult
from worker.upstream.parsing.answer import Answer
from worker.upstream.transport_errors import TransportFailure


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one call; ``elapsed`` is in seconds.

    ``raw`` is the answer as it came, its content encoding undone. In it, each run of more than 65,536 base64
    characters is cut down to a stand-in of 400: its first 128 and last 192 characters, and between them
    ``sha256/<64 hex digits>/<8 hex digits>``, the SHA-256 of the run's bytes and how many characters it had.
    ``blobs`` holds those bytes by that SHA-256, in lower-case hex; shorter base64 is in ``raw`` as it came.
    ``worker.upstream.parsing.base64_stream`` makes the stand-ins, and the reader understands them:
    ``raw`` can be read again. An image of the answer that is in ``blobs`` has its bytes as ``Image.blob``,
    not as ``data``.
    """

    answer: Answer | None
    result: CallResult
    http_status: int | None = None
    request_id: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes = b""
    elapsed: float = 0.0
    blobs: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    failure: TransportFailure | None = None  #: why there is no whole answer
