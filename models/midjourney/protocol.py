"""The words of midjourney-proxy's contract; clients compare them letter by letter."""

from enum import IntEnum, StrEnum

SEEDS = 2**32  #: a seed is less: many providers refuse larger ones


class TaskStatus(StrEnum):
    """Where a task stands. Clients know no other words."""

    NOT_START = "NOT_START"  #: accepted, no call has started
    SUBMITTED = "SUBMITTED"  #: the first call has left
    MODAL = "MODAL"  #: waits for what a dialog asks for
    IN_PROGRESS = "IN_PROGRESS"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    CANCEL = "CANCEL"  #: only where the settings ask for it: most clients would poll on for ever


ENDED = frozenset({TaskStatus.SUCCESS, TaskStatus.FAILURE, TaskStatus.CANCEL})


class Action(StrEnum):
    """What kind of task it is."""

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
    """How a submit was answered."""

    SUCCESS = 1
    NOT_FOUND = 3
    INVALID = 4
    FAILURE = 9
    DIALOG = 21  #: the client has to send ``modal``
    QUEUED = 22  #: accepted; others are ahead
    QUEUE_FULL = 23
    BANNED = 24


class Mode(StrEnum):
    """How soon a task shall be done."""

    RELAX = "RELAX"
    FAST = "FAST"
    TURBO = "TURBO"


class Bot(StrEnum):
    """Which drawing style a task asks for."""

    MIDJOURNEY = "MID_JOURNEY"
    NIJI = "NIJI_JOURNEY"
    INSIGHT_FACE = "INSIGHT_FACE"  #: only told: of tasks that swap faces
