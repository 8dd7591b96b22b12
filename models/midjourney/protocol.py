"""Constants of the midjourney-proxy protocol; clients compare them letter by letter."""

from enum import IntEnum, StrEnum


class TaskStatus(StrEnum):
    """Status of a task. Clients know no others."""

    NOT_START = "NOT_START"  #: accepted; no call has started
    SUBMITTED = "SUBMITTED"  #: the first call has started
    MODAL = "MODAL"  #: waits for the client to answer a dialog
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCEL = "CANCEL"  #: only if the settings say so: most clients would poll for ever


ENDED = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.CANCEL})
"""Final statuses."""


class Action(StrEnum):
    """Kind of a task."""

    IMAGINE = "IMAGINE"
    UPSCALE = "UPSCALE"
    VARIATION = "VARIATION"
    REROLL = "REROLL"
    DESCRIBE = "DESCRIBE"
    BLEND = "BLEND"
    ZOOM = "ZOOM"
    PAN = "PAN"
    SHORTEN = "SHORTEN"
    SWAP_FACE = "SWAP_FACE"
    UPSCALE_HD = "UPSCALE_HD"
    EDIT = "EDIT"
    RETEXTURE = "RETEXTURE"
    VIDEO = "VIDEO"


class Code(IntEnum):
    """Result code of a submit."""

    SUCCESS = 1
    NOT_FOUND = 3
    INVALID = 4
    FAILURE = 9
    DIALOG = 21  #: the client has to send ``modal``
    QUEUED = 22  #: accepted; others are ahead
    QUEUE_FULL = 23
    BANNED = 24


class Mode(StrEnum):
    """Speed of a task: the priority of its jobs."""

    RELAX = "RELAX"
    FAST = "FAST"
    TURBO = "TURBO"


class Bot(StrEnum):
    """Drawing style of a task."""

    MIDJOURNEY = "MID_JOURNEY"
    NIJI = "NIJI_JOURNEY"
    INSIGHT_FACE = "INSIGHT_FACE"  #: of swap-face tasks; clients do not send it
