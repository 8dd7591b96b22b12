"""Server options: defaults of every request, error rates, hidden limits and the random seed."""

import hashlib
from typing import Annotated

from pydantic import Field, PrivateAttr

from models.channels import ContentStyle, ImageStyle, NStyle, SizeStyle
from worker.practice.relay_style import RelayStyle
from worker.practice.request_options import FailureKind, ParsedFailureKind, RequestOptions

Share = Annotated[float, Field(ge=0, le=1)]


class PracticeOptions(RequestOptions):
    """Defaults of all request options, and options of the server as a whole."""

    rates: dict[ParsedFailureKind, Share] = Field(
        default_factory=dict, description="share of calls that fail, by kind"
    )
    seed: int = Field(0, description="seed of the random failures and delays")
    rpm: int | None = Field(
        None, gt=0, description="calls per minute and key that are accepted; not announced"
    )
    concurrency: int | None = Field(None, gt=0, description="calls in flight per key that are accepted")
    running: int = Field(1, ge=0, description="polls for which the task of a case is still running")
    size_style: SizeStyle | None = Field(None, description="only place where it reads the size; none: any")
    n_style: NStyle | None = Field(None, description="only way to ask it for several images; none: n")
    content_style: ContentStyle | None = Field(
        None, description="only form of a message's content that it takes; none: any"
    )
    image_style: ImageStyle | None = Field(
        None, description="only place where it reads input images; none: any"
    )
    modalities: bool = Field(
        False, description="whether it makes images only for requests with the member modalities"
    )
    ping: float = Field(10, gt=0, description="seconds of silence after which a stream sends a comment")

    _request_defaults: RequestOptions = PrivateAttr(default_factory=RequestOptions)

    def model_post_init(self, context: object, /) -> None:
        """Build the request defaults once, since most calls use them unchanged."""
        self._request_defaults = RequestOptions().replace(
            {name: getattr(self, name) for name in RequestOptions.model_fields}
        )

    @property
    def request_defaults(self) -> RequestOptions:
        """Options of a request that sets none."""
        return self._request_defaults

    @property
    def style(self) -> RelayStyle:
        """What it understands."""
        return RelayStyle(
            self.size_style, self.n_style, self.content_style, self.image_style, self.modalities
        )

    def draw(self, purpose: str, prompt: str, earlier: int) -> float:
        """Return a pseudo-random number from 0 to 1, determined by seed, prompt and its earlier calls."""
        key = f"{purpose}\0{self.seed}\0{earlier}\0{prompt}".encode("utf-8", "replace")
        return int.from_bytes(hashlib.blake2b(key, digest_size=4).digest()) / 2**32

    def random_failure(self, prompt: str, earlier: int) -> FailureKind | None:
        """Return the failure of this call by the error rates, or ``None``."""
        number = self.draw("failure", prompt, earlier) if self.rates else 1.0
        for kind, rate in self.rates.items():
            if number < rate:
                return kind
            number -= rate
        return None

    def delay_for(self, delay: tuple[float, float], prompt: str, earlier: int) -> float:
        """Return the delay of this call in seconds, within the given range."""
        low, high = delay
        return low if low == high else low + (high - low) * self.draw("delay", prompt, earlier)
