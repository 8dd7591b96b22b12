"""Python client of Darkroom, a self-hosted job queue for image generation.

Modules import httpx, the standard library and each other. ``exchange`` is how the server is called,
``resources`` and ``campaigns`` what it has, ``client`` joins them. All of it is coroutines over a
``Transport``; effects are only in ``exchange.http_transport``.
"""

from darkroom_client.campaigns.campaign import Campaign
from darkroom_client.campaigns.exports import Export
from darkroom_client.campaigns.items import Item
from darkroom_client.campaigns.updates import CampaignUpdate
from darkroom_client.campaigns.values import Action, CampaignState, ImportReport, Plan
from darkroom_client.client import AsyncDarkroom, Darkroom
from darkroom_client.errors import (
    ApiError,
    CampaignWaits,
    ConfigurationError,
    Conflict,
    ConnectionFailed,
    DarkroomError,
    FieldError,
    Forbidden,
    InputError,
    InvalidRequest,
    InvalidResponse,
    JobFailed,
    JobHeld,
    NotFound,
    ServerError,
    SignatureError,
    TooManyRequests,
    Unauthorized,
    WaitTimeout,
)
from darkroom_client.exchange.retry import RetryPolicy
from darkroom_client.resources.job import Job, JobEvent
from darkroom_client.resources.pictures import Picture
from darkroom_client.resources.submission import Batch, JobOptions, NewJob
from darkroom_client.version import __version__
from darkroom_client.webhook_signature import WebhookEvent, verify_webhook

__all__ = [
    "Action",
    "ApiError",
    "AsyncDarkroom",
    "Batch",
    "Campaign",
    "CampaignState",
    "CampaignUpdate",
    "CampaignWaits",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "Darkroom",
    "DarkroomError",
    "Export",
    "FieldError",
    "Forbidden",
    "ImportReport",
    "InputError",
    "InvalidRequest",
    "InvalidResponse",
    "Item",
    "Job",
    "JobEvent",
    "JobFailed",
    "JobHeld",
    "JobOptions",
    "NewJob",
    "NotFound",
    "Picture",
    "Plan",
    "RetryPolicy",
    "ServerError",
    "SignatureError",
    "TooManyRequests",
    "Unauthorized",
    "WaitTimeout",
    "WebhookEvent",
    "__version__",
    "verify_webhook",
]
