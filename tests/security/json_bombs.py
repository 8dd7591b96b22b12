"""JSON bodies whose values take far more memory or time than their text."""

from collections.abc import Callable, Mapping

Bomb = Callable[[int], bytes]  #: of a size in bytes

OPENED = b'{"model": "m", "prompt": "a", "params": {"a": '


def _repeated(prefix: bytes, part: bytes, suffix: bytes) -> Bomb:
    return lambda size: prefix + part * ((size - len(prefix) - len(suffix)) // len(part)) + suffix


BOMBS: Mapping[str, tuple[Bomb, int]] = {
    "empty lists": (_repeated(b"[", b"[],", b"[]]"), 400),
    "empty lists in params": (_repeated(OPENED + b"[", b"[],", b"[]]}}"), 400),
    "zeros": (_repeated(b"[", b"0,", b"0]"), 400),
    "members": (_repeated(b"{", b'"":0,', b'"":0}'), 400),
    "objects of one member": (_repeated(b"[", b'{"a":0},', b"0]"), 400),
    "short strings": (_repeated(b"[", b'"",', b'""]'), 400),
    "depth of lists": (_repeated(b"", b"[", b""), 400),
    "depth of objects": (_repeated(b"", b'{"a":', b"0"), 400),
    "depth within params": (_repeated(OPENED, b"[", b""), 400),
    "closed before opened": (_repeated(b"", b"]", b""), 400),
    "one string": (_repeated(b'"', b"a", b'"'), 422),
    "escaped quotes": (_repeated(b'"', b'\\"', b'"'), 422),
    "escaped backslashes": (_repeated(b'"', b"\\\\", b'"'), 422),
    "backslashes": (_repeated(b'"', b"\\", b""), 400),
    "quotes": (_repeated(b"", b'"', b""), 400),
    "NUL characters": (_repeated(b'"', b"\\u0000", b'"'), 422),
    "lists and a NUL character": (_repeated(b'["\\u0000",', b"[],", b"[]]"), 400),
    "digits": (_repeated(b"", b"9", b""), 400),
    "almost long numbers": (_repeated(b"[", b"999999999999999999.", b"0]"), 400),
    "digits in a string": (_repeated(b'"', b"999999999999999999.", b'"'), 422),
    "unopened string": (_repeated(b'{"model": "m", "prompt": "', b"a", b""), 400),
}
"""A body of any size, and the status of the native API's answer to a submit that has it."""
