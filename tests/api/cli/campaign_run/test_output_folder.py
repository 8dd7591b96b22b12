"""The folder of a run: names, the journal, files that are not ours."""

from pathlib import Path

import pytest

from api.cli.campaign_run.output_folder import JOURNAL, OutputFolder
from api.cli.exit_codes import CommandFailed
from tests.api.cli.campaign_run.made import an_item


def files_in(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name != JOURNAL}


def test_pictures_are_written_once_also_by_a_later_run(folder: Path) -> None:
    item = an_item("a", b"one", b"two")
    assert OutputFolder(folder / "out", "camp_1").write(item) == ["a.png", "a-2.png"]
    again = an_item("a", b"one", b"two")
    later = OutputFolder(folder / "out", "camp_1")
    assert later.write(again) == ["a.png", "a-2.png"]
    assert [picture.saved for picture in again.pictures] == [[], []]
    assert files_in(folder / "out") == {"a.png": b"one", "a-2.png": b"two"}
    assert later.count == 1


def test_a_file_that_was_deleted_is_written_again(folder: Path) -> None:
    OutputFolder(folder, "camp_1").write(an_item("a", b"one"))
    (folder / "a.png").unlink()
    OutputFolder(folder, "camp_1").write(an_item("a", b"one"))
    assert files_in(folder) == {"a.png": b"one"}


def test_a_further_take_takes_the_place_of_the_one_before(folder: Path) -> None:
    out = OutputFolder(folder, "camp_1")
    out.write(an_item("a", b"one"))
    out.write(an_item("a", b"two", take=2))
    assert files_in(folder) == {"a.png": b"two"}


def test_names_that_a_file_system_takes_for_one_are_kept_apart(folder: Path) -> None:
    out = OutputFolder(folder, "camp_1")
    names = [out.write(an_item(key, key.encode()))[0] for key in ("a", "A", "ﬁx", "fix", "../x", "x")]
    assert len({name.casefold() for name in names}) == 6
    assert names[:2] == ["a.png", "A-2.png"]
    assert all("/" not in name for name in names)
    assert sorted(files_in(folder).values()) == sorted(
        key.encode() for key in ("a", "A", "ﬁx", "fix", "../x", "x")
    )


def test_a_file_of_somebody_else_is_left_as_it_is(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"my own")
    (folder / "b.png").symlink_to(folder / "gone")
    out = OutputFolder(folder, "camp_1")
    assert out.write(an_item("a", b"one")) == ["a-2.png"]
    assert out.write(an_item("b", b"two")) == ["b-2.png"]
    assert (folder / "a.png").read_bytes() == b"my own"
    assert not (folder / "gone").exists()


def test_a_picture_that_a_killed_run_wrote_without_noting_it_is_known_by_its_bytes(folder: Path) -> None:
    OutputFolder(folder, "camp_1")
    (folder / "a.png").write_bytes(b"one")
    assert OutputFolder(folder, "camp_1").write(an_item("a", b"one")) == ["a.png"]


def test_a_line_that_a_crash_has_cut_is_passed_over(folder: Path) -> None:
    out = OutputFolder(folder, "camp_1")
    out.write(an_item("a", b"one"))
    with (folder / JOURNAL).open("a") as file:
        file.write('{"item": "item_b", "jo')
    later = OutputFolder(folder, "camp_1")
    later.write(an_item("c", b"three"))
    assert OutputFolder(folder, "camp_1").files_of("item_c") == ["c.png"]
    assert later.count == 2


def test_the_folder_of_another_campaign_is_refused(folder: Path) -> None:
    OutputFolder(folder, "camp_1")
    with pytest.raises(CommandFailed, match="another campaign"):
        OutputFolder(folder, "camp_2")


def test_a_folder_that_can_not_be_made_is_a_usage_error(folder: Path) -> None:
    (folder / "file").write_bytes(b"")
    with pytest.raises(CommandFailed, match="-o"):
        OutputFolder(folder / "file", "camp_1")
