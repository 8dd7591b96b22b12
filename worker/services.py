"""Composition root of a worker: builds all services from the settings."""

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from yarl import URL

from models.channels import ChannelSettings
from models.clock import Clock, DatabaseClock, Sleep
from models.credentials.encryption import SecretCipher, cipher_of
from models.database import Database
from models.retry.resolve import Policies
from models.settings import Settings
from worker.archive.record_log import RecordLog
from worker.asset_store import AssetStore
from worker.download.documents import DocumentReader
from worker.download.downloader import Downloader
from worker.download.http_client import open_download_client
from worker.download.ssrf import AllowList
from worker.images.decode_process import DecodeProcess
from worker.images.limits import Limits
from worker.memory_budget import MemoryBudget
from worker.metrics.database_metrics import observe_database
from worker.metrics.http_metrics import timed_requests
from worker.money.call_costs import CallCosts
from worker.storage.store import Store, open_store
from worker.storage.temp_files import close_temp_folder, open_temp_folder
from worker.upstream.polling.task_client import TaskClient
from worker.upstream.presets.channel_preset import effective_preset
from worker.upstream.presets.preset import Preset
from worker.upstream.transport.client import UpstreamClient
from worker.upstream.transport.connection import open_client, open_session


@dataclass(frozen=True)
class Route:
    """A channel's settings with the effective preset of its provider family."""

    settings: ChannelSettings
    preset: Preset


def images_per_call(routes: Mapping[str, Route]) -> dict[str, int]:
    """Return how many images one call asks for, by channel, where it is not all of its job's."""
    counts = {name: route.preset.images_per_call for name, route in routes.items()}
    return {name: count for name, count in counts.items() if count is not None}


@dataclass(frozen=True)
class WorkerServices:
    """Services that all tasks and loops of a worker share."""

    settings: Settings
    database: Database
    store: Store
    asset_store: AssetStore
    record_log: RecordLog
    upstream: UpstreamClient
    task_client: TaskClient  #: polls a provider for the state of its task
    documents: DocumentReader  #: reads the state of a task from a public link in an answer
    routes: Mapping[str, Route]
    policies: Policies
    call_costs: CallCosts
    clock: Clock  #: the database's time
    database_clock: DatabaseClock  #: the same, for its correction
    sleep: Sleep
    cipher: SecretCipher  #: of secrets in the database
    clients: tuple[httpx.AsyncClient, ...]
    folder: Path  #: unfinished downloads
    memory: MemoryBudget  #: of pictures, request bodies and answers
    decoding: DecodeProcess = field(default_factory=DecodeProcess)

    async def close(self) -> None:
        """Close connections and delete unfinished downloads."""
        for client in self.clients:
            await client.aclose()
        await self.database.close()
        close_temp_folder(self.folder)


def build_store(settings: Settings) -> Store:
    """Open the store of assets and raw responses. Raises ``SettingsError`` or ``StorageError``."""
    url = settings.storage_url
    if url.startswith("file:") and not url.startswith("file:///"):
        url = Path(url.removeprefix("file:")).absolute().as_uri()
    return open_configured_store(settings, url)


def open_configured_store(settings: Settings, url: str) -> Store:
    """Open a store with the configured credentials. Raises ``SettingsError`` or ``StorageError``."""
    secret = settings.s3_secret_access_key
    options = {
        "endpoint": settings.s3_endpoint,
        "region": settings.s3_region,
        "access_key_id": settings.s3_access_key_id,
        "secret_access_key": secret.get_secret_value() if secret else None,
        "allow_http": "true" if (settings.s3_endpoint or "").startswith("http:") else None,
    }
    given = {name: value for name, value in options.items() if value is not None}
    return open_store(url, options=given if url.startswith("s3:") else {})


def build_asset_store(
    settings: Settings, store: Store, threads: ThreadPoolExecutor | None, folder: Path
) -> tuple[AssetStore, httpx.AsyncClient]:
    """Return the asset store, and the HTTP client of its downloads, for the caller to close."""
    allow = AllowList.parse(settings.allow_private)
    limits = Limits(size=settings.download_limit, total=timedelta(seconds=settings.download_timeout))
    client = open_download_client(allow, settings.worker_slots, middlewares=[timed_requests("download")])
    downloader = Downloader(client, allow=allow, limits=limits, threads=threads)
    return AssetStore(store, downloader, into=folder, limits=limits, threads=threads), client


def build_services(settings: Settings) -> WorkerServices:
    """Build the services of a worker. To be called on the loop that uses them."""
    threads = ThreadPoolExecutor(max_workers=4, thread_name_prefix="pictures")
    store = build_store(settings)
    folder = open_temp_folder()
    asset_store, downloads = build_asset_store(settings, store, threads, folder)
    servers = {URL(str(channel.base_url)).host for channel in settings.all_channels()}
    session = open_session(limit=settings.worker_slots, middlewares=[timed_requests("provider", servers)])
    calls = open_client(session)
    clock = DatabaseClock()
    database = Database(settings.sqlalchemy_url, pool=settings.database_pool)
    observe_database(database, "worker")
    return WorkerServices(
        settings=settings,
        database=database,
        store=store,
        asset_store=asset_store,
        record_log=RecordLog(store),
        upstream=UpstreamClient(session),
        task_client=TaskClient(calls),
        documents=DocumentReader(downloads, allow=AllowList.parse(settings.allow_private)),
        routes={
            channel.name: Route(channel, effective_preset(channel)) for channel in settings.all_channels()
        },
        policies=Policies.from_settings(settings),
        call_costs=CallCosts.from_settings(settings),
        clock=clock,
        database_clock=clock,
        sleep=asyncio.sleep,
        cipher=cipher_of(settings.secret_key),
        clients=(calls, downloads),
        folder=folder,
        memory=MemoryBudget(settings.worker_memory),
    )
