"""Hosts that requests may name: by the settings, and by default."""

from typing import Any

import pytest

from api.web.allowed_hosts import AllowedHosts
from api.web.problems import Problem
from models.settings import Settings

LOCAL = ["localhost", "localhost:8080", "127.0.0.1:8080", "127.8.9.1", "[::1]:8080", "LOCALHOST", ""]


def accepted(named: str, path: str = "/v1/jobs", **settings: Any) -> bool:
    scope = {"path": path, "headers": [(b"host", named.encode())]}
    try:
        AllowedHosts.of(Settings(**settings)).check(scope)
    except Problem:
        return False
    return True


def test_the_refusal_names_the_setting() -> None:
    with pytest.raises(Problem, match="DARKROOM_ALLOWED_HOSTS") as refused:
        AllowedHosts.of(Settings()).check({"path": "/", "headers": [(b"host", b"evil.example")]})
    assert (refused.value.status, refused.value.code) == (421, "unknown_host")


@pytest.mark.parametrize("host", LOCAL)
def test_this_machine_is_always_accepted(host: str) -> None:
    assert accepted(host)
    assert accepted(host, allowed_hosts=("other.example",), host="0.0.0.0")


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:80", "localhost.evil.example", "10.0.0.5.a", "1"]
)
def test_by_default_no_other_name_is_accepted(host: str) -> None:
    assert not accepted(host)
    assert not accepted(host, host="0.0.0.0")


@pytest.mark.parametrize("host", ["10.0.0.5:8080", "[2001:db8::1]:8080", "192.0.2.1"])
def test_by_default_any_address_is_accepted(host: str) -> None:
    assert accepted(host)


def test_a_list_is_the_whole_list_besides_the_public_url() -> None:
    settings = {"allowed_hosts": "api, *.example.com", "public_url": "https://Darkroom.example.org/x"}
    for host in ("api:8080", "API", "api.", "a.example.com", "a.b.example.com", "darkroom.example.org"):
        assert accepted(host, host="0.0.0.0", **settings), host
    for host in ("example.com", "evilexample.com", "10.0.0.5", "api.evil.example"):
        assert not accepted(host, host="0.0.0.0", **settings), host


def test_a_star_accepts_any_host() -> None:
    assert accepted("evil.example", allowed_hosts="*")


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_checks_may_name_any_host(path: str) -> None:
    assert accepted("10.1.2.3", path=path)


def test_the_hosts_are_shown_in_one_line() -> None:
    settings = Settings(public_url="https://a.example")
    assert AllowedHosts.of(settings).shown() == "localhost, a.example, any IP address"
    assert AllowedHosts.of(Settings(allowed_hosts="b")).shown() == "localhost, b"
    assert AllowedHosts.of(Settings(allowed_hosts="*")).shown() == "any host"
