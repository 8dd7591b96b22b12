"""Reading of JSON documents into values. What is missing takes its default; a wrong type is an error.

Members and values that this version does not know are accepted, so that a newer server can be called.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias, TypeVar

from darkroom_client.errors import InvalidResponse

T = TypeVar("T")
Document: TypeAlias = Mapping[str, Any]


def as_document(value: object, what: str = "document") -> Document:
    """Return a JSON object. Raises ``InvalidResponse``."""
    if not isinstance(value, Mapping):
        raise InvalidResponse(f"The server's answer has no {what} where one belongs.")
    return value


def as_documents(value: object, what: str = "list") -> Iterator[Document]:
    """Yield the JSON objects of a list; ``None`` is an empty one. Raises ``InvalidResponse``."""
    if value is None:
        return
    if not isinstance(value, list):
        raise InvalidResponse(f"The server's answer has no {what} where one belongs.")
    for each in value:
        yield as_document(each, f"document in its {what}")


def member(document: Document, name: str, kind: type[T], default: T) -> T:
    """Return a member of this type; missing or null, its default. Raises ``InvalidResponse``."""
    value = document.get(name)
    if value is None:
        return default
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)  # type: ignore[return-value]  # T is float
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise InvalidResponse(f"The member {name!r} of the server's answer is no {kind.__name__}.")
    return value


def optional(document: Document, name: str, kind: type[T]) -> T | None:
    """Return a member of this type, or ``None``. Raises ``InvalidResponse``."""
    return None if document.get(name) is None else member(document, name, kind, kind())


def required(document: Document, name: str) -> str:
    """Return a text that must be there. Raises ``InvalidResponse``."""
    text = member(document, name, str, "")
    if not text:
        raise InvalidResponse(f"The server's answer has no {name!r}.")
    return text


def texts(document: Document, name: str) -> tuple[str, ...]:
    """Return a list of texts; missing, an empty one. Raises ``InvalidResponse``."""
    values: list[Any] = member(document, name, list, [])
    if not all(isinstance(value, str) for value in values):
        raise InvalidResponse(f"The member {name!r} of the server's answer is no list of texts.")
    return tuple(values)


def moment(document: Document, name: str) -> datetime | None:
    """Return a time (RFC 3339), or ``None``. Raises ``InvalidResponse``."""
    text = optional(document, name, str)
    if text is None:
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise InvalidResponse(f"The member {name!r} of the server's answer is no time.") from error
