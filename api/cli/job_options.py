"""Options of ``darkroom submit`` that say what the job is, as members of the request."""

from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import Parameter

from api.cli.image_files import input_image
from api.cli.retry_options import Pairs, Rules, pairs_of, rules_of, seconds_of
from models.states import OnUnknown


def _about(text: str, *, repeatable: bool = False) -> Parameter:
    return Parameter(help=f"{text}; repeatable" if repeatable else text, negative="")


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class JobOptions:
    """What a job is, as typed; what is not given is the server's choice."""

    image: Annotated[
        tuple[str, ...], _about("an input image: a file, an https URL or an asset id", repeatable=True)
    ] = ()
    size: Annotated[str | None, _about("WIDTHxHEIGHT, a ratio such as 2:3, 1K, 2K, 4K, or auto")] = None
    n: Annotated[int | None, _about("number of images")] = None
    campaign: Annotated[str | None, _about("the campaign it belongs to")] = None
    tag: Annotated[tuple[str, ...], _about("a tag to find it by", repeatable=True)] = ()
    metadata: Annotated[Pairs, _about("NAME=VALUE, stored with the job and returned", repeatable=True)] = ()
    param: Annotated[
        Pairs,
        _about("NAME=VALUE, a further member of the provider's request, such as seed=7", repeatable=True),
    ] = ()
    priority: Annotated[int | None, _about("0 to 9: higher ones start first among your jobs")] = None
    on_unknown: Annotated[
        OnUnknown | None, _about("what to do if a call may have been charged but its answer is lost")
    ] = None
    expires_at: Annotated[
        str | None,
        _about(
            "the latest start, such as 2026-01-31T18:00:00Z; a job not started by then expires free of charge"
        ),
    ] = None
    expires_in: Annotated[str | None, _about("the same, relative to now: 90s, 15m, 8h, 2d")] = None
    retry: Rules = ()
    allow_unserved: Annotated[
        bool, _about("submit it although no channel serves the model; it waits until one does")
    ] = False

    def members(self) -> dict[str, Any]:
        """Return the members of the job. Raises ``CommandFailed`` for what can't be sent."""
        members = {
            "size": self.size,
            "n": self.n,
            "campaign": self.campaign,
            "tags": list(self.tag),
            "metadata": pairs_of("--metadata", self.metadata),
            "params": pairs_of("--param", self.param),
            "priority": self.priority,
            "on_unknown": self.on_unknown and self.on_unknown.value,
            "expires_at": self.expires_at,
            "expires_in": None if self.expires_in is None else seconds_of("--expires-in", self.expires_in),
            "retry": rules_of(self.retry),
            "allow_unserved": self.allow_unserved or None,
            "images": [input_image(one) for one in self.image],
        }
        return {name: value for name, value in members.items() if value or value == 0}


NO_OPTIONS = JobOptions()
