"""Who asks for a task, and what came along."""

from dataclasses import dataclass, field
from datetime import datetime

from api.auth import Caller
from api.jobs.input_images import InputPicture
from api.midjourney.deduplication import Repeat
from api.midjourney.schemas import Body
from api.services import Services


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks for a task, when, and with what words around it."""

    services: Services
    caller: Caller
    body: Body
    segment: str  #: of the address, before ``/mj``
    at: datetime
    repeat: Repeat | None = None  #: by what the same submit is known again
    pictures: list[InputPicture] = field(default_factory=list)  #: came along, and are not stored yet
