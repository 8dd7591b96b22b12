"""Metrics of the database's clients: seconds of transactions and of waits for a connection, and the pools.

Names and labels are OpenTelemetry's, those of pools as its instrumentation of SQLAlchemy emits them. An
operation is a transaction.
"""

from collections.abc import Iterator
from functools import cache
from weakref import WeakKeyDictionary

from prometheus_client import REGISTRY, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from models.database import Database
from worker.metrics.buckets import TRANSACTION

_SYSTEM, _POOL, _STATE = "db_system_name", "pool_name", "state"
_seconds = Histogram(
    "db_client_operation_duration_seconds",
    "From the connection of a transaction to its end",
    [_SYSTEM, "db_operation_name"],
    buckets=TRANSACTION,
)
_waits = Histogram(
    "db_client_connections_wait_time_seconds",
    "For how long a transaction waits for a connection of the pool, or for its client's turn",
    [_POOL],
    buckets=TRANSACTION,
)
_pools: WeakKeyDictionary[Database, str] = WeakKeyDictionary()


class _Pools(Collector):
    """The pools of this process at the time of the scrape."""

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """Yield the families without values."""
        return self._families({})

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield all gauges."""
        return self._families({name: database for database, name in list(_pools.items())})

    def _families(self, pools: dict[str, Database]) -> Iterator[GaugeMetricFamily]:
        count = GaugeMetricFamily(
            "db_client_connections_usage", "Connections, used and idle", labels=[_POOL, _STATE]
        )
        most = GaugeMetricFamily("db_client_connections_max", "Connections at most", labels=[_POOL])
        pending = GaugeMetricFamily(
            "db_client_connections_pending_requests",
            "Transactions that wait for a connection",
            labels=[_POOL],
        )
        for name, database in sorted(pools.items()):
            use = database.pool_use()
            count.add_metric([name, "used"], use.used)
            count.add_metric([name, "idle"], use.idle)
            most.add_metric([name], use.most)
            pending.add_metric([name], use.waiting)
        yield from (count, most, pending)


REGISTRY.register(_Pools())


def observe_database(database: Database, pool: str) -> None:
    """Observe the transactions of a database, and show its pool: ``api`` or ``worker``."""
    system, wait = "sqlite" if database.is_sqlite else "postgresql", _waits.labels(pool)
    operation = cache(lambda name: _seconds.labels(system, name))

    def observe(name: str, waited: float, seconds: float) -> None:
        wait.observe(waited)
        operation(name).observe(seconds)

    database.observe = observe
    _pools[database] = pool
