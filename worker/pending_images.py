"""Pending images: the images of an answer, from its arrival until all are stored or given up."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from typing import Any

from models.queries.bulk import storable
from worker.asset_store import StoredImage
from worker.upstream.handles import Handles
from worker.upstream.parsing.image import ResultImage

UNSTORED = "asset_unstored"  #: the code of an image that was paid for, and whose bytes were lost here


@dataclass(frozen=True, slots=True)
class FetchProblem:
    """Why the last fetch of an image failed; it is tried again."""

    code: str
    message: str
    wait: float = 0.0  #: seconds until the host accepts another request


@dataclass(frozen=True, slots=True)
class InlineImage:
    """An image that came inside the answer and is not known to be in the object store.

    The job's row keeps its content key, the worker that received the answer its bytes.
    """

    stored: StoredImage  #: what it is once it is stored
    data: bytes | None = field(default=None, repr=False)  #: ``None`` in every other worker
    remote: "RemoteImage | None" = None  #: other renderings, which another worker may fetch
    problem: FetchProblem | None = None

    def lost(self) -> "LostImage":
        """Return the image as one whose bytes were lost with their worker."""
        return LostImage(UNSTORED, "its bytes were lost with the worker that held them")

    def to_json(self) -> dict[str, Any]:
        """Return the members by which a job's row keeps it.

        Earlier versions fetch its other renderings, or take it for a lost image.
        """
        if self.remote is not None:
            return replace(self.remote, spare=self).to_json()
        return {"unstored": asdict(self.stored), **self.lost().to_json()}


@dataclass(frozen=True, slots=True)
class RemoteImage:
    """An image that is still to be fetched."""

    url: str
    alternates: tuple[str, ...] = ()  #: other URLs of the same image
    #: a rendering that came inside the answer, in case the URLs fail
    spare: StoredImage | InlineImage | None = None
    problem: FetchProblem | None = None

    @classmethod
    def of(cls, image: ResultImage) -> "RemoteImage | None":
        """Return an image by its http(s) URLs; ``None`` if it has none."""
        urls = [storable(each) for each in (image.url, *image.alternates) if each is not None]
        web = [url for url in urls if not url.startswith("data:")]
        return cls(web[0], tuple(web[1:])) if web else None

    def to_json(self) -> dict[str, Any]:
        """Return the members by which a job's row keeps it."""
        members: dict[str, Any] = {"url": self.url, "alternates": list(self.alternates)}
        if isinstance(self.spare, InlineImage):
            members["unstored"] = asdict(self.spare.stored)
        elif self.spare is not None:
            members["spare"] = asdict(self.spare)
        if (problem := self.problem) is not None:
            members |= {"problem": problem.message, "code": problem.code, "wait": problem.wait}
        return members


@dataclass(frozen=True, slots=True)
class ReadyImage:
    """An image in the object store."""

    stored: StoredImage
    known: bool = False  #: an asset of the job already

    def to_json(self) -> dict[str, Any]:
        """Return the members by which a job's row keeps it."""
        return {"stored": asdict(self.stored)} | ({"known": True} if self.known else {})


@dataclass(frozen=True, slots=True)
class LostImage:
    """An image that can't be had: refused for good, or damaged."""

    code: str
    message: str
    remote: RemoteImage | None = None  #: where it was, if it had URLs

    def to_json(self) -> dict[str, Any]:
        """Return the members by which a job's row keeps it."""
        remote = self.remote.to_json() if self.remote else {}
        return {**remote, "fault": self.code, "message": self.message}


PendingImage = InlineImage | RemoteImage | ReadyImage | LostImage


def has_bytes(image: ResultImage) -> bool:
    """Return whether bytes of an image came inside the answer."""
    return bool(image.data or image.blob or image.spare)


def pending_image(image: ResultImage, inline: InlineImage | ReadyImage | LostImage | None) -> PendingImage:
    """Return an image of an answer as it is stored, or to be stored or fetched.

    ``inline`` is what became of the bytes that came inside the answer: the spare of an image that has a URL
    of its own, else the image itself.
    """
    remote = RemoteImage.of(image)
    if remote is None:
        return inline or LostImage("asset_unreachable", "the answer has neither a link nor its bytes")
    if isinstance(inline, LostImage | None):
        return remote
    if image.url is None:
        return replace(inline, remote=remote) if isinstance(inline, InlineImage) else inline
    return replace(remote, spare=inline.stored if isinstance(inline, ReadyImage) else inline)


def settle(image: PendingImage, *, last: bool) -> PendingImage:
    """Take the spare of an image that is lost, or that the ``last`` try did not fetch."""
    match image:
        case LostImage(remote=RemoteImage(spare=StoredImage() as spare)):
            return ReadyImage(spare)
        case LostImage(remote=RemoteImage(spare=InlineImage() as inline)):
            return inline
        case RemoteImage(spare=StoredImage() as spare) if last:
            return ReadyImage(spare)
        case RemoteImage(spare=InlineImage() as inline) if last:
            return inline
    return image


@dataclass(frozen=True, slots=True)
class PendingAnswer:
    """An answer as its job's row keeps it until the images are stored."""

    images: Sequence[PendingImage]
    received_at: datetime  #: when the provider gave the URLs; many expire
    handles: Handles | None = None  #: with which the provider can be polled for fresh URLs

    @property
    def ready(self) -> list[ReadyImage]:
        """The images in the object store."""
        return [image for image in self.images if isinstance(image, ReadyImage)]

    @property
    def open(self) -> list[RemoteImage | InlineImage]:
        """The images that are still to be fetched or stored."""
        return [image for image in self.images if isinstance(image, RemoteImage | InlineImage)]

    @property
    def lost(self) -> list[LostImage]:
        """The images that can't be had."""
        return [image for image in self.images if isinstance(image, LostImage)]

    def to_json(self) -> dict[str, Any]:
        """Return the value of the column ``jobs.answer``."""
        pieces = [image.to_json() for image in self.images]
        answer = {"pieces": pieces, "received_at": self.received_at.isoformat()}
        return answer | ({"handles": self.handles.to_json()} if self.handles else {})

    @classmethod
    def from_json(cls, answer: Mapping[str, Any]) -> "PendingAnswer":
        """Read what ``to_json`` wrote."""
        handles = Handles.from_json(answer["handles"]) if answer.get("handles") else None
        images = [_image_from_json(piece) for piece in answer["pieces"]]
        return cls(images, datetime.fromisoformat(answer["received_at"]), handles)


def keys_of(answer: Mapping[str, Any]) -> list[str]:
    """Return the object store's keys that the column ``jobs.answer`` names."""
    stored = ("stored", "spare", "unstored")
    return [piece[name]["key"] for piece in answer.get("pieces", ()) for name in stored if name in piece]


def _image_from_json(piece: Mapping[str, Any]) -> PendingImage:
    if "stored" in piece:
        return ReadyImage(StoredImage(**piece["stored"]), piece.get("known", False))
    remote = _remote_from_json(piece) if "url" in piece else None
    if remote is None and "unstored" in piece:
        return InlineImage(StoredImage(**piece["unstored"]))
    if remote is None or "fault" in piece:
        return LostImage(piece.get("fault", "asset_unreachable"), piece.get("message", ""), remote)
    return remote


def _remote_from_json(piece: Mapping[str, Any]) -> RemoteImage:
    problem = FetchProblem(piece["code"], piece["problem"], piece["wait"]) if "problem" in piece else None
    spare: StoredImage | InlineImage | None = StoredImage(**piece["spare"]) if "spare" in piece else None
    if "unstored" in piece:
        spare = InlineImage(StoredImage(**piece["unstored"]))
    return RemoteImage(piece["url"], tuple(piece.get("alternates", ())), spare, problem)
