"""A picture in an answer: an address, or the bytes themselves as base64 text."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, as an http(s) ``url`` (byte-exact) or as ``data`` (base64 with its sniffed ``mime``).

    ``alternates`` are other renderings of the same picture, for when the first can't be fetched. A long
    picture was decoded while it came: ``blob`` are its bytes, and ``data`` only a stand-in (``longruns``).
    """

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    alternates: tuple[str, ...] = ()
    blob: bytes | None = field(default=None, repr=False)

    @property
    def address(self) -> str:
        """The URL, or the bytes as a ``data:`` URL."""
        return self.url if self.url is not None else f"data:{self.mime};base64,{self.data}"
