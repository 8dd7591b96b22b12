"""Rolling upgrade: this version runs beside one that is a migration ahead."""

import shutil
from pathlib import Path
from signal import SIGTERM

import pytest

import migrations
from tests.e2e.conftest import FleetOf
from tests.support.fleet import COMMAND
from tests.support.processes import Process

_SOURCE = Path(migrations.__file__).parent.parent
_MIGRATION = '''"""A column that this version does not know

Revision ID: {next}
Revises: {head}
"""

import sqlalchemy as sa
from alembic import op

revision, down_revision, branch_labels, depends_on = "{next}", "{head}", None, None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("colour", sa.Text(), nullable=False, server_default="blue"))
'''


def next_version(folder: Path) -> Path:
    """Return a copy of this version with one more migration."""
    copy = folder / "next"
    for package in ("api", "worker", "models", "migrations"):
        shutil.copytree(_SOURCE / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    newest = f"{int(migrations.head()) + 1:04}"
    text = _MIGRATION.format(next=newest, head=migrations.head())
    (copy / "migrations" / "versions" / f"{newest}_colour.py").write_text(text)
    return copy


@pytest.mark.slow(reason="a fleet starts, then parts of it again and of the next version")
def test_workers_of_this_version_and_the_next_share_jobs_after_the_migration(
    fleet_of: FleetOf, tmp_path: Path
) -> None:
    fleet = fleet_of(delay=0.3)
    variables = {**fleet.variables, "PYTHONPATH": str(next_version(tmp_path))}
    migrate = Process([COMMAND, "migrate"], tmp_path / "migrate.log", environment=variables, folder=tmp_path)
    newer = Process([COMMAND, "work"], tmp_path / "newer.log", environment=variables, folder=tmp_path)

    fleet.client.submit([f"before {number}" for number in range(40)])
    migrate.start()
    migrate.wait_finished()
    newer.start()
    try:
        assert fleet.workers[0].stop(SIGTERM) == 0
        fleet.workers[0].start()  # comes back on tables of the next version
        assert fleet.workers[1].stop(SIGTERM) == 0
        newer.wait_ready(lambda: "worker is ready" in newer.log_tail())
        fleet.workers[0].wait_ready(lambda: fleet.workers[0].log_tail().count("worker is ready") == 2)
        fleet.client.submit([f"after {number}" for number in range(80)])

        jobs = fleet.client.wait_settled(120)
        fleet.client.check_images(jobs)
        assert set(fleet.practice.call_counts().values()) == {1}
        workers = fleet.rows(
            "SELECT count(DISTINCT a.worker_id) FROM attempts a JOIN jobs j ON j.id = a.job_id "
            "WHERE j.prompt LIKE 'after%'"
        )
        assert workers == [(2,)]
    finally:
        newer.end()
