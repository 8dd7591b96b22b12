"""The list of models, in OpenAI's form."""

from models.channels import ChannelSettings
from models.clock import now
from models.queries.channels import sync_channels
from tests.api.service import Service

ONE = {
    "name": "one",
    "base_url": "http://p.example",
    "api_key": "k",
    "models": "gpt-image, flux-*",
    "rpm": 60,
    "limits": {"gpt-image": {"rps": 1}},
}
TWO = {"name": "two", "base_url": "http://q.example", "api_key": "k", "models": "gpt-image", "order": 1}


async def serve(service: Service, *channels: dict[str, object]) -> None:
    async with service.services.database.writing() as connection:
        wanted = [ChannelSettings.model_validate(channel) for channel in channels]
        await sync_channels(connection, wanted, now())
    service.services.snapshots.clear()


async def test_models_are_listed_with_their_channels_and_limits(service: Service) -> None:
    await serve(service, ONE, TWO)
    page = (await service.get("/v1/models")).json()
    assert (page["object"], page["x_patterns"]) == ("list", ["flux-*"])
    [model] = page["data"]
    assert (model["id"], model["object"], model["owned_by"]) == ("gpt-image", "model", "darkroom")
    assert abs(model["created"] - now().timestamp()) < 60
    assert [each["name"] for each in model["x_channels"]] == ["one", "two"]
    assert model["x_channels"][0]["rpm"] == 60
    assert model["x_channels"][0]["model_limits"] == {"rps": 1}
    assert (await service.get("/v1/models/gpt-image")).json() == model


async def test_a_model_that_a_pattern_covers_can_be_read_and_others_name_the_nearest(
    service: Service,
) -> None:
    await serve(service, ONE)
    found = await service.get("/v1/models/flux-1/dev")
    assert (found.status_code, found.json()["id"]) == (200, "flux-1/dev")
    missing = await service.get("/v1/models/gpt-imag")
    assert missing.status_code == 404
    assert "gpt-image" in missing.json()["detail"]
    assert (await service.with_key(None).get("/v1/models")).status_code == 401
