"""Encryption at rest, and the rotation of its keys."""

import pytest

from models.api_keys import new_key
from models.credentials.encryption import SecretCipher, UnreadableSecret, is_encrypted

FIRST, SECOND = new_key(), new_key()
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def test_a_secret_is_stored_encrypted_and_differently_each_time() -> None:
    cipher = SecretCipher([FIRST])
    stored = {cipher.encrypt(SECRET) for _ in range(3)}
    assert len(stored) == 3
    assert all(is_encrypted(each) and SECRET[6:] not in each for each in stored)
    assert {cipher.decrypt(each) for each in stored} == {SECRET}


def test_without_a_key_secrets_are_stored_and_read_in_clear() -> None:
    assert SecretCipher().encrypt(SECRET) == SECRET
    assert SecretCipher([FIRST]).decrypt(SECRET) == SECRET


def test_a_former_key_decrypts_and_the_first_one_encrypts() -> None:
    stored = SecretCipher([FIRST]).encrypt(SECRET)
    both = SecretCipher([SECOND, FIRST])
    assert both.decrypt(stored) == SECRET
    assert SecretCipher([SECOND]).decrypt(both.encrypt(both.decrypt(stored))) == SECRET


@pytest.mark.parametrize("keys", [[], [SECOND]])
def test_a_missing_or_wrong_key_is_named_with_the_fix(keys: list[str]) -> None:
    stored = SecretCipher([FIRST]).encrypt(SECRET)
    with pytest.raises(UnreadableSecret, match="DARKROOM_SECRET_KEY"):
        SecretCipher(keys).decrypt(stored)


def test_a_changed_value_is_not_decrypted() -> None:
    stored = SecretCipher([FIRST]).encrypt(SECRET)
    with pytest.raises(UnreadableSecret):
        SecretCipher([FIRST]).decrypt(stored[:-9] + ("A" if stored[-9] != "A" else "B") + stored[-8:])


def test_what_the_first_key_has_encrypted_is_current() -> None:
    first, rotated = SecretCipher([FIRST]), SecretCipher([SECOND, FIRST])
    assert first.is_current(first.encrypt(SECRET))
    assert not rotated.is_current(first.encrypt(SECRET))
    assert not first.is_current(SECRET)
    assert SecretCipher().is_current(SECRET)
