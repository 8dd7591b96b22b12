"""Languages of the dashboard: which one a browser gets, its catalog, its numbers and times."""

import gettext
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from starlette.requests import Request

from api.access.cookies import LANGUAGE
from api.dashboard.language.catalogs import load_catalog
from models.money.money import amount_text

LANGUAGES = {"en": "English", "zh_CN": "简体中文"}  #: by the name of the catalog
_DASH = "–"


def msgid(text: str) -> str:
    """Mark a text for translation, which happens where it is shown."""
    return text


_UNITS = ((86_400, msgid("d")), (3600, msgid("h")), (60, msgid("min")), (1, msgid("s")))


@dataclass(frozen=True, slots=True)
class Locale:
    """One language with the present time, by which ages are written."""

    name: str
    catalog: gettext.NullTranslations
    now: datetime

    @property
    def tag(self) -> str:
        """Language tag of the page (BCP 47)."""
        return self.name.replace("_", "-")

    def text(self, message: str, **values: object) -> str:
        """Return a text in this language, with values for its ``%(name)s``."""
        translated = self.catalog.gettext(message)
        return translated % values if values else translated

    def plural(self, one: str, many: str, count: int, **values: object) -> str:
        """Return the text for a count, which is also its ``%(count)s``."""
        return self.catalog.ngettext(one, many, count) % {"count": self.number(count), **values}

    def number(self, value: float | None, digits: int = 0) -> str:
        """Return a number with thousands separators; both languages write it alike."""
        return _DASH if value is None else f"{value:,.{digits}f}"

    def percent(self, share: float | None) -> str:
        """Return a share from 0 to 1 as a percentage."""
        return _DASH if share is None else f"{share * 100:.{0 if share in (0, 1) else 1}f} %"

    def duration(self, seconds: float | timedelta | None) -> str:
        """Return a time span with its unit, in two parts at most; a negative one, of another clock, is 0."""
        if seconds is None:
            return _DASH
        left = max(0.0, seconds.total_seconds() if isinstance(seconds, timedelta) else float(seconds))
        if left < 10:
            return f"{left:.1f} {self.text('s')}"
        parts: list[str] = []
        rest = round(left)
        for size, unit in _UNITS:
            if rest >= size or (parts and len(parts) < 2):
                parts.append(f"{rest // size} {self.text(unit)}")
                rest %= size
            if len(parts) == 2:
                break
        return " ".join(part for at, part in enumerate(parts) if at == 0 or not part.startswith("0 "))

    def age(self, at: datetime | None) -> str:
        """Return how long ago a time is, or in how long it will be."""
        if at is None:
            return _DASH
        seconds = (self.now - at).total_seconds()
        if abs(seconds) < 1:
            return self.text("now")
        if seconds < 0:
            return self.text(
                "in %(span)s", span=self.duration(-seconds).split(" ")[0] + " " + self._unit(-seconds)
            )
        return self.text("%(span)s ago", span=f"{self.duration(seconds).split(' ')[0]} {self._unit(seconds)}")

    def _unit(self, seconds: float) -> str:
        return self.text(next((unit for size, unit in _UNITS if round(seconds) >= size), "s"))

    def moment(self, at: datetime | None) -> str:
        """Return a time with its zone, UTC."""
        if at is None:
            return _DASH
        pattern = "%Y年%m月%d日 %H:%M:%S UTC" if self.name == "zh_CN" else "%d %b %Y, %H:%M:%S UTC"
        return at.strftime(pattern)

    def money(self, amount: str | None, currency: str | None) -> str:
        """Return an amount, a decimal text, with its currency."""
        if amount is None or currency is None:
            return _DASH
        whole, _, fraction = amount.partition(".")
        cents = (fraction.rstrip("0") or "").ljust(2, "0")
        return f"{int(whole):,}.{cents} {currency}"

    def price(self, amount: str | None, currency: str | None) -> str:
        """Return the price of one thing with its currency, to four decimals, or as far as it is not 0."""
        if amount is None or currency is None:
            return _DASH
        value = Decimal(amount)
        rounded = round(value, 4)
        return self.money(f"{rounded or value:f}", currency)

    def micro(self, micro: int | None, currency: str | None) -> str:
        """Return an amount in millionths with its currency."""
        return self.money(None if micro is None else amount_text(micro), currency)

    def size(self, count: int | None) -> str:
        """Return a number of bytes with its unit."""
        if count is None:
            return _DASH
        value = float(count)
        for unit in ("B", "KiB", "MiB", "GiB"):
            if value < 1024 or unit == "GiB":
                return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
            value /= 1024
        return _DASH


@cache
def catalog_of(name: str) -> gettext.NullTranslations:
    """Return the catalog of a language; English has none: its texts are the keys."""
    return load_catalog(name)


def locale_of(request: Request, now: datetime) -> Locale:
    """Return the language that a browser chose, else the one that it prefers (RFC 9110, 12.5.4)."""
    chosen = request.cookies.get(LANGUAGE, "")
    if chosen not in LANGUAGES:
        chosen = preferred(request.headers.get("accept-language", ""))
    return Locale(chosen, catalog_of(chosen), now)


def preferred(header: str) -> str:
    """Return the first of our languages by the weights of an Accept-Language header."""
    weighted = []
    for position, part in enumerate(header.split(",")[:20]):
        tag, _, quality = part.partition(";q=")
        try:
            weight = float(quality) if quality else 1.0
        except ValueError:
            continue
        weighted.append((-weight, position, tag.strip().lower()))
    for _, _, tag in sorted(weighted):
        if tag.startswith("zh"):
            return "zh_CN"
        if tag.startswith("en"):
            return "en"
    return "en"
