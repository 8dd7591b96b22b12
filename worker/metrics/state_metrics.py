"""Gauges of the installation's state, from one read of the database; they hold for all processes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from models.operations.alerts import AlertName
from models.queries.operations.installation_state import InstallationState, SpentAmount
from worker.metrics.labels import MODELS
from worker.scheduler.circuit_breaker import CircuitBreaker

_MILLION = 1_000_000
_CIRCUITS = ("closed", "half_open", "open")


@dataclass(frozen=True, slots=True)
class SlowState:
    """What is read less often: it costs more. Amounts by period, such as ``1h``."""

    spent: Mapping[str, Sequence[SpentAmount]] = field(default_factory=dict)
    unpriced: int = 0  #: charged calls of the last day without a known price
    stored_bytes: Mapping[str, int] = field(default_factory=dict)  #: by kind of file
    storage_free: int | None = None  #: bytes; ``None``: the storage is no folder
    notices: Mapping[str, int] = field(default_factory=dict)  #: firing alerts, by name


class StateMetrics(Collector):
    """The gauges of one state."""

    def __init__(self, state: InstallationState, slow: SlowState, *, timeout: timedelta) -> None:
        self._state, self._slow, self._alive_since = state, slow, state.at - timeout

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all gauges."""
        yield from self._jobs()
        yield from self._channels()
        yield from self._workers()
        yield from self._webhooks()
        yield from self._campaigns()
        yield from self._money()

    def _jobs(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("darkroom_jobs", "Jobs that are not finished", "status", self._state.jobs)
        waiting = GaugeMetricFamily(
            "darkroom_queued_jobs", "Queued jobs, by what they wait for", labels=["model", "state"]
        )
        ages: dict[str, float] = {}
        counts: dict[tuple[str, str], int] = {}
        for model, queue in self._state.queues.items():
            label = MODELS.value(model)
            for state in ("due", "scheduled", "closed"):
                counts[label, state] = counts.get((label, state), 0) + getattr(queue, state)
            ages[label] = max(ages.get(label, 0.0), _age(queue.oldest_due, self._state.at))
        for labels, count in counts.items():
            waiting.add_metric(labels, count)
        yield waiting
        yield _gauge(
            "darkroom_oldest_waiting_job_age_seconds",
            "For how long the oldest job that may start has waited; 0: none does",
            "model",
            ages,
        )

    def _channels(self) -> Iterator[GaugeMetricFamily]:
        rows = [row for row in self._state.channels if row.configured]
        in_flight = {row.name: self._state.calls.get(row.id, 0) for row in rows}
        yield _gauge("darkroom_provider_in_flight", "Calls in flight", "channel", in_flight)
        limits = {row.name: row.concurrency for row in rows}
        yield _gauge("darkroom_provider_concurrency_limit", "Calls in flight at most", "channel", limits)
        circuits = GaugeMetricFamily(
            "darkroom_provider_circuit_state",
            "1 for its breaker's state",
            labels=["channel", "state"],
        )
        for row in rows:
            present = CircuitBreaker.from_json((row.breakers or {}).get("")).state(self._state.at)
            for state in _CIRCUITS:
                circuits.add_metric([row.name, state], float(state == present))
        yield circuits
        stopped = {row.name: int(row.tripped_at is not None) for row in rows}
        yield _gauge("darkroom_provider_needs_person", "1: key, balance or configuration", "channel", stopped)
        paused = {row.name: int(row.paused_at is not None) for row in rows}
        yield _gauge("darkroom_provider_paused", "1: a person paused the channel", "channel", paused)

    def _workers(self) -> Iterator[GaugeMetricFamily]:
        workers = self._state.workers
        alive = {each.name: int(each.heartbeat_at >= self._alive_since) for each in workers}
        yield _gauge("darkroom_worker_up", "1: its heartbeat is recent", "worker", alive)
        usable = {each.name: int(each.broker_error is None) for each in workers if alive[each.name]}
        yield _gauge("darkroom_worker_broker_usable", "1: the broker carries its messages", "worker", usable)
        beats = {each.name: each.heartbeat_at.timestamp() for each in workers}
        yield _gauge("darkroom_worker_last_heartbeat_timestamp_seconds", "Last heartbeat", "worker", beats)
        slots = GaugeMetricFamily("darkroom_worker_slots", "Slots of a worker", labels=["worker", "state"])
        for each in workers:
            free = max(0, each.slots - each.busy)
            slots.add_metric([each.name, "busy"], each.busy)
            slots.add_metric([each.name, "draining" if each.stopping else "free"], free)
        yield slots

    def _webhooks(self) -> Iterator[GaugeMetricFamily]:
        backlog = self._state.webhooks
        yield _gauge("darkroom_outbox_pending", "Messages to be sent", "kind", {"webhook": backlog.pending})
        age = {"webhook": _age(backlog.oldest, self._state.at)}
        yield _gauge("darkroom_outbox_oldest_age_seconds", "Age of the oldest of them", "kind", age)
        yield _gauge("darkroom_webhook_endpoints", "Webhook endpoints", "state", self._state.endpoints)

    def _campaigns(self) -> Iterator[GaugeMetricFamily]:
        yield _gauge("darkroom_campaigns", "Planned campaigns", "status", self._state.campaigns)
        yield _gauge("darkroom_campaign_items", "Items of all campaigns", "state", self._state.items)
        backlog = self._state.items.get("made", 0)
        yield GaugeMetricFamily("darkroom_review_backlog_items", "Items without a verdict", value=backlog)
        yield GaugeMetricFamily(
            "darkroom_budget_paused_campaigns",
            "Campaigns and callers of which no call starts, for their budget",
            value=self._state.budget_paused,
        )

    def _money(self) -> Iterator[GaugeMetricFamily]:
        spent = GaugeMetricFamily(
            "darkroom_spend",
            "Settled cost of the calls of a period, in units of the currency",
            labels=["currency", "period", "outcome"],
        )
        for period, amounts in self._slow.spent.items():
            for each in amounts:
                spent.add_metric([each.currency, period, each.outcome], each.micro / _MILLION)
        yield spent
        yield GaugeMetricFamily(
            "darkroom_unpriced_calls",
            "Charged calls of a day without price",
            value=self._slow.unpriced,
        )
        yield _gauge("darkroom_storage_used_bytes", "Bytes of stored files", "kind", self._slow.stored_bytes)
        if self._slow.storage_free is not None:
            yield GaugeMetricFamily(
                "darkroom_storage_free_bytes",
                "Bytes left in the folder",
                value=self._slow.storage_free,
            )
        firing = {name.value: self._slow.notices.get(name.value, 0) for name in AlertName}
        yield _gauge("darkroom_notices", "Alerts that are firing", "alert", firing)


def render_state(state: InstallationState, slow: SlowState, *, timeout: timedelta) -> bytes:
    """Return the gauges in Prometheus' text format. ``timeout``: silence of a dead worker."""
    registry = CollectorRegistry()
    registry.register(StateMetrics(state, slow, timeout=timeout))
    return generate_latest(registry)


def _gauge(name: str, meaning: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    gauge = GaugeMetricFamily(name, meaning, labels=[label])
    for value, number in sorted(values.items()):
        gauge.add_metric([value], number)
    return gauge


def _age(since: datetime | None, now: datetime) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())
