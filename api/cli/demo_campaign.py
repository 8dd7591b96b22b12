"""Sample campaign of the demo, over the public API: from its sheet to its ZIP, with each step printed."""

import threading
from pathlib import Path
from time import monotonic

from rich.console import Console

from api.cli.campaign_run.progress import RunProgress, spent_words
from api.cli.demo_sheet import TEMPLATE, write_sheet
from api.cli.output import shortened
from api.cli.render.campaigns import failure_lines, import_lines, plan_lines
from darkroom_client import Campaign, CampaignState, Darkroom, DarkroomError, RetryPolicy
from darkroom_client.exchange.http_transport import SyncTransport
from models.clock import now

MODEL = "practice"
PRICE = 0.04  #: USD of one call
BUDGET, LARGER_BUDGET = "1.2 USD", "5 USD"  #: the first one is used up half-way
CANARY = 4  #: items
ZIP = "demo.zip"
_SHOWN = 12  # pictures whose addresses are printed
_TIMEOUT = 5.0  # seconds to end
_CHANNEL_TIMEOUT = 30.0  # seconds until the sheet is sent all the same
_AT_ONCE = RetryPolicy(attempts=2)


class SampleCampaign:
    """Plans, runs, repairs, reviews and exports the campaign, in a thread beside the API."""

    def __init__(self, url: str, key: str, folder: Path, console: Console, *, login: str = "") -> None:
        self._url, self._key, self._folder, self._console = url, key, folder, console
        self._login = login
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="campaign", daemon=True)

    def start(self) -> None:
        """Start, once the API accepts requests."""
        self._thread.start()

    def stop(self) -> None:
        """Stop, and wait for the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(_TIMEOUT)

    def _run(self) -> None:
        self._console.print(f"[bold]Darkroom[/] serves {self._url}, with the practice provider.")
        self._console.print("Log in to the dashboard by this link, which works once:")
        self._console.print(f"  {self._login}\n", soft_wrap=True, highlight=False)
        try:
            with Darkroom(self._url, self._key, retry=_AT_ONCE) as client:
                self._steps(client)
        except DarkroomError as error:
            if not self._ended.is_set():
                self._print(f"The sample campaign failed: {error}")

    def _steps(self, client: Darkroom) -> None:
        self._await_channel(client)
        if self._ended.is_set():
            return
        campaign = client.campaign(
            f"demo-{now():%Y%m%d-%H%M%S}", model=MODEL, template=TEMPLATE, budget=BUDGET, canary=CANARY
        )
        self._plan(campaign)
        state = self._follow(campaign)
        if self._ended.is_set():
            return
        if state.made < state.total:
            self._retry(campaign)
        self._review(campaign)
        self._print(f"\nexport   {campaign.export(self._folder / ZIP)}")
        self._show(campaign)

    def _await_channel(self, client: Darkroom) -> None:
        """Wait until the worker has registered its channel: a plan before that says that none is open."""
        end = monotonic() + _CHANNEL_TIMEOUT
        while not list(client.channels.list()) and monotonic() < end and not self._ended.wait(0.1):
            pass

    def _plan(self, campaign: Campaign[SyncTransport]) -> None:
        """Import the sheet, with its two wrong lines, and start what the plan says."""
        report = campaign.add(write_sheet(self._folder / "demo.csv"))
        plan = campaign.plan()
        for line in (*import_lines(report), *plan_lines(campaign.name, plan)):
            self._print(line)
        campaign.start(plan.items)

    def _follow(self, campaign: Campaign[SyncTransport]) -> CampaignState:
        """Watch it, and decide where it needs a person: approve the canary, raise the budget."""
        with RunProgress() as progress:
            for update in campaign.watch():
                state = update.campaign
                progress.show(state)
                if self._ended.is_set():
                    break
                if update.ended:
                    continue  # the state was read before these ended
                if state.needs == "approval":
                    self._print(f"canary   {state.made} of {CANARY} made, {spent_words(state)}: approved")
                    campaign.approve()
                elif state.needs == "budget":
                    self._print(f"paused   {state.pause.detail if state.pause else ''}")
                    self._print(f"budget   raised to {LARGER_BUDGET}: it goes on")
                    campaign.change(budget=LARGER_BUDGET)
        self._print(f"made     {state.made} of {state.total}, {spent_words(state)}")
        return state

    def _retry(self, campaign: Campaign[SyncTransport]) -> None:
        """Retry what failed."""
        for line in failure_lines(campaign.failures()):
            self._print(f"failed   {line}")
        action = campaign.wait_action(campaign.retry())
        self._print(f"retry    {action.done} items")
        self._follow(campaign)

    def _review(self, campaign: Campaign[SyncTransport]) -> None:
        """Reject pictures that repeat another one, and pick the others."""
        seen, repeated = set[str](), list[str]()
        for item in campaign.items(where={"status": "made"}):
            sha256 = item.pictures[0].sha256
            if sha256 in seen:
                repeated.append(item.id)
            seen.add(sha256)
        if repeated:
            campaign.give_verdict("reject", repeated, reason="repeats another picture")
        picked = campaign.give_verdict("pick", where={"status": "made"})
        self._print(f"verdicts {picked.done} picked, {len(repeated)} rejected: they repeat another picture")

    def _show(self, campaign: Campaign[SyncTransport]) -> None:
        """Print where the pictures are and what to try next."""
        state = campaign.state()
        self._print(f"\n{state.made} of {state.total} pictures are ready, such as")
        for item in campaign.items(where={"verdict": "pick"}, limit=_SHOWN):
            self._print(f"  {item.pictures[0].url}  {shortened(item.prompt or '', 44)}")
        self._print(f"\nFolder  {self._folder}")
        self._print(f"Pages   {self._url}/dashboard (log in by the link above, or with the key)")
        self._print(f"API     {self._url}/docs")
        self._print(f"Key     {self._key}")
        self._print(f"\nGenerate one more:\n{curl(self._url, self._key)}")
        self._print("\nCtrl-C ends it.")

    def _print(self, line: str) -> None:
        if not self._ended.is_set():
            self._console.print(line, soft_wrap=True, markup=False, highlight=False)


def curl(url: str, key: str) -> str:
    """Return a curl command that submits a job and waits for it."""
    return (
        f"curl -sS {url}/v1/jobs -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' "
        f"""-H 'Prefer: wait=30' -d '{{"model": "{MODEL}", "prompt": "a cat in a darkroom"}}'"""
    )
