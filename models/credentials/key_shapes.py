"""Shapes of keys: secrets of other services are recognized in texts by how they are written, and hidden.

Secrets that the settings name are hidden by themselves (``worker/upstream/transport/secret_filter.py``).
"""

import re
from collections.abc import Iterable, Mapping

HIDDEN = "[key]"  #: what replaces a secret
SHAPES: Mapping[str, str] = {
    "Darkroom, OpenAI, Anthropic, Stripe, webhook secrets": r"(?:dk|sk|pk|rk|whsec)[_-][\w-]{16,}={0,2}",
    "Google": r"AIza[\w-]{35}|ya29\.[\w-]{20,}",
    "AWS, Alibaba Cloud": r"(?:AKIA|ASIA)[A-Z0-9]{16}\b|LTAI[A-Za-z0-9]{12,}",
    "GitHub, GitLab": r"gh[oprsu]_[A-Za-z0-9]{36,}|github_pat_\w{22,}|glpat-[\w-]{20,}",
    "Hugging Face, Replicate": r"(?:hf|r8)_[A-Za-z0-9]{30,}",
    "xAI, Groq, NVIDIA, Perplexity": r"(?:xai-|gsk_|nvapi-|pplx-)[\w-]{20,}",
    "fal": r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9a-f]{32}",
    "Zhipu": r"[0-9a-f]{32}\.[A-Za-z0-9]{16}\b",
    "Slack": r"xox[abeoprs]-[\w-]{10,}",
    "JSON Web Token": r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*",
}
"""Patterns by service, as their documents describe them; each begins at the beginning of a word."""
_PRIVATE = r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
_HEADER = re.compile(r"""(?i)\b((?:x-)?(?:goog-)?api-key["']?\s*[:=]\s*["']?)[\w.~+/-]{8,}={0,2}""")


def check_shape(text: str) -> None:
    """Check a regular expression of the settings. Raises ``ValueError``."""
    try:
        found = re.compile(f"x|(?:{text})")
    except re.error as error:
        raise ValueError(f"{text[:80]!r} is no regular expression: {error}") from error
    if found.search(""):
        raise ValueError(f"{text[:80]!r} matches an empty text: it would hide everything")


class KeyShapes:
    """The shapes that a process hides: ``SHAPES``, and those of the settings."""

    def __init__(self, more: Iterable[str] = ()) -> None:
        self.configure(more)

    def configure(self, more: Iterable[str]) -> None:
        """Hide what these patterns match, too; see ``check_shape``."""
        own = [rf"\b(?:{'|'.join(SHAPES.values())})", _PRIVATE]
        self._pattern = re.compile("|".join([*own, *(f"(?:{each})" for each in more)]))

    def hide(self, text: str) -> str:
        """Return the text without keys."""
        return _HEADER.sub(rf"\1{HIDDEN}", self._pattern.sub(HIDDEN, text))


KEY_SHAPES = KeyShapes()
"""The shapes of this process, which ``configure_logs`` configures."""
