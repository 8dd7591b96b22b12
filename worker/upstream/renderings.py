"""Renderings of one picture: found by what they share, with one of them to fetch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from worker.upstream.parsing.image import Picture
from worker.upstream.parsing.urls import Key, canonical, is_resized

Identity = Key | str


@dataclass(slots=True)
class Group:
    """Renderings of one picture: the one to fetch, and the others by their addresses."""

    primary: Picture
    rank: int = 0  #: of the best source that shows it; the lowest is the best
    others: dict[str, Picture] = field(default_factory=dict)
    end: int = -1  #: where its last rendering stands in the text
    paired: bool = False  #: a link leads to it
    settled: bool = False  #: its original is known

    def add(self, picture: Picture, *, rank: int = 0, original: bool = False) -> None:
        """Take a further rendering.

        An ``original`` is the one to fetch; then what is not resized; then the better source's.
        """
        if picture.address == self.primary.address:
            self.primary = with_alternates(self.primary, *picture.alternates)
        else:
            if original or self._prefers(picture, rank):
                self.others = {self.primary.address: self.primary, **self.others}
                self.others.pop(picture.address, None)
                self.primary = picture
            else:
                self.others.setdefault(picture.address, picture)
        self.rank, self.settled = min(self.rank, rank), self.settled or original

    def _prefers(self, picture: Picture, rank: int) -> bool:
        now, then = _is_resized(self.primary), _is_resized(picture)
        return now and not then if now != then else rank < self.rank and not self.settled

    def picture(self) -> Picture:
        """Return the picture to fetch, with the others as its alternates."""
        further = [*self.primary.alternates]
        for address, other in self.others.items():
            further += [address, *other.alternates]
        alternates = (address for address in dict.fromkeys(further) if address != self.primary.address)
        return replace(self.primary, alternates=tuple(alternates))


def identity(picture: Picture) -> Identity:
    """Return what two renderings of the same picture share: the canonical key, or the bytes."""
    return canonical(picture.url) if picture.url is not None else str(picture.data)


def combine(structured: Sequence[Picture], written: Sequence[Picture], *, marked: bool) -> list[Picture]:
    """Join the pictures of fields with those of the text.

    The same picture in both is one; with as many in both they are the same ones; otherwise both count.
    ``marked`` says that the text has no more than marks in a progress line, which are never further pictures.
    """
    unique = _merged(structured)
    if not (unique and written):
        return unique or _merged(written)
    keys = {key for picture in unique for key in _keys(picture)}
    overlap = any(key in keys for picture in written for key in _keys(picture))
    if len(unique) == len(written) and not overlap:
        pairs = zip(unique, written, strict=True)
        return [with_alternates(picture, other.address, *other.alternates) for picture, other in pairs]
    return unique if marked else _merged((*unique, *written))


def with_alternates(picture: Picture, *addresses: str) -> Picture:
    """Return the picture with further fallbacks."""
    known = (*picture.alternates, *(address for address in addresses if address != picture.address))
    return replace(picture, alternates=tuple(dict.fromkeys(known)))


def _merged(pictures: Sequence[Picture]) -> list[Picture]:
    """Join the pictures that share a rendering."""
    groups: list[Group] = []
    by_key: dict[Identity, Group] = {}
    for picture in pictures:
        keys = list(_keys(picture))
        group = next((by_key[key] for key in keys if key in by_key), None)
        if group is None:
            group = Group(picture)
            groups.append(group)
        else:  # what is only an alternate of this one has found its original
            group.add(picture, original=identity(group.primary) in keys[1:])
        by_key.update(dict.fromkeys(keys, group))
    return [group.picture() for group in groups]


def _keys(picture: Picture) -> Iterator[Identity]:
    yield identity(picture)
    for address in picture.alternates:
        yield address.partition(",")[2] if address.startswith("data:") else canonical(address)


def _is_resized(picture: Picture) -> bool:
    return picture.url is not None and is_resized(picture.url)
