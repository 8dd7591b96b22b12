"""Errors that a relay passes on as text: a reason after its label, or nothing but the error's own words."""

import re

from worker.upstream.errors.error_codes import RELAYS_MONEY, STATUSES
from worker.upstream.errors.error_phrases import MESSAGES
from worker.upstream.fault_signals import code_in
from worker.upstream.matching import first

_LABELLED = re.compile(
    r"(?:失败原因|错误原因|(?:failure|error) reason|reason for failure)\**\s*[:：]\**\s*([^\n]{1,400})"
)
_NUMBERED = re.compile(
    r"^\W{0,8}(?:(?:api|http|request|upstream)?\s?error|错误|请求失败)[^\w\n]{0,4}(?:code|status)?\W{0,4}([45]\d\d)\b"
)
#: the beginning of a text that presents a picture: what it quotes from it is no notice
_PRESENTS = re.compile(
    r"^\W{0,8}(?:here(?:'s| is| are) (?:the|your|an?)"
    r"|i(?:'ve| have)? (?:drew|drawn|created|made|designed|generated) (?:the|your|an?)"
    r"|这是|(?:已|已经)?(?:为|给|帮)(?:您|你)(?:生成|绘制|创作|设计|制作)(?:了|的))"
)
_LONGEST_ALONE = 120  #: characters; who says more is the model, not the relay
#: what a short text may mean that is in no answer's words for people
_ALONE = frozenset(
    {
        "auth_invalid",
        "auth_expired",
        "account_blocked",
        "no_channel",
        "no_channel_model",
        "no_channel_provider",
    }
)


def name_of_reason(text: str) -> str | None:
    """Return the ruling of an error that stands in a ``plain`` text, or ``None``."""
    if labelled := _LABELLED.search(text):
        return _named(labelled[1])
    if len(text) > _LONGEST_ALONE:
        return None
    if RELAYS_MONEY.search(text):
        return "upstream_quota"
    if numbered := _NUMBERED.match(text):
        return first(MESSAGES, text) or STATUSES.get(int(numbered[1]))
    name = first(MESSAGES, text)
    return name if name in _ALONE else None


def is_about_a_picture(text: str) -> bool:
    """Tell whether a ``plain`` text describes a picture, so that words like "rate limit" are on it."""
    return _PRESENTS.match(text) is not None


def _named(reason: str) -> str | None:
    """Read the words after a label: a code, or a sentence of an error."""
    return first(MESSAGES, reason) or code_in(reason)
