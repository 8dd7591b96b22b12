"""Channels for admin keys: state, pause, drain, resume."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from models.channels import ChannelSettings
from models.clock import now
from models.ids import new_id
from models.outcomes import Billed, CallResult, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.queries.channels import change_channel, list_channels, sync_channels
from models.queries.workers import write_heartbeat
from tests.api.service import ADMIN, ALICE, Service, key_of

CHANNEL = {"name": "one", "base_url": "http://127.0.0.1:1", "api_key": "k", "models": ["*"], "rpm": 60}


@pytest.fixture
async def operator(service: Service) -> Service:
    """An admin, with one channel and a worker."""
    worker = {"id": new_id(), "name": "w", "version": "0", "slots": 9, "stopping_at": None}
    async with service.services.database.writing() as connection:
        await sync_channels(connection, [ChannelSettings.model_validate(CHANNEL)], now())
        await write_heartbeat(connection, {**worker, "started_at": now()}, now())
    return service.with_key(ADMIN)


async def the_channel(operator: Service) -> dict[str, Any]:
    [found] = (await operator.get("/v1/channels")).json()["data"]
    return dict(found)


async def test_a_channel_shows_its_state_limits_and_recent_calls(operator: Service) -> None:
    job, at = await operator.submit(), now()
    calls = [(1, 5, "success"), (2, 30, "retry"), (3, 300, "success"), (4, 3600, "success"), (5, 1, None)]
    async with operator.services.database.writing() as connection:
        for number, ago, outcome in calls:
            new = {"job_id": key_of(job), "number": number, "generation": 1, "channel": "one"}
            sent_at = at - timedelta(seconds=ago)
            await insert_attempts(connection, [NewAttempt(**new, worker_id=new_id(), sent_at=sent_at)])
            if outcome:
                result = CallResult(Outcome(outcome), billed=Billed.YES)
                record = AttemptRecord.of(key_of(job), number, result, finished_at=at)
                await finish_attempts(connection, [record])
    found = await the_channel(operator)
    assert (found["state"], found["rate_now"], found["rpm"], found["in_flight"]) == ("open", 3, 60, 0)
    assert found["recent"] == {"calls": 3, "succeeded": 2, "share": 0.667}


async def test_a_pause_is_visible_at_once_also_in_the_jobs_that_wait_for_it(operator: Service) -> None:
    job = await operator.submit()
    paused = await operator.post("/v1/channels/one/pause", json={"reason": "too dear"})
    assert (paused.status_code, paused.json()["state"], paused.json()["detail"]) == (
        200,
        "paused",
        "too dear",
    )
    drained = (await operator.post("/v1/channels/one/drain")).json()
    assert (drained["state"], drained["paused_at"]) == ("drained", None)
    waiting = (await operator.get(f"/v1/jobs/{job['id']}")).json()["waiting"]
    assert (waiting["reason"], waiting["detail"]) == ("paused", "one is draining: by hand")
    assert (await operator.post("/v1/channels/one/resume")).json()["state"] == "open"
    waiting = (await operator.get(f"/v1/jobs/{job['id']}")).json()["waiting"]
    assert waiting["reason"] == "fair_share"


@pytest.mark.parametrize("verb", ["pause", "drain"])
async def test_a_timed_pause_says_who_why_and_until_when_also_to_the_jobs_that_wait(
    operator: Service, verb: str
) -> None:
    job, soon = await operator.submit(), now() + timedelta(minutes=10)
    found = (await operator.post(f"/v1/channels/one/{verb}", json={"reason": "tea", "duration": 600})).json()
    until = datetime.fromisoformat(found["paused_until"])
    assert abs(until - soon) < timedelta(seconds=30)
    assert (found["paused_by"], found["paused_reason"]) == ("from the settings", "tea")
    assert found["detail"] == f"until {found['paused_until']}: tea"
    waiting = (await operator.get(f"/v1/jobs/{job['id']}")).json()["waiting"]
    assert (waiting["reason"], waiting["next_eligible_at"]) == ("paused", found["paused_until"])
    resumed = (await operator.post("/v1/channels/one/resume")).json()
    assert (resumed["paused_until"], resumed["paused_by"]) == (None, None)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"until": "2020-01-01T00:00:00Z"}, "until"),
        ({"until": "2099-01-01T00:00:00"}, "until"),
        ({"duration": -1}, "duration"),
        ({"duration": 5, "until": "2099-01-01T00:00:00Z"}, "duration"),
        ({"duration": 5, "model": "gpt-image"}, "duration"),
        ({"until": "2099-01-01T00:00:00Z", "model": "gpt-image"}, "until"),
    ],
)
async def test_a_pause_without_a_usable_end_is_refused_by_field(
    operator: Service, body: dict[str, Any], field: str
) -> None:
    refused = await operator.post("/v1/channels/one/pause", json=body)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, field)
    assert (await the_channel(operator))["state"] == "open"


async def test_one_model_is_paused_and_resumed_alone(operator: Service) -> None:
    body = {"model": "gpt-image", "reason": "blurred"}
    paused = (await operator.post("/v1/channels/one/pause", json=body)).json()
    assert (paused["state"], paused["blocked_models"]) == ("open", {"gpt-image": "blurred"})
    assert "blurred" in paused["detail"]
    opened = (await operator.post("/v1/channels/one/resume", json={"model": "gpt-image"})).json()
    assert opened["blocked_models"] == {}


async def test_resuming_opens_a_tripped_and_a_cooling_channel(operator: Service) -> None:
    later = now() + timedelta(hours=1)
    changes = {"tripped_at": now(), "tripped_reason": "key refused", "cooldown_until": later}
    async with operator.services.database.writing() as connection:
        [row] = await list_channels(connection)
        await change_channel(connection, row.id, changes)
    assert (await the_channel(operator))["state"] == "tripped"
    opened = (await operator.post("/v1/channels/one/resume", json={"forget": True})).json()
    assert (opened["state"], opened["cooldown_until"], opened["learned_rpm"]) == ("open", None, None)


@pytest.mark.parametrize("verb", ["pause", "drain", "resume"])
async def test_only_admins_change_channels_and_only_existing_ones(
    operator: Service, verb: str, service: Service
) -> None:
    assert (await service.post(f"/v1/channels/one/{verb}")).status_code == 403
    assert (await operator.post(f"/v1/channels/two/{verb}")).status_code == 404
    assert (await operator.post(f"/v1/channels/one/{verb}", json={"reasons": "x"})).status_code == 422
    assert (await operator.post(f"/v1/channels/one/{verb}", content=b"{")).status_code == 400


async def test_one_channel_is_read_by_its_name(operator: Service) -> None:
    assert (await operator.get("/v1/channels/one")).json() == await the_channel(operator)
    assert (await operator.get("/v1/channels/two")).status_code == 404
    assert (await operator.with_key(ALICE).get("/v1/channels/one")).status_code == 403


@pytest.mark.parametrize(("silent", "status"), [(0, 409), (61, 204)])
async def test_a_channel_is_removed_unless_a_live_worker_knows_it(
    operator: Service, silent: float, status: int
) -> None:
    at = now() - timedelta(seconds=silent)
    worker = {"id": new_id(), "name": "w-1", "version": "1", "slots": 5, "started_at": at}
    async with operator.services.database.writing() as connection:
        await write_heartbeat(connection, {**worker, "channels": {"one": {}}}, at)
    answer = await operator.request("DELETE", "/v1/channels/one")
    assert answer.status_code == status
    assert ("is in the settings of w-1" in answer.text) is (status == 409)
    left = (await operator.get("/v1/channels")).json()["data"]
    assert [channel["name"] for channel in left] == (["one"] if status == 409 else [])


async def test_a_channel_that_does_not_exist_is_not_removed(operator: Service) -> None:
    assert (await operator.request("DELETE", "/v1/channels/nowhere")).status_code == 404
