"""A job's trace: from its submit over waits and calls to storing and its webhook, sent by OTLP."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from sqlalchemy import insert, update

from models.errors import SettingsError
from models.ids import new_id, public_id
from models.operations.trace_context import TraceContext, job_context, present_traceparent, traceparent_of
from models.settings import Settings
from models.tables import events, jobs, webhook_deliveries
from tests.support.darkroom import open_darkroom
from worker.traces import sink as sinks
from worker.traces.sink import open_sink
from worker.traces.writer import TraceWriter

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@contextmanager
def collector() -> Iterator[tuple[str, list[Any]]]:
    """Take spans by OTLP over HTTP; returns the address, and the spans so far."""
    spans: list[Any] = []

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            request = ExportTraceServiceRequest.FromString(
                self.rfile.read(int(self.headers["content-length"]))
            )
            for resource in request.resource_spans:
                spans.extend(span for scope in resource.scope_spans for span in scope.spans)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Write nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", spans
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def attributes(span: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


@pytest.mark.filterwarnings("ignore::ResourceWarning")
async def test_one_trace_leads_from_the_submit_to_the_webhook_and_a_later_retry_links_to_it(
    plain_database_url: str, tmp_path: Path
) -> None:
    with collector() as (url, spans):
        practice = {"deliver": "markdown_data", "interval": 0}
        async with open_darkroom(plain_database_url, tmp_path, practice=practice) as darkroom:
            sink = open_sink(Settings(otel_endpoint=url))
            assert sink is not None
            caller, worker = await darkroom.caller(), await darkroom.worker()
            writer = TraceWriter(darkroom.services, worker.context.worker_id, sink)
            job = await darkroom.submit(
                caller, "a secret prompt 猫", traceparent=TRACEPARENT, campaign="spring"
            )
            await writer.run_round()
            darkroom.clock.forward(seconds=5)
            await worker.run_round()
            async with darkroom.services.database.writing() as connection:
                at = darkroom.clock() + timedelta(seconds=1)
                row = {"id": new_id(), "caller_id": caller, "job_id": job, "url": "https://h/x", "host": "h"}
                more = {
                    "event": "job.succeeded",
                    "revision": 9,
                    "snapshot": {},
                    "replayed": False,
                    "tries": 1,
                }
                log = [{"seconds": 0.2}]
                ended = {
                    "at": darkroom.clock(),
                    "next_at": at,
                    "status": "delivered",
                    "log": log,
                    "ended_at": at,
                }
                await connection.execute(insert(webhook_deliveries).values(**row, **more, **ended))
            darkroom.clock.forward(seconds=2)
            await writer.run_round()
            at = darkroom.clock()
            async with darkroom.services.database.writing() as connection:  # retried, and failed
                values = {"status": "failed", "generation": 2, "error": {"code": "moderation_input"}}
                await connection.execute(update(jobs).where(jobs.c.id == job).values(**values))
                for revision, status in ((50, "queued"), (51, "failed")):
                    event = {"job_id": job, "revision": revision, "status": status, "progress": 0, "at": at}
                    await connection.execute(insert(events).values(**event))
            await writer.run_round()
            sink.close()
    by_name = {span.name: span for span in spans if span.trace_id.hex() == TRACEPARENT[3:35]}
    assert by_name.keys() == {"job", "wait", "chat practice-image", "store", "webhook job.succeeded"} - (
        set() if "store" in by_name else {"store"}
    )
    root, call = by_name["job"], by_name["chat practice-image"]
    assert root.parent_span_id.hex() == TRACEPARENT[36:52]
    assert {span.parent_span_id for name, span in by_name.items() if name != "job"} == {root.span_id}
    assert attributes(root)["darkroom.job.id"] == public_id("job", job)
    assert attributes(by_name["wait"])["darkroom.wait.reason"]
    assert attributes(call) | {
        "gen_ai.operation.name": "chat",
        "gen_ai.output.type": "image",
        "gen_ai.provider.name": "upstream",
        "gen_ai.request.model": "practice-image",
        "darkroom.attempt": 1,
        "darkroom.outcome": "success",
        "http.response.status_code": 200,
        "darkroom.campaign": "spring",
    } == attributes(call)
    (again,) = [span for span in spans if span.name == "job" and span is not root]
    assert again.trace_id != root.trace_id
    assert (again.links[0].trace_id, again.links[0].span_id) == (root.trace_id, root.span_id)
    assert (again.status.message, again.parent_span_id) == ("moderation_input", b"")
    assert "secret" not in str(spans)


def test_a_header_that_is_no_traceparent_is_ignored_and_its_trace_is_that_of_the_job() -> None:
    for header in (b"", b"00-0-0-01", b"00-" + b"0" * 32 + b"-b7ad6b7169203331-01", b"\xff" * 60, b"a" * 999):
        with traceparent_of(header):
            assert present_traceparent() is None
    with traceparent_of(TRACEPARENT.encode()):
        assert present_traceparent() == TRACEPARENT
    key = new_id()
    assert job_context(key, 1, None).trace_id == key.int
    assert job_context(key, 1, TRACEPARENT).trace_id == int(TRACEPARENT[3:35], 16)
    assert job_context(key, 2, TRACEPARENT) == job_context(key, 2, None)
    assert TraceContext.parse("ff" + TRACEPARENT[2:]) is None


def test_without_the_setting_nothing_of_the_extras_is_imported_and_without_the_extra_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (
        "import sys, api.app, worker.app\n"
        "from models.settings import Settings\nfrom worker.process.logs import configure_logs\n"
        "from worker.traces.sink import open_sink\n"
        "configure_logs(Settings()); assert open_sink(Settings()) is None\n"
        "EXTRAS = ('opentelemetry.sdk', 'opentelemetry.exporter', 'sentry_sdk')\n"
        "print([name for name in sys.modules if name.startswith(EXTRAS)])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"

    def missing(name: str) -> Any:
        raise ImportError(f"No module named {name!r}")

    monkeypatch.setattr(sinks, "import_module", missing)
    with pytest.raises(SettingsError, match=r"needs the extra otel .*darkroom\[otel\]"):
        open_sink(Settings(otel_endpoint="http://localhost:4318"))
