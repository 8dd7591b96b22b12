import tomllib
from fnmatch import fnmatch
from importlib.resources import files
from pathlib import Path

import pytest

import worker.practice
from worker.practice.corpus import corpus, parse_case_id
from worker.practice.request_options import RequestOptions


def test_the_cases_are_found_as_package_data() -> None:
    names = {file.name for file in (files("worker.practice") / "cases").iterdir()}

    assert "dialects.jsonl" in names
    assert len(corpus()) > 100


def test_every_file_of_cases_goes_into_the_wheel() -> None:
    folder = Path(next(iter(worker.practice.__path__)))
    settings = tomllib.loads((folder.parent.parent / "pyproject.toml").read_text())
    patterns = settings["tool"]["setuptools"]["package-data"]["worker.practice"]
    found = [str(file.relative_to(folder)) for file in (folder / "cases").iterdir()]

    assert [file for file in found if not any(fnmatch(file, pattern) for pattern in patterns)] == []


def test_an_id_is_found_in_any_case_of_letters() -> None:
    assert parse_case_id(" s010 ") == "S010"
    assert RequestOptions.model_validate({"case": "h006, R002"}).case == ("H006", "R002")


@pytest.mark.parametrize(("typed", "near"), [("S01", "S010"), ("r002x", "R002"), ("R02", "R022")])
def test_an_unknown_id_is_answered_with_near_ones(typed: str, near: str) -> None:
    with pytest.raises(ValueError, match=near):
        parse_case_id(typed)


def test_an_id_that_is_like_no_other_is_answered_with_the_range() -> None:
    with pytest.raises(ValueError, match="they go from E001"):
        parse_case_id("???")
