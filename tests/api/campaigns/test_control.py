"""What may be changed of a campaign, and when."""

from typing import Any

import pytest

from tests.api.rest.campaigns.conftest import SPRING, Create, Import
from tests.api.service import Service


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"limits": {"rpm": 9}}, 200),
        ({"retry": {"no_image": {"attempts": 1}}}, 200),
        ({"budget": {"amount": "5", "currency": "USD"}}, 200),
        ({"windows": [{"from": "01:00", "to": "02:00"}]}, 200),
        ({"template": {"prompt": "another"}}, 409),
        ({"defaults": {"n": 3}}, 409),
        ({"model": None}, 409),
        ({"axes": {"values": {"x": ["1"]}}}, 409),
    ],
)
async def test_once_it_is_started_only_its_limits_and_rules_change(
    create: Create, load: Import, service: Service, change: dict[str, Any], status: int
) -> None:
    await create()
    await load("key,colour\na,red\n")
    assert (await service.post(f"{SPRING}/start", json={"expected_items": 1})).status_code == 200
    answer = await service.request("PATCH", SPRING, json=change)
    assert answer.status_code == status, answer.text


async def test_rows_of_a_started_campaign_raise_the_number_of_its_items(
    create: Create, load: Import, service: Service
) -> None:
    await create()
    await load("key,colour\na,red\n")
    await service.post(f"{SPRING}/start", json={"expected_items": 1})
    await load("key,colour\na,red\nb,blue\n")
    assert (await service.get(SPRING)).json()["items"]["total"] == 2
