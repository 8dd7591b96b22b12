"""Caching headers of responses that depend on a key."""

import pytest

from api.web.caching import private_headers

VARY = b"Authorization, mj-api-secret"


@pytest.mark.parametrize(
    ("given", "cache_control"),
    [
        (None, b"private, no-cache"),
        (b"no-store", b"no-store"),
        (b"private, no-cache", b"private, no-cache"),
        (b"public, max-age=31536000, immutable", b"private, max-age=31536000, immutable"),
        (b"max-age=60", b"private, max-age=60"),
        (b"Public", b"private, no-cache"),
    ],
)
def test_no_shared_cache_may_keep_the_response(given: bytes | None, cache_control: bytes) -> None:
    headers = [] if given is None else [(b"cache-control", given)]
    assert dict(private_headers(headers)) == {b"cache-control": cache_control, b"vary": VARY}


def test_other_headers_stay_and_vary_is_completed() -> None:
    given = [(b"etag", b'"1"'), (b"vary", b"Origin, authorization")]
    assert private_headers(given) == [
        (b"etag", b'"1"'),
        (b"cache-control", b"private, no-cache"),
        (b"vary", b"Origin, authorization, mj-api-secret"),
    ]
