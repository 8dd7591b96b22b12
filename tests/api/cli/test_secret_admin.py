"""Secrets in the database: counted, and encrypted with the present key."""

from api.cli.secret_admin import SecretState, count_secrets, encrypt_secrets, state_of
from models.api_keys import new_key
from models.clock import now
from models.credentials.encryption import SecretCipher
from models.database import Database
from models.ids import new_id
from models.queries.callers import insert_caller
from models.queries.webhooks.endpoints import insert_endpoint, stored_secrets

FORMER, PRESENT = new_key(), new_key()
STORED = (
    "whsec_one",
    SecretCipher([FORMER]).encrypt("whsec_two"),
    SecretCipher([new_key()]).encrypt("whsec_lost"),
)


async def insert_secrets(database: Database) -> None:
    async with database.writing() as connection:
        caller = new_id()
        await insert_caller(
            connection, caller, name="a", key_hash=caller.bytes, key_hint="", admin=False, at=now()
        )
        for number, stored in enumerate(STORED):
            row = {"id": new_id(), "caller_id": caller, "url": f"https://receiver.example/{number}"}
            row |= {"description": "", "events": [], "secret": stored, "created_at": now()}
            row |= {"previous_secret": "whsec_old"} if number == 0 else {}
            await insert_endpoint(connection, row)


async def test_secrets_are_encrypted_with_the_first_key_once_and_the_lost_ones_stay(
    database: Database,
) -> None:
    await insert_secrets(database)
    cipher, both = SecretCipher([PRESENT]), SecretCipher([PRESENT, FORMER])
    async with database.writing() as connection:
        found = await encrypt_secrets(connection, both)
    assert found == {SecretState.CLEAR: 2, SecretState.FORMER: 1, SecretState.UNREADABLE: 1}
    async with database.writing() as connection:
        assert await encrypt_secrets(connection, both) == {SecretState.CURRENT: 3, SecretState.UNREADABLE: 1}
        assert await count_secrets(connection, cipher) == {SecretState.CURRENT: 3, SecretState.UNREADABLE: 1}
        rows = await stored_secrets(connection)
    assert [cipher.decrypt(row.secret) for row in rows[:2]] == ["whsec_one", "whsec_two"]
    assert rows[2].secret == STORED[2]


def test_a_secret_in_clear_is_no_fault_of_an_installation_without_a_key() -> None:
    assert state_of("whsec_one", SecretCipher()) is SecretState.CLEAR
    assert state_of(STORED[1], SecretCipher()) is SecretState.UNREADABLE
