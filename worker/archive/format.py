"""A raw answer as it is kept: all that a better parser needs to read it again."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from worker.archive.redaction import KEPT_RUN
from worker.upstream.diagnosis.explain import Explanation
from worker.upstream.diagnosis.observation import Observation
from worker.upstream.diagnosis.request_facts import RequestFacts
from worker.upstream.errors.classify import classify
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.base64_stream import Blobs
from worker.upstream.parsing.response_reader import AnswerReader
from worker.upstream.response_headers import request_id_of
from worker.upstream.transport_errors import TransportFailure

_GZIP = zlib.MAX_WBITS | 16
_LARGEST = 256 * 1024 * 1024  #: bytes of a document; more is none of ours


@dataclass(frozen=True, slots=True)
class ArchivedResponse:
    """One call and its answer, with stand-ins for long base64 (``longruns``).

    ``about`` says which attempt it was, for people. ``blobs`` tells where the bytes of each stand-in are
    stored, by their SHA-256. ``elapsed`` is in seconds.
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
    cut: bool = False  #: the middle of the body was too long to be kept
    blobs: Mapping[str, str] = field(default_factory=dict)


def dump(kept: ArchivedResponse) -> bytes:
    """Write it as one line of JSON, gzipped: quickly rather than small."""
    document = {
        "about": kept.about,
        "request": {
            "input_urls": kept.input_urls,
            "n": kept.n,
            "stream": kept.stream,
            "origin": kept.origin,
        },
        "status": kept.status,
        "headers": kept.headers,
        "failure": kept.failure,
        "elapsed": round(kept.elapsed, 3),
        "blobs": kept.blobs,
        "cut": kept.cut,
        **_written(kept.body),
    }
    packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP)
    return packer.compress(orjson.dumps(document, option=orjson.OPT_APPEND_NEWLINE)) + packer.flush()


def load(stored: bytes) -> ArchivedResponse:
    """Read it back. Raises ``ValueError`` for what is none."""
    try:
        document = orjson.loads(zlib.decompressobj(_GZIP).decompress(stored, _LARGEST))
        context = document["request"]
        return ArchivedResponse(
            about=document["about"],
            body=_read(document),
            status=document["status"],
            headers=document["headers"],
            failure=document["failure"],
            elapsed=document["elapsed"],
            input_urls=tuple(context["input_urls"]),
            n=context["n"],
            stream=context["stream"],
            origin=context["origin"],
            cut=document["cut"],
            blobs=document["blobs"],
        )
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"this is no kept answer: {error}") from error


def parse_archived(kept: ArchivedResponse, blobs: Blobs) -> Explanation:
    """Read and judge a kept answer with today's rules. ``blobs`` are the bytes that stand-ins stand for."""
    failure = TransportFailure(kept.failure) if kept.failure in set(TransportFailure) else None
    context = RequestFacts(kept.input_urls, kept.n, kept.stream, known=True)
    observation = Observation(
        status=kept.status,
        headers=kept.headers,
        body=kept.body,
        request_facts=context,
        failure=failure,
        elapsed=kept.elapsed,
    )
    answer = _answer(kept, blobs, complete=failure is None)
    result = classify(answer, status=kept.status, headers=kept.headers, failure=failure, elapsed=kept.elapsed)
    known = request_id_of(kept.headers) or (answer.request_id if answer else None)
    return Explanation(observation, answer, result, request_id=known)


def _answer(kept: ArchivedResponse, blobs: Blobs, *, complete: bool) -> Answer | None:
    if kept.status is None:
        return None
    reader = AnswerReader(
        input_urls=kept.input_urls,
        n=kept.n,
        origin=kept.origin,
        failed=kept.status >= 400,
        inline_limit=KEPT_RUN,
    )
    reader.blobs.update(blobs)
    reader.feed(kept.body)
    return reader.close(complete=complete)


def _written(body: bytes) -> dict[str, str]:
    """Write the body as text if it is one, else as what its bytes would be in Latin-1: any bytes fit."""
    try:
        return {"body": body.decode()}
    except UnicodeDecodeError:
        return {"body_latin1": body.decode("latin-1")}


def _read(document: Mapping[str, Any]) -> bytes:
    if "body" in document:
        return str(document["body"]).encode()
    return str(document["body_latin1"]).encode("latin-1")
