"""Writes every request event to an append-only file of JSON lines.

    {"time":"…","event":"request started","hook":"on_request_started","run":"h3kq…","seq":41,
     "uid":1000,"pid":4242,"metadata":{…},"payload":{"request_id":"r1","path":"/","actor":"u1"}}

Lost events leave a line as well: {"time":…,"event":"events dropped","count":…,"first_seq":…,"last_seq":…}.
A line that cannot be written is a failed event; no other line suffers.
"""

from hookcast import PluginError
from trail import Trail


class AuditLogger:
    def setup(self, ctx):
        try:
            self._trail = Trail(ctx.config, ctx.logger)
        except (OSError, ValueError) as error:
            raise PluginError(f"the audit file cannot be used: {error}") from error

    def on_request_started(self, ctx, **payload):
        self._trail.record("request started", ctx, payload)

    def on_request_finished(self, ctx, **payload):
        self._trail.record("request finished", ctx, payload)

    def on_request_failed(self, ctx, **payload):
        self._trail.record("request failed", ctx, payload)

    def on_dropped(self, ctx, count, first_seq, last_seq):
        ctx.logger.warning("events were dropped", extra={"count": count, "first_seq": first_seq, "last_seq": last_seq})
        self._trail.record_loss(count, first_seq, last_seq)

    def flush(self, ctx):
        self._trail.flush()

    def teardown(self, ctx):
        self._trail.close()
