"""A number that is a link is the length of the list that it leads to."""

import html
import re
from datetime import datetime
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import insert, update

from models.ids import parse_id
from models.tables import attempts, workers
from tests.api.dashboard.made_campaign import make_campaign
from tests.api.dashboard.test_same_filter import filled
from tests.api.dashboard.visitor import Visitor, visit
from tests.api.service import ADMIN, Service

PAGES = ("", "/jobs", "/jobs?status=queued", "/errors", "/channels", "/channels/here", "/workers")
ROWS = {
    "jobs": '<tr data-row id="job_',
    "errors": '<tr data-row id="e-',
    "campaigns": '<li data-row id="camp_',
    "review": 'data-item="item_',
}


class Links(HTMLParser):
    """Links of a page that have a number: address and text."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._href: str | None = None
        self._text = ""
        self.feed(source[source.index("<main ") :])

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._href, self._text = dict(attrs).get("href"), ""

    def handle_data(self, data: str) -> None:
        self._text += f" {data}"

    def handle_endtag(self, tag: str) -> None:
        if tag == "a" and self._href and re.search(r"\d", self._text):
            self.found.append((self._href, " ".join(self._text.split())))


async def counted(visitor: Visitor, href: str) -> int:
    """Return how many rows the list at an address has."""
    answer = await visitor.get(href)
    assert answer.status_code == 200, (href, answer.text[-500:])
    return answer.text.count(ROWS[urlsplit(href).path.rpartition("/")[2]])


async def add_worker(service: Service, worker: str) -> None:
    at = service.services.clock()
    times = {"started_at": at, "heartbeat_at": at}
    row: dict[str, Any] = {"id": parse_id("worker", worker), "name": "here", "version": "1", "slots": 8}
    async with service.services.database.writing() as connection:
        await connection.execute(insert(workers).values(**row, **times))


@pytest.mark.parametrize("plain_database_url", ["sqlite"], indirect=True)
async def test_a_number_that_is_a_link_is_the_length_of_its_list(service: Service) -> None:
    values = await filled(service)
    await add_worker(service, values["worker"][0])
    campaign = await make_campaign(service, "a cat", rows=5)
    visitor, checked = await visit(service, ADMIN), set[str]()
    await service.with_key(ADMIN).post(f"/v1/errors/{values['fingerprint'][0]}/resolve")
    for page in (*PAGES, "/campaigns", f"/campaigns/{campaign}"):
        text = (await visitor.get(f"/dashboard{page}")).text
        beside = re.findall(
            r'<strong class="num">(\d+)</strong><span class="grow"><a [^>]*href="([^"]+)"', text
        )
        numbers = [(html.unescape(href), number) for number, href in beside]
        for href, words in (*Links(text).found, *numbers):
            if urlsplit(href).path.rpartition("/")[2] not in ROWS or "item=" in href or "#" in href:
                continue
            if words.startswith(("Done per minute", "Failed calls")):
                continue  # a rate and a share
            number = re.search(r"\d+", words)
            assert number is not None
            assert await counted(visitor, href) == int(number[0]), (page, href, words)
            checked.add(f"{page} {href}")
    assert len(checked) >= 20, sorted(checked)


@pytest.mark.parametrize("plain_database_url", ["sqlite"], indirect=True)
async def test_a_rate_a_share_and_a_sum_are_those_of_their_lists(service: Service) -> None:
    await filled(service)
    async with service.services.database.writing() as connection:
        await connection.execute(update(attempts).values(cost_micro=250_000, currency="USD"))
    visitor = await visit(service, ADMIN)
    links = Links((await visitor.get("/dashboard")).text).found
    found = {
        name: each for name in ("Done", "Failed calls", "Spent") for each in links if each[1].startswith(name)
    }

    href, words = found["Done"]
    begun = datetime.fromisoformat(parse_qs(urlsplit(href).query)["finished_after"][0])
    minutes = (service.services.clock() - begun).total_seconds() / 60
    rate = re.search(r"\d+\.\d", words)
    assert rate is not None
    assert await counted(visitor, href) / minutes == pytest.approx(float(rate[0]), abs=0.06)

    href, words = found["Failed calls"]
    calls = re.findall(r'data-label="1 d">(\d+)<', (await visitor.get(href)).text)
    assert f" {sum(map(int, calls))} of 12 calls" in words

    href, words = found["Spent"]
    money = re.search(r"\$[\d.]+", words)
    if money is not None:  # the day has not changed since
        assert f"<strong>{money[0]}</strong>" in (await visitor.get(href)).text
