"""Counts requests and shows the counters to Prometheus."""

from exposers import HttpExposer, Textfile
from hookcast.prometheus import Exposition


class MetricsExporter:
    async def setup(self, ctx):
        self._counters = ctx.resources.metrics_counter
        self._counters.limit(
            ctx.config.get("max_label_sets", 10_000),
            ctx.config.get("max_label_length", 256),
        )
        self._exposers = []
        exposition = Exposition(self._counters)
        try:
            if "textfile" in ctx.config:
                self._exposers.append(Textfile(ctx, self._counters, exposition))
            if "http_port" in ctx.config:
                self._exposers.append(HttpExposer(ctx, exposition))
        except BaseException:
            self.teardown(ctx)
            raise

    def on_request_started(self, ctx, request_id, path="", actor=""):
        self._counters.inc("requests_started_total", labels={"path": path})

    def on_request_finished(self, ctx, request_id, duration_ms=None):
        self._counters.inc("requests_finished_total")

    def on_request_failed(self, ctx, request_id, code):
        self._counters.inc("requests_failed_total", labels={"error_code": code})

    def on_dropped(self, ctx, count, first_seq, last_seq):
        self._counters.inc("request_events_dropped_total", by=count)
        ctx.logger.warning("events were dropped", extra={"count": count, "first_seq": first_seq, "last_seq": last_seq})

    def teardown(self, ctx):
        for exposer in self._exposers:
            exposer.close()
