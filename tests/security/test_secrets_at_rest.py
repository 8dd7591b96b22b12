"""Secrets at rest: what a copy of the database gives away."""

from pathlib import Path

from sqlalchemy import select

from models.api_keys import new_key
from models.settings import Settings
from models.tables import metadata
from tests.api.conftest import started
from tests.api.rest.webhooks.requests import create_webhook
from tests.api.service import ADMIN, ALICE, BOB, Service


def settings_with(database_url: str, folder: Path, *secret_keys: str) -> Settings:
    return Settings(
        database_url=database_url,
        storage_url=(folder / "pictures").as_uri(),
        public_url="http://darkroom.test",
        api_keys=(ALICE, BOB),
        admin_keys=(ADMIN,),
        secret_key=",".join(secret_keys),
    )


async def rows_of(service: Service) -> list[str]:
    """Return the rows of all tables."""
    found = []
    async with service.services.database.reading() as connection:
        for table in metadata.sorted_tables:
            rows = (await connection.execute(select(table))).all()
            found += [f"{table.name}: {tuple(row)!r}" for row in rows]
    return found


async def make_secrets(service: Service) -> list[str]:
    """Create and rotate a webhook, and the default one; return all secrets that were shown."""
    made = await create_webhook(service)
    rotated = (await service.post(f"/v1/webhooks/{made['id']}/rotate", json={"overlap": 600})).json()
    default = (await service.post("/v1/webhooks/default/rotate", json={})).json()
    return [made["secret"], rotated["secret"], default["secret"]]


async def test_a_copy_of_the_database_holds_no_key_and_no_webhook_secret(
    plain_database_url: str, tmp_path: Path
) -> None:
    key = new_key()
    async with started(settings_with(plain_database_url, tmp_path, key)) as service:
        shown = await make_secrets(service)
        rows = "\n".join(await rows_of(service))
    assert "webhook_endpoints" in rows
    forbidden = [*(secret.removeprefix("whsec_") for secret in shown), ALICE, BOB, ADMIN, key]
    assert [each for each in forbidden if each in rows] == []


async def test_a_lost_key_fails_no_request_and_shows_no_secret(
    plain_database_url: str, tmp_path: Path
) -> None:
    async with started(settings_with(plain_database_url, tmp_path, new_key())) as service:
        webhook = await create_webhook(service)
    async with started(settings_with(plain_database_url, tmp_path)) as service:
        path = f"/v1/webhooks/{webhook['id']}"
        seen = await service.get(path)
        assert (seen.status_code, seen.json()["secret_hint"]) == (200, "unreadable")
        renewed = await service.post(f"{path}/rotate", json={"overlap": 0})
        assert renewed.json()["secret"].startswith("whsec_")


async def test_a_new_first_key_reads_what_the_former_one_wrote(
    plain_database_url: str, tmp_path: Path
) -> None:
    former, present = new_key(), new_key()
    async with started(settings_with(plain_database_url, tmp_path, former)) as service:
        webhook = await create_webhook(service)
    async with started(settings_with(plain_database_url, tmp_path, present, former)) as service:
        seen = (await service.get(f"/v1/webhooks/{webhook['id']}")).json()
    assert seen["secret_hint"].endswith(webhook["secret"][-4:])
