"""A call whose answer was lost, and by what it can be asked for again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from models.outcomes import Billed, Outcome, Verdict
from models.queries.bulk import storable
from worker.upstream.handles import Handles

_MEMBER = "recover"  # of the job's answer, until the pictures are found

LOST = Verdict(
    Outcome.AMBIGUOUS,
    "connection_lost",
    "The worker stopped while the provider was working; the picture may exist and may have been charged.",
    Billed.UNKNOWN,
)


@dataclass(frozen=True, slots=True)
class Lost:
    """What must be known to ask again, kept in the job's ``answer`` so that any worker can go on."""

    handles: Handles
    number: int  #: the attempt's
    used: int  #: attempts that the job has used up, this one included
    since: datetime  #: when it was lost: the time to ask counts from here
    verdict: Verdict  #: what the call came to, should nothing be found

    @classmethod
    def of(cls, answer: Mapping[str, Any] | None) -> Self | None:
        """Read what ``to_json`` wrote; ``None`` if the answer is not a lost one."""
        kept = (answer or {}).get(_MEMBER)
        if kept is None:
            return None
        said = kept["verdict"]
        verdict = Verdict(
            Outcome(said["outcome"]),
            said["code"],
            said["message"],
            Billed(said["billed"]),
            provider_status=said["provider_status"],
            provider_message=said["provider_message"],
        )
        since = datetime.fromisoformat(kept["since"])
        return cls(Handles.from_json(kept["handles"]), kept["number"], kept["used"], since, verdict)

    @property
    def why(self) -> str:
        """Say in plain words why the provider is asked."""
        if self.verdict.outcome is Outcome.PENDING:
            return "the provider works on it as a task, and is asked for the result"
        return "the answer brought no picture; the provider is asked for it again, nothing is paid twice"

    def to_json(self) -> dict[str, Any]:
        """Return the job's answer for as long as nothing is found."""
        words = self.verdict.provider_message
        return {
            _MEMBER: {
                "handles": self.handles.to_json(),
                "number": self.number,
                "used": self.used,
                "since": self.since.isoformat(),
                "verdict": {
                    "outcome": self.verdict.outcome,
                    "code": self.verdict.code,
                    "message": self.verdict.message,
                    "billed": self.verdict.billed,
                    "provider_status": self.verdict.provider_status,
                    "provider_message": storable(words) if words else None,
                },
            }
        }
