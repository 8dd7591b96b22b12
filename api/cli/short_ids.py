"""Short ids: commands take a unique beginning of an id for it, such as tables show on narrow terminals."""

import re
from collections.abc import Callable, Iterable

from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.exit_codes import CommandFailed, Exit
from darkroom_client import ApiError, Darkroom
from models.ids import parse_id, public_id
from models.queries.jobs import list_ids_between

_DIGITS = 26  # of a whole id, in base 32; the first ten are the time of its creation
_LEAST = 6  # digits of a beginning; fewer name weeks
_CANDIDATES = 5  # ids that are named if a beginning is not unique
_SHORT = re.compile(rf"(?:[a-z]+_)?[0-9a-hjkmnp-tv-z]{{{_LEAST},{_DIGITS - 1}}}")


def is_short(text: str) -> bool:
    """Return whether a text may be the beginning of an id, with its kind (``job_``) or without."""
    return _SHORT.fullmatch(text) is not None


def resolve_jobs(client: Darkroom, given: Iterable[str]) -> list[str]:
    """Return the jobs' whole ids. Raises ``CommandFailed`` for a beginning that several jobs have.

    What is the beginning of no id is returned as it is: the server says that there is no such job.
    """
    return [resolve_job(client, each) for each in given]


def resolve_job(client: Darkroom, given: str) -> str:
    """Return a job's whole id, as ``resolve_jobs`` does."""

    def starting(beginning: str) -> list[str]:
        last = beginning.ljust(len("job_") + _DIGITS, "z")  # ids are ordered, and listed from the latest on
        try:
            found = [job.id for job in client.jobs.list(limit=_CANDIDATES + 1, before=last)]
        except ApiError:
            return []
        return [each for each in found if each.startswith(beginning)]

    return unique_id("job", given, starting)


async def resolve_stored_job(connection: AsyncConnection, given: str) -> str:
    """Return the whole id of a job of the database, as ``resolve_jobs`` does."""
    beginning = given.strip() if given.strip().startswith("job_") else f"job_{given.strip()}"
    found: list[str] = []
    if is_short(beginning):
        first, last = (parse_id("job", beginning.ljust(len("job_") + _DIGITS, end)) for end in "0z")
        keys = await list_ids_between(connection, first, last, limit=_CANDIDATES + 1)
        found = [public_id("job", key) for key in keys]
    return unique_id("job", given, lambda _: found)


def resolve_webhook(client: Darkroom, given: str) -> str:
    """Return a webhook's whole id, as ``resolve_jobs`` does."""
    return unique_id("webhook", given, lambda _: [each.id for each in client.webhooks.list()])


def resolve_delivery(client: Darkroom, given: str) -> str:
    """Return a delivery's whole id, as ``resolve_jobs`` does; finds the latest of each webhook."""

    def starting(_: str) -> list[str]:
        endpoints = [*(each.id for each in client.webhooks.list()), "default"]
        return [each.id for webhook in endpoints for each in client.webhooks.deliveries(webhook, limit=100)]

    return unique_id("delivery", given, starting)


def unique_id(kind: str, given: str, starting: Callable[[str], Iterable[str]]) -> str:
    """Return the only id of ``kind`` with this beginning; ``starting`` yields ids that may have it.

    Raises ``CommandFailed`` with the candidates if several have it.
    """
    text = given.strip()
    if not is_short(text) or ("_" in text and not text.startswith(f"{kind}_")):
        return text
    beginning = text if "_" in text else f"{kind}_{text}"
    found = sorted({each for each in starting(beginning) if each.startswith(beginning)})
    if len(found) > 1:
        more = ", …" if len(found) > _CANDIDATES else ""
        raise CommandFailed(
            Exit.USAGE,
            f"Several ids begin with {text}: {', '.join(found[:_CANDIDATES])}{more}. Give more of it.",
        )
    return found[0] if found else text
