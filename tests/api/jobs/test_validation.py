"""A submitted job becomes a valid job, or a rejection that names every invalid field."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from api.jobs.validation import Rejection, ValidJob, check_webhook_url, validate
from models.errors import InvalidRequest
from models.ids import new_id, public_id
from models.settings import Settings

NOW = datetime(2026, 1, 31, 18, tzinfo=UTC)
SETTINGS = Settings(max_attempts=4, prompt_limit=10)
JOB = {"model": "m", "prompt": "a cat"}


def valid(**fields: Any) -> ValidJob:
    found = validate(JOB | fields, SETTINGS, NOW)
    assert isinstance(found, ValidJob), found
    return found


def rejected(value: Any) -> Rejection:
    found = validate(value, SETTINGS, NOW)
    assert isinstance(found, Rejection), found
    return found


def test_a_job_gets_the_defaults_of_the_settings() -> None:
    job = valid().job
    assert (job.max_attempts, job.on_unknown, job.not_before) == (4, SETTINGS.on_unknown.value, NOW)
    assert (job.priority, job.retry, job.expires_at) == (5, None, None)


def test_a_start_in_the_past_is_now() -> None:
    assert valid(not_before="2000-01-01T00:00:00Z").job.not_before == NOW


def test_a_deadline_is_given_as_a_time_or_in_seconds() -> None:
    later = NOW + timedelta(minutes=1)
    assert valid(expires_in=60).job.expires_at == later
    assert valid(expires_at=later.isoformat()).job.expires_at == later


@pytest.mark.parametrize(
    ("fields", "field", "message"),
    [
        ({"expires_in": 60, "expires_at": "2100-01-01T00:00:00Z"}, "expires_in", "not both"),
        ({"expires_at": "2026-01-31T18:00:00Z"}, "expires_at", "in the future"),
        ({"expires_in": 60, "not_before": "2026-01-31T18:01:00Z"}, "expires_in", "later than not_before"),
    ],
)
def test_a_deadline_that_can_not_be_met_is_rejected(fields: dict[str, Any], field: str, message: str) -> None:
    (error,) = rejected(JOB | fields).errors
    assert error["field"] == field
    assert message in error["message"]


def test_a_rejection_names_every_invalid_field_up_to_twenty() -> None:
    found = rejected({"n": 0, "x": 1})
    assert [error["field"] for error in found.errors] == ["model", "prompt", "n", "x"]
    assert found.message.startswith("model: is required; prompt: is required, unless messages are given; n: ")
    assert len(rejected(JOB | {f"x{n}": n for n in range(50)}).errors) == 20


def test_a_value_that_is_no_object_is_rejected() -> None:
    for value in (None, 7, "text", []):
        (error,) = rejected(value).errors
        assert error == {"field": "body", "message": "must be a JSON object"}


def test_params_may_not_contain_members_that_darkroom_writes() -> None:
    assert rejected(JOB | {"params": {"stream": True}}).errors[0]["field"] == "params.stream"


def test_a_prompt_over_the_limit_has_a_code_of_its_own() -> None:
    assert rejected(JOB | {"prompt": "a" * 11}).code == "prompt_too_long"


def test_input_images_given_as_assets_are_listed_by_position() -> None:
    asset_id = new_id()
    url = "https://images.example/a.png"
    found = valid(images=[url, public_id("asset", asset_id)])
    assert found.assets == {1: asset_id}
    assert found.with_images([url, "asset_x"]).request["images"] == [url, "asset_x"]


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("https://user:secret@h.example/", "invalid"),
        ("http://127.0.0.1/", "blocked_address"),
        ("http://10.0.0.1:8080/hook", "blocked_address"),
    ],
)
def test_a_webhook_url_with_credentials_or_a_private_address_is_refused(url: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_webhook_url("webhook_url", url, SETTINGS)
    assert (caught.value.field, caught.value.code) == ("webhook_url", code)


def test_a_private_webhook_address_on_the_allow_list_is_accepted() -> None:
    check_webhook_url("webhook_url", "http://10.0.0.1/", Settings(allow_private=("10.0.0.0/8",)))
