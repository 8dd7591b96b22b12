"""Imports: many rows in pages, one import at a time, rows that change while it runs."""

from tests.api.rest.campaigns.conftest import Create, Import


async def test_a_sheet_of_several_pages_is_imported_whole_and_in_order(create: Create, load: Import) -> None:
    await create()
    lines = [f"k{number},colour {number}\n" for number in range(1_203)]
    report = await load("key,colour\n" + "".join(lines))
    assert (report["added"], report["error_count"]) == (1_203, 0)
    lines[7] = "k7,other\n"
    report = await load("key,colour\n" + "".join(reversed(lines[1:])))
    assert [report[name] for name in ("changed", "unchanged", "missing")] == [1, 1_201, 1]
    assert report["missing_keys"] == ["k0"]


async def test_a_dry_run_writes_nothing(create: Create, load: Import) -> None:
    await create()
    for _ in range(2):
        report = await load("key,colour\na,red\n", dry_run="true", mapping='{"colour": "-"}')
        assert (report["rows"], report["error_count"]) == (0, 1)
    assert (await load("key,colour\na,red\n"))["added"] == 1
