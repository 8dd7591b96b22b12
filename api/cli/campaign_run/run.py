"""One run of `darkroom run`: plan, question, start, pictures as they come, report."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.cli.campaign_run.manifest import write_manifest
from api.cli.campaign_run.output_folder import OutputFolder
from api.cli.campaign_run.progress import RunProgress, spent_words
from api.cli.exit_codes import CommandFailed, Exit
from api.cli.output import confirm, say
from api.cli.render.campaigns import cost_words, failure_lines, import_lines, plan_lines
from darkroom_client import Campaign, CampaignState, Darkroom, ImportReport
from darkroom_client.exchange.http_transport import SyncTransport

_DOWNLOADS = 4  # at the same time
ALL_FAILED = 3  #: exit code of a run that made no picture at all


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """What is run. ``again``: the words of the command that goes on with the campaign."""

    sheet: Path
    folder: Path
    name: str
    definition: dict[str, Any]
    mapping: dict[str, str] | None
    yes: bool
    retry: bool
    again: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """A campaign that was started: where its pictures go, and how many errors its sheet has."""

    folder: OutputFolder
    left_out: int


class Run:
    """One run, on a server."""

    def __init__(self, client: Darkroom, request: RunRequest) -> None:
        self._request = request
        self._campaign: Campaign[SyncTransport] = client.campaign(request.name, **request.definition)

    def prepare(self) -> Prepared | None:
        """Create the campaign, import the sheet, show the plan, ask, and start; ``None``: it was not started.
        Raises ``CommandFailed`` for what must be corrected first.
        """
        if not self._request.sheet.is_file():
            raise CommandFailed(Exit.USAGE, f"There is no file {self._request.sheet}.")
        opened = self._campaign.open()
        folder = OutputFolder(self._request.folder, opened.id or opened.name)
        report = self._campaign.add(self._request.sheet, mapping=self._request.mapping)
        for line in import_lines(report):
            say(line)
        return Prepared(folder, report.error_count) if self._started(report) else None

    def _started(self, report: ImportReport) -> bool:
        """Return whether the campaign runs, or has ended, after what was asked for."""
        state = self._campaign.state()
        if self._request.retry:
            return self._retry()
        if state.needs == "resume":
            return self._resume(state)
        if state.status not in ("draft", "finished"):
            return True
        plan = self._campaign.plan()
        if plan.items == 0:
            raise CommandFailed(Exit.USAGE, f"{self._request.sheet} has no row that can be used.")
        has_new = report.added or report.changed or plan.items > state.total
        if state.status == "finished" and not has_new:
            return True
        for line in plan_lines(self._request.name, plan):
            say(line)
        if not self._agreed(f"Start {plan.items:,} items?"):
            return False
        self._campaign.start(plan.items)
        return True

    def _resume(self, state: CampaignState) -> bool:
        """Resume a paused campaign."""
        why = f" ({state.pause.detail})" if state.pause and state.pause.detail else ""
        if not self._agreed(f"The campaign is paused{why}. Resume it?"):
            return False
        self._campaign.resume()
        return True

    def _retry(self) -> bool:
        """Give all items without a picture a further take."""
        tried = self._campaign.retry(dry_run=True)
        if tried.eligible == 0:
            say("Nothing is to be retried: no item failed or is missing.")
            return True
        twice = f"; {tried.may_pay_twice:,} of them may be charged twice" if tried.may_pay_twice else ""
        say(f"retry    {tried.eligible:,} items, {cost_words(tried.cost)}{twice}")
        if not self._agreed(f"Retry {tried.eligible:,} items?"):
            return False
        self._campaign.retry(expected_count=tried.eligible)
        return True

    def follow(self, prepared: Prepared) -> Exit | int:
        """Write pictures as they come until the campaign ends or needs a person; return the exit code."""
        folder = prepared.folder
        with RunProgress() as progress, ThreadPoolExecutor(_DOWNLOADS) as pool:
            for update in self._campaign.watch():
                state = update.campaign
                for _ in pool.map(folder.write, update.ended):
                    pass
                progress.show(state, written=folder.count)
                if update.ended or state.needs is None:
                    continue
                if state.needs == "approval" and progress.confirm(lambda: self._approved(state)):  # noqa: B023
                    self._campaign.approve()
                    continue
                break
        manifest = write_manifest(folder, self._campaign.items())
        return self._report(state, folder, manifest, prepared.left_out)

    def _approved(self, state: CampaignState) -> bool:
        """Ask whether the campaign goes on after its canary; with --yes, it does if half of it was made."""
        say(
            f"The canary is done: {state.made:,} made, {state.by_status.get('failed', 0):,} failed; "
            f"{spent_words(state) or 'costs are unknown'}. Its pictures are in {self._request.folder}."
        )
        if self._request.yes:
            return state.made * 2 >= state.ended
        return confirm(f"Make the other {state.total - state.ended:,} items?")

    def _agreed(self, question: str) -> bool:
        if self._request.yes or confirm(question):
            return True
        say("Nothing was started. To start without a question: --yes.")
        return False

    def _report(
        self, state: CampaignState, folder: OutputFolder, manifest: Path, left_out: int
    ) -> Exit | int:
        """Say how it ended, and which command goes on; return the exit code."""
        failed = state.total - state.made
        spent = spent_words(state)
        say(
            f"{state.made:,} of {state.total:,} made, pictures in {folder.path}, manifest {manifest}"
            f"{', ' + spent if spent else ''}."
        )
        for line in failure_lines(self._campaign.failures()) if failed else ():
            say(f"  {line}")
        if left_out:
            say(f"  {left_out:,} errors in the sheet: correct its rows, and run the same command again.")
        for line in self._next_steps(state):
            say(line)
        if state.total and not state.made:
            return ALL_FAILED
        return Exit.FAILED if failed or left_out else Exit.OK

    def _next_steps(self, state: CampaignState) -> Sequence[str]:
        name, again = self._request.name, self._request.again
        why = f": {state.pause.detail}" if state.pause and state.pause.detail else ""
        match state.needs:
            case "approval":
                return [f"It waits for approval. To go on: {again}"]
            case "budget":
                return [f"It is paused{why}. To go on with a larger budget: {again} --budget AMOUNT"]
            case "resume":
                return [f"It is paused{why}. To go on: {again}"]
            case "held":
                words = f"darkroom jobs held --campaign {name}"
                return [f"Its last items are held, and may have been charged; decide: {words}"]
        if state.total - state.made and state.status != "cancelled":
            return [f"To retry what failed: {again} --retry"]
        return []
