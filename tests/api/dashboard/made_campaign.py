"""A campaign as pages show it: made, failed and waiting items, whose texts are given."""

import orjson

from models.states import JobStatus
from tests.api.rest.campaigns.made import CALLED, control
from tests.api.service import Service


async def make_campaign(
    service: Service, text: str = "a cat", *, rows: int = 3, model: str = "gpt-image"
) -> str:
    """Make a campaign of this name, start it, and let its first item succeed and its last one fail.

    Return its id.
    """
    definition = {
        "name": f"{text} planned"[:128],
        "model": model,
        "template": {"prompt": "a {colour} cat"},
        "failing": {"enabled": False},
        "windows": [{"from": "00:00", "to": "23:59", "zone": "UTC"}, {"from": "23:58", "to": "00:01"}],
    }
    made = await service.post("/v1/campaigns", json=definition)
    assert made.status_code == 201, made.text
    path = f"/v1/campaigns/{made.json()['id']}"
    sheet = b"\n".join(
        orjson.dumps({"key": f"{text} {number}", "colour": f"{text} {number}"}) for number in range(rows)
    )
    sent = await service.post(f"{path}/rows", content=sheet, headers={"Content-Type": "application/jsonl"})
    assert sent.json()["added"] == rows, sent.text
    started = await service.post(f"{path}/start", json={"expected_items": rows})
    assert started.status_code == 200, started.text
    await control(service)
    items = (await service.get(f"{path}/items")).json()["data"]
    await service.finish({"id": items[0]["job"]}, f"png of {text}".encode("utf-8", "replace"))
    error = {"code": "moderation", "message": text}
    await service.move({"id": items[-1]["job"]}, *CALLED)
    at = service.services.clock()
    await service.move(
        {"id": items[-1]["job"]}, JobStatus.RUNNING, JobStatus.FAILED, error=error, finished_at=at
    )
    found: str = made.json()["id"]
    return found
