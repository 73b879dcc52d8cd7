"""OTLP/JSON: an ExportTraceServiceRequest as the OTLP specification spells it.

Ids are lower-case hex, 64-bit integers are strings, enums are numbers.
"""

import json
import math

from hookcast import __version__

SPAN_KIND_SERVER = 2
TEXT_MAX = 4096


def any_value(value):
    """An OTLP AnyValue for a scalar; anything else as text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        return {"intValue": str(value)}
    if isinstance(value, float) and math.isfinite(value):
        return {"doubleValue": value}
    return {"stringValue": _text(value)}


def _text(value):
    return str(value)[:TEXT_MAX].encode("utf-8", "replace").decode("utf-8")


def _attributes(mapping):
    return [{"key": key, "value": any_value(value)} for key, value in mapping.items()]


class Encoder:
    """Spans to bytes, under one OTLP resource."""

    def __init__(self, service_name, resource):
        self._resource = {"attributes": _attributes({"service.name": service_name, **resource})}
        self._scope = {"name": "hookcast.tracer", "version": __version__}

    def encode(self, spans):
        """One export request for all of `spans`, as JSON without a newline."""
        request = {
            "resourceSpans": [
                {
                    "resource": self._resource,
                    "scopeSpans": [{"scope": self._scope, "spans": [self._span(span) for span in spans]}],
                }
            ]
        }
        return json.dumps(request, separators=(",", ":"), allow_nan=False).encode("ascii")

    @staticmethod
    def _span(span):
        body = {
            "traceId": span.trace_id,
            "spanId": span.span_id,
            "flags": span.flags,
            "name": _text(span.name),
            "kind": SPAN_KIND_SERVER,
            "startTimeUnixNano": str(span.start),
            "endTimeUnixNano": str(span.end),
            "attributes": _attributes(span.attributes),
            "status": {"code": span.status},
        }
        if span.parent_id is not None:
            body["parentSpanId"] = span.parent_id
        if isinstance(span.trace_state, str) and span.trace_state:
            body["traceState"] = span.trace_state
        if span.message is not None:
            body["status"]["message"] = _text(span.message)
        return body
