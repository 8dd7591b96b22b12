"""Workers over the API: listed, and asked to stop."""

from datetime import timedelta
from typing import Any

from api.cli.key_admin import create_key
from models.api_keys import Role
from models.ids import new_id, public_id
from models.queries.workers import write_heartbeat
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, Service

WORKERS = "/dashboard/workers"


async def add_worker(service: Service, name: str, *, age: float = 0, **values: Any) -> dict[str, Any]:
    at = service.services.clock() - timedelta(seconds=age)
    row = {"id": new_id(), "name": name, "version": "1", "slots": 5, "started_at": at, **values}
    async with service.services.database.writing() as connection:
        await write_heartbeat(connection, row, at)
    return row


async def test_an_operator_asks_a_worker_to_stop(service: Service) -> None:
    row = await add_worker(service, "one", takes_stop=True)
    path = f"/v1/workers/{public_id('worker', row['id'])}/stop"
    async with service.services.database.writing() as connection:
        made = {
            role: await create_key(connection, role.value, role=role)
            for role in (Role.REVIEWER, Role.OPERATOR)
        }
        assert not await write_heartbeat(connection, row, service.services.clock())
    assert (await service.post(path)).status_code == 403
    assert (await service.with_key(made[Role.REVIEWER].key).post(path)).status_code == 403
    assert f"POST {path}" not in (await (await visit(service, made[Role.REVIEWER].key)).get(WORKERS)).text
    operator = await visit(service, made[Role.OPERATOR].key)
    assert f"POST {path}" in (await operator.get(WORKERS)).text
    for _ in range(2):
        answer = await operator.call("POST", path)
        assert (answer.status_code, answer.json()["state"]) == (202, "stopping")
    assert f"POST {path}" not in (await operator.get(WORKERS)).text
    async with service.services.database.writing() as connection:
        assert await write_heartbeat(connection, row, service.services.clock()), "it learns of it"
    entry, *_ = (await service.with_key(ADMIN).get("/v1/audit")).json()["data"]
    assert (entry["action"], entry["target"]) == ("POST /v1/workers/{worker_id}/stop", path.split("/")[3])


async def test_what_would_not_notice_is_not_asked(service: Service) -> None:
    admin = service.with_key(ADMIN)
    for values in ({"takes_stop": None}, {"takes_stop": True, "age": 10_000}):
        row = await add_worker(service, "two", **values)
        path = f"/v1/workers/{public_id('worker', row['id'])}/stop"
        assert (await admin.post(path)).status_code == 409
        assert f"POST {path}" not in (await (await visit(service, ADMIN)).get(WORKERS)).text
    assert (await admin.post(f"/v1/workers/{public_id('worker', new_id())}/stop")).status_code == 404
    states = {each["state"] for each in (await admin.get("/v1/workers")).json()["data"]}
    assert states == {"alive", "silent"}
