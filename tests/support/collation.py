"""A locale whose collation is not code-point order, compiled by glibc's ``localedef``.

The PostgreSQL of the tests' wheel has no ICU, and a machine may have no locale but ``C``. This one,
``reading``, sorts ``a A b B … - _`` where code points are in the order ``- A B … _ a b``: as with ``en_US``,
many names swap places.
"""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

READING = "reading"  #: its name, where LOCPATH names its folder
CAN_COMPILE = shutil.which("localedef") is not None  #: not on macOS, nor with musl
_BLOCK = 64  # code points whose UTF-8 differs in the last byte only
_SURROGATES = range(0xD800, 0xE000)


def compile_locale(folder: Path) -> None:
    """Compile the locale into a new folder."""
    folder.mkdir()
    charmap, source, compiled = folder / "charmap", folder / "source", folder / READING
    charmap.write_text("\n".join(_charmap()))
    source.write_text("\n".join(_collation()))
    # it warns of the categories that the source leaves out, and then returns 1 as well
    options = ["--no-archive", "--force", "-f", str(charmap), "-i", str(source)]
    made = subprocess.run(["localedef", *options, str(compiled)], capture_output=True, text=True, check=False)
    assert made.returncode <= 1, made.stderr
    assert "error" not in made.stderr, made.stderr


def _charmap() -> Iterator[str]:
    """UTF-8 of the basic plane; other characters sort by PostgreSQL's rule for equal ones, by bytes."""
    yield from ("<code_set_name> UTF-8", "<comment_char> %", "<escape_char> /")
    yield from ("<mb_cur_min> 1", "<mb_cur_max> 6", "CHARMAP", "<U0000>..<U007F> /x00 ASCII")
    for first in range(0x80, 0x10000, _BLOCK):
        if first not in _SURROGATES:
            encoded = "".join(f"/x{byte:02x}" for byte in chr(first).encode())
            yield f"<U{first:04X}>..<U{first + _BLOCK - 1:04X}> {encoded} characters"
    yield "END CHARMAP\n"


def _collation() -> Iterator[str]:
    printable = [chr(code) for code in range(0x20, 0x7F)]
    yield from ("comment_char %", "escape_char /", "LC_COLLATE", "order_start forward")
    for character in sorted(printable, key=lambda each: (not each.isalnum(), each.lower(), each.isupper())):
        yield f"<U{ord(character):04X}>"
    yield from ("UNDEFINED", "order_end", "END LC_COLLATE\n")
