"""Web pages in the place of an answer: whose they are, and what they mean."""

import re

from worker.upstream.errors.error_codes import STATUSES
from worker.upstream.matching import plain

_LONGEST = 16_384  #: characters; a page says what it is at its beginning
_CLOUDFLARE = r"\berror(?: code)?:? (?:100[6-9]|101[02]|1020)\b"
_NOTE = re.compile(_CLOUDFLARE)
_CHALLENGE = re.compile(
    r"just a moment|attention required|cf-challenge|challenge-platform|you have been blocked|captcha"
    r"|access denied|ddos protection|request blocked|安全威胁|访问被(?:阻断|拦截)|" + _CLOUDFLARE
)
_LIMITED = re.compile(r"\berror(?: code)?:? (?:1015|1200)\b|being rate limited")
_STATUS = re.compile(r"<(?:title|h1)>[^<]{0,80}?\b([45]\d\d)\b")
_MAINTENANCE = re.compile(r"maintenance|维护|メンテナンス")
_VAGUE = frozenset({"upstream_error", "upstream_saturated"})


def is_page(text: str) -> bool:
    """Tell whether a text is a web page."""
    return text[:64].lstrip().lower().startswith(("<!doctype", "<html"))


def is_blocked(text: str) -> bool:
    """Tell whether a page or a line of text is a firewall's."""
    page = plain(text[:_LONGEST])
    return not _LIMITED.search(page) and bool((_CHALLENGE if is_page(text) else _NOTE).search(page))


def name_of_page(text: str) -> str:
    """Return the name of the ruling for a page that came with a good status, or inside an answer."""
    page = plain(text[:_LONGEST])
    if is_blocked(text):
        return "waf_blocked"
    if _LIMITED.search(page):
        return "rate_limited"
    if number := _STATUS.search(page):
        name = STATUSES.get(int(number[1]), "upstream_error")
        return "upstream_page" if name in _VAGUE else name
    return "maintenance" if _MAINTENANCE.search(page) else "wrong_endpoint"
