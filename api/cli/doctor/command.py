"""``darkroom doctor``: run all checks and print each problem with its fix."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Annotated

from cyclopts import Parameter
from rich.text import Text

from api.cli.doctor.broker import check_broker
from api.cli.doctor.channels import check_channels
from api.cli.doctor.database import check_database
from api.cli.doctor.file_rights import check_file_rights
from api.cli.doctor.findings import Finding, fault
from api.cli.doctor.installation import (
    check_addresses,
    check_file_limit,
    check_packages,
    check_port,
    check_variables,
)
from api.cli.doctor.storage import check_storage
from api.cli.doctor.weak_secrets import check_secrets
from api.cli.exit_codes import Exit
from api.cli.local_database import placed, settings_of
from api.cli.options import DEFAULT_FORMAT, DEFAULT_INSTALLATION, Format, Installation
from api.cli.output import Printer, printer
from api.shared_result import SharedResult
from models.errors import SettingsError
from models.settings import Settings

_FRESH = 60.0  # seconds between two examinations of a running API


def doctor(
    *,
    offline: Annotated[bool, Parameter(negative="")] = False,
    host: str | None = None,
    port: int | None = None,
    installation: Installation = DEFAULT_INSTALLATION,
    output: Format = DEFAULT_FORMAT,
) -> Exit:
    """Check settings, database, storage, broker, channels, keys and workers; each problem has its fix.

    Parameters
    ----------
    offline
        don't connect to the providers
    host
        address that `darkroom up` is given; else DARKROOM_HOST
    port
        port that `darkroom up` is given; else DARKROOM_PORT
    """
    findings = [*check_packages(), *check_variables()]
    try:
        settings = settings_of(installation, host=host, port=port)
        settings = placed(settings, settings.port)
    except SettingsError as error:
        findings += [fault("settings", sentence, "Correct this setting.") for sentence in error.faults]
    else:
        findings += [
            *check_port(settings),
            *check_addresses(settings),
            *check_file_limit(settings),
            *check_secrets(settings),
            *check_file_rights(settings, installation.config),
            *asyncio.run(_examine(settings, offline=offline)),
        ]
    _report(printer(json=output.json), findings)
    return Exit.OK if all(finding.ok for finding in findings) else Exit.FAILED


def shared_findings(settings: Settings) -> SharedResult[list[Finding]]:
    """Return what the checks find, once a minute at most; for a running API. Providers are not called."""

    def examine() -> list[Finding]:
        return [
            *check_packages(),
            *check_variables(),
            *check_addresses(settings),
            *check_file_limit(settings),
            *check_secrets(settings),
            *check_file_rights(settings, None),
            *asyncio.run(_examine(settings, offline=True)),
        ]

    return SharedResult(partial(asyncio.to_thread, examine), fresh=_FRESH)


async def _examine(settings: Settings, *, offline: bool) -> list[Finding]:
    """Run all checks at once: each may wait for a timeout."""
    checks = (
        check_database(settings),
        check_storage(settings),
        check_broker(settings),
        check_channels(settings, offline=offline),
    )
    return [finding for findings in await asyncio.gather(*checks) for finding in findings]


def _report(printing: Printer, findings: Iterable[Finding]) -> None:
    for finding in findings:
        printing.record(finding.value(), _line(finding))


def _line(finding: Finding) -> Text:
    mark, style = ("✓", "green") if finding.ok else ("✗", "bold red")
    line = Text.assemble((f"{mark} ", style), (f"{finding.check:<10}", "dim"), finding.message)
    if finding.fix:
        line.append(f"\n  {'':<10}→ {finding.fix}", style="yellow")
    return line
