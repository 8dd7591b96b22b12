"""Watches what is said for handles, so that they are known before the answer ends."""

from collections.abc import Callable, Iterable

from worker.upstream.choices import Choice
from worker.upstream.handles import Handles, merge, task_in
from worker.upstream.parsing.echo_filter import strip_echoes
from worker.upstream.parsing.image import Picture
from worker.upstream.parsing.image_extraction import Identity, find_pictures, identity

_LONGEST_LINE = 4096  #: characters of a line that may hold links
_LONGEST_NOTE = 512  #: characters of a line that may name a task
_LONGEST_LOOK = 65_536  #: characters said so far; a first picture that comes later is not looked for
_MOST_LOOKS = 64  #: texts with more links than this, and no picture, have none


class Watch:
    """Reads line by line for tasks and links. A picture's address counts only in the light of all before it.

    ``inputs`` returns the addresses of the request, which are never results; it is called when needed.
    """

    def __init__(self, inputs: Callable[[], frozenset[Identity]]) -> None:
        self._inputs = inputs
        self._looks = 0
        self.handles = Handles()  #: all that were seen so far

    def note(self, found: Handles) -> None:
        """Take handles that were found elsewhere."""
        if found:
            self.handles = merge(self.handles, found)

    def hear(self, choice: Choice, text: str) -> None:
        """Take what a choice says now, after it was noted there."""
        head, newline, rest = text.rpartition("\n")
        linked = False
        if newline:
            for line in (choice.line + head).split("\n"):
                if len(line) < _LONGEST_LINE:
                    self.read(line + "\n")
                    linked = linked or "http" in line
            choice.line = ""
        if len(choice.line) + len(rest) < _LONGEST_LINE:
            choice.line += rest
        if linked or (")" in rest and "http" in choice.line):
            self._look(choice)

    def read(self, line: str) -> None:
        """Read one line, with its end if that is known."""
        if self.handles.task_id is None and len(line) < _LONGEST_NOTE and (task := task_in(line)):
            self.note(Handles(task_id=task))
        if "](" in line and ("原始数据" in line or "aw data" in line or "/source/" in line):
            self.note(Handles(poll_url=find_pictures(line, complete=True).poll_url))

    def show(self, pictures: Iterable[Picture]) -> None:
        """Take pictures that stand in fields."""
        if self.handles.seen is None:
            self._see(picture for picture in pictures if identity(picture) not in self._inputs())

    def _look(self, choice: Choice) -> None:
        """Look whether what was said so far shows a whole picture that is no echo and no mark of progress."""
        self._looks += 1
        said = "".join(choice.deltas)
        if self.handles.seen or self._looks > _MOST_LOOKS or len(said) > _LONGEST_LOOK:
            return
        found = find_pictures(strip_echoes(said).text, complete=False, inputs=self._inputs())
        if found.videos:
            self.note(Handles(seen=found.videos[0]))
        elif not found.marked:
            self._see(found.pictures)

    def _see(self, pictures: Iterable[Picture]) -> None:
        self.note(Handles(seen=next((picture.url for picture in pictures if picture.url), None)))
