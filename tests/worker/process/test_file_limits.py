"""How many slots fit into a limit of open files."""

import pytest

from worker.process.file_limits import files_of, fitting_slots


@pytest.mark.parametrize(("files", "slots"), [(256, 73), (1024, 457), (64, 1)])
def test_as_many_slots_fit_as_have_their_files(files: int, slots: int) -> None:
    assert fitting_slots(files, database_pool=10) == slots
    assert slots == 1 or files_of(slots, database_pool=10) <= files < files_of(slots + 1, database_pool=10)
