"""Webhooks and deliveries of all callers, over the API and on the dashboard's page."""

from tests.api.dashboard.visitor import visit
from tests.api.rest.webhooks.requests import create_webhook
from tests.api.service import ADMIN, BOB, Service


async def test_lists_are_of_the_scope_by_pages_with_their_callers(service: Service) -> None:
    made = [await create_webhook(each) for each in (service, service, service.with_key(BOB))]
    for each, webhook in zip((service, service, service.with_key(BOB)), made, strict=True):
        assert (await each.post(f"/v1/webhooks/{webhook['id']}/test")).status_code == 202
    admin = service.with_key(ADMIN)
    for path, cursor, member, expected in (
        ("/v1/webhooks?all=true", "after", "id", [each["id"] for each in made]),
        ("/v1/webhooks/deliveries?", "before", "webhook", [each["id"] for each in reversed(made)]),
    ):
        first = (await admin.get(f"{path}&limit=2")).json()
        second = (await admin.get(f"{path}&limit=2&{cursor}={first['next']}")).json()
        found = first["data"] + second["data"]
        assert [each[member] for each in found] == expected
        assert second["next"] is None
        assert len({each["caller"]["id"] for each in found}) == 2
        own = (await service.get(path)).json()["data"]
        assert {each[member] for each in own} == {each["id"] for each in made[:2]}
    page = (await (await visit(service, ADMIN)).get("/dashboard/webhooks")).text
    assert all(each["id"] in page for each in made)
    assert "/test" not in page.partition("<footer")[0], "a test of another caller's webhook is refused"
    assert (await (await visit(service)).get("/dashboard/webhooks")).text.count('data-call="POST') == 2


async def test_wrong_parameters_are_named(service: Service) -> None:
    for path, field in (
        ("webhooks?all=maybe", "all"),
        ("webhooks?limit=3", "limit"),
        ("webhooks?all=true&after=x", "after"),
        ("webhooks?all=true&caller=alice", "caller"),
        ("webhooks/deliveries?before=job_1", "before"),
        ("webhooks/deliveries?limit=0", "limit"),
    ):
        answer = await service.get(f"/v1/{path}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
