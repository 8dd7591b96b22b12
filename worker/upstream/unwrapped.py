"""Base64 that was broken into lines, as MIME does every 76 characters: escaped line ends are taken out."""

import re

ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"  #: both of RFC 4648
_FOLD = re.compile(rb"\\(?:r\\)?n")
_LINE = 60  #: characters of base64 that make a line
HELD = _LINE + 8  #: bytes held back at most: a line, and the escape before it


class Unwrapped:
    """Takes escaped line ends out of base64, and leaves all others: both sides have to look like base64."""

    def __init__(self) -> None:
        self._held = b""  # a line end, and too little behind it to tell
        self._past = b""  # the last characters that were given back

    def feed(self, piece: bytes, *, final: bool = False) -> bytes:
        """Take the next bytes and return those that are settled by now."""
        data, self._held = self._held + piece, b""
        if b"\\" not in data:
            self._past = (self._past + data)[-_LINE:]
            return data
        given: list[bytes] = []
        position = 0
        for fold in _FOLD.finditer(data):
            after = data[fold.end() : fold.end() + _LINE]
            if len(after) < _LINE and not after.translate(None, ALPHABET) and not final:
                return self._hold(data, position, fold.start(), given)
            self._past = (self._past + data[position : fold.start()])[-_LINE:]
            if self._folds(after):
                given.append(data[position : fold.start()])
                position = fold.end()
            else:
                given.append(data[position : fold.end()])
                self._past = (self._past + fold[0])[-_LINE:]
                position = fold.end()
        if data.endswith(b"\\r") and not final:
            return self._hold(data, position, len(data) - 2, given)
        return self._hold(data, position, len(data), given)

    def _hold(self, data: bytes, position: int, end: int, given: list[bytes]) -> bytes:
        self._held = data[end:]
        self._past = (self._past + data[position:end])[-_LINE:]
        return b"".join((*given, data[position:end]))

    def _folds(self, after: bytes) -> bool:
        """Tell whether base64 goes on: a whole line of it, or what is left of it up to its end."""
        if len(self._past) < _LINE or self._past.translate(None, ALPHABET):
            return False
        more = len(after) - len(after.lstrip(ALPHABET))
        return more == _LINE or (more > 0 and after[more : more + 1] in (b'"', b"=", b")"))
