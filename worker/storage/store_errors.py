"""Translate errors of storage backends into ``StorageError``, each with its fix."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from obstore.exceptions import BaseError

from models.errors import StorageError

BACKEND_ERRORS = (
    BaseError,
    OSError,
    ValueError,
    NotImplementedError,
)  #: all errors that obstore and ``LocalFiles`` raise

_CODE = re.compile(r"<Code>([\w.-]{1,80})</Code>")
_KEYS = "DARKROOM_S3_ACCESS_KEY_ID and DARKROOM_S3_SECRET_ACCESS_KEY"
_SKEW = "this machine's clock differs too much from the store's; synchronize both by NTP"
_NO_RIGHTS = "the credentials may not do this; allow list, get, put and delete on the bucket"
_NO_BUCKET = "there is no such bucket or container; create it or correct DARKROOM_STORAGE_URL"
_REGION = "the bucket is in another region or elsewhere; correct DARKROOM_S3_REGION and DARKROOM_S3_ENDPOINT"
_BUSY = "it is busy and asks for fewer requests; they are tried again later"
_DOWN = "it has a failure of its own; look at its log or status page"
_EXPIRED = "the credentials have expired; renew them"
_FULL = "it is full or its quota is used up; free some space or raise the quota"
_DISABLED = "the account or bucket is closed or not paid for; ask its provider"
_UNSUPPORTED = (
    "it does not support an operation that Darkroom needs (get, put, list, delete, ranges); use another one"
)

#: Error codes of S3 (Amazon S3 API, "Error responses"), of its likes and of Azure's blobs: cause and fix.
CODES: Mapping[str, str] = {
    "RequestTimeTooSkewed": _SKEW,
    "RequestExpired": _SKEW,
    "NoSuchBucket": _NO_BUCKET,
    "InvalidBucketName": "the bucket's name is not valid; correct DARKROOM_STORAGE_URL",
    "ContainerNotFound": _NO_BUCKET,
    "InvalidAccessKeyId": "the store does not know the access key; correct DARKROOM_S3_ACCESS_KEY_ID",
    "SignatureDoesNotMatch": "the store refused the secret key; correct DARKROOM_S3_SECRET_ACCESS_KEY",
    "AuthenticationFailed": "the store did not accept the credentials, or a clock is wrong; correct them",
    "ExpiredToken": _EXPIRED,
    "TokenRefreshRequired": _EXPIRED,
    "InvalidToken": _EXPIRED,
    "AccessDenied": _NO_RIGHTS,
    "AuthorizationPermissionMismatch": _NO_RIGHTS,
    "AllAccessDisabled": _DISABLED,
    "AccountProblem": _DISABLED,
    "NotSignedUp": _DISABLED,
    "PermanentRedirect": _REGION,
    "TemporaryRedirect": _REGION,
    "AuthorizationHeaderMalformed": _REGION,
    "IllegalLocationConstraintException": _REGION,
    "SlowDown": _BUSY,
    "ServerBusy": _BUSY,
    "TooManyRequests": _BUSY,
    "RequestLimitExceeded": _BUSY,
    "ServiceUnavailable": _BUSY,
    "XMinioServerNotInitialized": _DOWN,
    "InternalError": _DOWN,
    "QuotaExceeded": _FULL,
    "XMinioStorageFull": _FULL,
    "XMinioAdminBucketQuotaExceeded": _FULL,
    "EntityTooLarge": "the file is larger than the store allows; raise its limit",
    "NotImplemented": _UNSUPPORTED,
    "MethodNotAllowed": _UNSUPPORTED,
    "InvalidObjectState": "the object was archived; restore it, and exclude the bucket from archiving",
}

MISSING_BUCKET = frozenset({"NoSuchBucket", "ContainerNotFound"})

#: Text in a backend's error without a known code, and its cause and fix. The first match decides.
EXPLANATIONS: tuple[tuple[str, str], ...] = (
    ("(os error 28)", "the disk is full; free some space or point DARKROOM_STORAGE_URL to another disk"),
    ("(os error 122)", "the disk quota is used up; raise it or point DARKROOM_STORAGE_URL to another disk"),
    ("(os error 27)", "the file is larger than the file system or the process's limit (ulimit -f) allows"),
    ("(os error 30)", "the disk is mounted read-only; mount it writable"),
    ("(os error 13)", "permission denied; give the user that runs Darkroom write access to it"),
    ("(os error 1)", "permission denied; give the user that runs Darkroom write access to it"),
    ("(os error 20)", "a part of its path is a file, not a folder; choose another folder"),
    ("(os error 24)", "too many open files; raise the limit (ulimit -n)"),
    ("/latest/", f"there are no credentials; set {_KEYS}"),  # it tried EC2 instance metadata
    ("incorrectly configured region", _REGION),
    ("403 Forbidden", _NO_RIGHTS),
    ("401 Unauthorized", "the store did not accept the credentials; correct them"),
    ("429 Too Many Requests", _BUSY),
    ("503 Service Unavailable", _BUSY),
    ("507 Insufficient Storage", _FULL),
    ("500 Internal Server Error", _DOWN),
    ("502 Bad Gateway", "what is in front of it got no answer from it; look at the log of both"),
    ("504 Gateway Timeout", "what is in front of it got no answer from it in time; look at the log of both"),
    (
        "builder error",
        "the endpoint uses plain http; write it as http://… in DARKROOM_S3_ENDPOINT, or use https",
    ),
    (
        "invalid peer certificate",
        "its certificate is not trusted; have the machine trust its CA, or correct the endpoint",
    ),
    ("InvalidContentType", "it answers without TLS; write DARKROOM_S3_ENDPOINT with http://"),
    ("dns error", "its name is not known; correct DARKROOM_S3_ENDPOINT or the name server"),
    ("kind: Connect", "it can't be reached; check DARKROOM_S3_ENDPOINT and the network"),
    ("kind: Timeout", "it did not answer in time; check DARKROOM_S3_ENDPOINT and the network"),
    ("404 Not Found", _NO_BUCKET),
)


def error_code(error: Exception) -> str | None:
    """Return the code of an S3 or Azure error document that an error quotes."""
    found = _CODE.search(str(error))
    return found[1] if found else None


def describe_error(error: Exception) -> str:
    """Return the cause and fix of a backend error, or its code, or its first line, if it is in no table."""
    if isinstance(error, UnicodeError):
        return "the name has characters that are not UTF-8"
    code = error_code(error)
    if code and (known := CODES.get(code)):
        return known
    text = f"{error} (os error {error.errno})" if isinstance(error, OSError) and error.errno else str(error)
    for pattern, explanation in EXPLANATIONS:
        if pattern in text:
            return explanation
    return f"it answered with the code {code}" if code else text.split("\n", 1)[0][:300]


@contextmanager
def translating_errors(action: str, place: str) -> Iterator[None]:
    """Turn backend errors of an action (``write ab/cd/x.png``) into ``StorageError``."""
    try:
        yield
    except BACKEND_ERRORS as error:
        raise StorageError(f"Could not {action} in {place}: {describe_error(error)}.") from error
