"""The id under which a provider's support finds a call."""

from collections.abc import Mapping

REQUEST_IDS = ("x-oneapi-request-id", "x-request-id", "x-api-request-id", "x-generation-id", "cf-ray")


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Return the id that the response headers give, the most telling first; names are lower case."""
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), None)
