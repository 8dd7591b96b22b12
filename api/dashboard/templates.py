"""Templates of the pages: Jinja2 with escaping everywhere, and the functions that templates call."""

import json
import re
from collections.abc import Mapping
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

import orjson
from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context

from api.dashboard.figures.campaign_progress import LEFT, PAUSES, STAGES, WARNINGS
from api.dashboard.figures.job_summary import path_of, thumbnail_of
from api.dashboard.figures.skip_reasons import REASONS
from api.dashboard.language.locales import Locale, msgid
from api.dashboard.static_files import static_url
from models.api_keys import Role
from models.clock import rfc3339
from models.ids import public_id

STATES: Mapping[str, str] = {
    "queued": msgid("Waiting"),
    "leased": msgid("Leased"),
    "running": msgid("Running"),
    "storing": msgid("Storing"),
    "awaiting_input": msgid("Awaiting input"),
    "held": msgid("Held"),
    "succeeded": msgid("Succeeded"),
    "failed": msgid("Failed"),
    "cancelled": msgid("Cancelled"),
    "expired": msgid("Expired"),
    "unused": msgid("Unused"),
    "tripped": msgid("Shut"),
    "draining": msgid("Draining"),
    "drained": msgid("Drained"),
    "paused": msgid("Paused"),
    "cooling": msgid("Cooling down"),
    "breaker_open": msgid("Breaker open"),
    "half_open": msgid("Half open"),
    "open": msgid("Open"),
    "alive": msgid("Alive"),
    "silent": msgid("Silent"),
    "stopping": msgid("Stopping"),
    "pending": msgid("Pending"),
    "delivered": msgid("Delivered"),
    "stopped": msgid("Stopped"),
    "superseded": msgid("Superseded"),
    "ready": msgid("Usable"),
    "revoked": msgid("Revoked"),
    "removed": msgid("Removed"),
    "draft": msgid("Draft"),
    "checking": msgid("Starting"),
    "canary": msgid("Canary"),
    "awaiting_approval": msgid("Awaits approval"),
    "finished": msgid("Finished"),
    "aborted": msgid("Aborted"),
    "waiting": msgid("Waiting"),
    "made": msgid("Unjudged"),
    "approved": msgid("Approved"),
    "rejected": msgid("Rejected"),
    "skipped": msgid("Skipped"),
    "resolved": msgid("Resolved"),
    "ignored": msgid("Ignored"),
}
"""Words for states of jobs, campaigns and their items, channels, workers, deliveries, keys and errors."""
ACTIONS: Mapping[str, str] = {
    "retry": msgid("Retry"),
    "cancel": msgid("Cancel"),
    "delete": msgid("Delete"),
    "reroll": msgid("Re-roll"),
    "verdict": msgid("Verdicts"),
}
"""Words for kinds of bulk actions."""
BILLED: Mapping[str, str] = {
    "yes": msgid("charged"),
    "no": msgid("not charged"),
    "unknown": msgid("not known"),
}
ROLES = (msgid("user"), msgid("viewer"), msgid("reviewer"), msgid("operator"), msgid("admin"))
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")  # characters that turn the direction of what follows


@cache
def environment() -> Environment:
    """Return the environment; every value is escaped, and an unknown name is an error."""
    found = Environment(
        loader=PackageLoader("api.dashboard"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.do", "jinja2.ext.i18n"],
    )
    found.globals |= {"STATES": STATES, "BILLED": BILLED, "ACTIONS": ACTIONS, "REASONS": REASONS}
    found.globals |= {"PAUSES": PAUSES, "LEFT": LEFT, "STAGES": STAGES, "WARNINGS": WARNINGS}
    found.globals |= {
        "static": static_url,
        "_": _text,
        "ngettext": _plural,
        "link": link,
        "can": _can,
        "dict": dict,
    }
    found.filters |= {
        "json": lambda value: orjson.dumps(value).decode(),
        "body": json.dumps,  # in ASCII: a page has no character of others that turns or hides text
        "pretty": _pretty,
        "cut": cut,
        "plain": plain,
        "public": lambda key, kind: public_id(kind, key),
        "path": path_of,
        "thumbnail": thumbnail_of,
        "instant": rfc3339,
        "when": lambda text: datetime.fromisoformat(text) if isinstance(text, str) else text,
    }
    return found


@pass_context
def _text(context: Context, message: str, **values: object) -> str:
    locale: Locale = context["locale"]
    return locale.text(message, **values)


@pass_context
def _plural(context: Context, one: str, many: str, count: int, **values: object) -> str:
    locale: Locale = context["locale"]
    return locale.plural(one, many, count, **values)


@pass_context
def _can(context: Context, least: str) -> bool:
    """Return whether the viewer's role reaches another; users decide what is theirs."""
    role: Role = context["role"]
    return not role.sees_all or role.reaches(Role(least))


def link(path: str, query: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """Return an address with the parameters of ``query``, some changed; empty ones are left out."""
    wanted = {**(query or {}), **changes}
    given = {name: value for name, value in wanted.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def cut(text: str | None, length: int = 60) -> str:
    """Return the beginning of a text in one line."""
    line = " ".join(plain(text).split())
    return line if len(line) <= length else f"{line[: length - 1]}…"


def plain(text: object) -> str:
    """Return a text of others without control characters and without marks that reorder what follows."""
    shown = _BIDI.sub("\ufffd", "" if text is None else str(text))
    return "".join(
        each if each in "\n\t" or each.isprintable() or each == "\u200d" else "\ufffd" for each in shown
    )


def _pretty(value: Any) -> str:
    try:
        return plain(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode())
    except TypeError:
        return plain(value)


def render(template: str, context: Mapping[str, Any]) -> str:
    """Return a page."""
    return environment().get_template(template).render(context)
