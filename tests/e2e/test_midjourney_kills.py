"""Workers killed while they complete Midjourney tasks: each ends once, with a grid and a message."""

import random
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import NamedTuple

import httpx
import psycopg
import pytest

from models.ids import public_id
from tests.e2e.conftest import FleetOf
from tests.support.fleet import Fleet
from tests.support.processes import until
from tests.support.threaded_receiver import Message, ThreadedReceiver, open_receiver

PROMPTS = [f"grid number {number}" for number in range(12)]
SETTINGS = {
    "upstream_preset": "chatbp",  # one picture per call: a grid is four jobs
    "midjourney_image_model": "practice-image",
    "webhook_timeout": "30",  # a receiver on a busy machine is not taken for one that hangs
}
AT_MOST = (
    6  #: tasks that end before both kills, besides those about to: the workers are never killed too late
)
SLOWLY = f"""
CREATE TABLE ends_allowed AS SELECT {AT_MOST} AS number;
CREATE FUNCTION slowly() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    PERFORM pg_sleep(0.2);
    WHILE (SELECT count(*) FROM midjourney_tasks WHERE outcome IS NOT NULL)
        >= (SELECT number FROM ends_allowed)
    LOOP PERFORM pg_sleep(0.02); END LOOP;
    RETURN NEW;
END $$;
CREATE TRIGGER slow_end BEFORE UPDATE OF outcome ON midjourney_tasks
    FOR EACH ROW EXECUTE FUNCTION slowly();
CREATE TRIGGER slow_grid BEFORE INSERT ON assets
    FOR EACH ROW WHEN (NEW.job_id IS NULL) EXECUTE FUNCTION slowly();
"""
ENDED = "SELECT count(*) FROM midjourney_tasks WHERE outcome IS NOT NULL"
CLAIMED = "SELECT count(*) FROM midjourney_tasks WHERE outcome IS NULL AND claimed_until > now()"
UNDONE = "SELECT count(*) FROM jobs WHERE status <> 'succeeded'"
DELIVERED = "SELECT id FROM webhook_deliveries WHERE status = 'delivered'"


class Kill(NamedTuple):
    """When both workers were killed, and the messages that were recorded as delivered by then."""

    at: float
    delivered: frozenset[str]


@pytest.fixture
def receiver() -> Iterator[ThreadedReceiver]:
    with open_receiver() as opened:
        yield opened


@contextmanager
def completion_blocked(fleet: Fleet) -> Iterator[None]:
    """Block completion until all images are stored; after that, slow it down."""
    with psycopg.connect(fleet.variables["DARKROOM_DATABASE_URL"]) as connection:
        connection.execute("LOCK TABLE midjourney_tasks IN SHARE ROW EXCLUSIVE MODE")
        yield
        connection.execute(SLOWLY.encode())


def submit(fleet: Fleet, receiver: ThreadedReceiver) -> dict[str, str]:
    """Imagine each prompt; return the prompts by task."""
    numbers = {}
    for prompt in PROMPTS:
        body = {"prompt": prompt, "notifyHook": receiver.url}
        answer = fleet.client.request("POST", "/mj/submit/imagine", json=body)
        assert answer is not None
        assert answer.json()["code"] in (1, 22), answer.text
        numbers[answer.json()["result"]] = prompt
    return numbers


def kill_at_work(fleet: Fleet, *, ended: int, after: float) -> Kill:
    """Kill both workers while one ends tasks, and start them again."""

    def at_work() -> bool:
        return fleet.rows(ENDED)[0][0] >= ended and fleet.rows(CLAIMED)[0][0] > 0

    until(at_work, within=60, what=f"{ended} tasks have ended, and others are about to", every=0.01)
    time.sleep(after)
    for worker in fleet.workers:
        worker.kill()
    delivered = frozenset(public_id("delivery", row[0]) for row in fleet.rows(DELIVERED))
    kill = Kill(time.monotonic(), delivered)
    assert fleet.rows(ENDED)[0][0] < len(PROMPTS)
    for worker in fleet.workers:
        worker.start()
    return kill


def check_messages(messages: Sequence[Message], kills: Sequence[Kill]) -> None:
    """Check the messages of one task: its end once and last; repeated only if the response got lost."""
    ends = [message for message in messages if message.payload["status"] == "SUCCESS"]
    assert len({message.id for message in ends}) == 1
    assert messages[messages.index(ends[0]) :] == ends
    for one, again in pairwise(ends):
        between = [kill for kill in kills if one.at <= kill.at <= again.at]
        assert any(one.id not in kill.delivered for kill in between), "sent again without need"


@pytest.mark.slow(reason="workers start three times, and lost leases must run out")
def test_workers_killed_while_they_end_tasks_leave_each_with_one_grid_and_one_message(
    fleet_of: FleetOf, receiver: ThreadedReceiver
) -> None:
    fleet = fleet_of(delay=0.05, **SETTINGS)
    numbers = submit(fleet, receiver)
    with completion_blocked(fleet):
        until(lambda: fleet.rows(UNDONE) == [(0,)], within=30, what="all pictures are there")
        assert fleet.rows(ENDED) == [(0,)]
    chance = random.Random(20)
    kills = [kill_at_work(fleet, ended=ended, after=chance.uniform(0, 0.4)) for ended in (0, 3)]
    with psycopg.connect(fleet.variables["DARKROOM_DATABASE_URL"]) as connection:
        connection.execute("UPDATE ends_allowed SET number = 1000")

    def all_sent() -> bool:
        payloads = [message.payload for message in list(receiver.messages)]
        return {each["id"] for each in payloads if each["status"] == "SUCCESS"} == set(numbers)

    until(all_sent, within=60, what="every end is sent")
    by_task: dict[str, list[Message]] = defaultdict(list)
    for message in receiver.messages:
        by_task[message.payload["id"]].append(message)
    for number, prompt in numbers.items():
        answer = fleet.client.request("GET", f"/mj/task/{number}/fetch")
        assert answer is not None
        task = answer.json()
        assert (task["status"], task["prompt"], len(task["imageUrls"])) == ("SUCCESS", prompt, 4)
        grid = httpx.get(task["imageUrl"], trust_env=False)
        assert (grid.status_code, grid.headers["content-type"]) == (200, "image/jpeg")
        check_messages(by_task[number], kills)
        assert by_task[number][-1].payload == task
    assert fleet.rows("SELECT count(*) FROM assets WHERE job_id IS NULL") == [(len(PROMPTS),)]
    assert fleet.practice.call_counts() == dict.fromkeys(PROMPTS, 4)
