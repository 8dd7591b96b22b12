"""The pages that show the OpenAPI document."""

import pytest

from tests.api.service import Service


@pytest.mark.parametrize("page", ["docs", "redoc"])
async def test_a_page_reads_the_document_beside_it_below_any_path(service: Service, page: str) -> None:
    answer = await service.get(f"/{page}")
    assert answer.status_code == 200
    assert "openapi.json" in answer.text
    assert "/openapi.json" not in answer.text
