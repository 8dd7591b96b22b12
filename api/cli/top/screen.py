"""The terminal view itself: four tables, one at a time, read again every few seconds."""

from functools import partial
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, Label, Static, TabbedContent, TabPane

from api.cli.top.readings import ACTS, COLUMNS, FILTERS, Act, Reading, act, read
from darkroom_client import Darkroom, DarkroomError

_TITLES = {"jobs": "Jobs", "channels": "Channels", "workers": "Workers", "errors": "Errors"}


class Question(ModalScreen[bool]):
    """Asks before an act: y does it, any other key leaves it."""

    CSS = "Question { align: center middle; } #box { width: auto; max-width: 76; height: auto; padding: 1 2; "
    CSS += "border: round $warning; background: $surface; }"

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        """Make the box."""
        yield Vertical(Static(f"{self._text}\n\ny: do it    any other key: leave it", markup=False), id="box")

    def on_key(self, event: object) -> None:
        """End with the answer."""
        self.dismiss(getattr(event, "key", "") == "y")


class TopScreen(App[None]):
    """Jobs, channels, workers and errors. Lower-case keys look, upper-case keys act."""

    CSS = """
    #state { height: 1; padding: 0 1; color: $text-muted; }
    #help { height: 1; padding: 0 1; }
    DataTable { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j", "show('jobs')", "jobs"),
        Binding("c", "show('channels')", "channels"),
        Binding("w", "show('workers')", "workers"),
        Binding("e", "show('errors')", "errors"),
        Binding("f", "next_filter", "filter"),
        Binding("r", "read", "read now"),
        Binding("q", "quit", "quit"),
    ]
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, client: Darkroom, *, interval: float = 2.0) -> None:
        super().__init__()
        self._client, self._interval = client, interval
        self._filter = 0
        self._names: dict[str, list[str]] = {name: [] for name in COLUMNS}

    def compose(self) -> ComposeResult:
        """Make the tables, and below them the state and the upper-case keys."""
        with TabbedContent(initial="jobs", id="tabs"):
            for name, title in _TITLES.items():
                with TabPane(title, id=name):
                    table: DataTable[str] = DataTable(cursor_type="row", zebra_stripes=False, id=f"t-{name}")
                    table.add_columns(*COLUMNS[name])
                    yield table
        yield Label("", id="help", markup=False)
        yield Label("reading …", id="state", markup=False)
        yield Footer()

    def on_mount(self) -> None:
        """Read now, and then again and again."""
        self.action_show("jobs")
        self.action_read()
        self.set_interval(self._interval, self.action_read)

    def action_show(self, name: str) -> None:
        """Show a table."""
        self.query_one("#tabs", TabbedContent).active = name
        self._table(name).focus()
        shown = "  ".join(f"{key}: {each.label}" for key, each in ACTS[name].items())
        self.query_one("#help", Label).update(shown or "nothing to press here")

    def on_tabbed_content_tab_activated(self, event: TabbedContent.TabActivated) -> None:
        """Show the keys of a table that was chosen with the mouse."""
        if event.pane.id in ACTS:
            self.action_show(str(event.pane.id))

    def action_next_filter(self) -> None:
        """Show jobs in other states."""
        self._filter = (self._filter + 1) % len(FILTERS)
        self.action_read()

    def action_read(self) -> None:
        """Read the API in a thread of its own."""
        self.run_worker(partial(self._read, FILTERS[self._filter]), thread=True, exclusive=True, group="read")

    def _read(self, status: str) -> None:
        try:
            reading = read(self._client, status)
        except DarkroomError as error:
            self.call_from_thread(self._say, f"old data: {error}")
        else:
            self.call_from_thread(self._show, reading, status)

    def _show(self, reading: Reading, status: str) -> None:
        for name, rows in reading.tables.items():
            table, cursor = self._table(name), self._selected(name)
            table.clear()
            self._names[name] = [row.id for row in rows]
            for row in rows:
                table.add_row(*row.cells, key=row.id)
            if cursor in self._names[name]:
                table.move_cursor(row=self._names[name].index(cursor))
        notes = f" · {'; '.join(reading.notes)}" if reading.notes else ""
        self._say(f"{reading.at:%H:%M:%S} UTC · jobs: {status or 'all'}{notes}")

    def on_key(self, event: object) -> None:
        """Ask for the act of an upper-case key on the selected row, and send it."""
        name = self.query_one("#tabs", TabbedContent).active
        character = getattr(event, "character", None) or ""
        chosen, row = ACTS.get(name, {}).get(character), self._selected(name)
        if chosen is None or row is None or isinstance(self.screen, Question):
            return
        call = f"POST {chosen.path.replace('{id}', row)}"
        self.push_screen(Question(f"{chosen.label}: {row}?\n{call}"), partial(self._decided, chosen, row))

    def _decided(self, chosen: Act, row: str, agreed: bool | None) -> None:
        if agreed:
            self.run_worker(partial(self._send, chosen, row), thread=True, group="act")

    def _send(self, chosen: Act, row: str) -> None:
        try:
            became = act(self._client, chosen, row)
        except DarkroomError as error:
            became = str(error)
        self.call_from_thread(self.notify, became, markup=False)
        self.call_from_thread(self.action_read)

    def _selected(self, name: str) -> str | None:
        names, cursor = self._names.get(name, []), self._table(name).cursor_row
        return names[cursor] if 0 <= cursor < len(names) else None

    def _table(self, name: str) -> "DataTable[str]":
        table: DataTable[str] = self.query_one(f"#t-{name}", DataTable)
        return table

    def _say(self, text: str) -> None:
        self.query_one("#state", Label).update(text)
