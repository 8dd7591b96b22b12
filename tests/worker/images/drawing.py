"""Pictures for tests, drawn by Pillow, and other files made by hand."""

import io
import random
import struct
import zlib

from PIL import Image


def draw(kind: str, width: int = 24, height: int = 16, *, seed: int = 0, **options: object) -> bytes:
    """Draw noise, so that nothing compresses to nothing."""
    noise = random.Random(seed).randbytes(width * height * 3)
    image, target = Image.frombytes("RGB", (width, height), noise), io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def png_header(width: int, height: int) -> bytes:
    """Write a whole PNG that claims a size it does not have."""
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
        for name, content in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(b"")),
            (b"IEND", b""),
        )
    )


def box(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


def mp4(width: int, height: int) -> bytes:
    header = bytes(76) + struct.pack(">HHHH", width, 0, height, 0)
    sound = box(b"trak", box(b"tkhd", bytes(84)))
    film = box(b"moov", sound + box(b"trak", box(b"tkhd", header)))
    return box(b"ftyp", b"isom\x00\x00\x02\x00isommp41") + film + box(b"mdat", bytes(50))


def heic(width: int, height: int) -> bytes:
    sizes = b"".join(box(b"ispe", struct.pack(">III", 0, w, h)) for w, h in ((2, 2), (width, height)))
    meta = box(b"meta", bytes(4) + box(b"iprp", box(b"ipco", sizes)))
    return box(b"ftyp", b"heic\x00\x00\x00\x00mif1heic") + meta + box(b"mdat", bytes(50))


def webm() -> bytes:
    header = b"\x42\x82\x84webm"
    return (
        b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + b"\x18\x53\x80\x67" + b"\x8a" + bytes(10)
    )
