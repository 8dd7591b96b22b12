"""Requests to the API processes of a fleet, repeated until one of them answers."""

import time
from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from typing import Any

import httpx

_PATIENCE = 60.0  # seconds; longer than any outage of a schedule


class FleetApi:
    """Client with one key, which goes from one API process to the next; it counts the responses."""

    def __init__(self, urls: Sequence[str], key: str) -> None:
        self._urls = cycle(urls)
        self._client = httpx.Client(
            headers={"Authorization": f"Bearer {key}"}, trust_env=False, verify=False, timeout=20
        )
        self.responses: Counter[str] = Counter()  #: by status; also "503 without Retry-After"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request to one API after the other until one answers without a server error.

        After a minute of server errors the last one is returned.
        """
        deadline = time.monotonic() + _PATIENCE
        while True:
            try:
                response = self._client.request(method, next(self._urls) + path, **options)
            except httpx.TransportError:
                self.responses["no response"] += 1
                time.sleep(0.2)
                continue
            self._count(response)
            if response.status_code < 500 or time.monotonic() > deadline:
                return response
            time.sleep(0.3)

    def _count(self, response: httpx.Response) -> None:
        allowed = response.status_code != 503 or "retry-after" in response.headers
        self.responses[f"{response.status_code}{'' if allowed else ' without Retry-After'}"] += 1
