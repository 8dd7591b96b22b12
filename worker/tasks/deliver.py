"""The way home: the answer is saved first; then every picture is brought, checked and stored."""

import asyncio
import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row

from models.errors import DarkroomError, PictureError, StorageError
from models.ids import new_id
from models.queries.rows import storable
from models.states import JobStatus
from models.verdicts import Outcome
from worker.lifecycle import answered, failed, postponed, succeeded
from worker.storage.bring import StoredPicture
from worker.tasks.chunk import work_on
from worker.tasks.workbench import Workbench
from worker.upstream.answer import Answer
from worker.upstream.besides import text_besides
from worker.upstream.pictures import Picture

_log = structlog.get_logger()
Piece = dict[
    str, Any
]  # {"url", "alternates"} while it is away, {"stored"} at home, {"fault"} if it can't be had


async def store(bench: Workbench, job_ids: Sequence[UUID], lease: UUID) -> None:
    """Bring home the pictures of a chunk of jobs that were called before."""
    await work_on(bench, job_ids, lease, JobStatus.STORING, resume)


async def resume(bench: Workbench, job: Row[Any]) -> None:
    """Bring home what is still away."""
    await _bring(bench, job, job.answer, job.store_tries)


async def deliver(bench: Workbench, job: Row[Any], answer: Answer, ended: Mapping[str, Any]) -> None:
    """Save an answer with pictures, and bring them home."""
    pieces = [await _inline(bench, picture) for picture in answer.images or answer.videos]
    saved = {"pieces": pieces, "received_at": bench.tools.clock().isoformat()}
    if all("stored" in piece for piece in pieces):
        assets = _assets(job, pieces, bench.tools.clock())
        change = succeeded(
            job, JobStatus.RUNNING, assets, at=bench.tools.clock(), ended=ended, text=text_besides(answer)
        )
        await bench.writer.write(change)
    elif await bench.writer.write(answered(job, ended, saved, text_besides(answer), at=bench.tools.clock())):
        await _bring(bench, job, saved, 0)


async def _inline(bench: Workbench, picture: Picture | str) -> Piece:
    """Put a picture that came inside the answer straight into storage; keep it until storage takes it."""
    if isinstance(picture, str) or not picture.data:
        url = picture if isinstance(picture, str) else picture.url
        alternates = () if isinstance(picture, str) else picture.alternates
        return {"url": storable(url or ""), "alternates": [storable(each) for each in alternates]}
    pause = 0.5
    while True:
        try:
            return {"stored": asdict(await bench.tools.keeper.bring_inline(picture.data))}
        except PictureError as error:
            return {"fault": error.code, "message": error.message}
        except StorageError as error:
            _log.error("storage took no picture; it is kept in memory and tried again", error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)


async def _bring(bench: Workbench, job: Row[Any], answer: Mapping[str, Any], tries: int) -> None:
    """Bring the pieces that are away; end the job, or postpone what may work later."""
    age = bench.tools.clock() - datetime.fromisoformat(answer["received_at"])
    pieces: list[Piece] = await asyncio.gather(*(_fetch(bench, piece, age) for piece in answer["pieces"]))
    now = bench.tools.clock()
    away = [piece for piece in pieces if "url" in piece and "fault" not in piece]
    if away and tries + 1 < bench.tools.settings.store_attempts:
        after = timedelta(seconds=max(2.0**tries * (0.5 + random.random()), *(p["wait"] for p in away)))
        kept = {**answer, "pieces": pieces}
        change = postponed(job, kept, after=after, at=now, why=away[0]["problem"], tries=tries + 1)
    elif assets := _assets(job, pieces, now):
        missing = len(pieces) - len([piece for piece in pieces if "stored" in piece])
        note = f"{missing} of {len(pieces)} pictures could not be had: {_why(pieces)}" if missing else None
        change = succeeded(job, JobStatus.STORING, assets, at=now, note=note)
    else:
        change = failed(job, JobStatus.STORING, _lost(pieces), at=now)
    await bench.writer.write(change)


async def _fetch(bench: Workbench, piece: Piece, age: timedelta) -> Piece:
    if "url" not in piece or "fault" in piece:
        return piece
    try:
        stored = await bench.tools.keeper.bring_url(piece["url"], piece["alternates"], age=age)
    except PictureError as error:
        if not error.retryable:
            return {**piece, "fault": error.code, "message": error.message}
        return {**piece, "problem": error.message, "code": error.code, "wait": error.retry_after or 0.0}
    except DarkroomError as error:
        return {**piece, "problem": str(error), "code": "storage_failed", "wait": 0.0}
    return {"stored": asdict(stored)}


def _assets(job: Row[Any], pieces: Sequence[Piece], at: datetime) -> list[dict[str, Any]]:
    """Return asset rows, the same bytes once."""
    unique: dict[str, StoredPicture] = {}
    for piece in pieces:
        if "stored" in piece:
            unique.setdefault(piece["stored"]["sha256"], StoredPicture(**piece["stored"]))
    return [
        {
            **asdict(stored),
            "id": new_id(),
            "caller_id": job.caller_id,
            "job_id": job.id,
            "position": position,
            "token": secrets.token_urlsafe(18),
            "created_at": at,
        }
        for position, stored in enumerate(unique.values())
    ]


def _why(pieces: Sequence[Piece]) -> str:
    return "; ".join(sorted({piece.get("message") or piece.get("problem") or "" for piece in pieces} - {""}))


def _lost(pieces: Sequence[Piece]) -> dict[str, Any]:
    """Say that the picture was made, and where it was seen last."""
    first = next((piece for piece in pieces if "stored" not in piece), {})
    seen = f" It was last seen at {first['url']}." if first.get("url") else ""
    return {
        "code": first.get("fault") or first.get("code") or "asset_unreachable",
        "message": "The picture was generated, and probably charged, but could not be brought home: "
        f"{_why(pieces)}.{seen} Retrying the job pays for a new one.",
        "outcome": Outcome.NEEDS_HUMAN,
        "retryable": False,
        "provider_status": None,
        "provider_message": None,
    }
