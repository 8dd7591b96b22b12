"""``darkroom demo``: API and practice provider, a worker in a process of its own, and a sample campaign."""

import os
from pathlib import Path
from socket import socket

from sqlalchemy.ext.asyncio import AsyncConnection

from api.cli.demo_campaign import MODEL, PRICE, SampleCampaign
from api.cli.doctor.command import shared_findings
from api.cli.exit_codes import Exit
from api.cli.key_admin import create_key, revoke_keys
from api.cli.local_database import upgrade, write
from api.cli.output import open_console
from api.cli.practice_server import PracticeServerThread
from api.cli.worker_process import WorkerProcess
from api.dashboard.login.sessions import create_link
from api.embedded import run_embedded
from api.server import listen
from models.api_keys import Role
from models.clock import now
from models.errors import SettingsError
from models.settings import Settings, load_settings
from worker.process.logs import configure_logs

_CALLER = "demo"


def demo(*, host: str = "127.0.0.1", port: int | None = None, data: Path = Path("demo-data")) -> Exit:
    """Try Darkroom: a practice provider and a sample campaign; needs no API key and no network.

    The campaign goes from a sheet to a ZIP: plan, canary, budget, retry, verdicts, export; its prices are
    made up. Serves until Ctrl-C. Your own channels are not used.

    Parameters
    ----------
    host
        address to listen on
    port
        port to listen on; else 8080, or a free one if that is taken
    data
        folder of the database and the images
    """
    listener = _listen(host, port)
    folder = data.expanduser().absolute()
    worker: WorkerProcess
    try:
        with PracticeServerThread(delay="0.3-1", kill_worker=lambda: worker.kill()) as practice:
            settings = _settings(folder, host, listener.getsockname()[1], practice.url)
            configure_logs(settings)
            upgrade(settings)
            key, login = _fresh_key(settings)
            worker = WorkerProcess(settings)
            campaign = SampleCampaign(settings.public_url, key, folder, open_console(), login=login)
            try:
                run_embedded(
                    settings,
                    listener,
                    ready=campaign.start,
                    practice=True,
                    findings=shared_findings(settings),
                    worker=worker,
                )
            finally:
                campaign.stop()
    except KeyboardInterrupt:  # before the API was up
        return Exit.OK
    finally:
        listener.close()
    return Exit.OK


def _listen(host: str, port: int | None) -> socket:
    if port is not None:
        return listen(host, port)
    try:
        return listen(host, 8080)
    except SettingsError:
        return listen(host, 0)


def _settings(folder: Path, host: str, port: int, provider: str) -> Settings:
    """Return settings that ignore the user's own: none of their channels, so no cost."""
    shown = "127.0.0.1" if host in ("0.0.0.0", "::", "") else host
    settings = load_settings(
        Path(os.devnull),
        database_url=f"sqlite:///{folder / 'darkroom.db'}",
        broker_url="memory://",
        storage_url=(folder / "pictures").as_uri(),
        public_url=f"http://{shown}:{port}",
        host=host,
        port=port,
        channels=[
            {
                "name": "practice",
                "base_url": provider,
                "api_key": "practice-provider",  # no word of an answer: there it would be replaced
                "models": [MODEL, "practice-image", "practice-text", "*"],  # named for lists of models
                "concurrency": 4,
                "prices": {"*": {"per_call": PRICE, "currency": "USD"}},
            }
        ],
        allow_private=("127.0.0.0/8",),
        midjourney_image_model="practice-image",
        midjourney_text_model="practice-text",
        midjourney_video_model="practice-video",
        log_level="error",
        worker_grace=1,  # practice images cost nothing
        # the user's own secrets are not used, and need not be good ones
        api_keys=(),
        admin_keys=(),
        secret_key=(),
        upstream_api_key="",
        s3_secret_access_key="",
    )
    return settings.model_copy(update={"upstream_base_url": None, "oidc_issuer": None})


def _fresh_key(settings: Settings) -> tuple[str, str]:
    """Return a new key, and a link that logs in by it; keys of earlier demos are revoked."""

    async def act(connection: AsyncConnection) -> tuple[str, str]:
        await revoke_keys(connection, _CALLER)
        made = await create_key(connection, _CALLER, role=Role.ADMIN)
        link = await create_link(connection, made.id, public_url=settings.public_url, at=now())
        return made.key, link

    return write(settings, act)
