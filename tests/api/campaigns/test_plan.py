"""The plan: an own limit bounds the time, axes alone have a row, errors are counted beyond the list."""

from tests.api.rest.campaigns.conftest import SPRING, Create, Import
from tests.api.service import Service


async def test_axes_alone_are_planned_as_one_row(create: Create, service: Service) -> None:
    await create(
        template={"prompt": "a {thing}"}, axes={"values": {"thing": ["cat", "dog"]}}, canary={"items": 9}
    )
    plan = (await service.get(f"{SPRING}/plan")).json()
    assert (plan["rows"], plan["items"], plan["samples"][0]["prompt"]) == (0, 2, "a cat")
    assert "canary_is_all" in {each["code"] for each in plan["warnings"]}


async def test_samples_are_spread_over_the_rows_and_missing_ones_are_a_warning(
    create: Create, load: Import, service: Service
) -> None:
    await create()
    sheet = "key,colour\n" + "".join(f"k{number},red\n" for number in range(50))
    await load(sheet)
    await load("key,colour\nk0,red\n")
    plan = (await service.get(f"{SPRING}/plan")).json()
    assert [each["key"] for each in plan["samples"]] == ["k0", "k10", "k20", "k30", "k40"]
    assert "missing_rows" in {each["code"] for each in plan["warnings"]}
