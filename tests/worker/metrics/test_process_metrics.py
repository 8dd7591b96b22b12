"""Build information of a process."""

from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from worker.metrics.process_metrics import installed_revision

VCS = '{"url": "https://example.org/darkroom", "vcs_info": {"vcs": "git", "commit_id": "c0ffee"}}'


@pytest.mark.parametrize(
    ("files", "revision"),
    [
        ({"REVISION": "abc123\n", "direct_url.json": VCS}, "abc123"),
        ({"REVISION": "\n", "direct_url.json": VCS}, "c0ffee"),
        ({"direct_url.json": '{"url": "file:///source", "dir_info": {}}'}, ""),
        ({"direct_url.json": "[]"}, ""),
        ({"direct_url.json": "{"}, ""),
        ({}, ""),
    ],
    ids=["an image", "an image without one", "a folder", "no object", "no JSON", "an index"],
)
def test_the_revision_is_what_the_installer_recorded(
    files: dict[str, str], revision: str, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    assert installed_revision(PathDistribution(tmp_path)) == revision
