"""Printable text: what callers and providers wrote, safe to show on a terminal.

A terminal obeys escape sequences, C1 controls and the controls of bidirectional text (Trojan Source,
CVE-2021-42574): a prompt could hide, forge or reorder lines. They are shown as escapes instead.
"""

import re

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""Return the text with control characters as escapes such as ``\x1b``; line feeds and tabs stay."""
    return _UNPRINTABLE.sub(_escape, text)


def printable_json(text: str) -> str:
    r"""Return JSON with control characters within its strings as ``\u`` escapes: the same value."""
    return _UNPRINTABLE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
