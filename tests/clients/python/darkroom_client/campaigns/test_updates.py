"""Watching a campaign: each take once, with nothing left out."""

import pytest

from darkroom_client import CampaignWaits, WaitTimeout
from darkroom_client.exchange.messages import Request
from tests.clients.python.darkroom_client.campaigns.made import a_campaign, an_item, campaign_on, query_of


def test_items_come_once_each_as_they_end() -> None:
    ends = [[an_item(1)], [an_item(1), an_item(2)], [an_item(2), an_item(3, "failed", job=None)]]
    states = [
        a_campaign(made=1, waiting=2),
        a_campaign(made=2, waiting=1),
        a_campaign("finished", made=2, failed=1),
    ]
    asked = list[str]()

    def items(request: Request) -> object:
        asked.append(query_of(request)["ended_after"][0])
        return {"data": ends.pop(0), "next": None}

    campaign, transport = campaign_on(get_items=items, get_spring=lambda _: states.pop(0))
    found = list(campaign.results())
    assert [(item.key, item.status, len(item.pictures)) for item in found] == [
        ("k1", "made", 1),
        ("k2", "made", 1),
        ("k3", "failed", 0),
    ]
    assert asked == ["1970-01-01T00:00:00+00:00", *["2025-12-31T23:59:51+00:00", "2025-12-31T23:59:52+00:00"]]
    assert len(transport.sleeps) == 2


def test_an_end_that_was_written_late_is_found_before_the_last_update() -> None:
    late = [an_item(30), an_item(1)]
    pages = [[an_item(30)], [], late]
    states = [a_campaign(made=1, running=1), a_campaign("finished", made=2)]
    campaign, _ = campaign_on(
        get_items=lambda _: {"data": pages.pop(0), "next": None}, get_spring=lambda _: states.pop(0)
    )
    assert [item.key for item in campaign.results()] == ["k30", "k1"]


def test_a_further_take_comes_too() -> None:
    pages = [[an_item(1)], [an_item(1, takes=2, job="job_9")]]
    states = [a_campaign(made=1, waiting=1), a_campaign("finished", made=1)]
    campaign, _ = campaign_on(
        get_items=lambda _: {"data": pages.pop(0), "next": None}, get_spring=lambda _: states.pop(0)
    )
    assert [(item.takes, item.job.id) for item in campaign.results()] == [(1, "job_1"), (2, "job_9")]


@pytest.mark.parametrize(
    ("state", "needs"),
    [
        (a_campaign("awaiting_approval", made=1), "approval"),
        (a_campaign("draft"), "start"),
        (a_campaign("paused") | {"paused": {"reason": "manual", "until": None}}, "resume"),
        (a_campaign("paused") | {"paused": {"reason": "failing", "until": None}}, "resume"),
        (a_campaign("paused") | {"paused": {"reason": "budget", "until": None}}, "budget"),
        (a_campaign("running", held=1, made=3), "held"),
    ],
)
def test_a_campaign_that_needs_a_person_ends_the_results_after_what_ended(state: dict, needs: str) -> None:  # type: ignore[type-arg]
    campaign, _ = campaign_on(
        get_items=lambda _: {"data": [an_item(1)], "next": None}, get_spring=lambda _: state
    )
    results = campaign.results()
    assert next(results).key == "k1"
    with pytest.raises(CampaignWaits) as waits:
        next(results)
    assert waits.value.needs == needs


@pytest.mark.parametrize("reason", ["window", "manual"])
def test_a_pause_that_ends_by_itself_is_waited_for_up_to_the_timeout(reason: str) -> None:
    until = "2100-01-01T00:00:00Z" if reason == "manual" else None
    state = a_campaign("paused") | {"paused": {"reason": reason, "until": until}}
    campaign, transport = campaign_on(get_spring=lambda _: state)
    with pytest.raises(WaitTimeout, match="goes on"):
        list(campaign.results(timeout=60))
    assert transport.clock >= 60


def test_held_items_are_waited_for_while_others_run() -> None:
    assert campaign_needs(a_campaign("running", held=1, waiting=1)) is None


def campaign_needs(document: dict[str, object]) -> str | None:
    campaign, _ = campaign_on(get_spring=lambda _: document)
    found: str | None = campaign.state().needs
    return found
