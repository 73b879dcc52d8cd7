"""The two ways the counters are shown: a textfile and an HTTP port. Each owns one thread."""

import http.server
import os
import socketserver
import threading

from hookcast import PluginError
from hookcast.units import seconds


class Textfile:
    """Writes the counters to a file, atomically: when they changed, at most every interval, and at the end."""

    def __init__(self, ctx, counters, exposition):
        """Write it once at once; raises PluginError when that fails."""
        self.path = os.path.abspath(ctx.config["textfile"])
        self._counters = counters
        self._exposition = exposition
        self._logger = ctx.logger
        self._written = None  # the counters' version in the file
        self._failing = False
        try:
            self._interval = seconds(ctx.config.get("textfile_interval", 15))
            os.makedirs(os.path.dirname(self.path), mode=0o755, exist_ok=True)
            self._write()
        except (OSError, ValueError) as error:
            raise PluginError(f"textfile: {error}") from error
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="textfile", daemon=True)
        self._thread.start()

    def _write(self):
        version = self._counters.version
        if version == self._written:
            return
        temporary = f"{self.path}.{os.getpid()}.tmp"  # node_exporter reads *.prom only
        try:
            with open(temporary, "wb") as file:
                file.write(self._exposition.text())
                os.fchmod(file.fileno(), 0o644)
            os.replace(temporary, self.path)
        except OSError:
            try:
                os.unlink(temporary)
            except OSError:
                pass
            raise
        self._written = version

    def _write_or_log(self):
        try:
            self._write()
            self._failing = False
        except OSError as error:
            if not self._failing:  # once, until it works again
                self._failing = True
                self._logger.error("the textfile cannot be written: %s", error)

    def _run(self):
        while not self._end.wait(self._interval):
            self._write_or_log()

    def close(self):
        """Stop the thread and write the last values."""
        self._end.set()
        self._thread.join()
        self._write_or_log()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    block_on_close = False


class HttpExposer:
    """Serves /metrics on 127.0.0.1. Port 0: a free one, which is logged and in `port`."""

    def __init__(self, ctx, exposition):
        """Bind and serve; raises PluginError when the port cannot be had."""
        wanted = ctx.config["http_port"]
        handler = type("Handler", (_Handler,), {"exposition": exposition, "logger": ctx.logger})
        try:
            self._server = _Server(("127.0.0.1", wanted), handler)
        except OSError as error:
            raise PluginError(f"http_port {wanted}: {error.strerror}") from error
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="http", daemon=True)
        self._thread.start()
        ctx.logger.info("serving metrics", extra={"url": f"http://127.0.0.1:{self.port}/metrics"})

    def close(self):
        """Stop listening; a scrape that is under way may end or not."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(http.server.BaseHTTPRequestHandler):
    timeout = 10  # seconds for a client to send its request
    exposition = None
    logger = None

    def do_GET(self):
        if self.path.partition("?")[0] != "/metrics":
            self.send_error(404, "only /metrics is served")
            return
        content_type, body = self.exposition.negotiate(self.headers.get("Accept", ""))
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format, *args):
        self.logger.debug(format, *args)
