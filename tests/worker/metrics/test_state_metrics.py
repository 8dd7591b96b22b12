"""Gauges of an installation's state."""

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

from prometheus_client.parser import text_string_to_metric_families

from models.ids import new_id
from models.queries.operations.installation_state import (
    Backlog,
    InstallationState,
    ModelQueue,
    SpentAmount,
    WorkerState,
)
from tests.worker.leased import NOW
from worker.metrics.state_metrics import SlowState, render_state

CHANNEL = SimpleNamespace(
    id=new_id(), name="one", configured=True, concurrency=8, breakers={}, tripped_at=NOW, paused_at=None
)
STATE = InstallationState(
    at=NOW,
    jobs={"queued": 3},
    queues={"a": ModelQueue(2, 1, 0, NOW - timedelta(seconds=90))},
    channels=(CHANNEL, SimpleNamespace(configured=False)),  # type: ignore[arg-type]
    calls={CHANNEL.id: 5},
    workers=(
        WorkerState("here", 10, 4, NOW, stopping=False),
        WorkerState("alone", 10, 0, NOW, stopping=False, broker_error="it is a replica"),
        WorkerState("gone", 10, 0, NOW - timedelta(minutes=5), stopping=True),
    ),
    webhooks=Backlog(2, NOW - timedelta(minutes=11)),
    endpoints={"active": 1},
    items={"made": 7},
    campaigns={"running": 1},
    budget_paused=1,
)


def samples_of(state: InstallationState, slow: SlowState) -> dict[str, float]:
    text = render_state(state, slow, timeout=timedelta(seconds=60)).decode()
    return {
        ",".join([each.name, *each.labels.values()]): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


def test_queues_channels_workers_and_webhooks_are_shown() -> None:
    found = samples_of(STATE, SlowState())
    assert found["darkroom_queued_jobs,a,due"] == 2
    assert found["darkroom_oldest_waiting_job_age_seconds,a"] == 90
    assert found["darkroom_provider_in_flight,one"] == 5
    assert found["darkroom_provider_circuit_state,one,closed"] == 1
    assert found["darkroom_provider_circuit_state,one,open"] == 0
    assert found["darkroom_provider_needs_person,one"] == 1
    assert (found["darkroom_worker_up,here"], found["darkroom_worker_up,gone"]) == (1, 0)
    assert found["darkroom_worker_slots,draining,gone"] == 10
    usable = {name: value for name, value in found.items() if "broker_usable" in name}
    assert usable == {"darkroom_worker_broker_usable,here": 1, "darkroom_worker_broker_usable,alone": 0}
    assert found["darkroom_outbox_oldest_age_seconds,webhook"] == 660
    assert found["darkroom_review_backlog_items"] == 7


def test_spend_is_in_units_of_its_currency_and_a_bucket_has_no_free_bytes() -> None:
    slow = SlowState(spent={"1h": [SpentAmount("USD", "success", 1_250_000)]}, unpriced=2)
    found = samples_of(STATE, slow)
    assert found["darkroom_spend,USD,success,1h"] == 1.25
    assert found["darkroom_unpriced_calls"] == 2
    assert "darkroom_storage_free_bytes" not in found
    assert samples_of(STATE, replace(slow, storage_free=5))["darkroom_storage_free_bytes"] == 5
