"""Redaction of the log: no line shows a key, a prompt, a data URL or a signed address.

It is the last processor before a line is rendered, so the rule holds for all lines: our own, those of other
packages, and tracebacks. What a line says of other things stays as it is.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr
from structlog.typing import EventDict

from models.credentials.key_shapes import KEY_SHAPES
from models.settings import Settings
from worker.process.log_context import CONTEXT_NAMES, present_log_context
from worker.upstream.transport.secret_filter import HIDDEN, SecretFilter

_OMITTED = "…"
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+(?!realm|error)[A-Za-z0-9._~+/-]{8,}=*")
_DATA_URL = re.compile(r"(?i)\bdata:([\w.+-]+/[\w.+-]+)?(?:;[\w=.+-]+)*,[^\s\"'<>]*")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{160,}={0,2}")
_ADDRESS = re.compile(
    r"(?i)\b([a-z][a-z0-9+.-]{1,30}://)(?:[^\s/?#\"'<>@]*@)?([^\s?#\"'<>]*)([?#][^\s\"'<>]*)?"
)
_TOKEN_PATH = re.compile(r"(/assets/)[A-Za-z0-9_-]{16,}")  # all that is needed to see a picture
_NEXT = r"DETAIL|HINT|CONTEXT|WHERE|LINE \d+|STATEMENT|\[SQL|\(Background|The above|During|Traceback|File "
#: rows and JSON that PostgreSQL quotes
_QUOTED_ROW = re.compile(rf"^[ |+]*(?:DETAIL|CONTEXT|STATEMENT): .*?(?=^[ |+]*(?:{_NEXT})|\Z)", re.M | re.S)
_INPUT_VALUE = re.compile(r"input_value=.*?, input_type=", re.DOTALL)  # of pydantic


class LogRedaction:
    """A processor of structlog. ``content``: prompts, data URLs and addresses are shown; keys never are."""

    def __init__(self, secrets: Iterable[str] = (), *, content: bool = False) -> None:
        self._secrets, self._content = SecretFilter(secrets), content

    def __call__(self, _: Any, __: str, event: EventDict) -> EventDict:
        """Return a line without what it must not show."""
        safe = {"level", "timestamp", *event.get(CONTEXT_NAMES, ()), CONTEXT_NAMES}
        return {name: value if name in safe else self.value(value) for name, value in event.items()}

    def value(self, value: Any) -> Any:
        """Return a value without what it must not show, at any depth."""
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return {self.value(name): self.value(each) for name, each in value.items()}
            case list() | tuple() | set() | frozenset():
                return [self.value(each) for each in value]
            case BaseException():
                return self.text(repr(value))
        return value

    def text(self, text: str) -> str:
        """Return a text without what a line must not show."""
        text = self._secrets.clean_text(text)
        text = _AUTHORIZATION.sub(rf"\1 {HIDDEN}", KEY_SHAPES.hide(text))
        if self._content:
            return _ADDRESS.sub(r"\1\2\3", text)
        text = _QUOTED_ROW.sub("", text)
        text = _INPUT_VALUE.sub(f"input_value={_OMITTED}, input_type=", text)
        text = _DATA_URL.sub(lambda found: f"data:{found[1] or ''},[{len(found[0])} characters]", text)
        text = _ADDRESS.sub(_without_query, text)
        text = _BASE64.sub(lambda found: f"[{len(found[0])} characters]", text)
        text = _TOKEN_PATH.sub(rf"\1{_OMITTED}", text)
        return present_log_context().own_text.without_echoes(text)


def secrets_of(settings: Settings) -> list[str]:
    """Return the secrets of the settings, whichever of them this process goes by."""
    values = vars(settings)
    found = [channel.api_key for channel in values["channels"]]
    for value in values.values():
        several = value if isinstance(value, tuple) else (value,)
        found += [each for each in several if isinstance(each, SecretStr)]
    return [secret.get_secret_value() for secret in found]


def _without_query(found: re.Match[str]) -> str:
    """Return an address without its user, password, query and fragment: where it is signed."""
    return f"{found[1]}{found[2]}{'?' + _OMITTED if found[3] else ''}"
