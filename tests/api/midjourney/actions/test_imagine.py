"""imagine from the submit to the grid."""

from io import BytesIO

from PIL import Image

from tests.api.midjourney.stack import MidjourneyStack


async def test_an_imagine_becomes_a_grid_of_four_pictures(each_stack: MidjourneyStack) -> None:
    envelope = await each_stack.submit("imagine", prompt="a cat", state="room:alice")
    assert envelope == {
        "code": 1,
        "description": "Submitted.",
        "result": envelope["result"],
        "properties": {"discordInstanceId": "darkroom"},
    }
    before = await each_stack.fetch(envelope["result"])
    assert (before["status"], before["progress"], before["buttons"]) == ("NOT_START", "0%", [])

    await each_stack.work()
    task = await each_stack.fetch(envelope["result"])
    assert (task["status"], task["progress"], task["failReason"]) == ("SUCCESS", "100%", None)
    labels = [button["label"] for button in task["buttons"]]
    assert labels == ["U1", "U2", "U3", "U4", "", "V1", "V2", "V3", "V4"]
    assert len({picture["url"] for picture in task["imageUrls"]}) == 4
    picture = await each_stack.service.client.get(task["imageUrl"])
    with Image.open(BytesIO(picture.content)) as grid:
        assert (grid.format, grid.size) == ("JPEG", (2, 2))
    assert len(each_stack.darkroom.provider.call_log.calls) == 4


async def test_a_preview_is_shown_while_other_parts_run(stack: MidjourneyStack) -> None:
    number = await stack.number(prompt="a cat [fail moderation once]")
    await stack.dispatch()
    sent = list(stack.worker.messages)
    task, job_ids, lease = sent[0]
    stack.worker.messages[:] = [(task, job_ids[:1], lease)]
    await stack.worker.deliver()
    stack.worker.messages[:] = [(task, job_ids[1:2], lease)]
    await stack.worker.deliver()

    await stack.complete()
    running = await stack.fetch(number)
    assert (running["status"], running["progress"]) == ("IN_PROGRESS", "50%")
    assert running["imageUrl"].endswith(".png")
    assert running["finishTime"] is None
