"""Transitions: conditional on the state they leave, with one event each."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from models.ids import new_id
from models.queries.transitions import Transition, apply, lock_job
from models.states import JobStatus
from tests.support.darkroom import Darkroom, open_darkroom
from tests.support.databases import PARTITIONED

pytestmark = pytest.mark.parametrize("plain_database_url", PARTITIONED, indirect=True)

S = JobStatus


@pytest.fixture
async def darkroom(plain_database_url: str, tmp_path: Path) -> AsyncIterator[Darkroom]:
    async with open_darkroom(plain_database_url, tmp_path, practice={}) as opened:
        yield opened


def move(darkroom: Darkroom, job_id: UUID, leaving: S, entering: S, **values: Any) -> Transition:
    return Transition(job_id, leaving, entering, darkroom.clock(), **values)


async def make(darkroom: Darkroom, *transitions: Transition) -> dict[UUID, int]:
    async with darkroom.services.database.writing() as connection:
        return dict(await apply(connection, transitions))


@pytest.mark.parametrize(
    ("leaving", "entering"),
    [(S.QUEUED, S.RUNNING), (S.SUCCEEDED, S.QUEUED), (S.FAILED, S.STORING), (S.LEASED, S.SUCCEEDED)],
)
async def test_a_transition_that_the_state_machine_forbids_is_refused(
    darkroom: Darkroom, leaving: S, entering: S
) -> None:
    with pytest.raises(ValueError, match="does not go from"):
        move(darkroom, new_id(), leaving, entering)


async def test_a_final_state_is_left_by_a_restart_only(darkroom: Darkroom) -> None:
    restart = move(darkroom, new_id(), S.FAILED, S.QUEUED, restart=True)
    assert restart.entering is S.QUEUED
    with pytest.raises(ValueError, match="does not go from"):
        move(darkroom, new_id(), S.QUEUED, S.SUCCEEDED, restart=True)


async def test_a_transition_from_another_state_changes_nothing(darkroom: Darkroom) -> None:
    job_id = await darkroom.submit(await darkroom.caller())
    assert await make(darkroom, move(darkroom, job_id, S.RUNNING, S.FAILED)) == {}
    assert await darkroom.statuses(job_id) == ["queued"]


@pytest.mark.parametrize("held", [True, False])
async def test_a_transition_under_a_lease_holds_for_that_lease_only(darkroom: Darkroom, held: bool) -> None:
    job_id, lease = await darkroom.submit(await darkroom.caller()), new_id()
    await make(darkroom, move(darkroom, job_id, S.QUEUED, S.LEASED, changes={"lease_token": lease}))
    under = lease if held else new_id()
    made = await make(darkroom, move(darkroom, job_id, S.LEASED, S.QUEUED, lease=under))
    assert made == ({job_id: 3} if held else {})


async def test_transitions_of_one_job_are_made_in_their_order_with_one_event_each(
    darkroom: Darkroom,
) -> None:
    caller = await darkroom.caller()
    job_id, other = await darkroom.submit(caller), await darkroom.submit(caller)
    made = await make(
        darkroom,
        move(darkroom, job_id, S.QUEUED, S.LEASED, changes={"progress": 1}),
        move(darkroom, other, S.QUEUED, S.LEASED),
        move(darkroom, job_id, S.LEASED, S.RUNNING, detail="x\0y"),
    )
    assert made == {job_id: 3, other: 2}
    assert await darkroom.statuses(job_id) == ["queued", "leased", "running"]
    assert (await darkroom.events(job_id))[-1].detail == "xy"
    assert (await darkroom.job(job_id)).progress == 1


async def test_a_job_that_does_not_exist_can_not_be_locked(darkroom: Darkroom) -> None:
    async with darkroom.services.database.writing() as connection:
        assert await lock_job(connection, new_id()) is None
