"""ResultImage: an image of an answer, as a URL or as its bytes."""

import base64
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class ResultImage:
    """One image: an http(s) ``url`` (byte-exact), or ``data`` (base64 with its sniffed ``mime``).

    ``alternates`` are other renderings of the same image, used if the first can't be fetched. A long image is
    decoded while it arrives: ``blob`` holds its bytes, and ``data`` only a placeholder (``base64_stream``).
    ``spare`` holds the bytes of an alternate that is inside the answer and needs no fetching.
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
