"""ZIP records: what the standard library reads back, also beyond 4 GiB and 65,535 entries."""

import io
import zipfile
import zlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from worker.exports.zip_format import ZipEntry, directory_entry, end_records, local_header

AT = datetime(2026, 1, 31, 18, 30, 10, tzinfo=UTC)


def archive(files: list[tuple[str, bytes]]) -> bytes:
    body, entries = bytearray(), list[ZipEntry]()
    for name, data in files:
        entries.append(ZipEntry(name, len(data), zlib.crc32(data), len(body)))
        body += local_header(entries[-1], AT) + data
    directory = b"".join(directory_entry(each, AT) for each in entries)
    return bytes(body) + directory + end_records(len(entries), len(body), len(directory))


NAMES = st.text(st.characters(exclude_characters="\0\\/", exclude_categories=["Cs"]), min_size=1, max_size=20)


@given(st.dictionaries(NAMES, st.binary(max_size=50), max_size=8))
def test_the_standard_library_reads_what_was_written(files: dict[str, bytes]) -> None:
    with zipfile.ZipFile(io.BytesIO(archive(list(files.items())))) as found:
        assert found.testzip() is None
        assert {info.filename: found.read(info) for info in found.infolist()} == files
        assert all(info.date_time == (2026, 1, 31, 18, 30, 10) for info in found.infolist())


def test_more_entries_than_fit_into_16_bits_are_read() -> None:
    data = archive([(f"{number:06}", b"") for number in range(66_000)])
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert len(found.infolist()) == 66_000


def test_sizes_and_offsets_beyond_4_gib_are_read() -> None:
    large = ZipEntry("large", 5 << 30, 0, 0)
    header = local_header(large, AT)
    offset = len(header) + large.size
    far = ZipEntry("far", 3, zlib.crc32(b"end"), offset)
    directory = directory_entry(large, AT) + directory_entry(far, AT)
    tail = local_header(far, AT) + b"end"
    tail += directory + end_records(2, offset + len(tail), len(directory))
    with zipfile.ZipFile(_Sparse(header, large.size, tail)) as found:
        assert [info.file_size for info in found.infolist()] == [5 << 30, 3]
        assert found.read("far") == b"end"


class _Sparse(io.RawIOBase):
    """A file with a run of zeros in its middle, that takes no memory."""

    def __init__(self, head: bytes, zeros: int, tail: bytes) -> None:
        self._head, self._tail, self._end = head, tail, len(head) + zeros
        self._at = 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        base = (0, self._at, self._end + len(self._tail))[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._end + len(self._tail) if size < 0 else self._at + size
        found = self._head[self._at : end] if self._at < len(self._head) else b""
        if self._at >= self._end:
            found = self._tail[self._at - self._end : end - self._end]
        self._at += len(found)
        return found
