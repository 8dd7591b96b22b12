"""What the demo can break: jobs at which the practice provider fails, and what repairs them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.dashboard.language.locales import msgid
from api.dashboard.page import PageView

JOBS = 20  #: of each
_SCENES = ("a fox in the barley", "a lighthouse in a gale", "a tram at night", "koi under leaves")


@dataclass(frozen=True, slots=True)
class Breakage:
    """Jobs that fail in one way: the body of their submit, and the page that shows the repair."""

    title: str
    meaning: str
    body: Mapping[str, Any]
    shown: str


def is_practice(view: PageView) -> bool:
    """Return whether the provider is the practice provider of the demo."""
    return bool(getattr(view.request.app.state, "practice", False))


def make_breakages(at: datetime) -> Sequence[Breakage]:
    """Return them; prompts have the time, since the provider counts the failures of each prompt."""
    return (
        Breakage(
            msgid("A storm of 429"),
            msgid("Calls are refused for their rate. The channel slows down, and speeds up again by itself."),
            _body("429 storm", "fail 429 once", at, every=5),
            "/dashboard/jobs?tag=429+storm",
        ),
        Breakage(
            msgid("Refusals"),
            msgid("The provider says no. The jobs fail as one group of errors: press Retry all there."),
            _body("refusals", "fail refusal once", at),
            "/dashboard/errors",
        ),
        Breakage(
            msgid("Half pictures"),
            msgid("The files end in the middle. They are not accepted as pictures, but fetched again."),
            _body("half pictures", "fail truncated once", at),
            "/dashboard/jobs?tag=half+pictures",
        ),
        Breakage(
            msgid("Lost connections"),
            msgid(
                "Connections break off in mid-call. Nobody knows whether it was charged: a person decides."
            ),
            _body("lost connections", "fail reset once", at),
            "/dashboard/jobs?tag=lost+connections",
        ),
        Breakage(
            msgid("A dead worker"),
            msgid(
                "The worker's process is killed while pictures are being made. It starts again, and asks for "
                "them by their tasks: none is paid twice."
            ),
            _body("dead worker", "kill worker", at, every=JOBS, all_of="deliver task_s] [delay 0s"),
            "/dashboard/jobs?tag=dead+worker",
        ),
    )


def _body(tag: str, hint: str, at: datetime, *, every: int = 1, all_of: str = "") -> dict[str, Any]:
    """Return jobs of which one in so many fails, the last one too, of a model of their own.

    So no other model slows down. ``all_of``: hints of all of them.
    """
    common = f" [{all_of}]" if all_of else ""
    jobs = [
        {
            "model": f"practice {tag}",
            "prompt": f"{_SCENES[number % len(_SCENES)]}, no. {number + 1} at {at:%H:%M:%S}{common}"
            + ("" if (number + 1) % every else f" [{hint}]"),
            "tags": [tag],
        }
        for number in range(JOBS)
    ]
    return {"jobs": jobs}
