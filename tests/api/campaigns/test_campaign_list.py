"""Lists of campaigns: by name for programs, the newest first for people; both by one service."""

from tests.api.service import ADMIN, ALICE, BOB, Service


async def test_the_newest_campaigns_in_scope_are_listed_by_status_as_the_dashboard_shows_them(
    service: Service,
) -> None:
    for name in ("b", "a", "c"):
        await service.request("PUT", f"/v1/campaigns/{name}", json={})
    await service.with_key(BOB).request("PUT", "/v1/campaigns/bob", json={})
    draft = {"name": "draft", "template": {"prompt": "a {x}"}}
    assert (await service.post("/v1/campaigns", json=draft)).status_code == 201

    async def listed(key: str, **query: str) -> list[str]:
        names, place = list[str](), dict[str, str]()
        while True:
            answer = await service.with_key(key).get(
                "/v1/campaigns", params={"order": "newest", "limit": "2", **query, **place}
            )
            names += [each["name"] for each in answer.json()["data"]]
            if not (following := answer.json()["next"]):
                return names
            place = {"before": following}

    assert await listed(ALICE) == ["draft", "c", "a", "b"]
    assert await listed(ADMIN) == ["draft", "bob", "c", "a", "b"]
    assert await listed(ALICE, status="draft,paused") == ["draft"]
    for query in ("before=x&order=newest", "before=x", "status=draft", "order=newest&after=a", "order=old"):
        refused = await service.get(f"/v1/campaigns?{query}")
        assert refused.status_code == 422, query
    assert (await service.get("/v1/campaigns?order=name,newest")).status_code == 422
