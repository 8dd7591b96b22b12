"""Line reader: a line of a batch's input becomes a row of its campaign, or all the errors that it has."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.campaigns.sheets.record import SheetError
from api.jobs.served_models import ServedModels, unserved_refusal
from api.jobs.validation import Rejection, ValidJob
from api.openai.batches.endpoints import BatchEndpoint
from api.openai.members import OWN
from api.openai.own_pictures import picture_names
from api.services import ApiServices
from api.web.json_body import find_nul, parse
from api.web.problems import Problem
from models.campaigns.row import RowContent
from models.errors import InvalidRequest
from models.queries.campaigns.rows import ImportedRow

MOST_ERRORS = 5  #: of one line that are told
LONGEST_ID = 256  #: characters of a ``custom_id``
INVALID = "invalid_request"
INVALID_LINE = "invalid_json_line"
DUPLICATE = "duplicate_custom_id"
_IN_LINES = frozenset({"metadata", "priority", "allow_unserved"})
_APART = frozenset({"images", "size", "n", "params"})  # members of a request that a row has by themselves


class LineReader:
    """Reads the lines of one batch; ``endpoint``: the path that each must name."""

    def __init__(
        self,
        path: str,
        endpoint: BatchEndpoint,
        services: ApiServices,
        served: ServedModels,
        at: datetime,
    ) -> None:
        self._path, self._endpoint, self._services = path, endpoint, services
        self._served, self._at = served, at
        self._refusals: dict[str, str | None] = {}
        self.models = set[str]()
        self.names = dict[str, str]()  #: how lines name stored pictures, by the ids of their assets

    def read(self, line: int, raw: bytes) -> ImportedRow | Sequence[SheetError]:
        """Return the row of a line, or what is wrong with it."""
        try:
            parsed = parse(raw)
        except Problem as problem:
            return [SheetError(line, None, INVALID_LINE, problem.detail.replace("The body", "The line"))]
        value = parsed.value
        if not isinstance(value, dict):
            return [SheetError(line, None, INVALID_LINE, "The line must be a JSON object.")]
        if parsed.may_have_nul and (path := find_nul(value)) is not None:
            return [SheetError(line, path, INVALID, "A NUL character (U+0000) can't be stored.")]
        errors = [
            error
            for error in (
                self._check_id(line, value),
                self._check_method(line, value),
                self._check_url(line, value),
            )
            if error is not None
        ]
        job = self._job(line, value.get("body"), errors)
        if errors or job is None:
            return errors[:MOST_ERRORS]
        if job.assets:
            self.names |= picture_names(value["body"])
        content = RowContent({}, _overrides(job))
        return ImportedRow(value["custom_id"], line, content, content.content_hash)

    def _check_id(self, line: int, value: Mapping[str, Any]) -> SheetError | None:
        given = value.get("custom_id")
        if isinstance(given, str) and given.strip() and len(given) <= LONGEST_ID:
            return None
        words = f"custom_id must be a text of 1 to {LONGEST_ID} characters, by which you know the line again."
        return SheetError(line, "custom_id", INVALID, words)

    def _check_method(self, line: int, value: Mapping[str, Any]) -> SheetError | None:
        if value.get("method") == "POST":
            return None
        return SheetError(line, "method", INVALID, "method must be POST.")

    def _check_url(self, line: int, value: Mapping[str, Any]) -> SheetError | None:
        if (given := value.get("url")) == self._path:
            return None
        words = f"url must be the endpoint of the batch, {self._path}, not {str(given)[:100]!r}."
        return SheetError(line, "url", "url_mismatch", words)

    def _job(self, line: int, body: Any, errors: list[SheetError]) -> ValidJob | None:
        if not isinstance(body, dict):
            errors.append(SheetError(line, "body", INVALID, "body must be a JSON object."))
            return None
        own = body.get(OWN)
        if isinstance(own, dict) and (others := sorted(own.keys() - _IN_LINES)):
            words = f"{OWN}.{others[0][:80]} can't be set for one line; give it when the batch is created."
            errors.append(SheetError(line, f"body.{OWN}.{others[0][:80]}", INVALID, words))
            return None
        if body.get("stream"):
            errors.append(
                SheetError(line, "body.stream", INVALID, "A batch has no streams; leave stream out.")
            )
            return None
        try:
            read = self._endpoint.read(body, self._services, self._at)
        except InvalidRequest as error:
            errors.append(SheetError(line, f"body.{error.field}", INVALID, f"{error.field}: {error.message}"))
            return None
        if isinstance(read, Rejection):
            for each in read.errors:
                field = each["field"].removeprefix("params.")
                errors.append(SheetError(line, f"body.{field}", INVALID, f"{field}: {each['message']}"))
            return None
        self.models.add(read.job.model)
        if not read.allow_unserved and (words_of := self._refusal(read.job.model)) is not None:
            errors.append(SheetError(line, "body.model", "model_not_found", words_of))
            return None
        return read

    def _refusal(self, model: str) -> str | None:
        if model not in self._refusals:
            unserved = bool(self._served.channels) and not self._served.channels_of(model)
            self._refusals[model] = unserved_refusal(model, self._served)["message"] if unserved else None
        return self._refusals[model]


def _overrides(valid: ValidJob) -> dict[str, Any]:
    """Return what a row of a campaign says, from which its job is made again."""
    job, request = valid.job, valid.job.request
    given: dict[str, Any] = {
        "model": job.model,
        "prompt": job.prompt,
        "images": list(valid.images),
        "size": request.get("size"),
        "n": request.get("n"),
        "params": request.get("params"),
        "metadata": dict(job.metadata or {}),
        "members": {name: value for name, value in request.items() if name not in _APART},
    }
    found = {name: value for name, value in given.items() if value not in (None, [], {})}
    return {**found, "priority": job.priority} if job.priority != _PRIORITY else found


_PRIORITY = 5  # of a job that names none
