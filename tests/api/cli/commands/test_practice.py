"""The practice provider as a command."""

import signal
import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import orjson
import pytest

from tests.support.fleet import COMMAND
from tests.support.processes import Process

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_the_cases_are_listed_with_kind_title_and_outcome(darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("practice", "--list", "--json") == 0
    rows = {row["id"]: row for row in map(orjson.loads, capsys.readouterr().out.splitlines())}

    assert rows["S010"]["kind"] == "sse"
    assert (rows["S010"]["outcome"], rows["S010"]["error_code"]) == ("ambiguous", "stream_truncated")
    assert all(row["title"] for row in rows.values())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--case", "S01"), "--case 'S01': there is no case 'S01'; near it are S010"),
        (("--rate", "often=1"), "--rate 'often'"),
        (("--delay", "soon"), "--delay 'soon': write seconds as 2, 500ms or 1-5."),
        (("--retry-after", "-1"), "--retry-after -1.0"),
    ],
)
def test_a_wrong_option_is_a_plain_sentence(
    darkroom: Darkroom, capsys: Printed, arguments: tuple[str, ...], words: str
) -> None:
    assert darkroom("practice", *arguments) == 2
    assert capsys.readouterr().err.startswith(words)


def test_a_busy_port_is_a_plain_sentence(darkroom: Darkroom, capsys: Printed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert darkroom("practice", "--port", str(taken.getsockname()[1])) == 2
    assert capsys.readouterr().err.startswith("127.0.0.1:")


def test_practice_prints_its_url_and_answers_every_call_with_the_case(tmp_path: Path) -> None:
    process = Process(
        [COMMAND, "practice", "--json", "--case", "e116", "--delay", "0"], tmp_path / "practice.log"
    )
    process.start()
    try:
        process.wait_ready(lambda: process.log_tail().endswith("\n"))
        url = orjson.loads(process.log_tail())["url"]
        body = {"messages": [{"role": "user", "content": "a cat"}]}
        answer = httpx.post(f"{url}/v1/chat/completions", json=body, trust_env=False)
        assert answer.status_code == 504
        assert process.stop(signal.SIGTERM) == 0
    finally:
        process.end()


def test_practice_prints_the_settings_that_point_darkroom_at_it(tmp_path: Path) -> None:
    process = Process([COMMAND, "practice"], tmp_path / "practice.log")
    process.start()
    try:
        process.wait_ready(lambda: "--list" in process.log_tail())
        assert "export DARKROOM_UPSTREAM_BASE_URL=http://127.0.0.1:" in process.log_tail()
        assert process.stop(signal.SIGINT) == 0
    finally:
        process.end()
