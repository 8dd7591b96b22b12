"""A campaign by its name: which requests its operations make."""

from pathlib import Path
from typing import Any

import pytest

from darkroom_client import Conflict, DarkroomError, InputError
from darkroom_client.exchange.messages import Request
from tests.clients.python.darkroom_client.campaigns.made import (
    Routed,
    a_campaign,
    an_item,
    campaign_on,
    query_of,
)
from tests.clients.python.scripted_transport import body_of, client_of, problem


def sent(transport: Routed, method: str, word: str) -> list[Request]:
    return [each for each in transport.requests if each.method == method and f"/{word}" in each.url]


def test_a_with_statement_creates_the_campaign() -> None:
    transport = Routed(post_campaigns=lambda _: a_campaign("draft"))
    with client_of(transport, model="m").campaign("spring", budget="20 USD") as campaign:
        assert campaign.name == "spring"
    assert body_of(transport.requests[0]) == {
        "name": "spring",
        "model": "m",
        "budget": {"amount": "20", "currency": "USD"},
    }


def test_one_of_the_same_name_is_gone_on_with() -> None:
    transport = Routed(
        post_campaigns=lambda _: problem(409),
        get_spring=lambda _: a_campaign(),
        patch_spring=lambda _: a_campaign(),
    )
    with client_of(transport).campaign("spring", budget="30 USD") as campaign:
        assert campaign.state().status == "running"
    [change] = sent(transport, "PATCH", "spring")
    assert body_of(change) == {"budget": {"amount": "30", "currency": "USD"}}


def test_a_plain_campaign_of_the_name_is_a_conflict() -> None:
    transport = Routed(
        post_campaigns=lambda _: problem(409, detail="You have a campaign."),
        get_spring=lambda _: a_campaign() | {"kind": "plain"},
    )
    with pytest.raises(Conflict, match="You have a campaign"):
        client_of(transport).campaign("spring").open()


def test_rows_are_added_with_their_mapping() -> None:
    report = {
        "rows": 1,
        "added": 1,
        "errors": [{"line": 3, "column": "n", "code": "invalid", "message": "no"}],
    }
    campaign, transport = campaign_on(
        post_campaigns=lambda _: a_campaign("draft"), post_rows=lambda _: report
    )
    found = campaign.add([{"SKU": "1"}], mapping={"SKU": "key"}, dry_run=True)
    assert (found.added, found.errors[0].line, found.errors[0].column) == (1, 3, "n")
    [request] = sent(transport, "POST", "rows")
    assert query_of(request) == {"mapping": ['{"SKU": "key"}'], "dry_run": ["true"]}


def test_a_start_expects_the_items_of_the_plan() -> None:
    campaign, transport = campaign_on(
        get_spring=lambda _: a_campaign("draft"),
        get_plan=lambda _: {"items": 30, "cost": {"p50": "1.2", "currency": "USD", "source": "table"}},
        post_start=lambda _: a_campaign("checking"),
    )
    assert campaign.plan().cost.p50 == "1.2"
    assert campaign.start().status == "checking"
    assert body_of(sent(transport, "POST", "start")[0]) == {"expected_items": 30}
    assert len(sent(transport, "GET", "plan")) == 1


@pytest.mark.parametrize("status", ["running", "paused", "awaiting_approval"])
def test_a_start_of_one_that_was_started_changes_nothing(status: str) -> None:
    campaign, transport = campaign_on(get_spring=lambda _: a_campaign(status, made=3))
    assert campaign.start().status == status
    assert sent(transport, "POST", "start") == []


def test_a_finished_campaign_without_new_rows_stays_finished() -> None:
    campaign, _ = campaign_on(
        get_spring=lambda _: a_campaign("finished", made=3),
        get_plan=lambda _: {"items": 3},
        post_start=lambda _: problem(409, code="no_new_rows"),
    )
    assert campaign.start().status == "finished"


def test_a_start_with_another_number_of_items_is_a_conflict() -> None:
    campaign, _ = campaign_on(
        get_spring=lambda _: a_campaign("draft"),
        get_plan=lambda _: {"items": 3},
        post_start=lambda _: problem(409, code="unexpected_items"),
    )
    with pytest.raises(Conflict):
        campaign.start(2)


def test_new_rows_of_a_finished_campaign_are_started() -> None:
    campaign, transport = campaign_on(
        get_spring=lambda _: a_campaign("finished", made=3),
        get_plan=lambda _: {"items": 5},
        post_start=lambda _: a_campaign(made=3, waiting=2),
    )
    assert campaign.start().status == "running"
    assert body_of(sent(transport, "POST", "start")[0]) == {"expected_items": 5}


def test_a_name_may_have_any_characters() -> None:
    transport = Routed()
    transport.routes["get_a%2Fb%3F"] = lambda _: a_campaign()
    assert client_of(transport).campaign("a/b?").state().status == "running"


@pytest.mark.parametrize("word", ["pause", "resume", "cancel", "approve"])
def test_it_is_controlled(word: str) -> None:
    campaign, transport = campaign_on(**{f"post_{word}": lambda _: a_campaign("paused")})
    assert getattr(campaign, word)().status == "paused"
    assert [request.method for request in transport.requests] == ["POST"]


def test_items_of_a_filter_come_with_their_pictures() -> None:
    campaign, transport = campaign_on(
        get_items=lambda _: {"data": [an_item(1), an_item(2, "failed", job=None)], "next": None}
    )
    first, second = campaign.items(where={"status": ["made", "failed"], "key": "k*"})
    assert (first.pictures[0].size, first.is_made, second.pictures, second.is_made) == (3, True, (), False)
    assert query_of(transport.requests[0])["status"] == ["made", "failed"]
    with pytest.raises(DarkroomError, match="k2"):
        second.save("x.png")


def test_an_item_is_saved_to_a_file_or_into_a_folder() -> None:
    campaign, transport = campaign_on(get_items=lambda _: {"data": [an_item(1, key="a/b")], "next": None})
    transport.routes["get_0.png"] = lambda _: _picture()
    [item] = campaign.items()
    assert item.save("cat.png") == [Path("cat.png")]
    [inside] = item.save("out")
    assert inside.parent == Path("out")
    assert inside.name.startswith("a_b-")
    assert set(transport.files) == {"cat.png", str(inside)}


def _picture() -> Any:
    from darkroom_client.exchange.messages import Response  # noqa: PLC0415

    return Response(200, {}, b"one")


TRIED = {"id": None, "status": "dry_run", "kind": "retry", "eligible": 7}


def test_a_retry_is_tried_first_and_expects_its_count() -> None:
    answers = [TRIED, {**TRIED, "id": "action_1", "status": "running"}]
    campaign, transport = campaign_on(
        post_retry=lambda _: answers.pop(0),
        get_action_1=lambda _: {**TRIED, "id": "action_1", "status": "finished", "done": 7},
    )
    action = campaign.wait_action(campaign.retry(where={"error": "refusal"}))
    assert (action.status, action.done) == ("finished", 7)
    mode = {"mode": "missing_and_failed", "filter": {"error": ["refusal"]}}
    assert [body_of(each) for each in sent(transport, "POST", "retry")] == [
        {**mode, "dry_run": True},
        {**mode, "expected_count": 7},
    ]


def test_a_dry_run_changes_nothing() -> None:
    campaign, transport = campaign_on(post_reroll=lambda _: TRIED)
    assert campaign.reroll(["k1"], prompt="{prompt}, at night", dry_run=True).eligible == 7
    [request] = transport.requests
    assert body_of(request) == {"prompt": "{prompt}, at night", "items": ["k1"], "dry_run": True}


def test_verdicts_are_given_on_items_or_a_filter_and_undone() -> None:
    given = {**TRIED, "id": "action_1", "kind": "verdict", "done": 2}
    campaign, transport = campaign_on(post_verdicts=lambda _: given, post_undo=lambda _: given)
    campaign.give_verdict("pick", ["k1", "item_2"])
    campaign.give_verdict("reject", where={"status": "made"}, reason="blurred")
    assert campaign.undo_verdicts().done == 2
    assert [body_of(each) for each in sent(transport, "POST", "verdicts")[:2]] == [
        {"verdict": "pick", "dry_run": False, "items": ["k1", "item_2"]},
        {"verdict": "reject", "reason": "blurred", "dry_run": False, "filter": {"status": ["made"]}},
    ]


@pytest.mark.parametrize("chosen", [{}, {"items": ["a"], "where": {}}, {"items": "a"}])
def test_a_verdict_needs_items_or_a_filter(chosen: dict[str, Any]) -> None:
    campaign, transport = campaign_on()
    with pytest.raises(InputError, match="items"):
        campaign.give_verdict("pick", **chosen)
    assert transport.requests == []
