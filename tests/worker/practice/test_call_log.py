"""The call log of the practice provider."""

import asyncio

from worker.practice.call_log import CallLog, LoggedCall


def opened(log: CallLog, prompt: str = "a cat", key: str | None = None) -> LoggedCall:
    return log.open(prompt, model="m", stream=False, key=key, idempotency_key=None)


def test_calls_are_numbered_and_count_earlier_calls_of_their_prompt() -> None:
    log = CallLog()
    calls = [opened(log), opened(log, "a dog"), opened(log)]
    assert [(call.number, call.earlier, call.in_flight) for call in calls] == [
        (1, 0, 1),
        (2, 0, 2),
        (3, 1, 3),
    ]


def test_only_the_first_end_of_a_call_counts() -> None:
    log = CallLog()
    call = opened(log)
    log.close(call, aborted=True)
    log.close(call)
    assert (call.aborted, log.in_flight, log.max_in_flight) == (True, 0, 1)


def test_a_key_is_logged_as_its_hash() -> None:
    call = opened(CallLog(), key="secret")
    assert call.key_hash is not None
    assert len(call.key_hash) == 16
    assert "secret" not in call.key_hash


def test_a_reset_clears_calls_and_counts_but_not_calls_in_flight() -> None:
    log = CallLog()
    opened(log)
    log.record_poll("task", done=None)
    log.reset()
    assert (log.calls, log.polls, log.in_flight, log.max_in_flight) == ([], [], 1, 1)
    assert opened(log).earlier == 0


def test_polls_are_recorded_with_their_result() -> None:
    log = CallLog()
    for done in (None, False, True):
        log.record_poll("task", done=done)
    assert [poll.outcome for poll in log.polls] == ["unknown", "running", "done"]


async def test_waiters_continue_when_their_condition_is_true() -> None:
    log = CallLog()
    waiting = asyncio.ensure_future(log.wait_until(lambda log: len(log.calls) == 2))
    await asyncio.sleep(0)
    opened(log)
    await asyncio.sleep(0)
    assert not waiting.done()
    opened(log)
    await waiting
