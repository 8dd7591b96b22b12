"""What webhooks tell, and what may become of one delivery."""

from collections.abc import Mapping
from enum import StrEnum

from models.states import JobStatus


class WebhookEvent(StrEnum):
    """What a message says has happened."""

    SUCCEEDED = "job.succeeded"
    FAILED = "job.failed"
    HELD = "job.held"
    CANCELLED = "job.cancelled"
    EXPIRED = "job.expired"
    PROGRESS = "job.progress"  #: a call has started, or says how far it is; the newest replaces older ones
    TEST = "webhook.test"  #: the caller asked for a message


EVENT_OF: Mapping[JobStatus, WebhookEvent] = {
    JobStatus.SUCCEEDED: WebhookEvent.SUCCEEDED,
    JobStatus.FAILED: WebhookEvent.FAILED,
    JobStatus.HELD: WebhookEvent.HELD,
    JobStatus.CANCELLED: WebhookEvent.CANCELLED,
    JobStatus.EXPIRED: WebhookEvent.EXPIRED,
    JobStatus.RUNNING: WebhookEvent.PROGRESS,
}
"""What is told when a job enters a state, or stays in it with news. Of other states nothing is told."""

JOB_EVENTS = frozenset(EVENT_OF.values())
"""What an endpoint may ask for."""

USUAL = JOB_EVENTS - {WebhookEvent.PROGRESS}
"""What is told to those who do not choose."""

OWN_EVENTS: Mapping[str, frozenset[WebhookEvent]] = {}
"""What a job's own address is told, by the job's surface; a surface that is not named tells what is usual."""


class DeliveryStatus(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"  #: it is sent, or sent again, when it is due
    DELIVERED = "delivered"  #: the receiver took it
    FAILED = "failed"  #: the last try failed; it can be replayed
    SUPERSEDED = "superseded"  #: progress that was overtaken by newer news
    STOPPED = "stopped"  #: the receiver, or the endpoint's owner, wants no more
