"""A picture in an answer: an address, or the bytes themselves as base64 text."""

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ResultImage:
    """One picture, as an http(s) ``url`` (byte-exact) or as ``data`` (base64 with its sniffed ``mime``).

    ``alternates`` are other renderings of the same picture, for when the first can't be fetched. A long
    picture was decoded while it came: ``blob`` are its bytes, and ``data`` only a stand-in (``longruns``).
    ``spare`` are the bytes of an alternate that came inside the answer: it needs no fetching.
    """

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    alternates: tuple[str, ...] = ()
    blob: bytes | None = field(default=None, repr=False)
    spare: bytes | None = field(default=None, repr=False, compare=False)

    @property
    def address(self) -> str:
        """The URL, or the bytes as a ``data:`` URL."""
        if self.url is not None:
            return self.url
        data = self.data if self.blob is None else base64.b64encode(self.blob).decode()
        return f"data:{self.mime};base64,{data}"
