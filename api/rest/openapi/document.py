"""The OpenAPI document, completed with what FastAPI can't see."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from api.jobs.held_jobs import FailJobRequest, FailRequest, ReleaseRequest
from api.jobs.schemas import Submission
from api.rest.campaigns import CampaignDocument, CampaignPageDocument, CampaignSettings
from api.rest.channels import PauseRequest, ResumeRequest
from api.rest.held_jobs import DecisionResultDocument
from api.rest.openapi.response_schemas import SHOWN as WEBHOOK_DOCUMENTS
from api.rest.openapi.response_schemas import (
    AssetPage,
    BatchDocument,
    ChannelDocument,
    ChannelPageDocument,
    ExplanationDocument,
    ExplanationPageDocument,
    HealthDocument,
    JobDocument,
    JobPageDocument,
    JobSetEtaDocument,
    ObservedAnswer,
    ProblemDocument,
)
from api.rest.openapi.route_docs import BEARER
from api.rest.reparse import ReparseDocument
from api.rest.webhooks.schemas import NewWebhook, Rotation, WebhookChange

_SHOWN = (
    AssetPage,
    BatchDocument,
    CampaignDocument,
    CampaignPageDocument,
    ChannelDocument,
    ChannelPageDocument,
    DecisionResultDocument,
    ExplanationDocument,
    ExplanationPageDocument,
    HealthDocument,
    JobDocument,
    JobPageDocument,
    ProblemDocument,
    JobSetEtaDocument,
    ReparseDocument,
    *WEBHOOK_DOCUMENTS,
)
_TAKEN = (
    CampaignSettings,
    *(
        Submission,
        ObservedAnswer,
        FailRequest,
        FailJobRequest,
        ReleaseRequest,
        NewWebhook,
        WebhookChange,
        Rotation,
    ),
    *(PauseRequest, ResumeRequest),
)


def install_openapi(app: FastAPI) -> None:
    """Let the app describe itself with our schemas and its security scheme."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes
    )
    _, schemas = models_json_schema(
        [*((model, "validation") for model in _TAKEN), *((model, "serialization") for model in _SHOWN)],
        ref_template="#/components/schemas/{model}",
    )
    components = document.setdefault("components", {})
    components["schemas"] = {**components.get("schemas", {}), **schemas["$defs"]}
    components["securitySchemes"] = {
        BEARER: {"type": "http", "scheme": "bearer", "description": "a key of `darkroom keys create`"}
    }
    return document
