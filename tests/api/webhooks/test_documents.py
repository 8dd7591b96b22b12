"""Webhook endpoints and deliveries as JSON."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from api.webhooks.documents import delivery_view, webhook_view
from models.credentials.encryption import SecretCipher
from models.ids import new_id, public_id
from models.webhook_events import DEFAULT_EVENTS

AT = datetime(2026, 1, 1, tzinfo=UTC)


def endpoint(**values: Any) -> SimpleNamespace:
    row = {
        "id": new_id(),
        "url": "https://receiver.example/hook",
        "description": "",
        "events": ["job.failed"],
    }
    times = dict.fromkeys(("disabled_at", "disabled_reason", "previous_until"))
    return SimpleNamespace(**{**row, **times, "secret": "whsec_abcdefgh", "created_at": AT, **values})


def delivery(**values: Any) -> SimpleNamespace:
    row = {"id": new_id(), "endpoint_id": None, "job_id": None, "event": "job.failed", "revision": 3}
    row |= {"url": "https://receiver.example/hook", "status": "pending", "replayed": False, "tries": 1}
    return SimpleNamespace(**{**row, "at": AT, "next_at": AT, "ended_at": None, "log": [], **values})


def test_an_endpoint_shows_a_hint_of_its_secret_and_the_secret_only_if_given() -> None:
    view = webhook_view(endpoint(), SecretCipher())
    assert "secret" not in view
    assert view["secret_hint"] == "whsec_abcd…efgh"
    assert (view["enabled"], view["events"], view["disabled_at"]) == (True, ["job.failed"], None)
    assert webhook_view(endpoint(), SecretCipher(), secret="whsec_x")["secret"] == "whsec_x"


def test_an_endpoint_without_a_url_is_the_default_one_with_the_default_events() -> None:
    view = webhook_view(endpoint(url=None, events=[]), SecretCipher())
    assert (view["id"], view["url"], view["events"]) == ("default", None, sorted(DEFAULT_EVENTS))


def test_a_disabled_endpoint_shows_since_when_and_why() -> None:
    view = webhook_view(endpoint(disabled_at=AT, disabled_reason="HTTP 410"), SecretCipher())
    assert (view["enabled"], view["disabled_at"]) == (False, "2026-01-01T00:00:00.000Z")
    assert view["disabled_reason"] == "HTTP 410"


@pytest.mark.parametrize(("status", "due"), [("pending", "2026-01-01T00:00:00.000Z"), ("delivered", None)])
def test_only_a_pending_delivery_shows_when_it_is_due(status: str, due: str | None) -> None:
    assert delivery_view(delivery(status=status))["next_at"] == due


def test_a_delivery_names_its_webhook_and_its_job_by_their_public_ids() -> None:
    endpoint_id, job_id = new_id(), new_id()
    view = delivery_view(delivery(endpoint_id=endpoint_id, job_id=job_id))
    assert (view["webhook"], view["job"]) == (public_id("webhook", endpoint_id), public_id("job", job_id))
    view = delivery_view(delivery())
    assert (view["webhook"], view["job"]) == ("default", None)
