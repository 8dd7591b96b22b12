"""Settings of a client: arguments, else ``DARKROOM_*`` variables."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from darkroom_client.errors import ConfigurationError
from darkroom_client.exchange.retry import RetryPolicy

URL, API_KEY, MODEL = "DARKROOM_URL", "DARKROOM_API_KEY", "DARKROOM_MODEL"
VARIABLES = (URL, API_KEY, MODEL)  #: all variables that are read
DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True, slots=True)
class Configuration:
    """Where the server is, with which key it is called, and how failures are retried."""

    base_url: str = DEFAULT_URL
    api_key: str | None = field(default=None, repr=False)
    model: str | None = None  #: of jobs that name none
    timeout: float = 30.0  #: seconds without a byte, in addition to a requested wait
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    @property
    def origin(self) -> tuple[str, str]:
        """Scheme and host of the server; only requests to it carry the key."""
        parts = urlsplit(self.base_url)
        return parts.scheme, parts.netloc


def load_configuration(
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    model: str | None = None,
    timeout: float | None = None,
    retry: RetryPolicy | None = None,
    environment: Mapping[str, str] = os.environ,
) -> Configuration:
    """Return the settings; what is not given comes from the environment, else from the defaults.

    Raises ``ConfigurationError``.
    """
    url = (base_url or environment.get(URL) or DEFAULT_URL).strip().rstrip("/")
    key = (environment.get(API_KEY, "") if api_key is None else api_key).strip()
    faults = []
    if not _is_web_url(url):
        faults.append(f"{URL}: write the whole URL, such as {DEFAULT_URL}.")
    if not key.isascii() or not key.isprintable() or " " in key:
        faults.append(f"{API_KEY}: a key has no spaces and no other characters than ASCII's.")
    if faults:
        raise ConfigurationError(faults)
    defaults = Configuration()
    return Configuration(
        base_url=url,
        api_key=key or None,
        model=model or environment.get(MODEL) or None,
        timeout=defaults.timeout if timeout is None else timeout,
        retry=retry or defaults.retry,
    )


def _is_web_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
