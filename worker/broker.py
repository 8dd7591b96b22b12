"""Celery application, task names and queue names. A lost message costs time, never a job."""

import contextlib
from urllib.parse import urlsplit

from celery import Celery

WAKE_UP = "darkroom.doorbell"  #: the queue of wake-ups, read by every worker

# Names of tasks. A rolling upgrade mixes versions: a name stays registered as long as a message may carry it.
WAKE, GENERATE, STORE = "darkroom.wake", "darkroom.generate", "darkroom.store"
NOTIFY = "darkroom.notify"  #: sent by earlier versions only

_COMMON = {
    "task_default_queue": WAKE_UP,
    "task_ignore_result": True,
    "task_acks_late": False,  # the job's row decides: a lost message only costs time, a duplicate nothing
    "task_publish_retry": False,
    "worker_prefetch_multiplier": 1,
    "worker_enable_remote_control": False,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "worker_redirect_stdouts": False,
    "broker_connection_retry": True,
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # calls that are paid for go on
}
_REDIS = {
    "socket_timeout": 10,
    "socket_connect_timeout": 3,
    "socket_keepalive": True,
    "health_check_interval": 10,
    "max_connections": 100,
}


def broker_app(broker_url: str) -> Celery:
    """Return a Celery application without tasks; it can send messages."""
    scheme = urlsplit(broker_url).scheme
    address = "memory://localhost/" if scheme == "memory" else broker_url
    app = Celery("darkroom", broker=address, set_as_current=False)
    app.conf.update(_COMMON)
    if scheme.startswith(("redis", "rediss", "valkey")):
        app.conf.broker_transport_options = _REDIS
    elif scheme == "memory":
        app.conf.broker_transport_options = {"polling_interval": 0.02}
    return app


def delete_queue(app: Celery, queue: str) -> None:
    """Delete a worker's queue with its messages. Failing that, a few keys stay in the broker."""
    with contextlib.suppress(Exception), app.connection_for_write(connect_timeout=3) as connection:
        connection.default_channel.queue_unbind(queue, exchange=queue, routing_key=queue)
        connection.default_channel.queue_delete(queue)


def queue_of(worker: str) -> str:
    """Return the queue that only this worker reads: each leases for itself, within its free slots."""
    return f"darkroom.worker.{worker}"
