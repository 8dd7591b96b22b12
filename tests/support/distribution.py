"""How pytest-xdist hands out tests: system tests one by one, others by file.

System tests are long and mostly wait, so the processes share them. The tests of a file may share a costly
fixture.
"""

from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests.support.fast_tests import is_system_test


class Distribution:
    """The hooks of the test run and of its processes."""

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Put the longest work first, so that no process is left with it at the end.

        A file follows each system test, so that about half of the processes run a fleet at any moment.
        """
        fleets: list[list[pytest.Item]] = []
        files: dict[Path, list[pytest.Item]] = {}
        for item in items:
            if is_system_test(item.nodeid) and not item.get_closest_marker("xdist_group"):
                fleets.append([item])
            else:
                files.setdefault(item.path, []).append(item)
        longest = sorted(files.values(), key=len, reverse=True)
        units = [unit for pair in zip_longest(fleets, longest, fillvalue=[]) for unit in pair]
        items[:] = [item for unit in units for item in unit]

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> "Schedule":
        """Replace the scheduler of pytest-xdist; it keeps our order."""
        config.option.loadscopereorder = False
        return Schedule(config, log)


class Schedule(LoadGroupScheduling):
    """Takes system tests one by one, groups as they are marked, and other tests by file."""

    def _split_scope(self, nodeid: str) -> str:
        grouped = nodeid.rfind("@") > nodeid.rfind("]")
        return super()._split_scope(nodeid) if grouped or is_system_test(nodeid) else nodeid.split("::")[0]
