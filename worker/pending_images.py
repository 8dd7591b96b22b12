"""The pieces of an answer, as they are kept in its job until all of them are home."""

from typing import Any

from models.queries.bulk import storable
from worker.upstream.parsing.image import ResultImage

Piece = dict[str, Any]
"""``{"url", "alternates"}`` while it is away, ``{"stored"}`` at home, ``{"fault"}`` if it can't be had.

``spare`` is a rendering that is stored already, should the better one not be had; ``known`` says that it is
an asset of the job already.
"""


def linked(picture: ResultImage) -> Piece | None:
    """Return the piece of a picture that has addresses; what came inside the answer is none of them."""
    addresses = [storable(each) for each in (picture.url, *picture.alternates) if each is not None]
    web = [address for address in addresses if not address.startswith("data:")]
    return {"url": web[0], "alternates": web[1:]} if web else None


def settled(piece: Piece, *, last: bool) -> Piece:
    """Return the spare of a piece that can't be had, or not in time (``last``), as what is at home."""
    lost_call = "fault" in piece or (last and "url" in piece)
    return {"stored": piece["spare"]} if lost_call and "spare" in piece else piece
