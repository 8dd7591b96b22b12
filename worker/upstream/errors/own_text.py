"""Own text of a request: remove its echoes from an error, so that a caller's words are no sign.

Providers repeat prompts, parameters and messages in their errors: whole, cut, escaped as JSON, or in another
case. Texts are compared by their letters and digits alone.
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any

from worker.upstream.matching import fold

_GRAM = 6  #: letters that an echo has in common with the request, at any place
_SHORT_ECHO = 18  #: letters of a part of a text that is an echo; an ideograph counts for three letters
_SHORT_TEXT = 9  #: letters of a whole text that is an echo
_IDEOGRAPH = 3  #: letters that one ideograph counts for
_FIRST_IDEOGRAPH = "\u2e80"
_MAX_TEXTS = 200
_MAX_LENGTH = 16_384  #: characters of one text: its two halves
_MAX_DEPTH = 8
_BLANK = " … "
_OTHER = re.compile(r"[\W_]+")
_ESCAPE = re.compile(r"\\+(?:u([0-9a-f]{4})|(.))", re.IGNORECASE | re.DOTALL)
_SPACES = {"n": " ", "r": " ", "t": " "}
#: members of a request whose names and values are not a caller's words
_FIXED = frozenset({"messages", "stream", "role", "type", "content", "text", "image_url", "url", "n"})


class OwnText:
    """Texts of one request: its prompt, messages and parameters with their names.

    ``request`` is the body that was sent, as bytes or as an object; it is read when it is first needed.
    """

    def __init__(self, request: bytes | Mapping[str, Any] | None = None) -> None:
        self._request = request

    def blank(self, text: str) -> str:
        """Return a text in lower case, in which every echo of the request is replaced by ``…``."""
        if not self._texts or not text:
            return text
        text = fold(_unescape(text))
        return self._blanked(text, text)

    def without_echoes(self, text: str) -> str:
        """Return a text with ``…`` for every echo of the request; otherwise it stays as it is.

        If there are echoes that are escaped as JSON, the text is returned in lower case, and without escapes.
        """
        if not self._texts or not text:
            return text
        folded = fold(text)
        if "\\" not in text and len(folded) == len(text):
            return self._blanked(text, folded)
        plain = self.blank(text)
        return text if plain == fold(_unescape(text)) else plain

    def _blanked(self, shown: str, text: str) -> str:
        """Return ``shown``, a spelling of the folded ``text`` of equal length, without the echoes of that."""
        places = [index for index, letter in enumerate(text) if letter.isalnum()]
        letters = "".join(text[place] for place in places)
        spans = sorted({*self._whole_echoes(letters), *self._part_echoes(letters)})
        parts, end = [], 0
        for first, last in spans:
            start, stop = places[first], places[last - 1] + 1
            if stop > end:
                parts += [shown[end : max(start, end)], _BLANK]
                end = stop
        return "".join([*parts, shown[end:]])

    def contains(self, words: str) -> bool:
        """Return whether the request itself has these words."""
        letters = _letters(words)
        return bool(letters) and any(letters in own for own in self._texts)

    def has_value(self, name: str) -> bool:
        """Return whether a whole text of the request, such as a parameter's name, is ``name``."""
        return _letters(name) in self._texts

    @cached_property
    def _texts(self) -> frozenset[str]:
        """The texts by their letters and digits."""
        request = self._request
        if isinstance(request, bytes):
            try:
                request = json.loads(request)
            except (ValueError, RecursionError):
                request = None
        texts = (_letters(text) for text in _strings(request) if not text.startswith("data:"))
        return frozenset(text for text in islice(texts, _MAX_TEXTS) if text)

    @cached_property
    def _grams(self) -> frozenset[str]:
        return frozenset(text[i : i + _GRAM] for text in self._texts for i in range(len(text) - _GRAM + 1))

    def _whole_echoes(self, letters: str) -> Iterator[tuple[int, int]]:
        for text in self._texts:
            if _weight(text) >= _SHORT_TEXT and (first := letters.find(text)) >= 0:
                yield first, first + len(text)

    def _part_echoes(self, letters: str) -> Iterator[tuple[int, int]]:
        """Yield the runs of letters that the request has, too, if they are long enough."""
        first = None
        for index in range(len(letters) - _GRAM + 2):
            known = letters[index : index + _GRAM] in self._grams and index + _GRAM <= len(letters)
            if known and first is None:
                first = index
            elif not known and first is not None:
                last = index + _GRAM - 1
                if _weight(letters[first:last]) >= _SHORT_ECHO:
                    yield first, last
                first = None


NO_REQUEST = OwnText()  #: where the request is not known


def own_text_of_job(model: str, prompt: str, request: object) -> OwnText:
    """Return the texts of a job, where the provider's request that was made of it is not at hand.

    ``request`` is the job's column of that name: its messages, system text and params.
    """
    return OwnText({"content": [prompt, model, request]})


def _strings(value: object, depth: int = 0) -> Iterator[str]:
    """Yield the strings of a request, and the names of its members."""
    if isinstance(value, str):
        yield value
    elif depth > _MAX_DEPTH:
        return
    elif isinstance(value, Mapping):
        for name, member in value.items():
            if name not in _FIXED:
                yield str(name)
            if name not in ("role", "type", "stream"):
                yield from _strings(member, depth + 1)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item, depth + 1)


def _letters(text: str) -> str:
    if len(text) > _MAX_LENGTH:
        text = text[: _MAX_LENGTH // 2] + text[-_MAX_LENGTH // 2 :]
    return _OTHER.sub("", fold(text))


def _weight(letters: str) -> int:
    return sum(_IDEOGRAPH if letter >= _FIRST_IDEOGRAPH else 1 for letter in letters)


def _unescape(text: str) -> str:
    r"""Undo JSON escapes, however often they were applied: ``\\\"``, ``\\n``, ``\\u4f59``."""
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _unescaped(found[1], found[2]), text)


def _unescaped(code: str | None, letter: str | None) -> str:
    return chr(int(code, 16)) if code else _SPACES.get(letter or "", letter or "")
