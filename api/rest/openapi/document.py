"""OpenAPI document: FastAPI's, completed with the schemas and the security scheme it does not see."""

import asyncio
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from api.jobs.schemas import Submission
from api.jobs.selection.held_jobs import FailJobRequest, FailRequest, ReleaseRequest
from api.rest.access.audit import AuditEntryDocument, AuditPageDocument
from api.rest.access.keys import KeyDocument, KeyListDocument, KeyRotation, NewKey, NewKeyDocument
from api.rest.access.sessions import SessionDocument, SessionPageDocument
from api.rest.access.views import SavedView, SavedViewDocument, SavedViewListDocument
from api.rest.bulk.actions import ActionDocument, ActionPageDocument, ActionRequest
from api.rest.bulk.bulk_jobs import BulkResultDocument, JobSelection, RetrySelection
from api.rest.bulk.errors import ErrorDocument, ErrorPageDocument
from api.rest.bulk.held_jobs import DecisionResultDocument
from api.rest.bulk.pictures import PictureSelection
from api.rest.campaigns.repair import ItemReroll, ItemRetry
from api.rest.campaigns.reports import CampaignCostsDocument, FailuresDocument, ModelResultsDocument
from api.rest.campaigns.review import ItemVerdict, ReviewDocument
from api.rest.campaigns.schemas import (
    CampaignDocument,
    CampaignPageDocument,
    CampaignPause,
    CampaignSettings,
    ExportDocument,
    ExportPageDocument,
    ExportRequest,
    ImportDocument,
    ItemPageDocument,
    ItemsOfKeyDocument,
    PlanDocument,
    StartRequest,
)
from api.rest.channel_tests import ChannelTestDocument, ChannelTestRequest
from api.rest.channels import PauseRequest, ResumeRequest
from api.rest.health_and_metrics import (
    FindingDocument,
    FindingListDocument,
)
from api.rest.models import ModelDocument, ModelPageDocument
from api.rest.monitoring.overview import OverviewDocument
from api.rest.monitoring.workers import WorkerDocument, WorkerListDocument
from api.rest.openapi.response_schemas import (
    WEBHOOK_RESPONSES,
    AssetWithJobDocument,
    BatchDocument,
    ChannelDocument,
    ChannelPageDocument,
    CostsDocument,
    ExplanationDocument,
    ExplanationPageDocument,
    HealthDocument,
    JobDocument,
    JobPageDocument,
    JobSetEtaDocument,
    ObservedAnswer,
    ProblemDocument,
    SubmittedJobDocument,
)
from api.rest.openapi.route_docs import ACCESS_TOKEN, BEARER
from api.rest.reparse import AnswersDocument, ReparseDocument
from api.rest.retention import KeepRequest, RetentionDocument
from api.rest.tokens import TokenDocument, TokenRequest
from api.rest.webhooks.schemas import NewWebhook, Rotation, WebhookChange
from models.campaigns.spec import CampaignSpec

_RESPONSES = (
    ActionDocument,
    ActionRequest,
    ActionPageDocument,
    AnswersDocument,
    AssetWithJobDocument,
    AuditEntryDocument,
    AuditPageDocument,
    BatchDocument,
    BulkResultDocument,
    CampaignDocument,
    CampaignPageDocument,
    ChannelDocument,
    ChannelPageDocument,
    ChannelTestDocument,
    CostsDocument,
    DecisionResultDocument,
    ErrorDocument,
    ErrorPageDocument,
    SessionDocument,
    SessionPageDocument,
    NewKey,
    KeyRotation,
    KeyDocument,
    KeyListDocument,
    NewKeyDocument,
    FindingDocument,
    FindingListDocument,
    WorkerDocument,
    WorkerListDocument,
    SavedView,
    SavedViewDocument,
    SavedViewListDocument,
    ExplanationDocument,
    ExplanationPageDocument,
    HealthDocument,
    ImportDocument,
    ItemPageDocument,
    ExportDocument,
    ExportPageDocument,
    ExportRequest,
    ItemsOfKeyDocument,
    JobDocument,
    JobPageDocument,
    JobSetEtaDocument,
    ModelDocument,
    ModelPageDocument,
    OverviewDocument,
    PlanDocument,
    ProblemDocument,
    FailuresDocument,
    ModelResultsDocument,
    CampaignCostsDocument,
    ReparseDocument,
    RetentionDocument,
    ReviewDocument,
    SubmittedJobDocument,
    TokenDocument,
    *WEBHOOK_RESPONSES,
)
_REQUESTS = (
    CampaignPause,
    CampaignSettings,
    CampaignSpec,
    ChannelTestRequest,
    FailJobRequest,
    FailRequest,
    ItemReroll,
    ItemRetry,
    ItemVerdict,
    KeepRequest,
    NewWebhook,
    JobSelection,
    ObservedAnswer,
    PauseRequest,
    PictureSelection,
    ReleaseRequest,
    ResumeRequest,
    RetrySelection,
    Rotation,
    StartRequest,
    Submission,
    TokenRequest,
    WebhookChange,
)


def install_openapi(app: FastAPI, public_url: str) -> None:
    """Replace the app's OpenAPI document by the completed one, made at the first request.

    Its servers are the public URL, and the place of the document itself.
    """

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app, public_url)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
    route = Route("/openapi.json", _DocumentRoute(app).respond, include_in_schema=False)
    app.router.routes.insert(0, route)  # before FastAPI's own, which makes the document on the event loop


class _DocumentRoute:
    """Serves the document, which a thread makes once: that takes tenths of a second."""

    def __init__(self, app: FastAPI) -> None:
        self._app, self._making = app, asyncio.Lock()
        self._content: bytes | None = None

    async def respond(self, request: Request) -> Response:
        """Return the document."""
        async with self._making:
            if self._content is None:
                self._content = await asyncio.to_thread(lambda: orjson.dumps(self._app.openapi()))
        return Response(self._content, media_type="application/json")


def _document(app: FastAPI, public_url: str) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        servers=[
            {"url": public_url.rstrip("/"), "description": "The public URL"},
            {"url": ".", "description": "Where this document is"},
        ],
    )
    _, schemas = models_json_schema(
        [
            *((model, "validation") for model in _REQUESTS),
            *((model, "serialization") for model in _RESPONSES),
        ],
        ref_template="#/components/schemas/{model}",
    )
    components = document.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **schemas["$defs"]}
    components["securitySchemes"] = {
        BEARER: {
            "type": "http",
            "scheme": "bearer",
            "description": "API key, as created by `darkroom keys create`. All keys of a caller see the same "
            "jobs; an admin's key sees and decides the jobs of all callers.",
        },
        ACCESS_TOKEN: {
            "type": "apiKey",
            "in": "query",
            "name": ACCESS_TOKEN,
            "description": "Short-lived, read-only token from `POST /v1/tokens`, for web pages.",
        },
    }
    return document
