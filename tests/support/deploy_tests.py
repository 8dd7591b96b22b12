"""``pytest --deploy``: tests marked ``deploy`` too, which need programs of a distribution."""

import shutil
from pathlib import Path

import pytest

#: programs of Debian's packages, by the names of the packages
PACKAGES = {
    "redis-server": "redis-server",
    "redis-sentinel": "redis-sentinel",
    "/usr/lib/rabbitmq/bin/rabbitmq-server": "rabbitmq-server",
    "epmd": "erlang-base",
    "pgbouncer": "pgbouncer",
    "nginx": "nginx-light",
    "promtool": "prometheus",
    "caddy": "caddy",
    "systemd-analyze": "systemd",
    "/usr/lib/postgresql/15/bin/pg_basebackup": "postgresql-15",
}


def required(program: str) -> str:
    """Return where a program is; skip the test with the package that has it."""
    found = shutil.which(program) or (program if Path(program).exists() else None)
    if found is None:
        pytest.skip(f"{program} is missing: apt-get install --no-install-recommends {PACKAGES[program]}")
    return found


class DeployTests:
    """Deselects the tests marked ``deploy`` unless they are wanted; names the packages that are missing."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out the marked tests."""
        if self._wanted:
            return
        left_out = [item for item in items if item.get_closest_marker("deploy")]
        items[:] = [item for item in items if not item.get_closest_marker("deploy")]
        config.hook.pytest_deselected(items=left_out)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the line that installs what is missing."""
        missing = sorted(
            {package for program, package in PACKAGES.items() if not shutil.which(program)}
            if self._wanted
            else ()
        )
        missing = [package for package in missing if not Path(f"/usr/share/doc/{package}").exists()]
        if missing:
            terminalreporter.section("components that are not installed")
            terminalreporter.write_line(f"apt-get install -y --no-install-recommends {' '.join(missing)}")
