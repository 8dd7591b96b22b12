"""Check of the object store: writable and readable."""

import asyncio

from api.cli.doctor.findings import Finding, fault, fine
from models.errors import DarkroomError
from models.settings import Settings
from worker.services import build_store

_TIMEOUT = 15.0  #: seconds


async def check_storage(settings: Settings) -> list[Finding]:
    """Write, read and delete a small object."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            await build_store(settings).check()
    except TimeoutError:
        message = f"{settings.storage_url} did not answer within {_TIMEOUT:g} s."
        return [fault("storage", message, "Check DARKROOM_STORAGE_URL and the network path to it.")]
    except DarkroomError as error:
        return [fault("storage", str(error), "Check DARKROOM_STORAGE_URL and DARKROOM_S3_*.")]
    return [fine("storage", f"{settings.storage_url} can be written and read")]
