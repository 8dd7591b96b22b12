"""Ids of a table in a short form."""

from api.cli.render.ids import shown_ids
from models.ids import new_id, public_id


def test_shown_ids_are_unique_and_long_enough_to_be_found() -> None:
    ids = [public_id("job", new_id()) for _ in range(200)]
    shown = shown_ids(ids)
    assert len(set(shown)) == 200
    for short, whole in zip(shown, ids, strict=True):
        assert len(short) >= len("job_") + 12
        assert [each for each in ids if each.startswith(short)] == [whole]
    assert len(shown_ids(["job_01h455vb4pex5vsknk084sn02q"])[0]) == 16
    assert shown_ids(["default", ""]) == ["default", ""]
