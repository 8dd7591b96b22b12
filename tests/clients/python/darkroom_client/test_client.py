"""Operations of the client, on an in-memory transport."""

import inspect

import pytest

from darkroom_client import (
    ConnectionFailed,
    Darkroom,
    InputError,
    InvalidRequest,
    JobFailed,
    JobHeld,
    Unauthorized,
    WaitTimeout,
)
from tests.clients.python.scripted_transport import URL, a_job, body_of, client_on, done, ok, problem


def test_run_submits_waits_and_returns_the_pictures() -> None:
    client, transport = client_on(
        ok(a_job(), status=202), ok(a_job(revision=2, status="running")), ok(done())
    )
    [picture] = client.run("a cat", model="m", size="2:3", n=None)
    assert (picture.id, picture.size) == ("asset_1", 3)
    submit, *polls = transport.requests
    assert (submit.method, submit.url) == ("POST", f"{URL}/v1/jobs")
    assert body_of(submit) == {"model": "m", "prompt": "a cat", "size": "2:3"}
    assert submit.headers["Authorization"] == "Bearer dk_1"
    assert submit.headers["Prefer"] == "wait=30"
    assert [poll.url.partition("?")[0] for poll in polls] == [f"{URL}/v1/jobs/job_1"] * 2


def test_a_submit_is_sent_again_with_the_same_key_and_body() -> None:
    client, transport = client_on(
        ConnectionFailed("lost"), problem(503), problem(429, retry_after=7), ok(a_job())
    )
    assert client.submit("a cat", model="m").id == "job_1"
    keys = {(request.headers["Idempotency-Key"], request.content) for request in transport.requests}
    assert len(transport.requests) == 4
    assert len(keys) == 1
    assert transport.sleeps == [0.25, 0.5, 7]


def test_a_retry_of_a_job_is_not_sent_again_after_a_lost_connection() -> None:
    client, transport = client_on(ConnectionFailed("lost"), ok(a_job()))
    with pytest.raises(ConnectionFailed):
        client.jobs.retry("job_1")
    assert len(transport.requests) == 1


def test_an_error_names_the_field_and_the_fix() -> None:
    errors = [{"field": "size", "message": "write WIDTHxHEIGHT"}]
    client, _ = client_on(problem(422, code="invalid", errors=errors, request_id="req_1"))
    with pytest.raises(InvalidRequest) as refused:
        client.run("a cat", model="m", size="banana")
    error = refused.value
    assert (error.field, error.fix, error.code, error.request_id) == (
        "size",
        "write WIDTHxHEIGHT",
        "invalid",
        "req_1",
    )


def test_a_job_without_a_model_is_not_sent() -> None:
    client, transport = client_on(ok(a_job()))
    with pytest.raises(InputError, match="DARKROOM_MODEL"):
        client.run("a cat")
    assert transport.requests == []


def test_the_model_of_the_client_serves_jobs_that_name_none() -> None:
    client, transport = client_on(ok(done()), model="mine")
    client.run("a cat")
    client.run("a cat", model="other")
    assert [body_of(request)["model"] for request in transport.requests] == ["mine", "other"]


@pytest.mark.parametrize(
    ("status", "error"), [("failed", JobFailed), ("cancelled", JobFailed), ("held", JobHeld)]
)
def test_a_job_without_a_result_is_an_error(status: str, error: type[JobFailed]) -> None:
    client, _ = client_on(ok(a_job(status=status, error={"code": "moderation", "message": "Refused."})))
    with pytest.raises(error) as failed:
        client.run("a cat", model="m")
    assert type(failed.value) is error
    assert (failed.value.code, failed.value.job.status) == ("moderation", status)


def test_run_ends_with_its_timeout() -> None:
    client, transport = client_on(ok(a_job(), retry_after="1"))
    with pytest.raises(WaitTimeout) as late:
        client.run("a cat", model="m", timeout=10)
    assert late.value.job.id == "job_1"
    assert transport.clock == pytest.approx(10)


def test_files_and_bytes_are_uploaded_once_and_the_rest_is_named() -> None:
    asset = ok({"id": "asset_9", "url": f"{URL}/x"}, status=201)
    client, transport = client_on(asset, asset, ok({"accepted": [], "rejected": []}), files={"a.png": b"a"})
    images = ["a.png", b"b", "https://x/y.png", "asset_1"]
    client.submit_many({"prompt": str(number), "model": "m", "images": images} for number in range(3))
    *uploads, submit = transport.requests
    assert [(upload.url, upload.content) for upload in uploads] == [
        (f"{URL}/v1/uploads", b"a"),
        (f"{URL}/v1/uploads", b"b"),
    ]
    sent = ["asset_9", "asset_9", "https://x/y.png", "asset_1"]
    assert [job["images"] for job in body_of(submit)["jobs"]] == [sent] * 3


@pytest.mark.parametrize("images", [["missing.png"], "a.png", [3]])
def test_an_image_that_can_not_be_read_is_named(images: object) -> None:
    client, transport = client_on(ok(a_job()))
    with pytest.raises(InputError, match=r"^images"):
        client.run("a cat", model="m", images=images)
    assert transport.requests == []


@pytest.mark.parametrize("options", [{"params": {"a": {1}}}, {"metadata": {"a": float("nan")}}])
def test_options_that_are_no_json_are_named(options: dict[str, object]) -> None:
    client, _ = client_on(ok(a_job()))
    with pytest.raises(InputError, match=next(iter(options))):
        client.run("a cat", model="m", **options)


def test_many_jobs_go_in_requests_of_a_thousand_with_keys_that_can_be_repeated() -> None:
    accepted = [{"index": index, "id": f"job_{index}"} for index in range(2)]
    rejected = [{"index": 7, "code": "invalid", "message": "size: …"}]
    client, transport = client_on(ok({"accepted": accepted, "rejected": rejected}))
    jobs = [{"prompt": str(number), "model": "m"} for number in range(2500)]
    batch = client.submit_many(jobs, idempotency_key="night-1")
    assert [len(body_of(request)["jobs"]) for request in transport.requests] == [1000, 1000, 500]
    keys = [request.headers["Idempotency-Key"] for request in transport.requests]
    assert keys == ["night-1", "night-1-1000", "night-1-2000"]
    assert [job.index for job in batch.accepted] == [0, 1, 1000, 1001, 2000, 2001]
    assert [job.index for job in batch.rejected] == [7, 1007, 2007]


@pytest.mark.parametrize("key", ["", "schlüssel", "a\nb", " a", "x" * 256])
def test_an_idempotency_key_that_fits_no_header_is_refused(key: str) -> None:
    client, transport = client_on(ok(a_job()))
    if key:
        with pytest.raises(InputError, match="idempotency_key"):
            client.submit("a cat", model="m", idempotency_key=key)
        assert transport.requests == []
    else:
        client.submit("a cat", model="m", idempotency_key=key)
        assert len(transport.requests[0].headers["Idempotency-Key"]) == 32


def test_a_refused_key_has_the_server_s_words_and_a_missing_one_the_places_of_a_key() -> None:
    client, _ = client_on(problem(401, code="unauthorized"))
    with pytest.raises(Unauthorized, match=r"^No\.$"):
        client.jobs.get("job_1")
    client, _ = client_on(problem(401, code="unauthorized"), api_key="")
    with pytest.raises(Unauthorized, match="set DARKROOM_API_KEY, or give api_key"):
        client.jobs.get("job_1")


def test_both_clients_show_the_signature_and_the_text_of_each_operation() -> None:
    with Darkroom("http://darkroom.example", "dk_1") as client:
        assert list(inspect.signature(client.run).parameters) == ["prompt", "timeout", "options"]
        assert "pictures" in (client.run.__doc__ or "")
