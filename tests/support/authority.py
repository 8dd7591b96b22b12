"""The only authority that the tests trust, whose key was thrown away.

Each API and worker reads all trusted certificates: the 140 that are shipped would take 26 ms each time, as
long as an ordinary test.
"""

import os
from collections.abc import Mapping
from pathlib import Path

import certifi

AUTHORITY = str(Path(__file__).with_name("authority.pem"))
_VARIABLE, _BEFORE = "SSL_CERT_FILE", "SSL_CERT_FILE_BEFORE_TESTS"


def trust_only_authority() -> None:
    """Let this process and those that it starts trust no other authority.

    In this process and its forks also where the variable is not read, as by HTTPX with ``trust_env=False``.
    """
    certifi.where = lambda: AUTHORITY
    if os.environ.get(_VARIABLE) != AUTHORITY:
        os.environ[_BEFORE] = os.environ.get(_VARIABLE, "")
        os.environ[_VARIABLE] = AUTHORITY


def public_environment() -> Mapping[str, str]:
    """Return the variables for a program that reads a package index, with the certificates of the machine."""
    before = os.environ.get(_BEFORE)
    given = {name: value for name, value in os.environ.items() if name not in (_VARIABLE, _BEFORE)}
    return given | ({_VARIABLE: before} if before else {})
