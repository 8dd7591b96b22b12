"""Bodies and documents of the campaign routes, for validation and OpenAPI."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from api.jobs.schemas import PauseEnd
from models.campaigns.export_options import ExportFormat, ExportStatus
from models.campaigns.item_state import ItemState
from models.campaigns.status import CampaignKind, CampaignStatus, PauseReason
from models.checks.findings import Check
from models.retry.rules import RetryRules

_STRICT = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class CampaignSettings(BaseModel):
    """Settings for all jobs of a campaign; those of a job take precedence."""

    model_config = _STRICT

    retry: RetryRules | None = Field(
        None, description="retry rules by failure class, over those of channel and settings"
    )


class StartRequest(BaseModel):
    """What is expected of the start of a campaign."""

    model_config = _STRICT

    expected_items: int = Field(ge=0, description="`items` of its plan")


class CampaignPause(PauseEnd):
    """Why a campaign is paused, and for how long."""

    reason: str | None = Field(None, max_length=500, description="shown with the campaign and its jobs")


class PauseDocument(BaseModel):
    """Why a campaign makes no calls now."""

    reason: PauseReason
    detail: str | None
    by: str | None = Field(description="name of the caller who paused it")
    at: datetime | None
    until: datetime | None = Field(description="when it goes on by itself")


class ItemsProgress(BaseModel):
    """Items of a campaign by state."""

    total: int
    by_status: dict[ItemState, int]


class CampaignDocument(BaseModel):
    """A campaign. One that is plain groups the jobs that name it; a planned one has rows and items."""

    id: str | None = Field(description="null: only jobs name it")
    object: Literal["campaign"]
    name: str
    kind: CampaignKind
    status: CampaignStatus
    paused: PauseDocument | None
    rows: int
    items: ItemsProgress
    jobs: dict[str, int] = Field(description="jobs that have not ended and are not queued, by status")
    money: dict[str, Any]
    eta: dict[str, Any] | None
    retry: RetryRules = Field(description="retry rules by failure class")
    updated_at: datetime | None = Field(description="null: the campaign has no settings yet")
    links: dict[str, str]


class CampaignPageDocument(BaseModel):
    """A page of campaigns; pass ``next`` as ``after``, or as ``before`` with ``order=newest``."""

    data: list[CampaignDocument]
    next: str | None


class SheetErrorDocument(BaseModel):
    """What is wrong in a sheet."""

    line: int = Field(description="from 1; 0: the whole sheet")
    column: str | None
    code: str
    message: str


class SheetColumnDocument(BaseModel):
    """A column of a sheet."""

    name: str
    field: str | None = Field(description="that it sets; null: it is only a variable, -: it is left out")
    example: str = Field(description="its first cell, shortened")


class ImportDocument(BaseModel):
    """What an import of rows did; with ``dry_run`` what it would do."""

    object: Literal["import"]
    dry_run: bool
    rows: int
    added: int
    changed: int
    unchanged: int
    missing: int = Field(description="rows of the campaign that the sheet does not have; they stay")
    missing_keys: list[str] = Field(description="the first of them")
    duplicates: int
    error_count: int
    errors_by_code: dict[str, int]
    errors: list[SheetErrorDocument] = Field(description="the first 200")
    mapping: dict[str, str]
    columns: list[SheetColumnDocument] = Field(description="of the sheet, in their order")


class PlanDocument(BaseModel):
    """What a campaign would do, before anything is paid."""

    object: Literal["plan"]
    campaign: str
    rows: int
    items: int = Field(description="`expected_items` of the start")
    formula: str
    error_count: int
    errors: list[dict[str, Any]]
    warnings: list[dict[str, str]]
    samples: list[dict[str, Any]]
    pictures: int
    calls: int
    cost: dict[str, Any]
    time: dict[str, Any]


class ItemDocument(BaseModel):
    """An item of a campaign: what one picture is wanted of."""

    id: str
    object: Literal["item"]
    key: str
    variant: str
    status: ItemState
    canary: bool
    takes: int | list[dict[str, Any]] = Field(description="their number; for one key, the takes themselves")
    verdict: Literal["pick", "reject"] | None
    error: str | None
    job: str | None = Field(description="id of its newest take")
    ended_at: datetime | None
    cost: dict[str, str] = Field(description="what all its takes have cost, by currency")
    assets: list[dict[str, Any]] | None = Field(None, description="in lists: pictures of its newest take")
    checks: list[Check] | None = Field(None, description="in lists: what was found in these")


class ItemPageDocument(BaseModel):
    """A page of items in the order of their rows; pass ``next`` as ``before`` for the following page."""

    data: list[ItemDocument]
    next: str | None


class ItemsOfKeyDocument(BaseModel):
    """The items of one row, by variant, with their takes."""

    data: list[ItemDocument]


class ExportRequest(BaseModel):
    """What is exported of a campaign, and how."""

    model_config = _STRICT

    format: Literal["zip", "folder", "imagefolder", "webdataset"] = "zip"
    filter: dict[str, Any] | None = Field(
        None, description='which items, as in their list: {"verdict": "pick"}; all if left out'
    )
    names: str | None = Field(
        None,
        min_length=1,
        max_length=1_000,
        description="template of the paths, such as {key}/{take}.{ext}; also columns and axes",
    )
    marking: Literal["xmp"] | None = Field(
        None, description="insert XMP that declares the pictures as generated, where no C2PA manifest is"
    )
    destination: str | None = Field(
        None, min_length=1, max_length=500, description="folder below the caller's own in DARKROOM_EXPORT_URL"
    )


class ExportDocument(BaseModel):
    """An export. It has a content to download, unless it is written to a destination."""

    id: str
    object: Literal["export"]
    campaign: str
    status: ExportStatus
    format: ExportFormat
    filter: dict[str, list[str]]
    names: str | None
    marking: Literal["xmp"] | None
    destination: str | None
    items: int | None = Field(description="items that the filter meant; null until it is ready")
    pictures: int | None
    missing: int | None = Field(
        description="pictures whose file is missing or damaged; the manifest lists them"
    )
    files: int | None
    unchanged: int | None = Field(description="pictures that the destination already had")
    bytes: int | None = Field(description="size of its content")
    error: str | None
    created_at: datetime
    finished_at: datetime | None
    expires_at: datetime | None = Field(description="when its content is deleted")
    links: dict[str, str | None]


class ExportPageDocument(BaseModel):
    """A page of exports, newest first; pass ``next`` as ``before`` for the following page."""

    data: list[ExportDocument]
    next: str | None
