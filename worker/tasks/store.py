"""The way home: the answer is saved first; then every picture is brought, checked and stored."""

import asyncio
import random
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import structlog

from models.errors import DarkroomError, ImageError, StorageError
from models.outcomes import JobError, Outcome
from models.queries.assets import NewAsset
from models.queries.leases import LeasedJob
from models.request import wants_text
from models.states import JobStatus
from worker.asset_store import StoredImage
from worker.lifecycle import amendment, begin_storing, end_recovery, fail, postpone_storing, succeed
from worker.pending_images import Piece, linked, settled
from worker.tasks.context import TaskContext
from worker.tasks.polling import LostCall, poll_once
from worker.upstream.handles import Handles
from worker.upstream.parsing.answer import Answer
from worker.upstream.parsing.answer_text import message_text
from worker.upstream.parsing.image import ResultImage
from worker.upstream.polling.poll import PollStage, PollState

_OURS = "storage_failed"  # our own storage is full or away: waited out however long, and no try is counted
_MENDING = (10.0, 20.0)  # seconds between two tries then
_log = structlog.get_logger()


async def store_answer(
    context: TaskContext, job: LeasedJob, answer: Answer, ended: Mapping[str, Any]
) -> None:
    """Save an answer with pictures, and bring them home. Where words were asked for, they are all."""
    if wants_text(job.request):
        text, now = message_text(answer), context.services.clock()
        await context.group_commit.write(succeed(job, JobStatus.RUNNING, [], at=now, ended=ended, text=text))
        return
    saved = await _saved(context, answer.images or answer.videos, answer.handles)
    text, now = message_text(answer), context.services.clock()
    if assets := _all_stored(job, saved, now):
        change = succeed(job, JobStatus.RUNNING, assets, at=now, ended=ended, text=text)
        await context.group_commit.write(change)
    elif await context.group_commit.write(begin_storing(job, ended, saved, text, at=now)):
        await store_images(context, job, saved, 0)


async def store_recovered(
    context: TaskContext, job: LeasedJob, state: PollState, lost_call: LostCall
) -> None:
    """Save the pictures of an answer that was lost, and bring them home."""
    saved = await _saved(context, state.images or state.videos, lost_call.handles)
    amended, now = (
        amendment(job.id, lost_call.number, state.result or lost_call.result),
        context.services.clock(),
    )
    if assets := _all_stored(job, saved, now):
        await context.group_commit.write(succeed(job, JobStatus.STORING, assets, at=now, amended=amended))
    elif await context.group_commit.write(end_recovery(job, amended, saved, at=now)):
        await store_images(context, job, saved, 0)


async def _saved(
    context: TaskContext, pictures: Sequence[ResultImage | str], handles: Handles
) -> dict[str, Any]:
    """Return an answer as it is kept: what came inside it goes to storage first."""
    pieces = [await _inline(context, picture) for picture in pictures]
    saved = {"pieces": pieces, "received_at": context.services.clock().isoformat()}
    return saved | ({"handles": handles.to_json()} if handles.pollable else {})


def _all_stored(job: LeasedJob, saved: Mapping[str, Any], at: datetime) -> list[NewAsset]:
    """Return the asset rows if no picture is away."""
    pieces = saved["pieces"]
    return _assets(job, pieces, at) if all("stored" in piece for piece in pieces) else []


async def _inline(context: TaskContext, picture: ResultImage | str) -> Piece:
    """Put what came inside the answer straight into storage; return how the rest may be had."""
    picture = ResultImage(url=picture) if isinstance(picture, str) else picture
    away = linked(picture)
    if away is None or picture.url is None:
        stored = await _stored(context, picture)
        return away if away and "fault" in stored else stored
    if picture.spare is not None and "stored" in (stored := await _stored(context, picture)):
        return {**away, "spare": stored["stored"]}
    return away


async def _stored(context: TaskContext, picture: ResultImage) -> Piece:
    """Store a picture's bytes; keep them until storage takes them."""
    pause = 0.5
    while True:
        try:
            return {"stored": asdict(await context.services.asset_store.store_inline(picture))}
        except ImageError as error:
            return {"fault": error.code, "message": error.message}
        except StorageError as error:
            _log.error("storage took no picture; it is kept in memory and tried again", error=str(error))
            await asyncio.sleep(pause)
            pause = min(pause * 2, 30.0)


async def store_images(context: TaskContext, job: LeasedJob, answer: Mapping[str, Any], tries: int) -> None:
    """Bring the pieces that are away; end the job, or postpone what may work later."""
    last = tries + 1 >= context.services.settings.store_attempts
    answer = await _fetched(context, answer)
    answer = {**answer, "pieces": [settled(piece, last=last) for piece in answer["pieces"]]}
    if any("fault" in piece for piece in answer["pieces"]) and answer.get("handles"):
        answer = await _polled_again(context, job, answer)
    pieces, now = answer["pieces"], context.services.clock()
    away = [piece for piece in pieces if "url" in piece and "fault" not in piece]
    if away and all(piece["code"] == _OURS for piece in away):
        after, why = timedelta(seconds=random.uniform(*_MENDING)), away[0]["problem"]
        change = postpone_storing(job, answer, after=after, at=now, why=why, tries=tries)
    elif away and not last:
        after = timedelta(seconds=max(2.0**tries * (0.5 + random.random()), *(p["wait"] for p in away)))
        change = postpone_storing(job, answer, after=after, at=now, why=away[0]["problem"], tries=tries + 1)
    elif any("stored" in piece for piece in pieces):
        assets = _assets(job, pieces, now)
        missing = len(pieces) - len([piece for piece in pieces if "stored" in piece])
        note = f"{missing} of {len(pieces)} pictures could not be had: {_why(pieces)}" if missing else None
        change = succeed(job, JobStatus.STORING, assets, at=now, note=note)
    else:
        change = fail(job, JobStatus.STORING, _lost(pieces), at=now)
    await context.group_commit.write(change)


async def _polled_again(context: TaskContext, job: LeasedJob, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Ask for fresh links where the old ones are dead for good; a place that is busy now is asked later."""
    state = await poll_once(context, job, Handles.from_json(answer["handles"]))
    fresh: Sequence[ResultImage | str] = state.images or state.videos
    pieces: list[Piece] = []
    for position, piece in enumerate(answer["pieces"]):
        if "fault" not in piece:
            pieces.append(piece)
        elif position < len(fresh):
            pieces.append(await _inline(context, fresh[position]))
        elif state.stage in (PollStage.RUNNING, PollStage.UNCLEAR) and "url" in piece:
            kept = {name: member for name, member in piece.items() if name not in ("fault", "message")}
            pieces.append({**kept, "problem": piece["message"], "code": piece["fault"], "wait": 0.0})
        else:
            pieces.append(piece)
    if not fresh:
        return {**answer, "pieces": pieces}
    return await _fetched(context, {"pieces": pieces, "received_at": context.services.clock().isoformat()})


async def _fetched(context: TaskContext, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer with all pieces at home that could be had."""
    age = context.services.clock() - datetime.fromisoformat(answer["received_at"])
    pieces: list[Piece] = await asyncio.gather(*(_fetch(context, piece, age) for piece in answer["pieces"]))
    return {**answer, "pieces": pieces}


async def _fetch(context: TaskContext, piece: Piece, age: timedelta) -> Piece:
    if "url" not in piece or "fault" in piece:
        return piece
    try:
        stored = await context.services.asset_store.store_url(piece["url"], piece["alternates"], age=age)
    except ImageError as error:
        if not error.retryable:
            return {**piece, "fault": error.code, "message": error.message}
        return {**piece, "problem": error.message, "code": error.code, "wait": error.retry_after or 0.0}
    except DarkroomError as error:
        return {**piece, "problem": str(error), "code": _OURS, "wait": 0.0}
    except Exception as error:  # noqa: BLE001 - what we did not think of must cost a try, or it would be met for ever
        _log.exception("a picture could not be fetched for a fault of our own", url=str(piece["url"])[:300])
        words = f"Darkroom itself failed at this link ({type(error).__name__}); its log says more"
        return {**piece, "problem": words, "code": "asset_unreachable", "wait": 0.0}
    return {"stored": asdict(stored)}


def _assets(job: LeasedJob, pieces: Sequence[Piece], at: datetime) -> list[NewAsset]:
    """Return the rows of new assets, the same bytes once."""
    unique: dict[str, StoredImage] = {}
    for piece in pieces:
        if "stored" in piece:
            unique.setdefault(piece["stored"]["sha256"], StoredImage(**piece["stored"]))
    known = {piece["stored"]["sha256"] for piece in pieces if piece.get("known")}
    return [
        stored.as_asset(caller_id=job.caller_id, at=at, job_id=job.id, position=position)
        for position, stored in enumerate(unique.values())
        if stored.sha256 not in known
    ]


def _why(pieces: Sequence[Piece]) -> str:
    words = {(piece.get("message") or piece.get("problem") or "").rstrip(".") for piece in pieces}
    return "; ".join(sorted(words - {""}))


def _lost(pieces: Sequence[Piece]) -> JobError:
    """Say that the picture was made, and where it was seen last."""
    first = next((piece for piece in pieces if "stored" not in piece), {})
    seen = f" It was last seen at {first['url']}." if first.get("url") else ""
    return JobError(
        code=first.get("fault") or first.get("code") or "asset_unreachable",
        message="The picture was generated, and probably charged, but could not be brought home: "
        f"{_why(pieces)}.{seen} Retrying the job pays for a new one.",
        outcome=Outcome.NEEDS_HUMAN,
        retryable=False,
    )
