"""Celery application, task names and queue names. A lost message costs time, never a job."""

import contextlib

from celery import Celery

from models.addresses.broker import BrokerAddress

WAKE_UP = "darkroom.doorbell"  #: the queue of wake-ups, read by every worker

# Names of tasks. A rolling upgrade mixes versions: a name stays registered as long as a message may carry it.
WAKE, GENERATE, STORE = "darkroom.wake", "darkroom.generate", "darkroom.store"
NOTIFY = "darkroom.notify"  #: sent by earlier versions only
ECHO = "darkroom.echo"  #: a worker's message to itself: it is received only if the broker works

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
    # whatever the error: Celery ends its consumer, and ours builds it again with a back-off
    "broker_connection_retry": False,
    "broker_connection_retry_on_startup": False,
    "worker_cancel_long_running_tasks_on_connection_loss": False,  # calls that are paid for go on
    # it is restored by a blocking call to the broker in a thread of the pool: after a restart of RabbitMQ,
    # both that thread and the consumer wait on the same connection for ever
    "worker_enable_prefetch_count_reduction": False,
}


def broker_app(address: BrokerAddress) -> Celery:
    """Return a Celery application without tasks; it can send messages."""
    app = Celery("darkroom", broker=address.url, set_as_current=False)
    app.conf.update(_COMMON)
    app.conf.broker_transport_options = dict(address.options)
    if address.tls is not None:
        app.conf.broker_use_ssl = dict(address.tls)
    return app


def allow_control(app: Celery) -> None:
    """Let Celery's own tools see the workers, their queues and tasks.

    Anybody who can write to the broker can then stop workers, too.
    """
    app.conf.update(worker_enable_remote_control=True, worker_send_task_events=True)


def delete_queue(app: Celery, queue: str) -> None:
    """Delete a worker's queue with its messages. Failing that, a few keys stay in the broker."""
    with contextlib.suppress(Exception), app.connection_for_write(connect_timeout=3) as connection:
        connection.default_channel.queue_unbind(queue, exchange=queue, routing_key=queue)
        connection.default_channel.queue_delete(queue)


def queue_of(worker: str) -> str:
    """Return the queue that only this worker reads: each leases for itself, within its free slots."""
    return f"darkroom.worker.{worker}"
