"""Translate errors of storage backends into ``StorageError``, each with its fix."""

from collections.abc import Iterator
from contextlib import contextmanager

from obstore.exceptions import BaseError

from models.errors import StorageError

BACKEND_ERRORS = (
    BaseError,
    OSError,
    ValueError,
    NotImplementedError,
)  #: all errors that obstore and ``LocalFiles`` raise

#: Text in a backend's error, and its cause and fix for the operator. The first match decides.
EXPLANATIONS: tuple[tuple[str, str], ...] = (
    ("(os error 28)", "the disk is full; free some space or point DARKROOM_STORAGE_URL to another disk"),
    ("(os error 122)", "the disk quota is used up; raise it or point DARKROOM_STORAGE_URL to another disk"),
    ("(os error 27)", "the file is larger than the file system or the process's limit (ulimit -f) allows"),
    ("(os error 30)", "the disk is mounted read-only; mount it writable"),
    ("(os error 13)", "permission denied; give the user that runs Darkroom write access to it"),
    ("(os error 1)", "permission denied; give the user that runs Darkroom write access to it"),
    ("(os error 20)", "a part of its path is a file, not a folder; choose another folder"),
    ("(os error 24)", "too many open files; raise the limit (ulimit -n)"),
    (
        "/latest/",
        "there are no credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    ),  # it tried EC2 instance metadata
    ("NoSuchBucket", "there is no such bucket; create it or correct DARKROOM_STORAGE_URL"),
    ("InvalidAccessKeyId", "the store does not know the access key; correct AWS_ACCESS_KEY_ID"),
    ("SignatureDoesNotMatch", "the store refused the secret key; correct AWS_SECRET_ACCESS_KEY"),
    ("ExpiredToken", "the credentials have expired; renew them"),
    ("AccessDenied", "the credentials may not do this; allow get, put and delete on the bucket"),
    ("403 Forbidden", "the credentials may not do this; allow get, put and delete on the bucket"),
    ("401 Unauthorized", "the store did not accept the credentials; correct them"),
    ("builder error", "the endpoint uses plain http; set allow_http (AWS_ALLOW_HTTP=true) or use https"),
    ("kind: Connect", "it can't be reached; check the endpoint and the network"),
    ("kind: Timeout", "it did not answer in time; check the endpoint and the network"),
    ("404 Not Found", "there is no such bucket or container; create it or correct DARKROOM_STORAGE_URL"),
)


def describe_error(error: Exception) -> str:
    """Return the cause and fix of a backend error, or its first line if it is not in the table."""
    text = f"{error} (os error {error.errno})" if isinstance(error, OSError) and error.errno else str(error)
    for pattern, explanation in EXPLANATIONS:
        if pattern in text:
            return explanation
    return text.split("\n", 1)[0][:300]


@contextmanager
def translating_errors(action: str, place: str) -> Iterator[None]:
    """Turn backend errors of an action (``write ab/cd/x.png``) into ``StorageError``."""
    try:
        yield
    except BACKEND_ERRORS as error:
        raise StorageError(f"Could not {action} in {place}: {describe_error(error)}.") from error
