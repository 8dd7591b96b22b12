"""ZIP records of stored entries, with sizes and checksums ahead of the data (PKWARE APPNOTE 6.3.10, ZIP64).

Libraries that stream ZIPs compute a checksum while its file passes, so that a download can't be resumed
without reading all that was sent before. Here each is known first, and any range can be sent by itself.
"""

import struct
from dataclasses import dataclass
from datetime import datetime

_UTF8 = 1 << 11  # flag: names are UTF-8
_MODE = 0o100644 << 16  # a regular file
_MOST_16, _MOST_32 = 0xFFFF, 0xFFFFFFFF
_BY_UNIX = 3 << 8


@dataclass(frozen=True, slots=True)
class ZipEntry:
    """A stored file of a ZIP. ``offset``: of its local header, in bytes."""

    name: str
    size: int
    crc32: int
    offset: int


def dos_time(at: datetime) -> tuple[int, int]:
    """Return time and date as DOS has them, to two seconds; years from 1980 to 2107."""
    year = min(max(at.year, 1980), 2107)
    return at.hour << 11 | at.minute << 5 | at.second // 2, (year - 1980) << 9 | at.month << 5 | at.day


def local_header(entry: ZipEntry, at: datetime) -> bytes:
    """Return the record before the data of an entry (4.3.7)."""
    name, large = entry.name.encode(), entry.size >= _MOST_32
    extra = struct.pack("<HHQQ", 1, 16, entry.size, entry.size) if large else b""
    size = _MOST_32 if large else entry.size
    return (
        struct.pack(
            "<IHHHHHIIIHH",
            *(0x04034B50, 45 if large else 20, _UTF8, 0, *dos_time(at)),
            *(entry.crc32, size, size, len(name), len(extra)),
        )
        + name
        + extra
    )


def directory_entry(entry: ZipEntry, at: datetime) -> bytes:
    """Return the record of an entry in the central directory (4.3.12)."""
    name, large, far = entry.name.encode(), entry.size >= _MOST_32, entry.offset >= _MOST_32
    numbers = [*([entry.size, entry.size] if large else []), *([entry.offset] if far else [])]
    extra = struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""
    version, size = 45 if numbers else 20, _MOST_32 if large else entry.size
    return (
        struct.pack(
            "<IHHHHHHIIIHHHHHII",
            *(0x02014B50, _BY_UNIX | version, version, _UTF8, 0, *dos_time(at)),
            *(entry.crc32, size, size, len(name), len(extra), 0, 0, 0, _MODE),
            _MOST_32 if far else entry.offset,
        )
        + name
        + extra
    )


def end_records(count: int, directory_offset: int, directory_size: int) -> bytes:
    """Return the records after the central directory (4.3.14 to 4.3.16); ZIP64 only where it is needed."""
    zip64 = b""
    if count >= _MOST_16 or directory_offset >= _MOST_32 or directory_size >= _MOST_32:
        end = directory_offset + directory_size
        numbers = (count, count, directory_size, directory_offset)
        zip64 = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, _BY_UNIX | 45, 45, 0, 0, *numbers)
        zip64 += struct.pack("<IIQI", 0x07064B50, 0, end, 1)
    entries, size = min(count, _MOST_16), min(directory_size, _MOST_32)
    offset = min(directory_offset, _MOST_32)
    return zip64 + struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, entries, entries, size, offset, 0)
