"""Secrets in the database: counted, and encrypted with the present key, by commands."""

from collections import Counter
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncConnection

from models.credentials.encryption import SecretCipher, UnreadableSecret, is_encrypted
from models.queries.webhooks.endpoints import change_endpoint, stored_secrets


class SecretState(StrEnum):
    """How a secret is stored."""

    CLEAR = "clear"
    CURRENT = "current"  #: encrypted with the first key
    FORMER = "former"  #: encrypted with another of the keys
    UNREADABLE = "unreadable"  #: encrypted with a key that is not among them


def state_of(stored: str, cipher: SecretCipher) -> SecretState:
    """Return how a secret is stored."""
    if not is_encrypted(stored):
        return SecretState.CLEAR
    try:
        cipher.decrypt(stored)
    except UnreadableSecret:
        return SecretState.UNREADABLE
    return SecretState.CURRENT if cipher.is_current(stored) else SecretState.FORMER


async def count_secrets(connection: AsyncConnection, cipher: SecretCipher) -> Counter[SecretState]:
    """Count the secrets of webhooks by state."""
    rows = await stored_secrets(connection)
    found = (stored for row in rows for stored in (row.secret, row.previous_secret) if stored is not None)
    return Counter(state_of(stored, cipher) for stored in found)


async def encrypt_secrets(connection: AsyncConnection, cipher: SecretCipher) -> Counter[SecretState]:
    """Encrypt all that can be read with the first key; return how many were in which state before."""
    found: Counter[SecretState] = Counter()
    for row in await stored_secrets(connection, lock=True):
        changes = {}
        for column in ("secret", "previous_secret"):
            if (stored := getattr(row, column)) is None:
                continue
            state = state_of(stored, cipher)
            found[state] += 1
            if state in (SecretState.CLEAR, SecretState.FORMER):
                changes[column] = cipher.encrypt(cipher.decrypt(stored))
        if changes:
            await change_endpoint(connection, row.id, changes)
    return found
