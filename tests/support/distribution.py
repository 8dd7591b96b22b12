"""Distribution of tests by pytest-xdist: system tests one by one, others by file.

System tests are long and mostly wait, so the processes share them. The tests of a file may share a costly
fixture; so do system tests where a file has many.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import zip_longest
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.support.fast_tests import is_system_test

_MANY = 10
_SLOW = 100  #: ordinary tests that take as long as one that is marked as slow


class Distribution:
    """Pytest hooks of the test run and of its processes."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the longest work first, so that no process is left with it at the end.

        A file follows each system test, so that about half of the processes run a fleet at any moment.
        """
        single = _run_one_by_one(item.nodeid for item in items)
        system_tests: list[list[pytest.Item]] = []
        files: dict[str, list[pytest.Item]] = {}
        for item in items:
            if _file(item.nodeid) in single:
                system_tests.append([item])
            else:
                files.setdefault(_file(item.nodeid), []).append(item)
        longest = sorted(files.values(), key=_weight, reverse=True)
        units = [unit for pair in zip_longest(system_tests, longest, fillvalue=[]) for unit in pair]
        items[:] = [item for unit in units for item in unit]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> "Schedule":
        """Replace the scheduler of pytest-xdist; it keeps the order of the items."""
        config.option.loadscopereorder = False
        return Schedule(config, log)


class Schedule(LoadScopeScheduling):
    """Scheduler that assigns whole files, but system tests one by one."""

    _single: frozenset[str] = frozenset()

    def schedule(self) -> None:
        """Find the system tests, then assign the first units."""
        self._single = _run_one_by_one(next(iter(self.registered_collections.values())))
        super().schedule()

    def remove_node(self, node: Any) -> str | None:
        """Assign again the units that a dead process had not finished."""
        units = self.assigned_work[node]
        self.assigned_work[node] = {name: unit for name, unit in units.items() if not all(unit.values())}
        return super().remove_node(node)

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if _file(nodeid) in self._single else _file(nodeid)


def _run_one_by_one(nodeids: Iterable[str]) -> frozenset[str]:
    tests = Counter(map(_file, nodeids))
    return frozenset(file for file, count in tests.items() if is_system_test(file) and count < _MANY)


def _weight(tests: list[pytest.Item]) -> int:
    """Return about how long the tests of a file take."""
    return sum(_SLOW if test.get_closest_marker("slow") else 1 for test in tests)


def _file(nodeid: str) -> str:
    return nodeid.split("::")[0]
