"""create_app(): the FastAPI application with its services, middleware and routes."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from api.access.session_cache import SessionCache
from api.auth import Authenticator, configured_keys, sync_keys
from api.campaigns.sheets.xlsx_sheet import WorkbookReader
from api.ceilings import Ceilings
from api.change_feed import ChangeFeed
from api.dashboard.login.openid.openid_login import open_provider
from api.dashboard.routes import dashboard_routes, is_dashboard, render_problem
from api.event_feed import EventFeed
from api.fair_database import FairDatabase
from api.jobs.estimates import Estimates, SnapshotCache
from api.jobs.queue_ceiling import QueueCeiling
from api.jobs.watcher import Watcher
from api.keyed_locks import KeyedLocks
from api.midjourney import routes as midjourney
from api.monitor import Monitor
from api.openai import routes as openai
from api.openai.batches.controller import BatchController
from api.openai.repeats import WINDOW
from api.rest.openapi.document import install_openapi
from api.rest.routes import build_router
from api.services import PAGE_CONNECTIONS, PAGE_STATEMENT_TIMEOUT, ApiServices
from api.shared.request_batches import RequestBatches
from api.web.allowed_hosts import AllowedHosts
from api.web.cors import ApiCors
from api.web.key_in_path import KeyInPath
from api.web.middleware import ErrorFormat, RequestMiddleware
from api.web.problems import install_problem_handlers
from api.web.request_body import BodyLimit
from models.clock import Clock, DatabaseClock
from models.credentials.encryption import cipher_of
from models.database import Database
from models.errors import DatabaseAway
from models.queries.database_time import measure, set_clock
from models.queries.idempotency_keys import forget_keys
from models.queries.openai.requests import forget_requests
from models.settings import Settings
from worker.alerts.stand_in import StandIn
from worker.cancellation import cancel_and_wait
from worker.metrics.database_metrics import observe_database
from worker.metrics.process_metrics import measure_lag
from worker.money.call_costs import CallCosts
from worker.notifier import Notifier
from worker.services import build_store

_SWEEP = 600.0  # seconds between deletions of expired idempotency keys
_MEASURE = 5.0  # seconds between measurements of the database's time
_SAVE = 60.0  # seconds between writes of the keys' last uses
_LAST_USES = "write when keys were last used"
_log = structlog.get_logger()


def create_app(settings: Settings) -> FastAPI:
    """Return the API. Its services are opened at startup, on the event loop that serves it."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with _open_services(settings) as services:
            app.state.services = services
            yield

    app = FastAPI(
        title="Darkroom",
        version=version("darkroom"),
        description="Submit image jobs, poll for their status, download the stored images.",
        lifespan=lifespan,
        redirect_slashes=False,
        docs_url=None,  # FastAPI's load scripts from other hosts; see api/rest/openapi/docs_page.py
        redoc_url=None,
    )
    error_formats = [
        ErrorFormat(midjourney.is_midjourney, midjourney.render_problem),
        ErrorFormat(openai.is_openai, openai.render_problem),
        ErrorFormat(is_dashboard, render_problem),
    ]
    app.add_middleware(
        RequestMiddleware,
        body_limit=settings.request_body_limit,
        hosts=AllowedHosts.of(settings),
        error_formats=error_formats,
        file_limits={"/v1/files": BodyLimit(settings.openai_file_limit, "openai_file_limit")},
    )
    if settings.cors_origins:
        app.add_middleware(ApiCors, origins=settings.cors_origins)
    app.add_middleware(KeyInPath)
    install_problem_handlers(app)
    app.router.routes.extend(build_router().routes)  # included, each app would build and match them anew
    app.router.routes.extend([*openai.openai_routes(), *midjourney.midjourney_routes()])
    app.router.routes.extend(dashboard_routes())
    app.state.openid = open_provider(settings)
    install_openapi(app, settings.public_url)
    return app


@asynccontextmanager
async def _open_services(settings: Settings) -> AsyncIterator[ApiServices]:
    """Open the services of one process, and close them at shutdown."""
    async with AsyncExitStack() as stack:
        database = FairDatabase(settings.sqlalchemy_url, pool=settings.database_pool)
        stack.push_async_callback(database.close)
        observe_database(database, "api")
        page_database = FairDatabase(
            settings.sqlalchemy_url, pool=PAGE_CONNECTIONS, statement_timeout=PAGE_STATEMENT_TIMEOUT
        )
        stack.push_async_callback(page_database.close)
        observe_database(page_database, "dashboard")
        clock = DatabaseClock()
        await set_clock(database, clock)
        await sync_keys(database, settings, clock())
        notifier = Notifier(settings.broker)
        stack.push_async_callback(asyncio.to_thread, notifier.close)
        watcher = Watcher(database)
        stack.push_async_callback(watcher.close)
        feed = EventFeed(database)
        stack.push_async_callback(feed.close)
        changes = ChangeFeed(database, clock)
        stack.push_async_callback(changes.close)
        authenticator = Authenticator(database, configured_keys(settings), clock, issuer=settings.oidc_issuer)
        stack.push_async_callback(_logged, authenticator.save_uses, _LAST_USES)
        forget = partial(_forget_keys, database, timedelta(seconds=settings.idempotency_ttl), clock)
        await stack.enter_async_context(
            _repeating(forget, "delete expired idempotency keys and requests", every=_SWEEP)
        )
        await stack.enter_async_context(_repeating(authenticator.save_uses, _LAST_USES, every=_SAVE))
        correct = partial(_correct, clock, database)
        await stack.enter_async_context(_repeating(correct, "measure the database's time", every=_MEASURE))
        await stack.enter_async_context(_background(measure_lag("api")))
        store = build_store(settings)
        services = ApiServices(
            settings=settings,
            database=database,
            page_database=page_database,
            store=store,
            notifier=notifier,
            authenticator=authenticator,
            watcher=watcher,
            feed=feed,
            changes=changes,
            sessions=SessionCache(database, clock, authenticator),
            job_polls=RequestBatches(),
            task_polls=RequestBatches(),
            submits=RequestBatches(),
            snapshots=SnapshotCache(settings.worker_timeout),
            estimates=Estimates(settings.priority_ageing),
            monitor=Monitor(settings, database, store, clock),
            ceilings=Ceilings.of(settings),
            queue_ceiling=QueueCeiling(settings.max_queued),
            clock=clock,
            cipher=cipher_of(settings.secret_key),
            call_costs=CallCosts.from_settings(settings),
            request_locks=KeyedLocks(),
            import_turns=KeyedLocks(),
            workbooks=WorkbookReader(),
            batch_wake=asyncio.Event(),
        )
        await stack.enter_async_context(_background(BatchController(services).run()))
        await stack.enter_async_context(StandIn(services).running())
        yield services


@asynccontextmanager
async def _repeating(act: Callable[[], Awaitable[None]], what: str, *, every: float) -> AsyncIterator[None]:
    """Do something every so many seconds, in the background."""

    async def repeat() -> None:
        while True:
            await _logged(act, what)
            await asyncio.sleep(every)

    async with _background(repeat()):
        yield


@asynccontextmanager
async def _background(act: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Run a loop while the context is open."""
    task = asyncio.create_task(act)
    try:
        yield
    finally:
        await cancel_and_wait(task)


async def _logged(act: Callable[[], Awaitable[None]], what: str) -> None:
    """Do something that may fail while the database is away, without harm."""
    try:
        await act()
    except (DatabaseAway, SQLAlchemyError) as error:
        _log.warning(f"could not {what}", error=str(error))


async def _correct(clock: DatabaseClock, database: Database) -> None:
    """Correct the clock by the database's."""
    async with database.reading() as connection:
        clock.adjust(await measure(connection, clock))


async def _forget_keys(database: Database, age: timedelta, clock: Clock) -> None:
    async with database.writing() as connection:
        await forget_keys(connection, before=clock() - age)
        await forget_requests(connection, before=clock() - WINDOW)
