"""Composition root of the API: the services that handlers share, made once per process."""

import asyncio
from dataclasses import dataclass

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
from models.clock import Clock
from models.credentials.encryption import SecretCipher
from models.database import Database
from models.settings import Settings
from worker.money.call_costs import CallCosts
from worker.notifier import Notifier
from worker.storage.store import Store


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Services of one API process."""

    settings: Settings
    database: Database
    store: Store
    notifier: Notifier
    authenticator: Authenticator
    sessions: SessionCache
    watcher: Watcher
    feed: EventFeed
    changes: ChangeFeed
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

    @property
    def public_url(self) -> str:
        """Base of all URLs in responses, without a trailing slash."""
        return self.settings.public_url.rstrip("/")


def services_of(request: Request) -> ApiServices:
    """Return the services of the running app."""
    services: ApiServices = request.app.state.services
    return services
