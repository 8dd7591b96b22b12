"""imagine from the submit to the grid."""

from io import BytesIO

from PIL import Image

from tests.api.midjourney.studio import Studio


async def test_an_imagine_becomes_a_grid_of_four_pictures(studio: Studio) -> None:
    envelope = await studio.submit("imagine", prompt="a cat", state="room:alice")
    assert envelope == {
        "code": 1,
        "description": "Submitted.",
        "result": envelope["result"],
        "properties": {"discordInstanceId": "darkroom"},
    }
    before = await studio.fetch(envelope["result"])
    assert (before["status"], before["progress"], before["buttons"]) == ("NOT_START", "0%", [])

    await studio.develop()
    task = await studio.fetch(envelope["result"])
    assert (task["status"], task["progress"], task["failReason"]) == ("SUCCESS", "100%", None)
    assert task["state"] == "room:alice"
    assert [button["label"] for button in task["buttons"]] == [
        "U1",
        "U2",
        "U3",
        "U4",
        "",
        "V1",
        "V2",
        "V3",
        "V4",
    ]
    assert len(task["imageUrls"]) == 4
    picture = await studio.service.client.get(task["imageUrl"])
    assert picture.status_code == 200
    with Image.open(BytesIO(picture.content)) as grid:
        assert grid.size == (2, 2)
    assert len(studio.darkroom.provider.ledger.calls) == 4
