"""Live progress of a campaign: a bar on a terminal, else a line now and then; on standard error."""

from collections import deque
from collections.abc import Callable
from time import monotonic
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, Progress, TaskID, TextColumn

from api.cli.output import open_console, say
from api.cli.render.times import duration
from darkroom_client import CampaignState

_WINDOW = 60.0  # seconds over which the rate is measured
_LINE_EVERY = 10.0  # seconds between lines without a terminal


class EndRate:
    """Items per minute, of the last minute."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque()

    def add(self, ended: int) -> None:
        """Note how many items have ended by now."""
        now = self._clock()
        self._points.append((now, ended))
        while len(self._points) > 2 and self._points[1][0] <= now - _WINDOW:
            self._points.popleft()

    @property
    def per_minute(self) -> float | None:
        """The rate; ``None``: nothing was measured yet."""
        if len(self._points) < 2:
            return None
        (first, before), (last, after) = self._points[0], self._points[-1]
        return 60 * (after - before) / (last - first) if last > first and after > before else None


def progress_words(state: CampaignState, per_minute: float | None, *, written: int | None = None) -> str:
    """Return the state of a campaign on one line: counts, rate, time left, spend, failures."""
    words = [f"{state.made:,} of {state.total:,} made"]
    words += [f"{state.by_status.get(each, 0):,} {each}" for each in ("failed", "held", "skipped")]
    words = [words[0], *(each for each in words[1:] if not each.startswith("0 "))]
    if written is not None and written < state.made:
        words.append(f"{written:,} written")
    if per_minute is not None and not state.is_final:
        words.append(f"{per_minute:,.0f}/min" if per_minute >= 10 else f"{per_minute:.1f}/min")
    if (left := _seconds_left(state, per_minute)) is not None:
        words.append(f"about {duration(left)} left")
    if spent := spent_words(state):
        words.append(spent)
    if state.status not in ("running", "finished"):
        words.append(state.pause.reason if state.pause else state.status.replace("_", " "))
    return ", ".join(words)


def spent_words(state: CampaignState) -> str:
    """Return what was spent, of which limit; empty if nothing is known."""
    money = state.money
    if money.currency is None or money.settled is None:
        return ""
    limit = f" of {money.limit}" if money.limit else ""
    unknown = f" (and {money.unknown} perhaps)" if money.unknown not in (None, "0") else ""
    return f"{money.settled}{limit} {money.currency} spent{unknown}"


def _seconds_left(state: CampaignState, per_minute: float | None) -> float | None:
    left = state.total - state.ended
    if state.is_final or left <= 0:
        return None
    if state.eta and state.eta.p50 is not None:
        return state.eta.p50
    return 60 * left / per_minute if per_minute else None


class RunProgress:
    """Shows the progress while its context is open."""

    def __init__(self) -> None:
        console = open_console(stderr=True)
        columns = (BarColumn(bar_width=24), TextColumn("{task.description}"))
        self._bar = Progress(*columns, console=console, disable=not console.is_terminal, transient=True)
        self._on_terminal, self._task = console.is_terminal, TaskID(0)
        self._rate, self._printed_at, self._printed = EndRate(), float("-inf"), ""

    def __enter__(self) -> Self:
        self._bar.start()
        self._task = self._bar.add_task("starts", total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def show(self, state: CampaignState, *, written: int | None = None) -> None:
        """Show a state of the campaign."""
        self._rate.add(state.ended)
        words = progress_words(state, self._rate.per_minute, written=written)
        if self._on_terminal:
            self._bar.update(self._task, total=state.total or None, completed=state.ended, description=words)
        elif words != self._printed and (monotonic() - self._printed_at >= _LINE_EVERY or state.is_final):
            self._printed_at, self._printed = monotonic(), words
            say(words)

    def confirm(self, question: Callable[[], bool]) -> bool:
        """Ask a question without the bar."""
        self._bar.stop()
        answer = question()
        self._bar.start()
        return answer
