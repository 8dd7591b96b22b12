"""Options of an export: format, items, names, marking and destination."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from models.campaigns.item_filter import ItemFilter, parse_filter


class ExportFormat(StrEnum):
    """What an export becomes."""

    ZIP = "zip"
    FOLDER = "folder"  #: files below the operator's export URL
    IMAGEFOLDER = "imagefolder"  #: Hugging Face: pictures and metadata inside a split folder
    WEBDATASET = "webdataset"  #: TAR shards of KEY.png and KEY.json


class ExportStatus(StrEnum):
    """State of an export."""

    WAITING = "waiting"  #: no worker has begun
    RUNNING = "running"  #: a worker freezes its items and reads its pictures
    READY = "ready"  #: its content can be downloaded, or is written
    FAILED = "failed"
    EXPIRED = "expired"  #: its content was deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOptions:
    """What was asked for, as ``exports.options`` stores it."""

    format: ExportFormat
    filter: ItemFilter = field(default_factory=ItemFilter)
    names: str | None = None  #: template of the paths; none: the default
    marking: str | None = None  #: ``xmp``, or none
    destination: str | None = None  #: folder below the caller's own; none: a content to download

    def to_json(self) -> dict[str, Any]:
        """Return the options as JSON."""
        return {
            "format": self.format.value,
            "filter": self.filter.to_json(),
            "names": self.names,
            "marking": self.marking,
            "destination": self.destination,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "ExportOptions":
        """Return stored options."""
        return cls(
            format=ExportFormat(stored["format"]),
            filter=parse_filter(stored["filter"]),
            names=stored["names"],
            marking=stored["marking"],
            destination=stored["destination"],
        )
