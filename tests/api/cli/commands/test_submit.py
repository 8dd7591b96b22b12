"""``darkroom submit``."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.api.cli.scripted_server import ScriptedServer, a_job, an_asset

Darkroom = Callable[..., int]
Printed = pytest.CaptureFixture[str]


def test_a_prompt_and_a_model_make_a_job(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    server.respond("POST /v1/jobs", a_job(), status=202)
    assert darkroom("submit", "a cat", "-m", "m", "--size", "2:3") == 0
    assert server.requests[0].body == {"model": "m", "prompt": "a cat", "size": "2:3"}
    assert json.loads(capsys.readouterr().out)["id"] == "job_1"


def test_the_model_may_come_from_the_environment(
    server: ScriptedServer, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DARKROOM_MODEL", "mine")
    server.respond("POST /v1/jobs", a_job(), status=202)
    assert darkroom("submit", "a cat") == 0
    assert server.requests[0].body["model"] == "mine"


def test_without_a_model_nothing_is_sent(server: ScriptedServer, darkroom: Darkroom, capsys: Printed) -> None:
    assert darkroom("submit", "a cat") == 2
    assert "-m MODEL" in capsys.readouterr().err
    assert server.requests == []


def test_the_prompt_may_come_from_standard_input(
    server: ScriptedServer, darkroom: Darkroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("猫\n"))
    server.respond("POST /v1/jobs", a_job(), status=202)
    assert darkroom("submit", "-m", "m") == 0
    assert server.requests[0].body["prompt"] == "猫"


def test_files_are_uploaded_and_named_by_id_and_urls_and_ids_stay(
    server: ScriptedServer, darkroom: Darkroom, folder: Path
) -> None:
    (folder / "in.png").write_bytes(b"\x89PNG")
    server.respond("POST /v1/uploads", an_asset("http://a/in.png") | {"id": "asset_7"}, status=201)
    server.respond("POST /v1/jobs", a_job(), status=202)
    pictures = ["in.png", "in.png", "https://example.org/a.jpg", "asset_1"]
    flags = [part for picture in pictures for part in ("--image", picture)]
    assert darkroom("submit", "a cat", "-m", "m", *flags) == 0
    assert [request.path for request in server.requests] == ["/v1/uploads", "/v1/jobs"]
    assert server.requests[1].body["images"] == ["asset_7", "asset_7", *pictures[2:]]


@pytest.mark.parametrize("given", ["missing.png", ".", "empty.png"])
def test_a_file_that_can_not_be_an_input_stops_it_before_anything_is_sent(
    server: ScriptedServer, darkroom: Darkroom, folder: Path, capsys: Printed, given: str
) -> None:
    (folder / "empty.png").touch()
    assert darkroom("submit", "a cat", "-m", "m", "--image", given) == 2
    assert f"--image {given}" in capsys.readouterr().err
    assert server.requests == []


@pytest.mark.parametrize("target", ["nowhere/cat.png", "."])
def test_a_target_that_can_not_be_written_stops_it_before_anything_is_sent(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed, target: str
) -> None:
    assert darkroom("submit", "a cat", "-m", "m", "-o", target) == 2
    assert "-o " in capsys.readouterr().err
    assert server.requests == []


def test_the_images_are_written_into_numbered_files(
    server: ScriptedServer, darkroom: Darkroom, folder: Path
) -> None:
    server.respond("POST /v1/jobs", a_job(), status=202)
    assets = [an_asset(f"{server.url}/assets/t/{number}.png") for number in (0, 1)]
    server.respond("GET /v1/jobs/job_1", a_job(revision=1, status="running"))
    server.respond("GET /v1/jobs/job_1", a_job(revision=2, status="succeeded", assets=assets))
    server.respond("GET /assets/t/0.png", b"one")
    server.respond("GET /assets/t/1.png", b"two")
    assert darkroom("submit", "a cat", "-m", "m", "-o", "cat.png") == 0
    assert ((folder / "cat.png").read_bytes(), (folder / "cat-2.png").read_bytes()) == (b"one", b"two")
    assert server.requests[2].query["after_revision"] == "1"


def test_the_key_is_not_sent_to_another_server_that_holds_the_image(
    server: ScriptedServer, darkroom: Darkroom, folder: Path
) -> None:
    with ScriptedServer() as other_server:
        other_server.respond("GET /0.png", b"one")
        server.respond("POST /v1/jobs", a_job(), status=202)
        done = a_job(status="succeeded", assets=[an_asset(f"{other_server.url}/0.png")])
        server.respond("GET /v1/jobs/job_1", done)
        assert darkroom("submit", "a cat", "-m", "m", "-o", "cat.png") == 0
        assert not other_server.requests[0].headers.get("authorization")


@pytest.mark.parametrize("status", ["failed", "held", "cancelled", "expired"])
def test_waiting_for_a_job_without_an_image_exits_with_1(
    server: ScriptedServer, darkroom: Darkroom, status: str
) -> None:
    server.respond("POST /v1/jobs", a_job(), status=202)
    server.respond("GET /v1/jobs/job_1", a_job(status=status, error={"code": "x", "message": "y"}))
    assert darkroom("submit", "a cat", "-m", "m", "--wait") == 1


def test_a_timeout_before_the_job_ends_prints_how_to_continue(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("POST /v1/jobs", a_job(), status=202)
    server.respond("GET /v1/jobs/job_1", a_job())
    assert darkroom("submit", "a cat", "-m", "m", "--wait", "--timeout", "0") == 5
    assert "darkroom jobs show job_1" in capsys.readouterr().err


def test_deadlines_and_retry_rules_are_sent(server: ScriptedServer, darkroom: Darkroom) -> None:
    server.respond("POST /v1/jobs", a_job(), status=202)
    plain = {"model": "m", "prompt": "a cat"}
    for options, sent in (
        (["--expires-in", "8h"], {"expires_in": 28_800}),
        (["--expires-in", "1.5m"], {"expires_in": 90}),
        (["--expires-at", "2100-01-01T00:00:00Z"], {"expires_at": "2100-01-01T00:00:00Z"}),
        (["--retry", "no_image.attempts=0"], {"retry": {"no_image": {"attempts": 0}}}),
    ):
        assert darkroom("submit", "a cat", "-m", "m", *options) == 0
        assert server.requests[-1].body == plain | sent


def test_a_time_span_that_can_not_be_read_is_not_sent(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    assert darkroom("submit", "a cat", "-m", "m", "--expires-in", "soon") == 2
    assert "8h" in capsys.readouterr().err
    assert server.requests == []


def test_what_a_job_waits_for_is_said_once(
    server: ScriptedServer, darkroom: Darkroom, capsys: Printed
) -> None:
    server.respond("POST /v1/jobs", a_job() | {"warnings": [{"message": "Nothing serves it."}]}, status=202)
    waiting = {"reason": "no_channel", "detail": "No channel serves the model m."}
    for _ in range(4):
        server.respond("GET /v1/jobs/job_1", a_job() | {"waiting": waiting})
    server.respond("GET /v1/jobs/job_1", a_job(revision=2, status="succeeded"))
    assert darkroom("submit", "a cat", "-m", "m", "--wait", "--allow-unserved") == 0
    assert server.requests[0].body["allow_unserved"] is True
    printed = capsys.readouterr().err
    assert printed.count("No channel serves the model m.") == 1
    assert "Nothing serves it." in printed
    assert float(server.requests[2].query["wait"]) <= 3


def test_every_member_of_a_job_has_an_option(server: ScriptedServer, darkroom: Callable[..., int]) -> None:
    server.respond("POST /v1/jobs", a_job())
    typed = ["--tag", "a", "--tag", "b", "--metadata", "shoot=spring", "--param", "seed=7", "--priority", "9"]
    assert darkroom("submit", "a cat", "-m", "m", *typed, "--on-unknown", "fail", "--size", "auto") == 0
    body = server.requests[-1].body
    assert body["tags"] == ["a", "b"]
    assert (body["metadata"], body["params"]) == ({"shoot": "spring"}, {"seed": 7})
    assert (body["priority"], body["on_unknown"], body["size"]) == (9, "fail", "auto")
