"""What the tasks of one worker share."""

from dataclasses import dataclass, field
from uuid import UUID

from worker.hand import Hand
from worker.tasks.inputs import Brought
from worker.tools import Tools
from worker.writer import Writer


@dataclass(frozen=True, slots=True)
class Workbench:
    """The tools, the hand, and the one who writes."""

    tools: Tools
    hand: Hand
    writer: Writer
    worker_id: UUID
    brought: Brought = field(default_factory=Brought)  #: input pictures of jobs that missed their turn
