"""Operations on webhooks."""

from darkroom_client.exchange.messages import Response
from tests.clients.python.scripted_transport import URL, client_on, ok


def test_a_test_returns_its_delivery_once_it_has_ended() -> None:
    pending, delivered = ({"id": "delivery_1", "status": status} for status in ("pending", "delivered"))
    client, transport = client_on(ok(pending), ok(pending), ok(delivered))
    assert client.webhooks.test("webhook_1").status == "delivered"
    assert [request.method for request in transport.requests] == ["POST", "GET", "GET"]


def test_a_test_returns_its_delivery_as_it_is_after_the_timeout() -> None:
    client, transport = client_on(ok({"id": "delivery_1", "status": "pending"}))
    assert client.webhooks.test("webhook_1", timeout=0).status == "pending"
    assert [request.method for request in transport.requests] == ["POST"]


def test_deleting_a_webhook_needs_no_response_body() -> None:
    client, transport = client_on(Response(204))
    client.webhooks.delete("webhook_1")
    assert transport.requests[0].url == f"{URL}/v1/webhooks/webhook_1"


def test_the_secret_of_a_new_webhook_is_not_printed() -> None:
    client, _ = client_on(ok({"id": "webhook_1", "secret": "whsec_1", "events": ["job.held"]}))
    made = client.webhooks.create("https://shop.example", events=["job.held"])
    assert made.secret == "whsec_1"
    assert "whsec_1" not in repr(made)
