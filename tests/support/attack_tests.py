"""``pytest --attack``: tests marked ``attack``, the long form of ``tests/security``, and no others.

They are left out otherwise. Each measures what it attacks; the figures are listed at the end.
"""

import pytest

FIGURES = "attack figures"  #: property of a test: the line that it adds to the list


class AttackTests:
    """Selects the tests marked ``attack``, or deselects them."""

    def __init__(self, *, wanted: bool) -> None:
        self._wanted = wanted
        self._lines: list[str] = []

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Leave out the tests of the other kind."""
        others = [item for item in items if bool(item.get_closest_marker("attack")) is not self._wanted]
        items[:] = [item for item in items if bool(item.get_closest_marker("attack")) is self._wanted]
        config.hook.pytest_deselected(items=others)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note what a test measured."""
        if report.when == "call":
            self._lines += [str(value) for name, value in report.user_properties if name == FIGURES]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the figures."""
        if self._lines:
            terminalreporter.section("class: held or not, peak memory, longest stall")
            for line in self._lines:
                terminalreporter.write_line(line)
