"""PNG files assembled from chunks: embed a prompt, read it back, build cheap images.

Every image of the practice provider has its whole prompt in an ``iTXt`` chunk, so that a test can check that
stored bytes belong to their job.
"""

import random
import zlib
from functools import lru_cache

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_END = len(SIGNATURE) + 25  # IHDR is always first and always 13 bytes long
_PROMPT = b"prompt\0\0\0\0\0"  # keyword, not compressed, no language, no translated keyword
_NUMBER = b"number\0"
_NOISES = 32  # cached: 2 MB
_NOISE_SIDE = 147  # 147 * (1 + 147 * 3) bytes are 64 KB


def chunk(kind: bytes, data: bytes) -> bytes:
    """Return one PNG chunk: length, kind, data, CRC."""
    body = kind + data
    return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")


def header(width: int, height: int) -> bytes:
    """Return the IHDR chunk of an RGB image with 8 bits per channel."""
    return chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x02\0\0\0")


IEND = chunk(b"IEND", b"")
_TINY_HEAD = SIGNATURE + header(1, 1)
_TINY_TAIL = chunk(b"IDAT", zlib.compress(b"\0\xf5\xa6\x23")) + IEND
_NOISE_HEAD = SIGNATURE + header(_NOISE_SIDE, _NOISE_SIDE)


def _label(prompt: str, number: int) -> bytes:
    text = chunk(b"iTXt", _PROMPT + prompt.encode("utf-8", "replace"))
    return text + chunk(b"tEXt", _NUMBER + str(number).encode())


def embed_prompt(png: bytes, prompt: str, number: int) -> bytes:
    """Return the PNG with its prompt and number embedded."""
    return b"".join((png[:_HEADER_END], _label(prompt, number), png[_HEADER_END:]))


def tiny_png(prompt: str, number: int) -> bytes:
    """Return a one-pixel PNG whose bytes differ by prompt and number; takes microseconds."""
    return b"".join((_TINY_HEAD, _label(prompt, number), _TINY_TAIL))


def noise_png(prompt: str, number: int) -> bytes:
    """Return a PNG of about 64 KB of incompressible noise, determined by prompt and number."""
    label = _label(prompt, number)
    return b"".join((_NOISE_HEAD, label, _noise(zlib.crc32(label) % _NOISES), IEND))


@lru_cache(maxsize=_NOISES)
def _noise(seed: int) -> bytes:
    stride = 1 + _NOISE_SIDE * 3
    rows = bytearray(random.Random(seed).randbytes(stride * _NOISE_SIDE))
    rows[::stride] = bytes(_NOISE_SIDE)  # each row starts with its filter: none
    return chunk(b"IDAT", zlib.compress(rows, 0))


def prompt_of(png: bytes) -> str | None:
    """Return the prompt embedded in an image of the practice provider; ``None`` for other bytes."""
    if not png.startswith(SIGNATURE):
        return None
    position = len(SIGNATURE)
    while position + 12 <= len(png):
        end = position + 8 + int.from_bytes(png[position : position + 4], "big")
        data = png[position + 8 : end]
        if png[position + 4 : position + 8] == b"iTXt" and data.startswith(_PROMPT):
            return data[len(_PROMPT) :].decode("utf-8", "replace")
        position = end + 4
    return None


def seeded_random(prompt: str, number: int) -> random.Random:
    """Return a random generator determined by prompt and number."""
    return random.Random(prompt.encode("utf-8", "replace") + b"\0%d" % number)
