"""JSON bombs: bodies that are small to send and large to parse, with a key."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.attack.result import Result
from tests.attack.target import Target
from tests.security.json_bombs import BOMBS

_PATHS = (
    "/v1/jobs",
    "/v1/webhooks",
    "/mj/submit/imagine",
    "/v1/jobs/release",
    "/v1/chat/completions",
    "/v1/images/edits",
    "/v1/responses",
    "/v1/batches",
)

_FEW = 100_000  # bytes up to which a body may be one that is accepted


def bombs(size: int) -> Iterator[tuple[str, bytes]]:
    """Yield bodies of about so many bytes, by name: those of the tests, and further ones."""
    for name, (make, _) in BOMBS.items():
        yield name, make(size)
    yield "nested lists, closed", b"[" * (size // 2) + b"]" * (size // 2)
    yield "an exponent", b'{"prompt":1e' + b"9" * min(size, 4_000_000) + b"}"
    yield "one key again and again", b"{" + b'"prompt":"a",' * (size // 13) + b'"prompt":"b"}'
    keys = b",".join(b'"%d":0' % number for number in range(min(size, 6_000_000) // 12))
    yield "many keys", b'{"metadata":{' + keys + b"}}"
    yield "lone surrogates", b'{"prompt":"' + b"\\ud800" * (size // 6) + b'"}'
    yield "white space", b" " * size + b"{}"
    yield "no JSON", b"\xff" * size


def attack_json(target: Target, *, size: int) -> Result:
    """Send each bomb to each kind of route; all are refused, none with a server error."""
    breaches, inputs = [], 0
    with target.client(target.alice, timeout=120) as client:
        for name, body in bombs(size):
            for path in _PATHS:
                inputs += 1
                status = _status(client, path, body, {"content-type": "application/json"})
                taken = status is not None and status < 400 and size > _FEW and not path.startswith("/mj")
                if taken or (status or 0) >= 500:
                    breaches.append(f"{name} to {path}: {status}")
    return Result(f"JSON bombs of {size / 1e6:g} MB", inputs, breaches)


def attack_large_bodies(target: Target, *, size: int, count: int) -> Result:
    """Send large bodies at once: each is one string, and a job with an image that is none."""
    bodies = [
        b'"' + b"a" * size + b'"',
        b'{"model":"hostile-image","prompt":"a","images":["data:image/png;base64,',
    ]
    bodies[1] += b"A" * size + b'"]}'
    with target.client(target.alice, timeout=300) as client, ThreadPoolExecutor(count) as pool:
        sent = [bodies[number % 2] for number in range(count)]
        statuses = list(pool.map(lambda body: _status(client, "/v1/jobs", body, {}), sent))
    wrong = sorted({str(each) for each in statuses if each not in (422, 413)})
    return Result(
        f"bodies of {size / 1e6:g} MB at once", count, [f"answered {', '.join(wrong)}"] if wrong else ()
    )


def _status(client: httpx.Client, path: str, body: bytes, headers: Mapping[str, str]) -> int | None:
    """Return the status; ``None`` if the server closed the connection while the body was sent."""
    try:
        return client.post(path, content=body, headers=headers).status_code
    except httpx.TimeoutException:
        return 599
    except httpx.TransportError:
        return None
