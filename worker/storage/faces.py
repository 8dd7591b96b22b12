"""How we present ourselves to picture hosts, many of which answer browsers only."""

from collections.abc import Mapping

import httpx

_CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/131.0.0.0 Safari/537.36"
)
_FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


def embedded(url: httpx.URL, referer: str | None = None) -> Mapping[str, str]:
    """Ask as a browser that shows the picture on a page of its own host (some hosts demand that)."""
    return {
        "User-Agent": _CHROME,
        "Accept": "image/avif,image/webp,image/*,*/*;q=0.8",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-US,en;q=0.9",
        "Referer": referer or f"{url.scheme}://{url.netloc.decode('ascii')}/",
    }


def opened(url: httpx.URL, referer: str | None = None) -> Mapping[str, str]:
    """Ask as another browser where somebody pasted the link (other hosts refuse any Referer)."""
    return {
        "User-Agent": _FIREFOX,
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Accept-Language": "en-US,en;q=0.5",
    }


FACES = (embedded, opened)  #: tried in this order
