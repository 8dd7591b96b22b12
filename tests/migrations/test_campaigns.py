"""The revision of campaigns: settings get ids; triggers derive the state of items, and count them."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, create_engine, select, text

from migrations import downgrade, synchronous, upgrade
from models.tables import campaign_counts, campaign_items, campaigns, verdicts
from tests.migrations.test_migrations import HASH, JOB, JOB_ROW, MOMENT, empty_url

__all__ = ["empty_url"]  # a fixture
REVISION, BEFORE = "0012", "0011"
CAMPAIGN, ITEM = UUID(int=7), UUID(int=8)


@pytest.fixture
def engine(empty_url: str) -> Iterator[Engine]:
    """A database of the version before, with a caller and the settings of a campaign."""
    upgrade(empty_url, BEFORE)
    opened = create_engine(synchronous(empty_url))
    with opened.begin() as connection:
        caller = f"('{JOB}', 'c', {HASH[opened.dialect.name]}, '', false, {MOMENT})"
        connection.exec_driver_sql(
            f"INSERT INTO callers (id, name, key_hash, key_hint, admin, created_at) VALUES {caller}"
        )
        set_campaign(connection, "spring")
    yield opened
    opened.dispose()


def set_campaign(connection: Any, name: str) -> None:
    """Insert the settings of a campaign as the version before does."""
    connection.exec_driver_sql(
        "INSERT INTO campaigns (caller_id, name, retry, updated_at) "
        f"VALUES ('{JOB}', '{name}', '{{\"no_image\": {{\"attempts\": 2}}}}', {MOMENT})"
    )


def test_settings_become_plain_campaigns_with_an_id_and_come_back(engine: Engine, empty_url: str) -> None:
    upgrade(empty_url, REVISION)
    with engine.begin() as connection:
        set_campaign(connection, "written by an older process")
        c = campaigns.c  # later revisions add columns
        query = select(c.name, c.kind, c.status, c.id, c.created_at, c.updated_at).order_by(c.name)
        rows = connection.execute(query).all()
    assert [(row.name, row.kind, row.status, row.id is None) for row in rows] == [
        ("spring", "plain", "running", False),
        ("written by an older process", "plain", "running", True),
    ]
    assert rows[0].created_at == rows[0].updated_at

    downgrade(empty_url, BEFORE)
    with engine.connect() as connection:
        names = connection.exec_driver_sql("SELECT name FROM campaigns ORDER BY name").scalars().all()
    assert names == ["spring", "written by an older process"]


@pytest.mark.parametrize(
    ("status", "verdict", "state"),
    [
        ("queued", None, "waiting"),
        ("leased", None, "running"),
        ("running", None, "running"),
        ("storing", None, "running"),
        ("held", None, "held"),
        ("succeeded", None, "made"),
        ("succeeded", "pick", "approved"),
        ("succeeded", "reject", "rejected"),
        ("failed", "pick", "failed"),
        ("expired", None, "failed"),
        ("cancelled", None, "skipped"),
    ],
)
def test_an_item_follows_its_newest_take_and_its_verdict_whichever_version_writes_the_job(
    engine: Engine, empty_url: str, status: str, verdict: str | None, state: str
) -> None:
    upgrade(empty_url, REVISION)
    with engine.begin() as connection:
        add_item(connection)
        connection.exec_driver_sql("UPDATE jobs SET status = 'leased'")
        connection.exec_driver_sql(
            f"UPDATE jobs SET status = '{status}', finished_at = {MOMENT}, error = '{{\"code\": \"odd\"}}'"
        )
        connection.execute(text("UPDATE campaign_items SET verdict = :verdict"), {"verdict": verdict})
        c = campaign_items.c
        item = connection.execute(select(c.state, c.error, c.ended_at)).one()
        counted = connection.execute(
            text("SELECT state, sum(delta) FROM campaign_counts GROUP BY state HAVING sum(delta) <> 0")
        ).all()
    assert item.state == state
    assert [tuple(row) for row in counted] == [(state, 1)]
    assert (item.error == "odd") is (state in ("failed", "held", "skipped"))
    assert (item.ended_at is not None) is (state not in ("waiting", "running", "held"))


def test_an_older_take_no_longer_changes_an_item_and_a_deleted_one_is_not_counted(
    engine: Engine, empty_url: str
) -> None:
    upgrade(empty_url, REVISION)
    with engine.begin() as connection:
        add_item(connection)
        add_job(connection, take=2)
        connection.exec_driver_sql(f"UPDATE campaign_items SET job_id = '{job_id(2)}', takes = 2")
        connection.exec_driver_sql(f"UPDATE jobs SET status = 'failed' WHERE id = '{job_id(1)}'")
        assert connection.execute(select(campaign_items.c.state)).scalar() == "waiting"
        connection.exec_driver_sql("DELETE FROM campaign_items")
        deltas = connection.execute(select(campaign_counts.c.delta)).scalars().all()
    assert sum(deltas) == 0


def test_jobs_without_an_item_write_no_counts(engine: Engine, empty_url: str) -> None:
    upgrade(empty_url, REVISION)
    with engine.begin() as connection:
        add_job(connection, take=None)
        connection.exec_driver_sql("UPDATE jobs SET status = 'failed'")
        assert connection.execute(select(campaign_counts)).all() == []


def test_a_take_of_an_item_can_be_made_only_once(engine: Engine, empty_url: str) -> None:
    upgrade(empty_url, REVISION)
    with engine.begin() as connection:
        add_item(connection)
    with pytest.raises(Exception, match=r"(?i)unique"), engine.begin() as connection:
        add_job(connection, take=1, key=job_id(9))


def job_id(take: int) -> str:
    return f"{take:032x}"


def add_job(connection: Any, *, take: int | None, key: str | None = None) -> None:
    row = {**JOB_ROW, "id": f"'{key or job_id(take or 9)}'", "status": "'queued'"}
    if take is not None:
        row |= {"item_id": f"'{ITEM.hex}'", "take": str(take)}
    names, values = zip(*row.items(), strict=True)
    connection.exec_driver_sql(f"INSERT INTO jobs ({', '.join(names)}) VALUES ({', '.join(values)})")


def add_item(connection: Any) -> None:
    """Insert an item with its first take."""
    connection.execute(campaigns.update().values(id=CAMPAIGN))
    connection.execute(
        campaign_items.insert().values(
            id=ITEM,
            campaign_id=CAMPAIGN,
            key="k",
            variant="",
            position=0,
            row_version=1,
            canary=False,
            state="waiting",
            job_id=UUID(job_id(1)),
            takes=1,
        )
    )
    add_job(connection, take=1)


DELETIONS = "0027"


@pytest.mark.parametrize("verdict", ["pick", "none"])
def test_an_item_follows_the_deletion_of_its_newest_take(
    engine: Engine, empty_url: str, verdict: str
) -> None:
    upgrade(empty_url, DELETIONS)
    with engine.begin() as connection:
        add_item(connection)
        connection.exec_driver_sql(f"UPDATE jobs SET status = 'succeeded', finished_at = {MOMENT}")
        add_job(connection, take=2)
        connection.exec_driver_sql(f"UPDATE campaign_items SET job_id = '{job_id(2)}', takes = 2")
        connection.execute(
            verdicts.insert().values(
                campaign_id=CAMPAIGN,
                item_id=ITEM,
                job_id=UUID(job_id(1)),
                verdict=verdict,
                source="person",
                by="ann",
                at=datetime(2026, 1, 1, tzinfo=UTC),
            )
        )
        c, found = campaign_items.c, []
        for take in (2, 1):
            connection.exec_driver_sql(f"DELETE FROM jobs WHERE id = '{job_id(take)}'")
            row = connection.execute(select(c.state, c.verdict, c.error, c.job_id)).one()
            found.append((row.state, row.verdict, row.error, row.job_id))
        counted = connection.execute(
            text("SELECT state, sum(delta) FROM campaign_counts GROUP BY state HAVING sum(delta) <> 0")
        ).all()
    before = ("approved", "pick") if verdict == "pick" else ("made", None)
    assert found == [(*before, None, UUID(job_id(1))), ("skipped", None, "take_deleted", None)]
    assert [tuple(row) for row in counted] == [("skipped", 1)]


def test_the_deletion_of_an_older_take_changes_no_item(engine: Engine, empty_url: str) -> None:
    upgrade(empty_url, DELETIONS)
    with engine.begin() as connection:
        add_item(connection)
        add_job(connection, take=2)
        connection.exec_driver_sql(f"UPDATE campaign_items SET job_id = '{job_id(2)}', takes = 2")
        connection.exec_driver_sql(f"DELETE FROM jobs WHERE id = '{job_id(1)}'")
        c = campaign_items.c
        assert connection.execute(select(c.state, c.job_id)).one() == ("waiting", UUID(job_id(2)))
