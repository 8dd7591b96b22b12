"""How a practice server behaves unless a call asks for something else."""

import hashlib
from typing import Annotated

from pydantic import Field, PrivateAttr

from worker.practice.request_options import FailureKind, ParsedFailureKind, RequestOptions

Share = Annotated[float, Field(ge=0, le=1)]


class PracticeOptions(RequestOptions):
    """All members of a wish as defaults, and what only the server as a whole has."""

    rates: dict[ParsedFailureKind, Share] = Field(
        default_factory=dict, description="share of calls that fail, by kind"
    )
    seed: int = Field(0, description="decides which calls fail, and how long they take")
    rpm: int | None = Field(None, gt=0, description="calls per minute and key that are let in; not announced")
    concurrency: int | None = Field(None, gt=0, description="calls in flight per key that are let in")
    running: int = Field(1, ge=0, description="polls that find an unfinished task of a case still running")
    ping: float = Field(10, gt=0, description="seconds of silence after which a stream sends a comment")

    _wish: RequestOptions = PrivateAttr(default_factory=RequestOptions)

    def model_post_init(self, context: object, /) -> None:
        """Keep the part that calls may change, so that a plain call has nothing to build."""
        self._wish = RequestOptions().replace(
            {name: getattr(self, name) for name in RequestOptions.model_fields}
        )

    @property
    def request_defaults(self) -> RequestOptions:
        """The defaults of one call."""
        return self._wish

    def draw(self, purpose: str, prompt: str, earlier: int) -> float:
        """Draw a number from 0 to 1 that depends on the call alone, not on which others came before."""
        ticket = f"{purpose}\0{self.seed}\0{earlier}\0{prompt}".encode("utf-8", "replace")
        return int.from_bytes(hashlib.blake2b(ticket, digest_size=4).digest()) / 2**32

    def random_failure(self, prompt: str, earlier: int) -> FailureKind | None:
        """Return the kind of failure that the rates have in store for this call."""
        lot = self.draw("failure", prompt, earlier) if self.rates else 1.0
        for kind, rate in self.rates.items():
            if lot < rate:
                return kind
            lot -= rate
        return None

    def delay_for(self, delay: tuple[float, float], prompt: str, earlier: int) -> float:
        """Return this call's delay in seconds, between the two given."""
        low, high = delay
        return low if low == high else low + (high - low) * self.draw("delay", prompt, earlier)
