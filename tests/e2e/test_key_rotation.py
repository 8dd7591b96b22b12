"""Rotation of a key: its caller's jobs, images and webhooks go on with the next one."""

import json
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.e2e.conftest import EmbeddedOf, FleetOf
from tests.support.api_client import ApiClient
from tests.support.fleet import COMMAND
from tests.support.receiver import Receiver

pytestmark = pytest.mark.slow(reason="processes start: one with everything, and a fleet")


class Installation(NamedTuple):
    """A running installation, as a person with a shell and the address of its API sees it."""

    urls: Sequence[str]
    variables: Mapping[str, str]
    folder: Path
    options: Sequence[str]

    def keys(self, *arguments: str) -> dict[str, Any]:
        """Run ``darkroom keys``; return what it prints."""
        command = [COMMAND, "keys", *arguments, *self.options]
        done = subprocess.run(
            command, env=dict(self.variables), cwd=self.folder, capture_output=True, text=True, check=True
        )
        printed: dict[str, Any] = json.loads(done.stdout or "{}")
        return printed


@pytest.fixture(params=["embedded on SQLite", "fleet on PostgreSQL"])
def installation(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Installation]:
    if request.param == "embedded on SQLite":
        start: EmbeddedOf = request.getfixturevalue("darkroom_of")
        darkroom = start(delay=0.1)
        options = ["--data", str(tmp_path / "data")]
        yield Installation([darkroom.url], darkroom.variables, tmp_path, options)
    else:
        fleet_of: FleetOf = request.getfixturevalue("fleet_of")
        fleet = fleet_of(delay=0.1)
        yield Installation(fleet.urls, fleet.variables, tmp_path, [])


async def test_what_was_begun_with_a_key_goes_on_with_the_next_one(installation: Installation) -> None:
    receiver = Receiver()
    await receiver.start()
    first = ApiClient(installation.urls, key=installation.keys("create", "shop")["key"])
    job = {"model": "practice-image", "prompt": "a cat", "webhook_url": receiver.url}
    sent: dict[str, Any] = {"json": job, "headers": {"Idempotency-Key": "order-7"}}
    submitted = first.request("POST", "/v1/jobs", **sent)
    assert submitted is not None
    later = first.submit(["a dog"], not_before="2100-01-01T00:00:00Z")

    second = ApiClient(installation.urls, key=installation.keys("rotate", "shop", "--overlap", "1h")["key"])
    done = second.wait_settled(1)[submitted.json()["id"]]
    second.check_images({done["id"]: done})
    await receiver.until(1)
    assert receiver.messages[0].payload["data"]["id"] == done["id"]
    replayed = second.request("POST", "/v1/jobs", **sent)
    assert replayed is not None
    assert (replayed.status_code, replayed.json()["id"]) == (submitted.status_code, done["id"])
    deliveries = second.request("GET", "/v1/webhooks/default/deliveries")
    assert deliveries is not None
    assert [each["job"] for each in deliveries.json()["data"]] == [done["id"]]

    assert first.job(later[0])["status"] == "queued", "the old key is accepted during the overlap"
    cancelled = second.request("POST", f"/v1/jobs/{later[0]}/cancel")
    assert cancelled is not None
    assert cancelled.json()["status"] == "cancelled"
    await receiver.stop()
    first.close()
    second.close()
