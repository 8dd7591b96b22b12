"""Cost reports by group and currency."""

from datetime import timedelta
from pathlib import Path

from models.queries.money.reports import cost_report, list_charged
from tests.support.darkroom import open_darkroom
from tests.support.priced import set_prices


async def test_a_report_counts_what_was_made_what_failed_and_what_is_unknown(
    plain_database_url: str, tmp_path: Path
) -> None:
    practice = {"deliver": "markdown_data", "interval": 0}
    async with open_darkroom(plain_database_url, tmp_path, practice=practice) as darkroom:
        set_prices(darkroom, prices={"*": {"per_picture": {"*/low": 0.1, "*": 0.2}}})
        worker, caller = await darkroom.worker(), await darkroom.caller()
        low = {"images": [], "params": {"quality": "low"}}
        since = darkroom.clock() - timedelta(minutes=1)
        for campaign in ("a", "a", "b"):
            await darkroom.submit(caller, campaign=campaign, request=low)
        await darkroom.submit(caller, practice={"fail": "cut"})
        await worker.run_round()
        until = darkroom.clock() + timedelta(days=1)
        async with darkroom.services.database.reading() as connection:
            rows = await cost_report(connection, [caller], ("day", "campaign"), since=since, until=until)
            only = await cost_report(connection, [caller], ("key",), since=since, until=until, campaign="a")
            none = await cost_report(connection, [caller], ("day",), since=until, until=until + timedelta(1))
            charged = await list_charged(connection, since=since, until=until, channel="nobody")
        found = {row.group["campaign"]: row for row in rows}
        assert {name: (row.calls, row.made, row.made_cost) for name, row in found.items()} == {
            "a": (2, 2, 200_000),
            "b": (1, 1, 100_000),
            None: (1, 0, 0),
        }
        assert (found[None].unknown, found[None].unknown_reserved) == (1, 200_000)
        assert {row.group["day"] for row in rows} == {darkroom.clock().date().isoformat()}
        assert [(row.group, row.calls, row.estimated, row.charged) for row in only] == [
            ({"key": "c"}, 2, 200_000, 200_000)
        ]
        assert (none, charged) == ([], [])
