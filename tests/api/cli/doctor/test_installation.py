"""Check of package names and public URLs."""

from collections.abc import Callable
from typing import Any

import pytest

from api.cli.doctor.installation import check_addresses, check_packages, check_port
from models.settings import load_settings
from tests.api.cli.scripted_server import ScriptedServer

Problems = Callable[..., list[dict[str, Any]]]


def test_loopback_urls_of_an_api_on_all_interfaces_are_found(
    problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_HOST", "0.0.0.0")
    assert "DARKROOM_PUBLIC_URL" in problems("addresses")[0]["fix"]


def test_another_distribution_with_a_package_of_the_same_name_is_found() -> None:
    found = list(check_packages({"models": ["darkroom", "intruder"], "api": ["darkroom"]}))
    assert [(one.ok, "intruder" in one.message) for one in found] == [(False, True)]


def test_darkroom_s_own_packages_are_no_problem() -> None:
    assert [one.ok for one in check_packages()] == [True]


@pytest.mark.parametrize("url", ["darkroom.example.org", "ftp://darkroom.example.org", "https://"])
def test_a_public_url_that_is_no_web_url_is_found(url: str) -> None:
    settings = load_settings().model_copy(update={"public_url": url})
    assert [(finding.ok, repr(url) in finding.message) for finding in check_addresses(settings)] == [
        (False, True)
    ]


def test_a_misspelt_variable_is_named_with_the_nearest_right_one(
    problems: Problems, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_DATABSE_URL", "sqlite:///x.db")
    assert "did you mean DARKROOM_DATABASE_URL?" in problems("settings")[0]["message"]


def test_a_port_that_another_program_has_is_found_and_one_of_darkroom_is_none() -> None:
    for body, ok in (({"status": "ok"}, True), ({"status": "other"}, False), (b"hello", False)):
        with ScriptedServer() as server:
            server.respond("GET /healthz", body)
            port = int(server.url.rpartition(":")[2])
            found = [*check_port(load_settings(port=port))]
            assert [(each.ok, str(port) in each.message) for each in found] == [(ok, True)]
    assert [each.ok for each in check_port(load_settings(port=port))] == [True]  # free by now


def test_public_urls_follow_the_port_that_is_used(darkroom: Callable[..., int], capsys: Any) -> None:
    darkroom("doctor", "--offline", "--json", "--port", "4711")
    assert "http://127.0.0.1:4711" in capsys.readouterr().out
