"""What the API's handlers work with, made once per process."""

from dataclasses import dataclass

from starlette.requests import Request

from api.auth import Authenticator
from api.jobs.estimates import Estimates, SnapshotCache
from api.jobs.watcher import Watcher
from models.clock import Clock
from models.database import Database
from models.settings import Settings
from worker.notifier import Notifier
from worker.storage.store import Store


@dataclass(frozen=True, slots=True)
class ApiServices:
    """Everything a handler may need."""

    settings: Settings
    database: Database
    store: Store
    notifier: Notifier
    authenticator: Authenticator
    watcher: Watcher
    snapshots: SnapshotCache
    estimates: Estimates
    clock: Clock

    @property
    def public_url(self) -> str:
        """The base of every address that is handed out, without a slash at its end."""
        return self.settings.public_url.rstrip("/")


def services_of(request: Request) -> ApiServices:
    """Return what the app was started with."""
    services: ApiServices = request.app.state.services
    return services
