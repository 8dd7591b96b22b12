"""Image files: inputs to upload, and targets of downloads."""

from pathlib import Path

import pytest

from api.cli.exit_codes import CommandFailed, Exit
from api.cli.image_files import input_image, numbered, writable


@pytest.mark.parametrize("given", ["https://a/b.png", "http://a/b", "data:image/png;base64,eA==", "asset_1"])
def test_urls_and_ids_are_sent_unchanged(given: str) -> None:
    assert input_image(given) == given


def test_a_file_is_left_to_the_client_which_uploads_it(folder: Path) -> None:
    (folder / "a.png").write_bytes(b"x")
    assert input_image("a.png") == Path("a.png")


def test_a_file_named_like_an_asset_id_is_a_file(folder: Path) -> None:
    (folder / "asset_1.png").write_bytes(b"x")
    assert input_image("asset_1.png") == Path("asset_1.png")


@pytest.mark.parametrize("size", [0, 20 * 2**20 + 1])
def test_an_input_image_has_a_byte_and_at_most_20_mib(folder: Path, size: int) -> None:
    with (folder / "a.png").open("wb") as file:
        file.truncate(size)
    with pytest.raises(CommandFailed, match=f"has {size:,} bytes") as refused:
        input_image("a.png")
    assert refused.value.code is Exit.USAGE


def test_a_target_in_an_existing_folder_is_writable(folder: Path) -> None:
    (folder / "old.png").touch()
    writable(folder / "new.png")
    writable(folder / "old.png")


@pytest.mark.parametrize(
    ("target", "reason"),
    [
        ("there", "is a folder"),
        ("nowhere/a.png", "there is no folder"),
    ],
)
def test_a_target_that_can_not_be_a_file_is_refused(folder: Path, target: str, reason: str) -> None:
    (folder / "there").mkdir()
    with pytest.raises(CommandFailed, match=reason):
        writable(folder / target)


def test_the_second_image_gets_a_number() -> None:
    assert [path.name for path in numbered(Path("cat.png"), 3)] == ["cat.png", "cat-2.png", "cat-3.png"]
