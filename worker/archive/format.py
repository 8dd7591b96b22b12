"""Format of an archived raw response: what a later parser needs to read it again."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.archive.redaction import INLINE_LIMIT
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.diagnosis.observation import Observation
from worker.upstream.diagnosis.request_facts import RequestFacts
from worker.upstream.errors.classify import classify
from worker.upstream.errors.own_text import NO_REQUEST, OwnText
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.base64_stream import Blobs
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.response_headers import request_id_of
from worker.upstream.transport_errors import TransportFailure

_GZIP = zlib.MAX_WBITS | 16
_SMALL, _SMALL_GZIP, _SMALL_MEMORY = 2**12, 12 | 16, 4  # bytes; a window of as many, which is set up faster
_LARGEST = 256 * 1024 * 1024  #: bytes of a document; a larger one was not written here


@dataclass(frozen=True, slots=True)
class ArchivedResponse:
    """One call and its raw response, with placeholders for long base64 (``base64_stream``).

    ``about`` names the attempt, for people. ``blobs`` has the keys of the bytes behind the placeholders, by
    their SHA-256. ``elapsed`` is in seconds.
    """

    about: Mapping[str, Any]
    body: bytes
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    failure: str | None = None
    elapsed: float = 0.0
    input_urls: tuple[str, ...] = ()
    n: int | None = None
    stream: bool = False
    origin: str | None = None
    cut: bool = False  #: the body was too long, and its middle is left out
    blobs: Mapping[str, str] = field(default_factory=dict)


def dump(archived: ArchivedResponse) -> bytes:
    """Serialize as one line of JSON, gzipped at the fastest level."""
    document = {
        "about": archived.about,
        "request": {
            "input_urls": archived.input_urls,
            "n": archived.n,
            "stream": archived.stream,
            "origin": archived.origin,
        },
        "status": archived.status,
        "headers": archived.headers,
        "failure": archived.failure,
        "elapsed": round(archived.elapsed, 3),
        "blobs": archived.blobs,
        "cut": archived.cut,
        **_body_member(archived.body),
    }
    line = orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)
    if len(line) <= _SMALL:
        packer = zlib.compressobj(1, zlib.DEFLATED, _SMALL_GZIP, _SMALL_MEMORY)
    else:
        packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return packer.compress(line) + packer.flush()


def load(stored: bytes) -> ArchivedResponse:
    """Parse what ``dump`` wrote. Raises ``ValueError`` for anything else."""
    try:
        document = orjson.loads(zlib.decompressobj(_GZIP).decompress(stored, _LARGEST))
        request = document["request"]
        return ArchivedResponse(
            about=document["about"],
            body=_read_body(document),
            status=document["status"],
            headers=document["headers"],
            failure=document["failure"],
            elapsed=document["elapsed"],
            input_urls=tuple(request["input_urls"]),
            n=request["n"],
            stream=request["stream"],
            origin=request["origin"],
            cut=document["cut"],
            blobs=document["blobs"],
        )
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"this is no kept answer: {error}") from error


def parse_archived(archived: ArchivedResponse, blobs: Blobs, own: OwnText = NO_REQUEST) -> Explanation:
    """Parse and classify with today's rules.

    ``blobs`` are the bytes behind the placeholders, ``own`` is the text of the request: it is not archived.
    """
    failure = TransportFailure(archived.failure) if archived.failure in set(TransportFailure) else None
    request = RequestFacts(archived.input_urls, archived.n, archived.stream, known=True, own=own)
    observation = Observation(
        status=archived.status,
        headers=archived.headers,
        body=archived.body,
        request_facts=request,
        failure=failure,
        elapsed=archived.elapsed,
    )
    answer = _answer(archived, blobs, complete=failure is None)
    result = classify(
        answer,
        status=archived.status,
        headers=archived.headers,
        failure=failure,
        elapsed=archived.elapsed,
        own=own,
    )
    request_id = request_id_of(archived.headers) or (answer.request_id if answer else None)
    return Explanation(observation, answer, result, request_id=request_id)


def _answer(archived: ArchivedResponse, blobs: Blobs, *, complete: bool) -> Answer | None:
    if archived.status is None:
        return None
    reader = AnswerReader(
        input_urls=archived.input_urls,
        n=archived.n,
        origin=archived.origin,
        failed=archived.status >= 400,
        inline_limit=INLINE_LIMIT,
    )
    reader.blobs.update(blobs)
    reader.location = archived.headers.get("location", "") if archived.status < 300 else ""
    reader.feed(archived.body)
    return reader.close(complete=complete)


def _body_member(body: bytes) -> dict[str, str]:
    """Return the body as UTF-8 text if it is that, else as Latin-1, which fits any bytes."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_latin1": body.decode("latin-1")}


def _read_body(document: Mapping[str, Any]) -> bytes:
    if "body" in document:
        return str(document["body"]).encode()
    return str(document["body_latin1"]).encode("latin-1")
