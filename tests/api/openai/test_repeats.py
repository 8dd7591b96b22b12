"""Which request is joined to an earlier one."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from api.openai.repeats import WINDOW, JoinedRequest, Repeat, TwinWaits, joinable
from models.database import Database
from models.queries.openai.requests import (
    RequestDigest,
    RequestState,
    forget_requests,
    note_state,
)

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


@dataclass
class Known:
    """A recorded request."""

    state: RequestState
    ago: float = 0
    counted: bool = False
    object_id: UUID = field(default_factory=uuid4)

    @property
    def seen_at(self) -> datetime:
        return AT - timedelta(seconds=self.ago)


WAITING, GONE, ANSWERED = RequestState.WAITING, RequestState.ABANDONED, RequestState.ANSWERED


@pytest.mark.parametrize(
    ("states", "counted", "joined"),
    [
        ([], True, None),
        ([ANSWERED], False, None),
        ([ANSWERED], True, 0),
        ([WAITING], False, None),
        ([WAITING], True, 0),
        ([GONE], False, 0),
        ([ANSWERED, GONE], False, 1),
        ([WAITING, ANSWERED, GONE], True, 2),
        ([ANSWERED, WAITING, WAITING], True, 2),  # the oldest that waits has waited for the longest
        ([ANSWERED, ANSWERED], True, 0),  # the newest
    ],
)
def test_a_repetition_is_joined_to_the_request_that_it_most_likely_repeats(
    states: list[RequestState], counted: bool, joined: int | None
) -> None:
    known = [Known(state) for state in states]
    expected = None if joined is None else known[joined].object_id
    assert joinable(known, counted=counted, at=AT) == expected


def test_a_request_whose_api_process_was_killed_counts_as_gone() -> None:
    assert joinable([Known(WAITING, ago=30)], counted=False, at=AT) is None
    lost = Known(WAITING, ago=100)
    assert joinable([lost], counted=False, at=AT) == lost.object_id


def test_a_request_that_comes_after_its_own_repetition_is_joined_to_it() -> None:
    repetition = Known(WAITING, counted=True)
    assert joinable([repetition], counted=False, at=AT) == repetition.object_id
    assert joinable([Known(ANSWERED, counted=True)], counted=False, at=AT) is None


async def test_a_repetition_is_joined_however_long_the_job_of_its_original_took(database: Database) -> None:
    digest, job_id, ended = RequestDigest(uuid4(), b"d" * 32), uuid4(), AT + timedelta(hours=1)
    async with database.writing() as connection:
        await Repeat(digest, counted=False).record(connection, job_id, AT)
        await note_state(connection, job_id, GONE, at=ended)
        assert await forget_requests(connection, before=ended) == 0
        with pytest.raises(JoinedRequest):
            await Repeat(digest, counted=True).join(connection, ended + timedelta(seconds=8))


async def test_records_are_found_by_caller_and_digest_for_ten_minutes(database: Database) -> None:
    digest, job_id = RequestDigest(uuid4(), b"d" * 32), uuid4()
    first, again = Repeat(digest, counted=False), Repeat(digest, counted=True)
    async with database.writing() as connection:
        await first.record(connection, job_id, AT)
        await first.join(connection, AT)
        with pytest.raises(TwinWaits):
            await first.join(connection, AT, waited=False)
        with pytest.raises(JoinedRequest) as joined:
            await again.record(connection, uuid4(), AT)
        assert joined.value.object_id == job_id
        for other in (RequestDigest(uuid4(), b"d" * 32), RequestDigest(digest.caller_id, b"e" * 32)):
            await Repeat(other, counted=True).join(connection, AT)
        await again.join(connection, AT + WINDOW + timedelta(seconds=1))
        await note_state(connection, job_id, GONE, at=AT)
        with pytest.raises(JoinedRequest):
            await first.join(connection, AT)
        assert await forget_requests(connection, before=AT) == 0
        assert await forget_requests(connection, before=AT + timedelta(seconds=1)) == 1
        await again.join(connection, AT)
