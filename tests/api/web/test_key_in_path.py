"""Keys in paths: taken out, wherever clients put them."""

import pytest

from api.web.key_in_path import without_key


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/mj/k/KEY/submit/imagine", "/mj/submit/imagine"),
        ("/mj/k/KEY/mj/submit/imagine", "/mj/submit/imagine"),
        ("/mj/k/KEY/mj-fast/mj/submit/imagine", "/mj-fast/mj/submit/imagine"),
        ("/mj-fast/mj/k/KEY/submit/imagine", "/mj-fast/mj/submit/imagine"),
        ("//mj/k/KEY//submit/imagine", "//mj/submit/imagine"),
        ("/mj/k/KEY", "/mj"),
        ("/mj/k/KEY/", "/mj"),
        ("/mj/k/KEY/v1/jobs", "/mj/v1/jobs"),
        ("/mj/k/first/mj/k/KEY/task/list", "/mj/task/list"),
        ("/a/b/mj/k/KEY/task/list", None),
        ("/v1/jobs", None),
        ("/mj/task/k/fetch", None),
    ],
)
def test_the_rest_of_the_path_is_that_of_a_client_with_headers(path: str, rest: str | None) -> None:
    assert without_key(path) == ((path, None) if rest is None else (rest, "KEY"))
