"""A reverse proxy in front of the API, below a path: links, documents, large bodies, waits and streams."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from urllib.parse import urljoin

import httpx
import pytest

from tests.deploy.conftest import FleetOn
from tests.support.api_client import KEY
from tests.support.deploy_tests import required
from tests.support.fleet import Fleet
from tests.support.proxies import Proxy, open_caddy, open_nginx
from tests.support.valkey import ValkeyAddress
from worker.practice.drawing.png import noise_png

pytestmark = [
    pytest.mark.deploy,
    pytest.mark.slow(reason="a fleet starts, and a stream stays silent for longer than the proxy waits"),
]
PATH = "/pictures/darkroom"
TIMEOUT = 15  #: seconds without a byte after which this proxy gives up


WAIT = 5  #: seconds


Open = Callable[[str], AbstractContextManager[Proxy]]


@pytest.fixture(params=[("nginx", open_nginx), ("caddy", open_caddy)], ids=lambda param: param[0])
def fleet(request: pytest.FixtureRequest, fleet_on: FleetOn, valkey: ValkeyAddress) -> Iterator[Fleet]:
    """A fleet whose public URL is the proxy's, below a path."""
    program, opened = request.param
    with opened(required(program)) as proxy:
        valkey.flush()
        public_url = f"http://127.0.0.1:{proxy.port}{PATH}"
        made = fleet_on(valkey.url, public_url=public_url, longest_wait=str(WAIT))
        proxy.start(api=int(made.urls[0].rpartition(":")[2]), path=PATH, timeout=TIMEOUT)
        yield made


@pytest.fixture
def client(fleet: Fleet) -> Iterator[httpx.Client]:
    base_url = fleet.variables["DARKROOM_PUBLIC_URL"]
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=60) as opened:
        yield opened


def test_links_pages_bodies_waits_and_streams_work_through_it(client: httpx.Client) -> None:
    public_url = str(client.base_url)

    page = client.get("/mj", follow_redirects=True)
    assert page.url.path == f"{PATH}/docs"
    [named] = re.findall(r'href="([^"]+\.json)"', page.text)
    document = client.get(urljoin(str(page.url), named)).json()
    assert urljoin(public_url, document["servers"][0]["url"]) == public_url.rstrip("/")

    picture = noise_png("a large body", 1)
    assert (
        client.post("/v1/uploads", content=picture, headers={"Content-Type": "image/png"}).status_code == 201
    )

    made = {"model": "practice-image", "prompt": "a cat behind a proxy"}
    job = client.post("/v1/jobs", json=made, headers={"Prefer": "wait=60"}).json()
    assert job["status"] == "succeeded"
    for link in (job["links"]["self"], job["assets"][0]["url"]):
        assert client.get(urljoin(public_url, link)).status_code == 200

    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    began = time.monotonic()
    answer = client.post("/v1/jobs", json={**made, "not_before": later}, headers={"Prefer": "wait=60"})
    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, f"wait={WAIT}")
    assert WAIT <= time.monotonic() - began < TIMEOUT

    events = f"/v1/jobs/{answer.json()['id']}/events"
    with client.stream("GET", events) as stream:
        comments = 0
        for line in stream.iter_lines():
            comments += line.startswith(":")
            if comments == 2:
                break
    assert comments == 2  # it was silent for longer than the proxy waits, but for them
    assert time.monotonic() - began > TIMEOUT
