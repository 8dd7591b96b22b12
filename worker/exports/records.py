"""Record of a picture, or of an item without one: what the manifest, metadata and shards say of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row

from models.campaigns.variants import parse_variant
from models.checks.findings import found_in
from models.ids import public_id
from models.queries.campaigns.export_items import ExportedItem
from worker.exports.cells import Value
from worker.exports.picture import Picture

BEFORE = ("key", "variant")
AFTER = (
    *("status", "verdict", "reviewer", "reason", "line", "item", "job", "take", "take_reason", "parent"),
    *("prompt", "model", "channel", "attempts", "file", "sha256", "bytes", "width", "height", "content_type"),
    *(
        "stored_sha256",
        "marking",
        "c2pa",
        "digital_source_type",
        "checks",
        "problem",
        "cost",
        "currency",
        "cost_source",
    ),
    *("error", "error_message", "created_at", "started_at", "finished_at"),
)
"""Columns beside those of the variables, in order."""
_FIXED = frozenset({*BEFORE, *AFTER})


def column_of(variable: str) -> str:
    """Return the column of a variable; one that has the name of another column gets a prefix."""
    return f"variable.{variable}" if variable in _FIXED or variable == "file_name" else variable


def columns(variables: Sequence[str]) -> list[str]:
    """Return all columns of a manifest, each once."""
    return list(dict.fromkeys([*BEFORE, *map(column_of, variables), *AFTER]))


def variables_of_item(item: Row[Any]) -> dict[str, str]:
    """Return the variables of an item: those of its row, and its axes, which outrank them."""
    return {**(item.variables or {}), **parse_variant(item.variant)}


def record_of(found: ExportedItem, picture: Picture | None, file: str | None) -> dict[str, Value]:
    """Return the record by column; columns without a value are left out."""
    item = found.item
    record: dict[str, Value] = {
        "key": item.key,
        "variant": item.variant or None,
        **{column_of(name): value for name, value in variables_of_item(item).items()},
        "status": item.state,
        "verdict": item.verdict,
        "reviewer": found.verdict.by if found.verdict else None,
        "reason": found.verdict.reason if found.verdict else None,
        "line": item.line,
        "item": public_id("item", item.id),
        "error": item.error,
        **_of_job(found.job),
        **_of_attempts(found.attempts),
    }
    if picture is not None:
        record |= _of_picture(picture, file)
    return {name: value for name, value in record.items() if value is not None}


def _of_job(job: Row[Any] | None) -> dict[str, Value]:
    if job is None:
        return {}
    error: Mapping[str, Any] = job.error if isinstance(job.error, dict) else {}
    return {
        "job": public_id("job", job.id),
        "take": job.take,
        "take_reason": job.take_reason,
        "parent": public_id("job", job.parent_job_id) if job.parent_job_id else None,
        "prompt": job.prompt,
        "model": job.model,
        "attempts": job.attempts_used,
        "error_message": error.get("message"),
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
    }


def _of_attempts(attempts: Sequence[Row[Any]]) -> dict[str, Value]:
    """Return the channel of the last call, and what all calls cost; amounts in one currency only."""
    if not attempts:
        return {}
    last = attempts[-1]
    priced = [each for each in attempts if getattr(each, "cost_micro", None) is not None]
    found: dict[str, Value] = {"channel": last.channel}
    if priced and len({each.currency for each in priced}) == 1:
        total = sum(each.cost_micro for each in priced)
        found["cost"] = f"{total / 1_000_000:.6f}".rstrip("0").rstrip(".")
        found |= {"currency": priced[-1].currency, "cost_source": priced[-1].cost_source}
    return found


def _of_picture(picture: Picture, file: str | None) -> dict[str, Value]:
    asset, content = picture.asset, picture.content
    return {
        "file": file,
        "sha256": content.sha256 if content else None,
        "bytes": content.size if content else None,
        "width": asset.width,
        "height": asset.height,
        "content_type": asset.content_type,
        "stored_sha256": asset.sha256,
        "marking": picture.marking.value if picture.marking else None,
        "c2pa": picture.provenance.c2pa,
        "digital_source_type": picture.provenance.source_type,
        "checks": ", ".join(found_in(asset)) or None,
        "problem": picture.problem,
    }
