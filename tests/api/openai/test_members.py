"""Members that the endpoints share, and the fields of the job that they make."""

from typing import Any

import pytest

from api.openai.members import native_fields
from models.errors import InvalidRequest


@pytest.mark.parametrize(
    ("members", "fields"),
    [
        ({}, {}),
        ({"service_tier": "flex"}, {"priority": 3}),
        ({"service_tier": "priority"}, {"priority": 7}),
        ({"service_tier": "auto", "darkroom": {"priority": 9}}, {"priority": 9}),
        ({"metadata": {"a": "b"}, "darkroom": {"tags": ["x"]}}, {"metadata": {"a": "b"}, "tags": ["x"]}),
        ({"metadata": None, "darkroom": None, "service_tier": None}, {}),
    ],
)
def test_shared_members_become_fields_of_the_job_and_leave_the_body(
    members: dict[str, Any], fields: dict[str, Any]
) -> None:
    body = {**members, "quality": "high"}
    assert native_fields(body) == fields
    assert body == {"quality": "high"}


@pytest.mark.parametrize(
    ("members", "field"),
    [
        ({"service_tier": "gold"}, "service_tier"),
        ({"service_tier": []}, "service_tier"),
        ({"darkroom": []}, "darkroom"),
        ({"darkroom": {"prompt": "a"}}, "darkroom.prompt"),
    ],
)
def test_faulty_ones_are_named(members: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        native_fields(members)
    assert refused.value.field == field
