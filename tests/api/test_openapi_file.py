"""The OpenAPI document in the repository."""

import json

import pytest

from api.openapi_file import FILE, openapi_text


def test_the_file_is_the_document_that_the_api_serves() -> None:
    written = json.loads(FILE.read_text(encoding="utf-8"))
    assert written == json.loads(openapi_text()), "run: make openapi"


def test_the_document_does_not_depend_on_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DARKROOM_PUBLIC_URL", "https://elsewhere.example")
    monkeypatch.setenv("DARKROOM_UPLOAD_AGE", "7")
    assert json.loads(openapi_text()) == json.loads(FILE.read_text(encoding="utf-8"))
