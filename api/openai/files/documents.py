"""File objects, as OpenAI's API reference shows them."""

from typing import Any

from models.openai.file_ids import file_id


def file_document(row: Any) -> dict[str, Any]:
    """Return a file; it is ready as soon as it exists."""
    return {
        "id": file_id(row.id),
        "object": "file",
        "bytes": row.bytes,
        "created_at": int(row.created_at.timestamp()),
        "expires_at": None if row.expires_at is None else int(row.expires_at.timestamp()),
        "filename": row.filename,
        "purpose": row.purpose,
        "status": "processed",
        "status_details": None,
    }
