"""Bodies that web pages send: only as JSON."""

from typing import Any

import pytest
from starlette.requests import Request

from api.web.content_types import check_media_type
from api.web.problems import Problem

FORMS = ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=a", "text/json"]
JSON = ["application/json", "Application/JSON; charset=utf-8", "application/a+json", ""]


def checked(**headers: str) -> None:
    raw: Any = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    check_media_type(Request({"type": "http", "headers": raw}))


@pytest.mark.parametrize("content_type", FORMS)
def test_a_form_or_text_with_an_origin_is_refused(content_type: str) -> None:
    with pytest.raises(Problem) as refused:
        checked(origin="https://evil.example", content_type=content_type)
    assert refused.value.status == 415
    assert "application/json" in refused.value.detail


@pytest.mark.parametrize("content_type", JSON)
def test_json_with_an_origin_is_accepted(content_type: str) -> None:
    checked(origin="null", content_type=content_type)


@pytest.mark.parametrize("content_type", FORMS)
def test_without_an_origin_any_type_is_accepted(content_type: str) -> None:
    checked(content_type=content_type)
