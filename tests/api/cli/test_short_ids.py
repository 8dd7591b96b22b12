"""Beginnings of ids: which one they stand for, and how tables shorten ids to them."""

from collections.abc import Callable

import pytest

from api.cli.exit_codes import CommandFailed
from api.cli.short_ids import is_short, unique_id
from tests.api.cli.scripted_server import ScriptedServer, a_job

ONE = "job_01h455vb4pex5vsknk084sn02q"
OTHER = "job_01h455vb4pez5vsknk084sn02q"


def test_a_unique_beginning_stands_for_the_id() -> None:
    for given in ("job_01h455vb4pex", "01h455vb4pex", " job_01h455vb4pex5 "):
        assert unique_id("job", given, lambda _: [ONE, OTHER]) == ONE


def test_a_beginning_of_several_ids_is_refused_with_them() -> None:
    with pytest.raises(CommandFailed) as refused:
        unique_id("job", "job_01h455vb", lambda _: [ONE, OTHER])
    assert ONE in str(refused.value)
    assert OTHER in str(refused.value)


def test_the_beginning_of_no_id_and_other_texts_stay_as_they_are() -> None:
    assert unique_id("job", "job_7zzzzzzzz", lambda _: [ONE]) == "job_7zzzzzzzz"
    for given in (ONE, "default", "../keys", "job_1", "webhook_01h455vb4pex", ""):
        assert unique_id("job", given, lambda _: pytest.fail("was asked for")) == given


def test_a_whole_id_is_not_short() -> None:
    assert not is_short(ONE)
    assert is_short(ONE[:-1])


def test_commands_take_the_beginning_of_a_job_s_id(
    server: ScriptedServer, darkroom: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    server.respond("GET /v1/jobs", {"data": [a_job(id=ONE)], "next": None})
    server.respond(f"GET /v1/jobs/{ONE}", a_job(id=ONE))
    assert darkroom("jobs", "show", "job_01h455vb4pe") == 0
    assert server.requests[0].query["before"] == "job_01h455vb4pe" + "z" * 15
    assert ONE in capsys.readouterr().out


def test_a_beginning_of_several_jobs_changes_nothing(
    server: ScriptedServer, darkroom: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    server.respond("GET /v1/jobs", {"data": [a_job(id=OTHER), a_job(id=ONE)], "next": None})
    for verb in ("cancel", "retry", "release", "fail", "reread"):
        assert darkroom("jobs", verb, "01h455vb4pe") == 2
        assert ONE in capsys.readouterr().err
    assert {request.method for request in server.requests} == {"GET"}
