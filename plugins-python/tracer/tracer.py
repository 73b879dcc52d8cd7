"""Makes a span of every request: from its start to its finish or failure, matched by request_id."""

import asyncio

from hookcast import PluginError
from hookcast.units import seconds
from otlp import Encoder
from sinks import FileSink, PostSink
from spans import SpanTable

EXPIRY_CHECKS = 10  # within one span_timeout, so that a span expires at most a tenth late


class Tracer:
    async def setup(self, ctx):
        config = ctx.config
        self._sinks = []
        try:
            timeout = seconds(config.get("span_timeout", 60))
            self._spans = SpanTable(config.get("max_open_spans", 10_000), timeout)
            encoder = Encoder(config.get("service_name", "hookcast"), config.get("resource", {}))
            if "file" in config:
                self._sinks.append(FileSink(config, encoder, ctx.logger))
            if "endpoint" in config:
                self._sinks.append(PostSink(config, encoder, ctx.logger))
        except (OSError, ValueError) as error:
            for sink in self._sinks:
                sink.close()
            raise PluginError(f"the spans have nowhere to go: {error}") from error
        if not self._sinks:
            raise PluginError("the spans have nowhere to go: give a file or an endpoint")
        self._logger = ctx.logger
        self._expiry = asyncio.create_task(self._expire(timeout / EXPIRY_CHECKS))

    def on_request_started(self, ctx, request_id, path=None, actor=None):
        self._spans.start(ctx, request_id, path, actor)

    def on_request_finished(self, ctx, request_id, duration_ms=None):
        self._spans.finish(ctx, request_id, duration_ms)

    def on_request_failed(self, ctx, request_id, code):
        self._spans.fail(ctx, request_id, code)

    def flush(self, ctx):
        """After each batch of events: hand the spans that ended to the sinks."""
        spans = self._spans.take_ended()
        if not spans:
            return
        failure = None
        for sink in self._sinks:
            try:
                sink.export(spans)
            except OSError as error:  # one sink's trouble is not the other's
                failure = error
        if failure is not None:
            raise failure

    async def _expire(self, interval):
        while True:
            await asyncio.sleep(interval)
            self._spans.expire()
            try:
                self.flush(None)
            except OSError as error:
                self._logger.error("spans were lost: %s", error)

    def teardown(self, ctx):
        self._expiry.cancel()
        self._spans.end_all("the tracer was stopped before the request ended")
        try:
            self.flush(ctx)
        finally:
            for sink in self._sinks:
                sink.close()
