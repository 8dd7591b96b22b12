"""Groups of equal errors, from failed calls of an API in this process."""

from datetime import timedelta

from api.jobs.selection.failures import group_failures, read_groups
from models.clock import now
from models.ids import new_id
from models.outcomes import CallResult, Outcome
from models.queries.attempts import AttemptRecord, NewAttempt, finish_attempts, insert_attempts
from models.queries.dashboard.errors import Decision, FailedCall, decide
from tests.api.dashboard.visitor import add_channel
from tests.api.service import Service, key_of

NOW = now()


def call(message: str, *, hours: float = 0.5, **changes: str) -> FailedCall:
    """Return a failed call."""
    values = {"job_status": "failed", "channel": "here", "model": "m", "code": "upstream", **changes}
    return FailedCall(job_id=new_id(), message=message, at=NOW - timedelta(hours=hours), **values)


def test_messages_that_differ_by_numbers_are_one_error() -> None:
    [group] = group_failures([call("no account 17"), call("no account 4711", hours=30)], {}, NOW)
    assert group.counts == {1: 1, 3: 1, 24: 1, 72: 2, 168: 2}
    assert (len(group.job_ids), len(group.failed_ids)) == (2, 2)


def test_another_channel_model_or_code_is_another_error() -> None:
    calls = [call("x"), call("x", channel="b"), call("x", model="n"), call("x", code="timeout")]
    assert len(group_failures(calls, {}, NOW)) == 4


def test_a_resolved_error_is_open_again_once_it_occurs_again() -> None:
    [group] = group_failures([call("x", hours=1)], {}, NOW)
    for age, state in ((0.5, "resolved"), (2, "open")):
        decision = Decision("resolved", "a", NOW - timedelta(hours=age))
        [found] = group_failures([call("x", hours=1)], {group.fingerprint: decision}, NOW)
        assert found.state == state
    ignored = {group.fingerprint: Decision("ignored", "a", NOW - timedelta(hours=2))}
    assert group_failures([call("x")], ignored, NOW)[0].state == "ignored"


async def test_failed_calls_and_decisions_are_read_from_the_database(service: Service) -> None:
    await add_channel(service)
    job = await service.submit()
    result = CallResult(Outcome.PERMANENT, code="upstream", message="no account 17")
    async with service.services.database.writing() as connection:
        new = NewAttempt(
            job_id=key_of(job), number=1, generation=1, channel="here", worker_id=new_id(), sent_at=now()
        )
        await insert_attempts(connection, [new])
        record = AttemptRecord.of(key_of(job), 1, result, finished_at=now(), http_status=500)
        await finish_attempts(connection, [record])
    [group] = await read_groups(service.services, None)
    assert (group.channel, group.code, group.counts[1]) == ("here", "upstream", 1)
    assert await read_groups(service.services, new_id()) == []
    for decision, state in (("ignored", "ignored"), (None, "open")):
        async with service.services.database.writing() as connection:
            await decide(connection, group.fingerprint, decision, by="a", at=now())
        assert (await read_groups(service.services, None))[0].state == state
