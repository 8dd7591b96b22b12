"""Secret filter: removes a channel's key from everything that its provider sends back.

A provider may repeat the key that it was called with: in an error text, a header, a URL. What leaves this
package has been filtered, so that no other caller, log line, database row or archive can show it. The key is
recognised as it is, JSON-escaped, percent-encoded and within base64, also where an answer's events split it.
"""

import base64
import re
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from operator import is_
from typing import Any

HIDDEN = "[key]"  #: what replaces a secret
_SHORTEST = 8  #: characters; a shorter secret could be any word of a text
_SCALARS = frozenset({bool, int, float, bytes, Decimal, type(None)})  # without a text
_JSON_ESCAPED = b'"/\\'  # written with one backslash, or more where JSON stands in JSON


class SecretFilter:
    """Replaces secrets in texts, bytes, headers and whole values by ``[key]``."""

    def __init__(self, secrets: Iterable[str]) -> None:
        worth_hiding = [secret.encode() for secret in secrets if len(secret) >= _SHORTEST]
        literals = [core for secret in worth_hiding for core in (secret, *_base64_cores(secret))]
        spelled = [b"".join(map(_spellings, secret)) for secret in worth_hiding]
        self._pattern = re.compile(b"|".join([*spelled, *map(re.escape, literals)])) if worth_hiding else None
        escaped = any(set(_JSON_ESCAPED) & set(secret) for secret in worth_hiding)
        #: one of these occurs wherever a secret does: the secret itself, or the mark of an escape
        self._signs = (*literals, b"%", *((b"\\",) if escaped else (b"\\u", b"\\U")))
        self._text_signs = tuple(sign.decode() for sign in self._signs)
        self._shortest = min((len(literal.decode()) for literal in literals), default=0)  # characters

    def clean_bytes(self, data: bytes) -> bytes:
        """Return the bytes without secrets."""
        if self._pattern is None or not any(sign in data for sign in self._signs):
            return data
        return self._pattern.sub(HIDDEN.encode(), data)

    def clean_text(self, text: str) -> str:
        """Return the text without secrets."""
        if self._pattern is None or len(text) < self._shortest:
            return text
        for sign in self._text_signs:
            if sign in text:
                data = text.encode("utf-8", "surrogatepass")
                cleaned = self._pattern.sub(HIDDEN.encode(), data)
                return text if cleaned == data else cleaned.decode("utf-8", "surrogatepass")
        return text

    def clean(self, value: Any) -> Any:
        """Return a value whose texts, at any depth of dataclasses, mappings and sequences, have no secrets.

        Bytes are left as they are: they are images. The value itself is returned if it needs no change.
        """
        if self._pattern is None or type(value) in _SCALARS:
            return value
        if isinstance(value, str):
            return value if isinstance(value, Enum) else self.clean_text(value)
        if isinstance(value, tuple | list):
            if not value:
                return value
            cleaned = [self.clean(each) for each in value]
            return value if all(map(is_, cleaned, value)) else type(value)(cleaned)
        if isinstance(value, Mapping):
            members = {self.clean(name): self.clean(each) for name, each in value.items()}
            return value if members == value else members
        changed = {
            name: cleaned
            for name in _field_names(value.__class__)
            if (cleaned := self.clean(each := getattr(value, name))) is not each
        }
        return replace(value, **changed) if changed else value


@lru_cache(maxsize=256)
def _field_names(kind: type) -> tuple[str, ...]:
    """Return the fields of a dataclass; none of another type."""
    return tuple(field.name for field in fields(kind)) if is_dataclass(kind) else ()


@lru_cache(maxsize=256)
def secret_filter(secrets: tuple[str, ...]) -> SecretFilter:
    """Return the filter of these secrets, cached: there is one per channel."""
    return SecretFilter(secrets)


def _spellings(byte: int) -> bytes:
    """Return a pattern of the ways to write one byte: plain, percent-encoded, and escaped in JSON."""
    hexadecimal = b"".join(b"[%c%c]" % (digit, ord(chr(digit).upper())) for digit in b"%02x" % byte)
    ways = [re.escape(bytes([byte])), b"%" + hexadecimal, rb"\\{1,8}[uU]00" + hexadecimal]
    if byte in _JSON_ESCAPED:
        ways.append(rb"\\{1,8}" + re.escape(bytes([byte])))
    return b"(?:" + b"|".join(ways) + b")"


def _base64_cores(secret: bytes) -> set[bytes]:
    """Return the base64 characters that depend on a secret alone, wherever it stands in the encoded bytes."""
    cores = set()
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + secret)
        core = encoded[-(-8 * offset // 6) : 8 * (offset + len(secret)) // 6]
        cores |= {core, core.translate(bytes.maketrans(b"+/", b"-_"))}
    return cores
