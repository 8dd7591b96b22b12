"""A few pictures beside each other, with what differs in their requests and their making."""

from collections.abc import Mapping, Sequence
from typing import Any

from api.dashboard.figures.job_summary import JobSummary, summary_of
from api.dashboard.language.locales import Locale, msgid
from api.dashboard.page import Page, PageView
from api.dashboard.pages.pictures.pictures import CHECKS
from api.jobs.reader import read_jobs
from models.errors import NotFound
from models.ids import parse_id, public_id
from models.queries.assets import list_assets_by_id
from models.queries.selection.job_filter import JobFilter

MOST = 4  #: pictures beside each other

Shown = tuple[Mapping[str, Any], JobSummary]  #: a picture with its job


async def load(view: PageView) -> Mapping[str, Any]:
    """Return the pictures in the address, those that the caller may see."""
    ids = []
    for text in list(dict.fromkeys(view.query.get("ids", "").split(",")))[:MOST]:
        try:
            ids.append(parse_id("asset", text))
        except NotFound:
            continue
    async with view.services.database.reading() as connection:
        rows = await list_assets_by_id(connection, ids, caller_id=view.caller.scope) if ids else ()
    job_of = {public_id("asset", row.id): row.job_id for row in rows if row.job_id is not None}
    wanted = JobFilter(ids=list(set(job_of.values())), with_parts=True)
    jobs = await read_jobs(view.services, view.caller, wanted, MOST) if job_of else ()
    pictures = {
        asset["id"]: (asset, summary_of(job.content, view.locale.now))
        for job in jobs
        for asset in job.content["assets"]
    }
    shown = [pictures[key] for key in (public_id("asset", each) for each in ids) if key in pictures]
    return {"pictures": shown, "rows": compared(shown, view.locale)}


def compared(shown: Sequence[Shown], locale: Locale) -> list[tuple[str, Sequence[str], bool]]:
    """Return the rows of the table: what is compared, a text for each picture, and whether they differ."""
    rows = [
        (msgid("Prompt"), [job.document["prompt"] for _, job in shown]),
        (msgid("Model"), [job.document["model"] for _, job in shown]),
        (msgid("Asked for"), [job.document["size"] or "–" for _, job in shown]),
        (msgid("Size"), [f"{asset['width'] or '?'} × {asset['height'] or '?'}" for asset, _ in shown]),
        (msgid("File"), [locale.size(asset["bytes"]) for asset, _ in shown]),
        (msgid("Parameters"), [_parameters(job.document["params"]) for _, job in shown]),
        (msgid("Channel"), [_channel(job) for _, job in shown]),
        (msgid("Cost"), [_money(job, locale) for _, job in shown]),
        (msgid("Ran"), [locale.duration(job.ran) for _, job in shown]),
        (msgid("Found"), [_found(asset, locale) for asset, _ in shown]),
    ]
    return [(name, texts, len(set(texts)) > 1) for name, texts in rows]


def _parameters(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in sorted(params.items())) or "–"


def _channel(job: JobSummary) -> str:
    calls = job.document["attempts"]
    return str(calls[-1]["channel"]) if calls else "–"


def _money(job: JobSummary, locale: Locale) -> str:
    return ", ".join(locale.money(amount, currency) for currency, amount in job.cost.items()) or "–"


def _found(asset: Mapping[str, Any], locale: Locale) -> str:
    found = (asset["checks"] or {}).get("found", ())
    return ", ".join(locale.text(CHECKS[each]) for each in found) or "–"


PAGE = Page(
    "/dashboard/gallery/compare",
    "compare",
    msgid("Compare"),
    load,
    parent="gallery",
)
