"""Every hot query finds its rows by an index: no whole table is read, nothing is sorted to be thrown away.

On SQLite with statistics and without (nobody runs ANALYZE there), on PostgreSQL with them and for any values:
so is a prepared statement planned.
"""

from collections.abc import AsyncIterator, Awaitable, Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.checks.findings import COLUMNS, Check
from models.database import Database
from models.queries import assets, call_stats, callers, leases, transitions, workers
from models.queries import jobs as queries
from models.queries.dashboard.figures import OPEN_STATUSES, count_listed, count_statuses
from models.queries.operations.installation_state import read_state
from models.queries.scheduling import due_jobs, queue_position, snapshot
from models.queries.scheduling.due_jobs import QueueSegment, SegmentRequest
from models.queries.selection import held_jobs
from models.queries.selection.job_filter import JobFilter
from models.queries.transitions import Transition
from models.states import JobStatus
from models.tables import jobs
from tests.support.databases import COPIES, sqlalchemy_url
from tests.support.filled_database import CALLERS, MODELS, RARE, ROWS, START, WORKERS, fill_database, job_id
from tests.support.query_plans import Run, plans_of

NOW = START + timedelta(hours=1)
_CAMPAIGNS = "ix_jobs_campaign_line"
MIDDLE = job_id(ROWS // 2)
LATELY = START + timedelta(seconds=ROWS / 10 - 10)  # one job came every tenth of a second
pytestmark = pytest.mark.slow(reason="the first test fills a database with 20,000 jobs")
LANES = [
    SegmentRequest(QueueSegment(model, caller, 0), 40, "campaign 1") for model in MODELS for caller in CALLERS
]


@pytest.fixture(scope="module", params=["sqlite", "sqlite with statistics", "postgresql", "collated"])
def crowd_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """A database of many jobs, shared by this module; each test undoes nothing, and changes little."""
    with request.getfixturevalue(COPIES[request.param.split()[0]]).fresh() as url:
        fill_database(sqlalchemy_url(url), analyze=request.param != "sqlite")
        yield sqlalchemy_url(url)


@pytest.fixture
async def crowd(crowd_url: str) -> AsyncIterator[Database]:
    database = Database(crowd_url)
    yield database
    await database.close()


async def by_index(database: Database, index: str, ask: Run) -> None:
    """Check that all is found by indexes, this one among them; SQLite names those of keys after the table."""
    plans = await plans_of(database, ask)
    if database.is_sqlite and index == _CAMPAIGNS:
        index = "ix_jobs_line"
    if database.is_sqlite and index.startswith(("pk_", "uq_")):
        index = f"sqlite_autoindex_{index.split('_')[1]}_{1 if index.startswith('pk_') else 2}"
    assert plans, "no statement was sent"
    for plan in plans:
        assert plan.faults == (), f"{plan.statement}\n{plan.text}"
    assert any(index in plan.indexes for plan in plans), "\n\n".join(
        f"{p.statement}\n{p.text}" for p in plans
    )


@pytest.mark.parametrize(
    "slow",
    [
        select(jobs.c.id).where(jobs.c.prompt == "a cat"),
        select(jobs.c.id).where(jobs.c.metadata["a"].as_string() == "b").order_by(jobs.c.id).limit(5),
        select(jobs.c.id).where(jobs.c.caller_id == CALLERS[0]).order_by(jobs.c.priority).limit(5),
    ],
)
async def test_a_slow_query_would_be_noticed(crowd: Database, slow: Select[Any]) -> None:
    (plan,) = await plans_of(crowd, lambda connection: connection.execute(slow))
    assert plan.faults


async def test_lanes_are_found_by_jumping_along_the_index_of_lines(crowd: Database) -> None:
    await by_index(crowd, _CAMPAIGNS, due_jobs.list_segments)


async def test_every_lane_is_found(crowd: Database) -> None:
    async with crowd.reading() as connection:
        found = await due_jobs.list_segments(connection)
    kinds = {(segment.model, segment.caller_id, segment.priority) for segment in found}
    assert len(kinds) == len(found) >= 30


async def test_due_jobs_are_taken_from_the_head_of_each_lane(crowd: Database) -> None:
    await by_index(crowd, _CAMPAIGNS, lambda connection: due_jobs.pick_due(connection, LANES, NOW))


async def test_calls_in_flight_are_counted_among_those_in_hand(crowd: Database) -> None:
    await by_index(crowd, "ix_jobs_in_hand", lambda connection: leases.calls_in_flight(connection))


async def test_what_a_worker_has_in_hand_is_found_by_its_id(crowd: Database) -> None:
    await by_index(crowd, "ix_jobs_in_hand", lambda connection: leases.leased_to(connection, WORKERS[0]))


async def test_pictures_on_their_way_home_are_found_by_when_they_are_due(crowd: Database) -> None:
    await by_index(crowd, "ix_jobs_unstored", lambda connection: leases.any_unstored(connection, NOW))
    await by_index(
        crowd,
        "ix_jobs_unstored",
        lambda connection: leases.lease_unstored(
            connection, worker_id=WORKERS[0], lease=uuid4(), at=NOW, limit=5
        ),
    )


async def test_jobs_of_nobody_are_found_among_those_in_hand(crowd: Database) -> None:
    await by_index(crowd, "ix_jobs_in_hand", workers.unknown_workers)


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (JobFilter(), "ix_jobs_caller_id_id"),
        (JobFilter(before=MIDDLE), "ix_jobs_caller_id_id"),
        (JobFilter(statuses=["failed"]), "ix_jobs_caller_id_status_id"),
        (JobFilter(statuses=["succeeded"], before=MIDDLE), "ix_jobs_caller_id_status_id"),
        (JobFilter(campaign="campaign 1"), "ix_jobs_caller_id_campaign_id"),
        (JobFilter(campaign="campaign 1", before=MIDDLE), "ix_jobs_caller_id_campaign_id"),
    ],
)
async def test_a_page_of_jobs_is_read_along_the_index_of_its_filter(
    crowd: Database, wanted: JobFilter, index: str
) -> None:
    await by_index(crowd, index, lambda connection: queries.list_jobs(connection, [RARE], wanted, limit=50))


@pytest.mark.parametrize(
    "wanted", [JobFilter(), JobFilter(statuses=["held"]), JobFilter(campaign="campaign 1", before=MIDDLE)]
)
async def test_a_page_of_the_jobs_of_all_callers_reads_a_page_of_each(
    crowd: Database, wanted: JobFilter
) -> None:
    def ask(connection: AsyncConnection) -> Awaitable[object]:
        return queries.list_jobs(connection, None, wanted, limit=50)

    for plan in await plans_of(crowd, ask):
        pages = "Sort under a Limit by ['jobs.id DESC']"  # these pages, put together
        assert [fault for fault in plan.faults if fault != pages] == [], plan.text


async def test_callers_with_held_jobs_are_found_by_an_index(crowd: Database) -> None:
    await by_index(
        crowd,
        "ix_jobs_caller_id_status_id",
        lambda connection: held_jobs.callers_with_held(connection, CALLERS),
    )


@pytest.mark.parametrize(
    "wanted",
    [JobFilter(statuses=["failed", "held"]), JobFilter(model=MODELS[0]), JobFilter(tag="a", before=MIDDLE)],
)
async def test_a_page_of_jobs_by_other_filters_reads_no_more_than_one_callers_jobs(
    crowd: Database, wanted: JobFilter
) -> None:
    for plan in await plans_of(
        crowd, lambda connection: queries.list_jobs(connection, [RARE], wanted, limit=50)
    ):
        assert [error for error in plan.faults if "Sort" not in error and "B-TREE" not in error] == [], (
            plan.text
        )


SINGLE = (  # verdicts are of items of campaigns, of which there are none here
    *(JobFilter(**{name: "rare"}) for name in ("model", "tag", "surface", "error_code", "text", "campaign")),
    *(JobFilter(**{f"{name}_after": LATELY}) for name in ("created", "finished")),
    *(JobFilter(statuses=[status.value]) for status in JobStatus),
    *(JobFilter(check=check) for check in Check),
    JobFilter(ids=[MIDDLE]),
    JobFilter(action=MIDDLE),
    JobFilter(after=MIDDLE),
    JobFilter(channel="one"),
    JobFilter(worker=WORKERS[0]),
)


@pytest.mark.parametrize("own", [[RARE], None])
async def test_no_filter_of_a_list_reads_a_whole_table(crowd: Database, own: list[UUID] | None) -> None:
    """Neither is one page sorted out of all jobs: at most a page of each caller is."""
    for wanted in SINGLE:
        plans = await plans_of(
            crowd, lambda connection, wanted=wanted: queries.list_jobs(connection, own, wanted, limit=51)
        )
        assert len(plans) == 1
        bounded = ("Sort", "B-TREE", "SCAN every_job", "Index Only Scan of all jobs")  # the jobs of a search
        found = [fault for fault in plans[0].faults if not any(each in fault for each in bounded)]
        assert found == [], f"{wanted}\n{plans[0].text}"


async def test_counts_beside_a_list_are_read_from_indexes(crowd: Database) -> None:
    for ask in (
        lambda connection: count_statuses(connection, OPEN_STATUSES),
        lambda connection: count_listed(connection, None, JobFilter(statuses=["failed"])),
        lambda connection: count_listed(connection, None, JobFilter(campaign="campaign 1")),
    ):
        for plan in await plans_of(crowd, ask):
            assert plan.faults == (), f"{plan.statement}\n{plan.text}"


async def test_one_job_of_a_caller_is_found_by_its_id(crowd: Database) -> None:
    (plan,) = await plans_of(crowd, lambda connection: queries.find_job(connection, MIDDLE, caller_id=RARE))
    assert plan.faults == ()
    assert plan.indexes


async def test_all_that_belongs_to_a_job_is_found_by_its_id(crowd: Database) -> None:
    await by_index(crowd, "pk_jobs", lambda connection: queries.statuses_of(connection, [MIDDLE, CALLERS[0]]))
    await by_index(crowd, "pk_attempts", lambda connection: queries.list_attempts(connection, [MIDDLE]))
    await by_index(crowd, "pk_events", lambda connection: queries.list_events(connection, MIDDLE, after=3))
    await by_index(
        crowd, "ix_assets_job_id_position", lambda connection: assets.list_assets(connection, [MIDDLE])
    )


async def test_orphans_are_found_by_their_keys_and_by_the_jobs_being_stored(
    crowd: Database,
) -> None:
    keys = ["ab/cd/one.png", "ab/cd/two.png"]
    await by_index(crowd, "ix_assets_key", lambda connection: assets.keys_in_use(connection, keys))
    for index in ("ix_jobs_unstored", "ix_jobs_in_hand"):
        await by_index(crowd, index, assets.pending_answers)
    await by_index(crowd, "pk_assets", lambda connection: assets.page_of_files(connection, MIDDLE, 100))


async def test_a_picture_is_found_by_its_public_token(crowd: Database) -> None:
    await by_index(
        crowd, "uq_assets_token", lambda connection: assets.find_asset_by_token(connection, "token-7")
    )


async def test_the_state_for_metrics_is_read_from_indexes(crowd: Database) -> None:
    async with crowd.reading() as connection:
        version = 0 if crowd.is_sqlite else int(await connection.scalar(text("SHOW server_version_num")) or 0)
    if 0 < version < 17_00_00:
        pytest.skip("where most jobs are open, PostgreSQL before 17 reads the table instead of the index")
    plans = await plans_of(crowd, lambda connection: read_state(connection, NOW))
    used = {index for plan in plans for index in plan.indexes}
    assert "ix_jobs_caller_id_status_id" in used
    if crowd.is_sqlite:  # PostgreSQL reads the whole table where most jobs are queued, as here
        assert "ix_jobs_line" in used


async def test_the_state_of_the_gate_is_read_from_the_jobs_in_hand(crowd: Database) -> None:
    await by_index(
        crowd,
        "ix_jobs_in_hand",
        lambda connection: snapshot.read_snapshot(connection, at=START, alive_since=START),
    )


async def test_a_change_of_state_finds_its_job_by_its_id(crowd: Database) -> None:
    transition = Transition(MIDDLE, JobStatus.QUEUED, JobStatus.CANCELLED, NOW)
    await by_index(crowd, "pk_jobs", lambda connection: transitions.apply(connection, [transition]))


@pytest.mark.parametrize("wanted", [JobFilter(), JobFilter(model=MODELS[0], error_code="timeout")])
async def test_held_jobs_are_found_among_those_of_their_caller(crowd: Database, wanted: JobFilter) -> None:
    await by_index(
        crowd,
        "ix_jobs_caller_id_status_id",
        lambda connection: held_jobs.lock_held(connection, RARE, wanted, above=MIDDLE, limit=1000),
    )


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        *((JobFilter(check=check), f"ix_assets_{COLUMNS[check]}") for check in Check),
        (JobFilter(statuses=("succeeded",), check=Check.BLANK, before=MIDDLE), "ix_assets_blank"),
        (JobFilter(statuses=("succeeded",), model="rare"), "ix_jobs_succeeded"),
    ],
)
async def test_rare_jobs_are_listed_by_what_makes_them_rare(
    crowd: Database, wanted: JobFilter, index: str
) -> None:
    if crowd.is_sqlite:
        index = "ix_jobs_"
    for own in ([RARE], None):
        plans = await plans_of(
            crowd, lambda connection, own=own: queries.list_jobs(connection, own, wanted, limit=61)
        )
        assert any(each.startswith(index) for plan in plans for each in plan.indexes), plans[0].text


async def test_places_in_the_queue_are_counted_along_the_index_of_lines(crowd: Database) -> None:
    own = [each.segment for each in LANES[:4]]
    spans = [queue_position.QueueRange(segment, "campaign 1", (NOW, MIDDLE), 50) for segment in own]
    counted = [(segment, 50) for segment in own]
    for ask in (
        lambda connection: queue_position.list_heads(connection, own, limit=20),
        lambda connection: queue_position.count_ranges(connection, spans, limit=100),
        lambda connection: queue_position.count_segments(connection, counted, NOW, limit=100),
    ):
        await by_index(crowd, _CAMPAIGNS, ask)


async def test_what_channels_did_lately_is_read_along_the_index_of_their_calls(crowd: Database) -> None:
    await by_index(
        crowd,
        "ix_attempts_channel_sent_at",
        lambda connection: call_stats.count_starts(connection, "one", LATELY),
    )
    await by_index(
        crowd,
        "ix_attempts_channel_sent_at",
        lambda connection: call_stats.newest_calls(connection, "one", LATELY),
    )


async def test_waiting_jobs_of_a_limited_caller_are_counted_in_the_index_of_callers(crowd: Database) -> None:
    async with crowd.writing() as connection:
        await callers.change_limits(connection, CALLERS[1], {"max_queued": 100})
    await by_index(
        crowd,
        "ix_jobs_caller_id_status_id",
        lambda connection: callers.lock_queue_room(connection, CALLERS[1]),
    )
