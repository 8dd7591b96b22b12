"""Cookies reach the dashboard alone, and only its own."""

import pytest

from api.access.cookies import without_cookies

ALL = b"a=1; darkroom=2; __Host-darkroom=3; darkroom-language=en; darkroomx=4"
OWN = b"darkroom=2; __Host-darkroom=3; darkroom-language=en"


@pytest.mark.parametrize(
    ("path", "passed"),
    [("/dashboard", [OWN]), ("/dashboard/jobs", [OWN]), ("/dashboardx", []), ("/v1/jobs", []), ("/", [])],
)
def test_only_the_dashboard_gets_its_own_cookies(path: str, passed: list[bytes]) -> None:
    headers = [(b"cookie", ALL), (b"host", b"a"), (b"cookie", b"b=1")]
    found = without_cookies({"path": path, "headers": headers})
    assert [value for name, value in found if name == b"cookie"] == passed
    assert (b"host", b"a") in found
