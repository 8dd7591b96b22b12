"""Lists as OpenAI pages them."""

from typing import Any

import pytest
from starlette.requests import Request

from api.openai.pages import page_document, read_page
from models.errors import InvalidRequest


def request(query: str) -> Request:
    return Request({"type": "http", "query_string": query.encode(), "headers": []})


@pytest.mark.parametrize(
    ("query", "limit", "after"),
    [("", 20, None), ("limit=3&after=batch_1", 3, "batch_1"), ("after=", 20, None)],
)
def test_limit_and_after_are_read(query: str, limit: int, after: str | None) -> None:
    page = read_page(request(query), default=20, most=100)
    assert (page.limit, page.after) == (limit, after)


@pytest.mark.parametrize("given", ["0", "101", "-1", "1.5", "9" * 30, "٣"])
def test_faulty_limits_are_refused(given: str) -> None:
    with pytest.raises(InvalidRequest, match="limit"):
        read_page(request(f"limit={given}"), default=20, most=100)


def test_a_page_says_whether_others_follow() -> None:
    found: list[dict[str, Any]] = [{"id": "a"}, {"id": "b"}, {"id": "c"}]
    page = page_document(found, 2)
    assert (page["first_id"], page["last_id"], page["has_more"]) == ("a", "b", True)
    assert page_document([], 2) == {
        "object": "list",
        "data": [],
        "first_id": None,
        "last_id": None,
        "has_more": False,
    }
