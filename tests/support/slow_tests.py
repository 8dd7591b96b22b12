"""Report of tests that take long without a reason: ``@pytest.mark.slow(reason="...")`` gives one."""

from collections import defaultdict

import pytest

_LIMIT = 10.0  #: seconds that a test may take without a reason
_REASON = "slow because"


class SlowTests:
    """Adds up the time of each test with its fixtures, in all test processes."""

    def __init__(self) -> None:
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._explained: set[str] = set()

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Send each reason along with the test's reports."""
        for item in items:
            for mark in item.iter_markers("slow"):
                item.user_properties.append((_REASON, mark.kwargs["reason"]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add a phase."""
        self._seconds[report.nodeid] += report.duration
        if _REASON in dict(report.user_properties):
            self._explained.add(report.nodeid)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """List the slow tests without a reason."""
        unexplained = {
            test: seconds
            for test, seconds in self._seconds.items()
            if seconds > _LIMIT and test not in self._explained
        }
        if unexplained:
            terminalreporter.section(f"slower than {_LIMIT:g} s without @pytest.mark.slow(reason=...)")
            for test, seconds in sorted(unexplained.items(), key=lambda each: -each[1]):
                terminalreporter.write_line(f"{seconds:6.1f} s  {test}")
