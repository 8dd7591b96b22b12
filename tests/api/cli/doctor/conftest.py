"""Fixtures for the checks of ``darkroom doctor``."""

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

Printed = pytest.CaptureFixture[str]
Problems = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def problems(darkroom: Callable[..., int], capsys: Printed) -> Problems:
    """Run doctor; return the problems of one check."""

    def examine(check: str, *arguments: str) -> list[dict[str, Any]]:
        code = darkroom("doctor", *arguments)
        found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        assert code == (0 if all(one["ok"] for one in found) else 1)
        assert all(one["fix"] for one in found if not one["ok"])
        return [one for one in found if one["check"] == check and not one["ok"]]

    return examine


@pytest.fixture
def busy_port() -> Iterator[int]:
    """A port that takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        yield taken.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])
