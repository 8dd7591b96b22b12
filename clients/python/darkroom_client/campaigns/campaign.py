"""A campaign by its name: rows, plan, control, results, repair, review, export (``client.campaign``)."""

import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import Any, TypedDict, TypeVar, Unpack
from urllib.parse import quote

from darkroom_client.campaigns.definition import CampaignOptions, definition_body
from darkroom_client.campaigns.exports import Export, read_export, save_export
from darkroom_client.campaigns.items import Item, list_items
from darkroom_client.campaigns.sheets import Rows, bodies_of
from darkroom_client.campaigns.updates import CampaignUpdate, watch_campaign
from darkroom_client.campaigns.values import (
    Action,
    CampaignState,
    FailureGroup,
    ImportReport,
    Plan,
    read_action,
    read_campaign,
    read_failures,
    read_import,
    read_plan,
)
from darkroom_client.documents import Document, as_document
from darkroom_client.errors import CampaignWaits, Conflict, InputError, WaitTimeout
from darkroom_client.exchange.http_transport import AsyncTransport, SyncTransport
from darkroom_client.exchange.operation import Bound, operation, stream
from darkroom_client.exchange.session import Session, segment
from darkroom_client.exchange.transport import Transport

M = TypeVar("M", bound=Transport)
ROOT = "/v1/campaigns"
_SLOW = 600.0  # seconds that an import, a plan or an action on many items may take
_PAUSE = 0.5  # seconds between polls of an action
_RUNNING = "running"  # status of an action that workers still go through
_HINTS = {
    "start": "it was not started: plan() and start()",
    "approval": "its canary is done: look at it, and approve()",
    "budget": "its budget is used up: change(budget=…) raises it",
    "resume": "it is paused: resume() lets it go on",
    "held": "its last items are held, their calls may have been charged: client.jobs.release(…) or fail(…)",
}


class ItemFilter(TypedDict, total=False):
    """Which items are meant; all that are given must hold, and of several values any. None: all items."""

    status: str | Sequence[str]
    verdict: str | Sequence[str]
    key: str | Sequence[str]
    variant: str | Sequence[str]
    check: str | Sequence[str]
    error: str | Sequence[str]
    model: str | Sequence[str]
    action: str | Sequence[str]


class Campaign(Bound[M]):
    """A campaign. Its operations raise ``ApiError`` and ``ConnectionFailed``.

    In a ``with`` statement, and by ``open`` and ``add``, it is created, or found if there is one of the name:
    the same program, run again, goes on where it was. The end of the statement changes nothing: the campaign
    goes on.
    """

    __slots__ = ("_address", "_definition", "_opened", "_plan", "_session", "name")

    def __init__(self, session: Session[M], name: str, definition: Mapping[str, Any]) -> None:
        self._session, self.name = session, name
        self._definition = definition_body(definition)
        self._address = f"{ROOT}/{quote(name, safe='')}"
        self._opened = False
        self._plan: Plan | None = None

    def __enter__(self: "Campaign[SyncTransport]") -> "Campaign[SyncTransport]":
        self.open()
        return self

    def __exit__(self, *exception: object) -> None:
        """Nothing: the campaign goes on."""

    async def __aenter__(self: "Campaign[AsyncTransport]") -> "Campaign[AsyncTransport]":
        await self.open()
        return self

    async def __aexit__(self, *exception: object) -> None:
        """Nothing: the campaign goes on."""

    @operation
    async def open(self, /) -> CampaignState:
        """Create the campaign; one that is there gets the members that are given, as far as they may change.

        Raises ``Conflict`` where they may not: it was started with others.
        """
        body = {"name": self.name, **self._definition}
        if self._session.configuration.model is not None:
            body.setdefault("model", self._session.configuration.model)
        try:
            found = await self._session.call("POST", ROOT, body=body)
        except Conflict:
            found = await Campaign._call(self, "GET", "")
            if as_document(found, "campaign").get("kind") == "plain":
                raise
            if self._definition:
                found = await Campaign._call(self, "PATCH", "", body=self._definition)
        self._opened = True
        return read_campaign(found)

    @operation
    async def state(self, /) -> CampaignState:
        """Return the campaign as it is now."""
        return read_campaign(await Campaign._call(self, "GET", ""))

    @operation
    async def change(self, /, **options: Unpack[CampaignOptions]) -> CampaignState:
        """Change members; others stay. A campaign whose budget is raised goes on."""
        found = await Campaign._call(self, "PATCH", "", body=definition_body(options))
        return read_campaign(found)

    @operation
    async def delete(self, /) -> None:
        """Delete a draft with its rows."""
        await Campaign._call(self, "DELETE", "")

    # Rows and plan.

    @operation
    async def add(
        self,
        /,
        rows: Rows,
        *,
        mapping: Mapping[str, str] | None = None,
        files: Sequence[str | os.PathLike[str]] = (),
        dry_run: bool = False,
    ) -> ImportReport:
        """Import rows: a sheet by its path, or values by column. Rows that are there already change nothing.

        ``mapping``: fields (``key``, ``prompt``, ``images``, …) by column; it is remembered. Pictures that a
        sheet names and that are beside it are sent along; ``files`` are further ones. The images of values
        are paths, bytes, URLs, ids or pictures. Rows with errors are reported, and do not block the others.
        Raises ``InputError``.
        """
        if not self._opened:
            await Campaign.open(self)
        query = {
            "mapping": json.dumps(dict(mapping)) if mapping is not None else None,
            "dry_run": "true" if dry_run else None,
        }
        reports = list[ImportReport]()
        async with aclosing(bodies_of(self._session, rows, files)) as bodies:
            async for body in bodies:
                headers = {"Content-Type": body.media_type}
                found = await self._session.call(
                    "POST",
                    f"{self._address}/rows",
                    query=query,
                    body=body.content,
                    headers=headers,
                    wait=_SLOW,
                    repeatable=True,
                )
                reports.append(read_import(found))
        return _sum(reports)

    @operation
    async def plan(self, /) -> Plan:
        """Return what the campaign would do: items, all errors, samples, cost and time. Nothing is paid."""
        plan = self._plan = read_plan(await Campaign._call(self, "GET", "/plan", wait=_SLOW))
        return plan

    # Control.

    @operation
    async def start(self, /, expected_items: int | None = None) -> CampaignState:
        """Start it, if its plan has so many items (by default those of the last ``plan``).

        One that was started before, and has no new or changed rows, stays as it is.
        """
        state = await Campaign.state(self)
        if state.status not in ("draft", "finished"):
            return state
        plan = self._plan if self._plan is not None else await Campaign.plan(self)
        items = plan.items if expected_items is None else expected_items
        try:
            return await Campaign._act(self, "start", {"expected_items": items})
        except Conflict as error:
            if error.code == "no_new_rows":
                return state
            raise

    @operation
    async def pause(
        self, /, reason: str | None = None, *, until: datetime | None = None, duration: float | None = None
    ) -> CampaignState:
        """Pause it: no further call is made; calls under way finish.

        It goes on by itself at ``until``, or after ``duration`` seconds; give one of the two, or neither.
        """
        body = {"reason": reason, "until": until and until.isoformat(), "duration": duration}
        return await Campaign._act(
            self, "pause", {name: value for name, value in body.items() if value is not None}
        )

    @operation
    async def resume(self, /) -> CampaignState:
        """Resume it."""
        return await Campaign._act(self, "resume")

    @operation
    async def cancel(self, /) -> CampaignState:
        """Cancel it: queued jobs end, calls under way finish and count."""
        return await Campaign._act(self, "cancel")

    @operation
    async def approve(self, /) -> CampaignState:
        """Approve the canary: all other items start."""
        return await Campaign._act(self, "approve")

    async def _act(self, word: str, body: Mapping[str, Any] | None = None) -> CampaignState:
        return read_campaign(await Campaign._call(self, "POST", f"/{word}", body=body))

    # Results.

    @stream
    async def watch(self, /) -> AsyncIterator[CampaignUpdate[M]]:
        """Yield its state every few seconds, with the items that ended meanwhile, until it is finished.

        The first updates have all items that ended before. One that needs a person goes on being watched:
        ``update.campaign.needs`` says what it needs.
        """
        async with aclosing(watch_campaign(self._session, self._address)) as updates:
            async for update in updates:
                yield update

    @stream
    async def results(self, /, *, timeout: float | None = None) -> AsyncIterator[Item[M]]:
        """Yield each item once it has ended, with its pictures or its error, until the campaign is finished.

        It begins with those that ended before. Raises ``CampaignWaits`` where the campaign needs a person,
        and ``WaitTimeout`` after so many seconds; it goes on.
        """
        now = self._session.transport.now
        end = float("inf") if timeout is None else now() + timeout
        async with aclosing(watch_campaign(self._session, self._address)) as updates:
            async for update in updates:
                for item in update.ended:
                    yield item
                if update.ended or update.campaign.is_final:
                    continue
                if needs := update.campaign.needs:
                    raise CampaignWaits(update.campaign, needs, f"The campaign {self.name}: {_HINTS[needs]}.")
                if now() >= end:
                    words = f"The campaign {self.name} is not finished after {timeout:g} s; it goes on."
                    raise WaitTimeout(update.campaign, words)

    @stream
    async def items(
        self, /, *, where: ItemFilter | None = None, limit: int | None = None
    ) -> AsyncIterator[Item[M]]:
        """Yield items in the order of their rows: all that match, or ``limit`` of them."""
        query = _filter(where or {})
        async with aclosing(list_items(self._session, self._address, query, limit=limit)) as found:
            async for item in found:
                yield item

    @operation
    async def failures(self, /) -> Sequence[FailureGroup]:
        """Return why items failed, by fingerprint, the most frequent first."""
        return read_failures(await Campaign._call(self, "GET", "/failures"))

    @operation
    async def costs(self, /) -> Document:
        """Return what the campaign has cost, as the server reports it."""
        return as_document(await Campaign._call(self, "GET", "/costs"), "report")

    # Repair.

    @operation
    async def retry(
        self,
        /,
        mode: str = "missing_and_failed",
        *,
        dry_run: bool = False,
        expected_count: int | None = None,
        where: ItemFilter | None = None,
    ) -> Action:
        """Give items a further take: missing, missing_and_failed, or all (paid again).

        Without ``expected_count`` it takes the count of a dry run, which it makes first.
        """
        body = {"mode": mode, **({"filter": _filter(where)} if where else {})}
        return await Campaign._repair(self, "retry", body, dry_run, expected_count)

    @operation
    async def reroll(
        self,
        /,
        items: Sequence[str] | None = None,
        *,
        prompt: str | None = None,
        seed: int | str | None = None,
        model: str | None = None,
        dry_run: bool = False,
        expected_count: int | None = None,
        where: ItemFilter | None = None,
    ) -> Action:
        """Give items (ids or keys), or those of a filter, a further take: another prompt, seed or model.

        ``prompt`` may have ``{prompt}``, the one of the take before. Without ``expected_count`` as in
        ``retry``.
        """
        members = {"prompt": prompt, "seed": seed, "model": model}
        body = {name: value for name, value in members.items() if value is not None}
        return await Campaign._repair(
            self, "reroll", {**body, **_chosen(items, where)}, dry_run, expected_count
        )

    async def _repair(
        self, word: str, body: Mapping[str, Any], dry_run: bool, expected_count: int | None
    ) -> Action:
        if dry_run or expected_count is None:
            tried = await Campaign._call(self, "POST", f"/{word}", body={**body, "dry_run": True}, wait=_SLOW)
            if dry_run:
                return read_action(tried)
            expected_count = read_action(tried).eligible
        body = {**body, "expected_count": expected_count}
        return read_action(await Campaign._call(self, "POST", f"/{word}", body=body, wait=_SLOW))

    @operation
    async def wait_action(self, /, action: Action) -> Action:
        """Return an action once workers have gone through its items."""
        while action.status == _RUNNING and action.id is not None:
            await self._session.transport.sleep(_PAUSE)
            path = f"/v1/actions/{segment(action.id, 'action')}"
            action = read_action(await self._session.call("GET", path))
        return action

    @operation
    async def abort_action(self, /, action: Action) -> Action:
        """Abort an action; what it did stays."""
        path = f"/v1/actions/{segment(action.id or '', 'action')}/abort"
        return read_action(await self._session.call("POST", path))

    # Review.

    @operation
    async def give_verdict(
        self,
        /,
        verdict: str,
        items: Sequence[str] | None = None,
        *,
        reason: str | None = None,
        dry_run: bool = False,
        where: ItemFilter | None = None,
    ) -> Action:
        """Decide about items (ids or keys), or those of a filter: pick, reject, or none (unjudged again)."""
        body = {"verdict": verdict, "reason": reason, "dry_run": dry_run, **_chosen(items, where)}
        chosen = {name: value for name, value in body.items() if value is not None}
        return read_action(await Campaign._call(self, "POST", "/verdicts", body=chosen, wait=_SLOW))

    @operation
    async def undo_verdicts(self, /) -> Action:
        """Undo the last verdicts of the key; each further call those before."""
        return read_action(await Campaign._call(self, "POST", "/verdicts/undo"))

    @operation
    async def next_review(self, /, *, after: str | None = None) -> Document:
        """Return the next item without a verdict, as JSON: ``item`` (``None``: none is left), ``unjudged``.

        ``after``: the id of an item that is left for later.
        """
        found = await Campaign._call(self, "GET", "/review/next", query={"after": after})
        return as_document(found, "item")

    # Export.

    @operation
    async def create_export(
        self,
        /,
        *,
        format: str = "zip",  # noqa: A002 - the API's word
        names: str | None = None,
        marking: str | None = None,
        destination: str | None = None,
        where: ItemFilter | None = None,
    ) -> Export[M]:
        """Create an export of the items of a filter, which workers prepare; ``wait`` and ``save`` it then."""
        members = {"format": format, "names": names, "marking": marking, "destination": destination}
        body = {name: value for name, value in members.items() if value is not None}
        if where:
            body["filter"] = _filter(where)  # type: ignore[assignment]  # the other members are texts
        return read_export(self._session, await Campaign._call(self, "POST", "/exports", body=body))

    @operation
    async def export(
        self,
        /,
        path: str | os.PathLike[str],
        *,
        format: str = "zip",  # noqa: A002 - the API's word
        names: str | None = None,
        marking: str | None = None,
        where: ItemFilter | None = None,
    ) -> Path:
        """Export the items of a filter to a file, a ZIP; returns its path. A broken download goes on."""
        export = await Campaign.create_export(self, format=format, names=names, marking=marking, where=where)
        return await save_export(export, path)

    async def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        wait: float = 0,
    ) -> Any:
        address = f"{self._address}{path}"
        return await self._session.call(method, address, query=query, body=body, wait=wait)


def _filter(where: ItemFilter) -> dict[str, list[str]]:
    given: Mapping[str, Any] = where
    return {name: [value] if isinstance(value, str) else [*value] for name, value in given.items()}


def _chosen(items: Sequence[str] | None, where: ItemFilter | None) -> dict[str, Any]:
    """Return the items of an action, as the API takes them. Raises ``InputError``."""
    if (items is None) == (where is None):
        raise InputError("items", 'give either items or where, such as where={"status": "made"}')
    if isinstance(items, str):
        raise InputError("items", "give a list of ids or keys")
    return {"filter": _filter(where or {})} if items is None else {"items": [*items]}


def _sum(reports: Sequence[ImportReport]) -> ImportReport:
    """Return the report of an import that took several requests."""
    first, *others = reports
    for each in others:
        first = ImportReport(
            rows=first.rows + each.rows,
            added=first.added + each.added,
            changed=first.changed + each.changed,
            unchanged=first.unchanged + each.unchanged,
            missing=each.missing,
            duplicates=first.duplicates + each.duplicates,
            error_count=first.error_count + each.error_count,
            errors=first.errors + each.errors,
            document=each.document,
        )
    return first
