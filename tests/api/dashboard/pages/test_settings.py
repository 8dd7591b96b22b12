"""The page of settings shows no secret."""

from collections.abc import Callable

from pydantic import SecretStr

from api.dashboard.pages.settings import shown
from models.settings import Settings
from tests.api.conftest import started
from tests.api.dashboard.visitor import visit
from tests.api.service import ADMIN, ALICE


def test_secrets_and_passwords_are_masked() -> None:
    assert shown(SecretStr("abc")) == "••••"
    assert shown((SecretStr("a"), SecretStr("b"))) == "••••, ••••"
    assert shown("postgresql://me:hunter2@db/darkroom") == "postgresql://me:••••@db/darkroom"
    assert shown("https://relay.example/v1") == "https://relay.example/v1"
    assert shown(None) == ""


async def test_no_secret_is_on_the_page(make_settings: Callable[..., Settings]) -> None:
    secrets = {
        "upstream_api_key": "sk-provider-secret-0123456789",
        "metrics_key": "metrics-secret-0123456789",
    }
    settings = make_settings(upstream_base_url="https://relay.example", **secrets)
    async with started(settings) as service:
        page = (await (await visit(service, ADMIN)).get("/dashboard/settings")).text
    assert "DARKROOM_UPSTREAM_API_KEY" in page
    for secret in (*secrets.values(), ADMIN, ALICE):
        assert secret not in page
