"""Export of spans by OTLP over HTTP: the only module that imports OpenTelemetry, an extra (``otel``)."""

from collections.abc import Sequence
from importlib.metadata import version

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from models.operations.trace_context import TraceContext
from worker.traces.spans import JobSpan


class OtlpSink:
    """Sends spans in batches, in a thread of its own; what the collector does not take is dropped."""

    def __init__(self, endpoint: str, *, exporter: SpanExporter | None = None) -> None:
        exporter = exporter or OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces")
        self._processor = BatchSpanProcessor(exporter)
        self._resource = Resource.create({"service.name": "darkroom", "service.version": version("darkroom")})
        self._scope = InstrumentationScope("darkroom", version("darkroom"))

    def send(self, spans: Sequence[JobSpan]) -> None:
        """Queue spans."""
        for span in spans:
            self._processor.on_end(self._readable(span))

    def close(self) -> None:
        """Send what is queued."""
        self._processor.shutdown()  # type: ignore[no-untyped-call]

    def _readable(self, span: JobSpan) -> ReadableSpan:
        status = Status(StatusCode.ERROR, span.error) if span.error else Status(StatusCode.UNSET)
        return ReadableSpan(
            span.name,
            context=_context(span.context),
            parent=None if span.parent is None else _context(span.parent, is_remote=True),
            resource=self._resource,
            attributes=span.attributes,
            links=[Link(_context(link)) for link in span.links],
            kind=SpanKind.CLIENT if span.is_client else SpanKind.INTERNAL,
            status=status,
            start_time=int(span.start.timestamp() * 1e9),
            end_time=int(span.end.timestamp() * 1e9),
            instrumentation_scope=self._scope,
        )


def _context(context: TraceContext, *, is_remote: bool = False) -> SpanContext:
    return SpanContext(context.trace_id, context.span_id, is_remote, TraceFlags(TraceFlags.SAMPLED))
