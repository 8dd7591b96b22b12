"""Paths of pictures: template, the row's own name, and values that can't leave their folder."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from models.ids import new_id
from models.queries.campaigns.export_items import ExportedItem
from worker.exports.paths import picture_path


def path(template: str | None, *, variant: str = "", **changes: Any) -> str:
    item = {
        "id": new_id(),
        "key": "k/1",
        "variant": variant,
        "position": 4,
        "variables": {"colour": "red/../blue", "empty": ""},
        "overrides": {},
    }
    job = SimpleNamespace(take=2, model="gpt/image")
    found = ExportedItem(cast(Any, SimpleNamespace(**item | changes)), cast(Any, job), (), (), None)
    asset = cast(Any, SimpleNamespace(job_id=new_id(), extension="png"))
    return "/".join(picture_path(template, "spring", found, asset, 1))


@pytest.mark.parametrize(
    ("template", "result"),
    [
        (None, "k_1/2.png"),
        ("{key}-{take}.{ext}", "k_1-2.png"),
        ("{colour}/{model}", "red_.._blue/gpt_image.png"),
        ("{empty}/{gone}/{empty|none}", "_/_/none.png"),
        ("../../{position}-{picture}.{ext}", "5-1.png"),
        ("{{{campaign}}}", "{spring}.png"),
    ],
)
def test_a_template_makes_the_path(template: str | None, result: str) -> None:
    assert path(template) == result


def test_variants_have_folders_of_their_own_and_axes_are_variables() -> None:
    assert path(None, variant="style=a,angle=b%2Cc") == "k_1/style=a,angle=b%2Cc/2.png"
    assert path("{style}-{angle}", variant="style=a,angle=b%2Cc") == "a-b,c.png"


def test_the_file_name_of_a_row_is_used_without_a_template() -> None:
    own = {"file_name": "shoes/red.png"}
    assert path(None, overrides=own) == "shoes/red.png"
    assert path(None, overrides={"file_name": "../../etc/passwd"}) == "etc/passwd.png"
    assert path("{key}", overrides=own) == "k_1.png"
