"""Synchronous pictures of the OpenAI API against a native submit that waits, with the same worker."""

from collections.abc import Sequence

import orjson

from bench.figures import Figure
from bench.load import flood, request, run
from bench.servers import Servers

COUNT, CONNECTIONS = 400, 32


def _picture(number: int) -> bytes:
    body = {"model": "bench", "prompt": f"a cat, number {number}", "response_format": "url"}
    return request("POST", "/v1/images/generations", orjson.dumps(body))


def _waiting(number: int) -> bytes:
    body = orjson.dumps({"model": "bench", "prompt": f"a dog, number {number}"})
    plain = request("POST", "/v1/jobs", body)
    return plain.replace(b"\r\nContent-Type", b"\r\nPrefer: wait=50\r\nContent-Type", 1)


def measure(servers: Servers) -> Sequence[Figure]:
    """The provider takes no time; the limit is ``POST /v1/jobs`` with ``Prefer: wait``."""
    with servers.environment() as environment:
        upstream = environment.start_practice(
            delay=0, picture="tiny", deliver="images_field", progress="none"
        )
        environment.start_worker(upstream)
        port = environment.start_api()
        run(flood(port, _waiting, count=50, connections=CONNECTIONS))
        native = run(flood(port, _waiting, count=COUNT, connections=CONNECTIONS))
        pictures = run(flood(port, _picture, count=COUNT, connections=CONNECTIONS))
    assert not native.refused + pictures.refused, (native.refused + pictures.refused)[0]
    return (
        Figure("synchronous pictures", pictures.rate, "images/s", native.rate, "native submit + wait"),
        Figure("  p50", pictures.quantile(0.5), "ms", native.quantile(0.5), "native submit + wait"),
    )
