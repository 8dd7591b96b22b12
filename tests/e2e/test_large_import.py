"""An import of 100,000 rows needs no more memory than one of 10,000: sheets are read and written in pages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.databases import PostgresCopies
from tests.support.fleet import Fleet
from tests.support.practice import Practice
from tests.support.valkey import ValkeyAddress

pytestmark = pytest.mark.slow(reason="100,000 rows are imported")
MIB = 2**20


@pytest.fixture
def fleet(tmp_path: Path, valkey: ValkeyAddress, postgres_copies: PostgresCopies) -> Iterator[Fleet]:
    """One API process on PostgreSQL, without workers."""
    with postgres_copies.fresh() as url:
        practice = Practice(tmp_path, delay=0)  # never started: an import calls nobody
        opened = Fleet(
            tmp_path,
            practice,
            database_url=url,
            broker_url=valkey.url,
            apis=1,
            workers=0,
            upstream_base_url="http://127.0.0.1:1",
        )
        try:
            opened.start(migrate=False)
            yield opened
        finally:
            opened.end()
            print(opened.log_tails())


def peak_memory(fleet: Fleet) -> int:
    """Return the most memory that the API process has used so far, in bytes."""
    status = Path(f"/proc/{fleet.apis[0].pid}/status").read_text(encoding="ascii")
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert match is not None
    return int(match[1]) * 1024


def load(fleet: Fleet, name: str, rows: int) -> int:
    """Import a sheet into a new campaign; return its size in bytes."""
    made = fleet.client.request("POST", "/v1/campaigns", json={"name": name, "model": "m"})
    assert made is not None
    words = "a red bicycle before a white wall in the evening sun; " * 4
    sheet = ("key,prompt\n" + "".join(f"k{number},{number} {words}\n" for number in range(rows))).encode()
    answer = fleet.client.request(
        "POST", f"/v1/campaigns/{name}/rows", content=sheet, headers={"Content-Type": "text/csv"}, timeout=240
    )
    assert answer is not None
    assert answer.json()["added"] == rows, answer.text[:500]
    return len(sheet)


def test_the_memory_of_an_import_does_not_grow_with_its_rows(fleet: Fleet) -> None:
    load(fleet, "small", 10_000)
    before = peak_memory(fleet)
    size = load(fleet, "large", 100_000)
    grown = peak_memory(fleet) - before
    print(f"{size / MIB:.1f} MiB of sheet, {grown / MIB:.1f} MiB more at the peak")
    assert size > 20 * MIB
    assert grown < size / 2
    assert fleet.rows("SELECT count(*) FROM campaign_rows") == [(110_000,)]
