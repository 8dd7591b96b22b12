"""The fields of a preset: request format and timeouts of one provider family."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from models.channels import ContentStyle, EditStyle, ImageStyle, NStyle, Paths, SizeStyle


@dataclass(frozen=True, slots=True)
class Preset:
    """Request format and timeouts of one provider family. Timeouts are in seconds."""

    name: str
    content_style: ContentStyle = "auto"
    image_style: ImageStyle = "parts"
    size_style: SizeStyle = "prompt"  #: prompt: a 【2:3】 suffix
    sizes: tuple[str, ...] = ()  #: the only ones that are accepted; empty: any
    n_style: NStyle = "calls"  #: most chat endpoints ignore ``n``
    stream: Literal["required", "preferred", "off"] = "preferred"
    system: str | None = None  #: system message
    modalities: tuple[str, ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)  #: members of every request
    address_params: Mapping[str, Any] = field(
        default_factory=dict
    )  #: ask for an image's address, not its bytes
    headers: Mapping[str, str] = field(default_factory=dict)  #: additional ones
    model_names: Mapping[str, str] = field(default_factory=dict)  #: the provider's, by ours
    paths: Paths = field(default_factory=Paths)
    images_endpoint: bool = False  #: every job goes to the images endpoints, a conversation as one prompt
    edit_style: EditStyle = "form"  #: of requests for edits
    max_images: int = 10  #: input images per request
    max_image_bytes: int | None = None  #: of an input image, which is shrunk to it; none: as it is
    connect: float = 10.0  #: to connect
    first_byte: float | None = None  #: to the first byte; none: ``silent`` if streaming, else ``total``
    idle: float = 90.0  #: without any byte, once the stream has begun
    silent: float = 180.0  #: without a byte besides comments and white space
    total: float = 600.0  #: for the whole call
    #: paths of a task's state below the API version, the likeliest first; none: no tasks
    task_paths: tuple[str, ...] = (
        *("images/tasks/{id}", "tasks/{id}", "images/generations/{id}"),
        "responses/{id}",  # of OpenAI's background responses
    )

    @property
    def streams(self) -> bool:
        """Whether requests ask for an event stream."""
        return self.stream != "off"

    @property
    def images_per_call(self) -> int | None:
        """Images that one call asks for at most; ``None``: all of its job's."""
        return 1 if self.n_style == "calls" else None

    @property
    def inlines_images(self) -> bool:
        """Whether input images must be data URLs: to shrink them, or for a provider that fetches none."""
        return (
            self.image_style == "inlined" or self.paths.edits is not None or self.max_image_bytes is not None
        )

    @property
    def read_timeout(self) -> float:
        """Seconds to wait for the first byte of an answer."""
        if self.first_byte is not None:
            return self.first_byte
        return min(self.silent, self.total) if self.streams else self.total
