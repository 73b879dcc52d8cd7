"""tracer: spans from pairs of events, in a file and at a collector."""

import http.server
import json
import os
import queue
import threading

import pytest
from conftest import PLUGINS

DIR = os.path.join(PLUGINS, "tracer")
SPEC = "tracer:Tracer"
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
START = 1795458600123456000


@pytest.fixture
def tracer(host):
    return lambda config: host(dir=DIR, spec=SPEC, env={"PYTHONPATH": ".."}).ready(config, "tracer")


def spans_of(lines):
    return [
        span
        for line in lines
        for resource in json.loads(line)["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def attributes(span):
    return {a["key"]: next(iter(a["value"].values())) for a in span["attributes"]}


def read(path):
    return spans_of(path.read_text().splitlines())


def test_pairs_become_spans(tracer, tmp_path):
    path = tmp_path / "new" / "spans"
    plugin = tracer({"file": str(path), "service_name": "shop", "resource": {"host.name": "h", "n": 1}})
    plugin.event("on_request_started", {"request_id": "r1", "path": "/я", "actor": "u1"},
                 traceparent=PARENT, tracestate="a=b")
    plugin.event("on_request_started", {"request_id": "r2"})
    plugin.event("on_request_finished", {"request_id": "r1", "duration_ms": 12.5})
    plugin.event("on_request_failed", {"request_id": "r2", "code": "ValueError"})
    assert plugin.failures() == []
    first, second = read(path)
    assert (first["traceId"], first["parentSpanId"]) == (PARENT[3:35], PARENT[36:52])
    assert (first["traceState"], first["flags"], first["name"], first["kind"]) == ("a=b", 1, "/я", 2)
    assert first["status"] == {"code": 1}
    assert first["startTimeUnixNano"] == str(START) and int(first["endTimeUnixNano"]) >= START
    assert len(first["spanId"]) == 16 and int(first["spanId"], 16)
    assert attributes(first) == {
        "request.id": "r1", "hookcast.run": "abcdefghijkl", "hookcast.seq": "1",
        "url.path": "/я", "enduser.id": "u1", "request.duration_ms": 12.5,
    }
    assert second["status"] == {"code": 2, "message": "ValueError"}
    assert "parentSpanId" not in second and len(second["traceId"]) == 32 and second["name"] == "request"
    resource = json.loads(path.read_text().splitlines()[0])["resourceSpans"][0]["resource"]
    assert attributes(resource) == {"service.name": "shop", "host.name": "h", "n": "1"}


@pytest.mark.parametrize(
    "bad", ["", 7, PARENT.upper(), PARENT + "-x", "ff" + PARENT[2:], "00-" + "0" * 32 + PARENT[35:], PARENT[:-1]]
)
def test_an_invalid_traceparent_begins_a_trace(tracer, tmp_path, bad):
    plugin = tracer({"file": str(tmp_path / "spans")})
    plugin.event("on_request_failed", {"request_id": "r1", "code": "X"}, traceparent=bad)
    assert plugin.failures() == []
    assert "parentSpanId" not in read(tmp_path / "spans")[0]


def test_an_end_without_a_start_still_makes_a_span(tracer, tmp_path):
    plugin = tracer({"file": str(tmp_path / "spans")})
    plugin.event("on_request_finished", {"request_id": "r1", "duration_ms": 12})
    plugin.event("on_request_failed", {"request_id": "r2", "code": "X"})
    plugin.settle()
    finished, failed = read(tmp_path / "spans")
    assert int(finished["startTimeUnixNano"]) == START - 12_000_000
    assert int(finished["endTimeUnixNano"]) == START
    assert attributes(finished)["hookcast.start_missing"] is True
    assert failed["startTimeUnixNano"] == failed["endTimeUnixNano"]


def test_open_spans_are_bounded_replaced_and_closed_at_the_end(tracer, tmp_path):
    plugin = tracer({"file": str(tmp_path / "spans"), "max_open_spans": 2})
    for request in ("a", "b", "b", "c"):
        plugin.event("on_request_started", {"request_id": request})
    plugin.settle()
    assert [(attributes(s)["request.id"], s["status"]["message"]) for s in read(tmp_path / "spans")] == [
        ("b", "another request with this id was started"),
        ("a", "more than 2 requests were under way"),
    ]
    assert plugin.call("hooks/teardown")[0]["result"]["released"] is True
    rest = read(tmp_path / "spans")[2:]
    assert [attributes(s)["request.id"] for s in rest] == ["b", "c"]
    assert all(s["status"]["code"] == 2 and attributes(s)["hookcast.unfinished"] is True for s in rest)


def test_an_unfinished_span_expires_without_further_events(tracer, tmp_path):
    path = tmp_path / "spans"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    plugin = tracer({"file": str(path), "span_timeout": "50ms"})
    os.set_blocking(reader, True)
    plugin.event("on_request_started", {"request_id": "r1"})
    with open(reader, "rb") as lines:
        [span] = spans_of([lines.readline()])
    assert span["status"] == {"code": 2, "message": "no end within 0.05 s"}
    assert plugin.failures() == []


def test_a_full_disk_is_a_failed_event(tracer):
    plugin = tracer({"file": "/dev/full"})
    plugin.event("on_request_failed", {"request_id": "r1", "code": "X"})
    message = plugin.next()["params"]["error"]["message"]
    assert "No space left" in message


class Collector:
    """An OTLP/HTTP collector that answers with the given statuses, then 200."""

    def __init__(self, statuses=(), hold=None):
        self.posts = queue.Queue()
        statuses = list(statuses)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.posts.put((self.path, dict(self.headers), body))
                if hold is not None:
                    hold.wait(15)
                self.send_response(statuses.pop(0) if statuses else 200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/traces"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.server.shutdown()
        self.server.server_close()


def test_spans_are_posted_and_tried_again(tracer):
    with Collector([503]) as collector:
        plugin = tracer({"endpoint": collector.url, "post_interval": "10ms", "headers": {"X-Key": "k"}})
        plugin.event("on_request_failed", {"request_id": "r1", "code": "X"})
        first = collector.posts.get(timeout=10)
        again = collector.posts.get(timeout=10)
        assert first[0] == "/v1/traces" and first[2] == again[2]
        assert first[1]["Content-Type"] == "application/json" and first[1]["X-Key"] == "k"
        assert attributes(spans_of([first[2]])[0])["request.id"] == "r1"
        assert plugin.failures() == []


def test_a_refusal_is_logged_and_not_repeated(tracer):
    with Collector([400]) as collector:
        plugin = tracer({"endpoint": collector.url, "post_interval": "10ms"})
        plugin.event("on_request_failed", {"request_id": "r1", "code": "X"})
        plugin.wait_stderr(r'^<4>spans were dropped.*count=1 reason="HTTP 400"')
        assert collector.posts.qsize() == 1


def test_a_stuck_collector_holds_up_no_event_and_the_queue_is_bounded(tracer):
    hold = threading.Event()
    with Collector(hold=hold) as collector:
        config = {"endpoint": collector.url, "post_interval": "10ms", "max_queued_spans": 10, "post_timeout": 15}
        plugin = tracer(config)
        plugin.event("on_request_failed", {"request_id": "first", "code": "X"})
        collector.posts.get(timeout=10)
        for n in range(30):
            plugin.event("on_request_failed", {"request_id": f"r{n}", "code": "X"})
        assert plugin.failures() == []  # answered while the collector hangs
        hold.set()
        plugin.wait_stderr(r"^<4>spans were dropped: the queue was full count=20$")
        assert len(spans_of([collector.posts.get(timeout=10)[2]])) == 10


def test_teardown_posts_what_is_queued(tracer):
    with Collector() as collector:
        plugin = tracer({"endpoint": collector.url, "post_interval": 3600})
        plugin.event("on_request_failed", {"request_id": "r1", "code": "X"})
        assert plugin.call("hooks/teardown")[0]["result"]["released"] is True
        assert len(spans_of([collector.posts.get(timeout=10)[2]])) == 1
        assert plugin.end() == 0


@pytest.mark.parametrize("config", [{}, {"endpoint": "ftp://x/"}, {"endpoint": "http://x:port/"},
                                    {"file": "/dev/null", "span_timeout": "1 year"}])
def test_setup_says_why_spans_have_nowhere_to_go(host, config):
    answer = host(dir=DIR, spec=SPEC, env={"PYTHONPATH": ".."}).setup(config)
    assert answer["error"]["message"].startswith("the spans have nowhere to go")
