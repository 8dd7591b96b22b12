"""Collection of tests without garbage collection: what is imported and collected stays until the end."""

import gc
from collections.abc import Generator

import pytest


class FrozenCollection:
    """Pytest hooks of each process of the test run.

    Thousands of tests and their modules are half a million objects. To look through them again and again
    would take a third of the time of the collection, and some of each test's.
    """

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Generator[None, object, object]:
        """Leave out garbage collection meanwhile, and what is there then for good."""
        gc.disable()
        try:
            return (yield)
        finally:
            gc.freeze()
            gc.enable()
