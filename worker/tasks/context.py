"""What the tasks of one worker share."""

from dataclasses import dataclass, field
from uuid import UUID

from worker.group_commit import Writer
from worker.in_flight import Hand
from worker.services import Tools
from worker.tasks.input_images import Brought


@dataclass(frozen=True, slots=True)
class Workbench:
    """The tools, the hand, and the one who writes."""

    tools: Tools
    hand: Hand
    writer: Writer
    worker_id: UUID
    brought: Brought = field(default_factory=Brought)  #: input pictures of jobs that missed their turn
