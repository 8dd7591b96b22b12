"""Encryption of secrets at rest with ``DARKROOM_SECRET_KEY``, and its rotation.

Fernet (https://github.com/fernet/spec): AES-128-CBC and HMAC-SHA256, with keys derived by HKDF-SHA256
(RFC 5869). A stored value says by its first characters whether it is encrypted: both are read.
"""

import base64
from collections.abc import Iterable, Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from pydantic import SecretStr

from models.errors import DarkroomError

_MARK = "fernet:"  # before the token; no webhook secret begins like that
_PURPOSE = b"darkroom: secrets in the database"


class UnreadableSecret(DarkroomError):
    """A stored secret can't be decrypted: the key is missing, or another one; the text has the fix."""


class SecretCipher:
    """Encrypts with the first key and decrypts with any. Without a key, values are stored in clear."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._ciphers = [Fernet(_derived(key)) for key in keys]

    @property
    def encrypts(self) -> bool:
        """Whether there is a key."""
        return bool(self._ciphers)

    def encrypt(self, secret: str) -> str:
        """Return what is stored of a secret."""
        return f"{_MARK}{self._ciphers[0].encrypt(secret.encode()).decode()}" if self._ciphers else secret

    def decrypt(self, stored: str) -> str:
        """Return a stored secret. Raises ``UnreadableSecret``."""
        if not is_encrypted(stored):
            return stored
        if not self._ciphers:
            raise UnreadableSecret("The secret is encrypted, and DARKROOM_SECRET_KEY is not set. Set it.")
        try:
            return MultiFernet(self._ciphers).decrypt(stored.removeprefix(_MARK)).decode()
        except InvalidToken as error:
            raise UnreadableSecret(
                "The secret was encrypted with another key than those of DARKROOM_SECRET_KEY. "
                "Add the former key to them."
            ) from error

    def is_current(self, stored: str) -> bool:
        """Return whether a stored value is as ``encrypt`` writes it now: by the first key, or in clear."""
        if not self._ciphers or not is_encrypted(stored):
            return not self._ciphers and not is_encrypted(stored)
        try:
            self._ciphers[0].decrypt(stored.removeprefix(_MARK))
        except InvalidToken:
            return False
        return True


def cipher_of(keys: Iterable[SecretStr]) -> SecretCipher:
    """Return the cipher of ``Settings.secret_key``."""
    return SecretCipher([key.get_secret_value() for key in keys])


def is_encrypted(stored: str) -> bool:
    """Return whether a stored value is encrypted."""
    return stored.startswith(_MARK)


def _derived(key: str) -> bytes:
    """Return the Fernet key of a text. No slow hash: the settings refuse short and guessable ones."""
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE)
    return base64.urlsafe_b64encode(derivation.derive(key.encode("utf-8", "surrogateescape")))
