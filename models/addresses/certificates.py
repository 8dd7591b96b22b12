"""Certificates that this process trusts: the system's, and those of a private authority."""

import atexit
import contextlib
import os
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path

import certifi

_VARIABLE = "SSL_CERT_FILE"  # read by OpenSSL, httpx and the object store's client


def check_bundle(path: Path) -> None:
    """Raise ``ValueError`` with a sentence unless a file has certificates in PEM."""
    try:
        ssl.create_default_context(cafile=str(path))
    except ssl.SSLError:
        raise ValueError(f"{path} has no certificate in PEM (-----BEGIN CERTIFICATE-----)") from None
    except OSError as error:
        raise ValueError(f"{path} can't be read: {error.strerror}") from None


def trust_bundle(path: Path) -> None:
    """Let every client of this process trust the certificates in a file too.

    ``SSL_CERT_FILE`` then names a file with those that were trusted before, and the new ones.
    """
    texts = [file.read_text(encoding="utf-8") for file in (*_trusted_files(), path)]
    handle, combined = tempfile.mkstemp(prefix="darkroom-trusted-", suffix=".pem")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write("\n".join(texts))
    atexit.register(_remove, combined)
    os.environ[_VARIABLE] = combined


def _trusted_files() -> Iterator[Path]:
    """Yield the files of certificates that are trusted without a bundle."""
    if given := os.environ.get(_VARIABLE):
        yield Path(given)
        return
    yield Path(certifi.where())  # as httpx does, for machines without certificates of their own
    if (system := ssl.get_default_verify_paths().cafile) is not None:
        yield Path(system)


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
