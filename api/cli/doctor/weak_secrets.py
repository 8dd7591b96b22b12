"""Check of secrets: keys of providers and passwords of URLs that are short or easy to guess."""

from collections.abc import Iterator

from api.cli.doctor.findings import Finding, fault, fine
from api.cli.startup import short_provider_keys
from models.credentials.strength import GENERATE, weak_passwords
from models.settings import Settings

_CHECK = "secrets"


def check_secrets(settings: Settings) -> Iterator[Finding]:
    """Find weak secrets. Placeholders and weak keys of callers are faults of the settings themselves."""
    found = [*_short_keys(settings), *_passwords(settings)]
    yield from found or [fine(_CHECK, "no placeholder, and none that is short or easy to guess")]


def _short_keys(settings: Settings) -> Iterator[Finding]:
    for sentence in short_provider_keys(settings):
        message, _, fix = sentence.partition(". ")
        yield fault(_CHECK, f"{message}.", fix)


def _passwords(settings: Settings) -> Iterator[Finding]:
    for name, url in (
        ("DARKROOM_DATABASE_URL", settings.database_url),
        ("DARKROOM_BROKER_URL", settings.broker_url),
    ):
        for why in weak_passwords(url):
            yield fault(
                _CHECK,
                f"{name}: the password {why}.",
                f"Give that server another: {GENERATE}, set it there and here.",
            )
