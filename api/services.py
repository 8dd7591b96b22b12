"""Composition root of the API: the services that handlers share, made once per process."""

import asyncio
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from starlette.requests import Request

from api.access.session_cache import SessionCache
from api.auth import Authenticator
from api.campaigns.sheets.xlsx_sheet import WorkbookReader
from api.ceilings import Ceilings
from api.change_feed import ChangeFeed
from api.event_feed import EventFeed
from api.jobs.estimates import Estimates, SnapshotCache
from api.jobs.queue_ceiling import QueueCeiling
from api.jobs.watcher import Watcher
from api.keyed_locks import KeyedLocks
from api.monitor import Monitor
from api.shared.request_batches import RequestBatches
from models.clock import Clock
from models.credentials.encryption import SecretCipher
from models.database import Database
from models.queries.jobs import SubmittedJob
from models.settings import Settings
from worker.money.call_costs import CallCosts
from worker.notifier import Notifier
from worker.storage.store import Store

PAGE_CONNECTIONS = 3  #: of a process to the database, at most, that pages of the dashboard use
PAGE_STATEMENT_TIMEOUT = 5.0  #: seconds of one statement of a page


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Services of one API process."""

    settings: Settings
    database: Database
    page_database: Database  #: the same, over connections of the dashboard's pages, for short statements
    store: Store
    notifier: Notifier
    authenticator: Authenticator
    sessions: SessionCache
    watcher: Watcher
    feed: EventFeed
    changes: ChangeFeed
    job_polls: RequestBatches[UUID, Any]  #: jobs as they are represented
    task_polls: RequestBatches[int, dict[str, Any]]  #: Midjourney tasks as JSON
    submits: RequestBatches[SubmittedJob, bool]  #: single jobs to insert
    snapshots: SnapshotCache
    estimates: Estimates
    monitor: Monitor
    ceilings: Ceilings
    queue_ceiling: QueueCeiling
    clock: Clock
    cipher: SecretCipher  #: of secrets in the database
    call_costs: CallCosts
    request_locks: KeyedLocks  #: of requests that are submitted now
    import_turns: KeyedLocks  #: of imports of rows, by caller
    workbooks: WorkbookReader
    batch_wake: asyncio.Event  #: set when a batch of the OpenAI API can be moved on

    def for_pages(self) -> "ApiServices":
        """Return the services as pages of the dashboard use them: slow pages take no connection of others."""
        return replace(self, database=self.page_database)

    @property
    def public_url(self) -> str:
        """Base of all URLs in responses, without a trailing slash."""
        return self.settings.public_url.rstrip("/")


def services_of(request: Request) -> ApiServices:
    """Return the services of the running app."""
    services: ApiServices = request.app.state.services
    return services
