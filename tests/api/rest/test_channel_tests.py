"""A test call of a channel over the API and from its page, on the practice provider."""

import re
from collections.abc import Callable

from api.cli.practice_server import PracticeServerThread
from models.channels import ChannelSettings
from models.clock import now
from models.queries.channels import sync_channels
from models.settings import Settings
from tests.api.conftest import started
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, ALICE

PATH = "/v1/channels/here/test"


async def test_a_test_is_one_call_with_its_price_before_and_its_result_after(
    make_settings: Callable[..., Settings],
) -> None:
    with PracticeServerThread() as practice:
        channel = {
            "name": "here",
            "base_url": practice.url,
            "api_key": "practice",
            "models": ["one", "many-*"],
            "prices": {"one": {"per_call": "0.25", "currency": "CNY"}},
        }
        async with started(make_settings(channels=[channel])) as service:
            async with service.services.database.writing() as connection:
                await sync_channels(connection, [ChannelSettings.model_validate(channel)], now())
            admin = await visit(service, ADMIN)
            page = (await admin.get("/dashboard/channels/here")).text
            assert f'data-call="POST {PATH}"' in page
            assert re.search(r"charges: about .{0,5}0\.25", page)
            works = await admin.call("POST", PATH, json={"model": "one"})
            assert (works.status_code, works.json()["outcome"], works.json()["pictures"]) == (
                200,
                "success",
                1,
            )
            fails = await admin.call("POST", PATH, json={"prompt": "a cat [fail 429]"})
            assert (fails.status_code, fails.json()["outcome"]) == (200, "retry")
            entries = (await service.with_key(ADMIN).get("/v1/audit?target=here")).json()["data"]
            assert [each["after"] for each in entries] == 2 * [{"model": "one", "calls": 1}]
            assert (await service.get("/v1/jobs")).json()["data"] == []
            for key, body, status in (
                (ALICE, {}, 403),
                (ADMIN, {"model": "two"}, 422),
                (ADMIN, {"prompt": ""}, 422),
                (ADMIN, {"size": "1K"}, 422),
            ):
                assert (await service.with_key(key).post(PATH, json=body)).status_code == status
            unknown = await service.with_key(ADMIN).post("/v1/channels/there/test")
            assert (unknown.status_code, "settings" in unknown.json()["detail"]) == (409, True)
