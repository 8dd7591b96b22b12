"""Router of the native API: mounts the routes of every resource."""

from functools import cache

from fastapi import APIRouter

from api.rest import (
    assets,
    channel_tests,
    channels,
    costs,
    eta,
    explain,
    health_and_metrics,
    jobs,
    models,
    reparse,
    retention,
    submit,
    tokens,
    uploads,
)
from api.rest.access import audit, keys, sessions, views
from api.rest.bulk import actions, bulk_jobs, errors, held_jobs, pictures
from api.rest.campaigns import control, exports, items, repair, reports, review, rows
from api.rest.campaigns import settings as campaigns
from api.rest.monitoring import notices, overview, workers
from api.rest.openapi import docs_page
from api.rest.streams import events, feed
from api.rest.webhooks import deliveries, endpoints

_RESOURCES = (
    *(submit, eta, jobs, events, feed),  # eta before jobs: /v1/jobs/{job_id} matches it too
    *(held_jobs, bulk_jobs, errors, reparse, retention, sessions, audit, keys, views),
    *(actions, control, repair, review, reports, exports),
    *(rows, items, campaigns),  # campaigns last: its routes match the others' paths too
    *(pictures, assets, uploads, models, tokens, deliveries, endpoints),
    *(overview, channel_tests, channels, costs, health_and_metrics, notices, workers, explain, docs_page),
)


@cache
def build_router() -> APIRouter:
    """Return the router with all routes of the native API, which all apps of a process share."""
    router = APIRouter()
    for resource in _RESOURCES:
        resource.add_routes(router)
    return router
