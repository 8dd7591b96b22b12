"""Sentry is told of Darkroom's own faults, without what they must not show; of nothing else."""

import json
from typing import Any

import pytest
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from models.errors import InvalidRequest, SettingsError, StorageError
from models.settings import Settings
from worker.process import fault_reports
from worker.process.fault_reports import is_fault, open_fault_reports
from worker.process.log_context import bind_log_context, log_context
from worker.process.log_redaction import LogRedaction
from worker.upstream.errors.own_text import OwnText

SETTINGS = Settings(sentry_dsn="https://0123456789abcdef@sentry.example/1")
PROMPT = "a cat on a very green sofa"


class Kept(Transport):
    """Keeps what would be sent."""

    envelopes: list[Envelope]

    def capture_envelope(self, envelope: Envelope) -> None:
        self.envelopes.append(envelope)


def test_only_faults_are_reported_with_ids_and_without_prompts_and_keys() -> None:
    transport = Kept()
    transport.envelopes = []
    report = open_fault_reports(SETTINGS, LogRedaction(["k-9f8e7d6c5b4a"]), transport=transport)
    assert report is not None
    with log_context(job="job_1"):
        bind_log_context(OwnText({"prompt": PROMPT}))
        for error in (
            KeyError(f"{PROMPT} with k-9f8e7d6c5b4a"),
            StorageError("the bucket is away"),
            InvalidRequest("size", "is wrong"),
        ):
            try:
                raise error
            except Exception as raised:  # noqa: BLE001 - as a task's edge does
                report(None, "error", {"event": "working on a job failed", "exc_info": raised})
        report(None, "warning", {"event": "a channel's call failed"})
    (envelope,) = transport.envelopes
    event: Any = envelope.get_event()
    assert event["tags"] == {"job": "job_1", "event": "working on a job failed"}
    assert event["exception"]["values"][0]["type"] == "KeyError"
    assert "sofa" not in json.dumps(event, default=str)
    assert "k-9f8e7d6c5b4a" not in json.dumps(event, default=str)


def test_errors_that_the_program_knows_are_no_faults() -> None:
    assert [is_fault(error) for error in (ValueError(), StorageError("x"), KeyboardInterrupt())] == [
        True,
        False,
        False,
    ]


def test_without_a_project_nothing_is_made_and_without_the_extra_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert open_fault_reports(Settings(), LogRedaction()) is None

    def missing(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(fault_reports, "import_module", missing)
    with pytest.raises(SettingsError, match=r"darkroom\[sentry\]"):
        open_fault_reports(SETTINGS, LogRedaction())
