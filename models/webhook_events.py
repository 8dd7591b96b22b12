"""Webhook events and delivery states."""

from collections.abc import Mapping
from enum import StrEnum

from models.states import JobStatus


class WebhookEvent(StrEnum):
    """The type of a message."""

    SUCCEEDED = "job.succeeded"
    FAILED = "job.failed"
    HELD = "job.held"
    CANCELLED = "job.cancelled"
    EXPIRED = "job.expired"
    STARTED = "job.started"  #: the first call of a Midjourney task has started; sent once, then as progress
    PROGRESS = "job.progress"  #: a call has started, or made progress; the newest supersedes older ones
    BATCH_COMPLETED = "batch.completed"  #: a batch of the OpenAI API has ended, with files to read
    BATCH_FAILED = "batch.failed"  #: its input is faulty; nothing ran
    BATCH_EXPIRED = "batch.expired"
    BATCH_CANCELLED = "batch.cancelled"
    RESPONSE_COMPLETED = "response.completed"  #: a background response of the OpenAI API has its output
    RESPONSE_FAILED = "response.failed"
    RESPONSE_CANCELLED = "response.cancelled"
    RESPONSE_INCOMPLETE = "response.incomplete"  #: it did not start before its deadline
    TEST = "webhook.test"  #: sent at the caller's request


EVENT_OF: Mapping[JobStatus, WebhookEvent] = {
    JobStatus.SUCCEEDED: WebhookEvent.SUCCEEDED,
    JobStatus.FAILED: WebhookEvent.FAILED,
    JobStatus.HELD: WebhookEvent.HELD,
    JobStatus.CANCELLED: WebhookEvent.CANCELLED,
    JobStatus.EXPIRED: WebhookEvent.EXPIRED,
    JobStatus.RUNNING: WebhookEvent.PROGRESS,
}
"""The event of each state, written when a job enters it or changes within it. Other states have none."""

JOB_EVENTS = frozenset(EVENT_OF.values())
"""Events of jobs that an endpoint may subscribe to."""

BATCH_EVENTS = frozenset(
    {
        WebhookEvent.BATCH_COMPLETED,
        WebhookEvent.BATCH_FAILED,
        WebhookEvent.BATCH_EXPIRED,
        WebhookEvent.BATCH_CANCELLED,
    }
)
"""Events of batches, likewise; their ``data`` is the id alone, as OpenAI sends it."""

RESPONSE_EVENT_OF: Mapping[WebhookEvent, WebhookEvent] = {
    WebhookEvent.SUCCEEDED: WebhookEvent.RESPONSE_COMPLETED,
    WebhookEvent.FAILED: WebhookEvent.RESPONSE_FAILED,
    WebhookEvent.HELD: WebhookEvent.RESPONSE_FAILED,
    WebhookEvent.CANCELLED: WebhookEvent.RESPONSE_CANCELLED,
    WebhookEvent.EXPIRED: WebhookEvent.RESPONSE_INCOMPLETE,
}
"""The event of a background response of the OpenAI API, by the event of its job."""

OPENAI_EVENTS = BATCH_EVENTS | frozenset(RESPONSE_EVENT_OF.values())
"""Events of the OpenAI API's own objects; their ``data`` is the id alone, as OpenAI sends it."""

PASSING = frozenset({WebhookEvent.STARTED, WebhookEvent.PROGRESS})
"""Events that are not sent again once a newer one of the same job waits."""

DEFAULT_EVENTS = JOB_EVENTS - {WebhookEvent.PROGRESS}
"""Events of an endpoint that names none, and of a job's own ``webhook_url``."""


class DeliveryStatus(StrEnum):
    """The state of a delivery."""

    PENDING = "pending"  #: it is sent, or sent again, when it is due
    DELIVERED = "delivered"  #: the receiver accepted it
    FAILED = "failed"  #: the last attempt failed; it can be replayed
    SUPERSEDED = "superseded"  #: progress, replaced by a newer event of the job
    STOPPED = "stopped"  #: the receiver, or the endpoint's owner, wants no more
