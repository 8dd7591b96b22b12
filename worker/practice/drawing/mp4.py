"""MP4 file assembled from boxes (ISO/IEC 14496-12): one empty track, and a label."""


def _box(name: bytes, content: bytes) -> bytes:
    return (len(content) + 8).to_bytes(4, "big") + name + content


def _track(width: int, height: int) -> bytes:
    """Return a track box with width and height at the end of its header, as 16.16 numbers."""
    size = (width << 16).to_bytes(4, "big") + (height << 16).to_bytes(4, "big")
    return _box(b"trak", _box(b"tkhd", bytes(76) + size))


def tiny_mp4(label: str) -> bytes:
    """Return a file that is recognised as a video of 64 x 36 pixels; its bytes differ by label."""
    brand = _box(b"ftyp", b"isom" + bytes(4) + b"isommp42")
    return brand + _box(b"moov", _track(64, 36)) + _box(b"mdat", label.encode("utf-8", "replace"))
