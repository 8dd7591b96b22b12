"""Web pages in place of an answer: of a firewall, a proxy, or the provider's site."""

import re

from worker.upstream.errors.error_codes import HTTP_STATUSES
from worker.upstream.errors.own_text import NO_REQUEST, OwnText
from worker.upstream.matching import normalize

_PAGE_START = 16_384  #: characters of a page which are searched
_WAF_LINE = r"\berror(?: code)?:? (?:100[6-9]|101[02]|1020)\b"
_WAF_NOTICE = re.compile(_WAF_LINE)
_WAF_PAGE = re.compile(
    r"just a moment|attention required|cf-challenge|challenge-platform|you have been blocked|captcha"
    r"|access denied|ddos protection|request blocked|安全威胁|访问被(?:阻断|拦截)|" + _WAF_LINE
)
_RATE_LIMIT_PAGE = re.compile(r"\berror(?: code)?:? (?:1015|1200)\b|being rate limited")
_STATUS_PAGE = re.compile(r"<(?:title|h1)>[^<]{0,80}?\b([45]\d\d)\b")
_MAINTENANCE_PAGE = re.compile(r"maintenance|维护|メンテナンス")


def is_page(text: str) -> bool:
    """Return whether a text is a web page."""
    return text[:64].lstrip().lower().startswith(("<!doctype", "<html"))


def is_blocked(text: str, own: OwnText = NO_REQUEST) -> bool:
    """Return whether a web page or a line of text is from a firewall; ``own`` is the request's text."""
    page = own.blank(normalize(text[:_PAGE_START]))
    return not _RATE_LIMIT_PAGE.search(page) and bool(
        (_WAF_PAGE if is_page(text) else _WAF_NOTICE).search(page)
    )


def kind_of_page(text: str, own: OwnText = NO_REQUEST) -> str:
    """Return the error kind of a web page with a good status, or within an answer."""
    page = own.blank(normalize(text[:_PAGE_START]))
    if is_blocked(text, own):
        return "waf_blocked"
    if _RATE_LIMIT_PAGE.search(page):
        return "rate_limited"
    if status := _STATUS_PAGE.search(page):
        kind = HTTP_STATUSES.get(int(status[1]), "upstream_error")
        return "upstream_page" if kind in ("upstream_error", "upstream_saturated") else kind
    return "maintenance" if _MAINTENANCE_PAGE.search(page) else "wrong_endpoint"
