"""A picture in an answer: an address, or the bytes themselves as base64 text."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture, as an http(s) ``url`` (byte-exact) or as ``data`` (base64 with its sniffed ``mime``).

    ``alternates`` are other renderings of the same picture, for when the first can't be fetched.
    """

    url: str | None = None
    data: str | None = None
    mime: str | None = None
    alternates: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The URL, or the bytes as a ``data:`` URL."""
        return self.url if self.url is not None else f"data:{self.mime};base64,{self.data}"
