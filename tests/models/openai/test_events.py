"""Bodies of events of the OpenAI API's objects."""

from datetime import UTC, datetime

from models.ids import new_id, public_id
from models.openai.events import event_body, response_id


def test_an_event_has_openai_s_members_and_the_timestamp_of_standard_webhooks() -> None:
    key, job = new_id(), new_id()
    assert response_id(job) == public_id("job", job).replace("job_", "resp_")
    assert event_body(key, "response.completed", response_id(job), datetime(2026, 1, 1, tzinfo=UTC)) == {
        "id": public_id("delivery", key),
        "object": "event",
        "type": "response.completed",
        "created_at": 1767225600,
        "timestamp": "2026-01-01T00:00:00.000Z",
        "data": {"id": response_id(job)},
    }
