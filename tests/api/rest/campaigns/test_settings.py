"""Campaign settings: list, get, replace, change."""

import pytest

from tests.api.rest.campaigns.conftest import DEFINITION, SPRING, Create
from tests.api.service import BOB, Service

NIGHT = "/v1/campaigns/night-1"
PATIENT = {"no_image": {"attempts": 3}, "rate_limited": {"attempts": 200, "counts": False}}


async def put(service: Service, path: str, body: object) -> dict[str, object]:
    answer = await service.request("PUT", path, json=body)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


async def patch(service: Service, body: object) -> object:
    answer = await service.request("PATCH", NIGHT, json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["retry"]


async def test_settings_of_a_campaign_are_read_back(service: Service) -> None:
    made = await put(service, NIGHT, {"retry": PATIENT})
    assert (made["object"], made["name"], made["retry"]) == ("campaign", "night-1", PATIENT)
    assert (await service.get(NIGHT)).json() == made


async def test_put_replaces_all_settings_and_patch_only_what_it_names(service: Service) -> None:
    await put(service, NIGHT, {"retry": PATIENT})
    changed = await patch(service, {"retry": {"no_image": {"base": 9}, "rate_limited": None}})
    assert changed == {"no_image": {"attempts": 3, "base": 9.0}}
    assert await patch(service, {}) == changed
    assert await patch(service, {"retry": {"no_image": {"attempts": None}}}) == {"no_image": {"base": 9.0}}
    assert await patch(service, {"retry": None}) == {}
    assert (await put(service, NIGHT, {}))["retry"] == {}


async def test_a_patch_creates_missing_settings(service: Service) -> None:
    assert await patch(service, {"retry": PATIENT}) == PATIENT


async def test_a_patch_whose_result_is_invalid_is_refused(service: Service) -> None:
    await put(service, NIGHT, {"retry": {"retry": {"cap": 10}}})
    answer = await service.request("PATCH", NIGHT, json={"retry": {"retry": {"base": 60}}})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "retry.retry")
    assert (await service.get(NIGHT)).json()["retry"] == {"retry": {"cap": 10.0}}


async def test_a_campaign_that_only_jobs_name_has_no_settings(service: Service) -> None:
    await service.submit(campaign="night-1")
    found = (await service.get(NIGHT)).json()
    assert (found["retry"], found["updated_at"]) == ({}, None)


async def test_campaigns_that_only_jobs_name_are_listed_among_the_others_page_by_page(
    service: Service,
) -> None:
    for name in ("b", "d", "a", "Z", "b", "é"):
        await service.submit(campaign=name)
    await service.with_key(BOB).submit(campaign="of bob")
    for name in ("c", "d", "Ä"):
        await put(service, f"/v1/campaigns/{name}", {"retry": PATIENT})
    names: list[str] = []
    for limit in (1, 2, 3, 8):
        names, after = [], ""
        while True:
            place = {"after": after} if after else {}
            page = (await service.get("/v1/campaigns", params={"limit": limit, **place})).json()
            names += [each["name"] for each in page["data"]]
            if not (after := page["next"]):
                break
        assert names == ["Z", "a", "b", "c", "d", "Ä", "é"], limit


async def test_callers_do_not_share_campaigns(service: Service) -> None:
    await put(service, NIGHT, {"retry": PATIENT})
    bob = service.with_key(BOB)
    assert (await bob.get(NIGHT)).status_code == 404
    await put(bob, NIGHT, {"retry": {}})
    assert (await service.get(NIGHT)).json()["retry"] == PATIENT
    assert [len((await each.get("/v1/campaigns")).json()["data"]) for each in (service, bob)] == [1, 1]


async def test_campaigns_are_listed_by_name_page_by_page(service: Service) -> None:
    for name in ("c", "a", "b"):
        await put(service, f"/v1/campaigns/{name}", {})
    first = (await service.get("/v1/campaigns", params={"limit": 2})).json()
    rest = (await service.get("/v1/campaigns", params={"limit": 2, "after": first["next"]})).json()
    assert [each["name"] for each in first["data"] + rest["data"]] == ["a", "b", "c"]
    assert rest["next"] is None


@pytest.mark.parametrize("name", ["spring/summer 2026", "夜", "a%2Fb", "#1?"])
async def test_a_name_may_have_any_characters(service: Service, name: str) -> None:
    path = f"/v1/campaigns/{''.join(f'%{byte:02X}' for byte in name.encode())}"
    assert (await put(service, path, {"retry": PATIENT}))["name"] == name
    assert (await service.get(path)).json()["retry"] == PATIENT


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (NIGHT, {"retry": {"nothing": {}}}, "retry.nothing"),
        (NIGHT, {"retry": {"retry": {"attempts": 501}}}, "retry.retry.attempts"),
        (NIGHT, {"budget": 7}, "budget"),
        (NIGHT, [], "body"),
        ("/v1/campaigns/%00", {}, "name"),
        ("/v1/campaigns/%20", {}, "name"),
        (f"/v1/campaigns/{'c' * 129}", {}, "name"),
    ],
)
async def test_an_invalid_field_is_named(service: Service, path: str, body: object, field: str) -> None:
    for method in ("PUT", "PATCH"):
        answer = await service.request(method, path, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text


async def test_a_planned_campaign_is_created_found_by_id_and_name_and_deleted(
    create: Create, service: Service
) -> None:
    made = await create(budget={"amount": "20", "currency": "USD"})
    assert (made["status"], made["kind"], made["money"]["limit"]) == ("draft", "planned", "20")
    for path in (SPRING, f"/v1/campaigns/{made['id']}"):
        assert (await service.get(path)).json()["id"] == made["id"]
        assert (await service.with_key(BOB).get(path)).status_code == 404
    assert (await service.post("/v1/campaigns", json=DEFINITION)).status_code == 409
    assert (await service.request("PUT", SPRING, json={})).status_code == 409
    assert (await service.request("DELETE", SPRING)).status_code == 204
    assert (await service.get(SPRING)).status_code == 404


async def test_a_planned_campaign_is_changed_by_patch(create: Create, service: Service) -> None:
    await create(limits={"rpm": 5})
    change = {"retry": {"no_image": {"attempts": 2}}, "limits": None, "canary": {"items": 3}}
    changed = (await service.request("PATCH", SPRING, json=change)).json()
    assert changed["retry"] == {"no_image": {"attempts": 2}}
    assert (changed["limits"], changed["canary"]["items"]) == (None, 3)
    assert (await service.request("PATCH", SPRING, json={"name": "autumn"})).status_code == 422


@pytest.mark.parametrize(
    ("member", "field"),
    [
        ({"budget": {"amount": "0", "currency": "USD"}}, "budget.amount"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "deadline"),
        ({"axes": {"values": {name: [str(n) for n in range(1_000)] for name in "abc"}}}, "axes"),
        ({"windows": [{"from": "01:00", "to": "01:00"}]}, "windows.0"),
        ({"colour": "red"}, "colour"),
    ],
)
async def test_an_impossible_definition_names_the_field(
    service: Service, member: dict[str, object], field: str
) -> None:
    answer = await service.post("/v1/campaigns", json=DEFINITION | member)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field), answer.text
