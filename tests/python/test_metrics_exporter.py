"""metrics-exporter: what Prometheus sees of the events, and the bounds on it."""

import os
import socket
import urllib.error
import urllib.request

import pytest
from conftest import PLUGINS

from hookcast.counters import MetricsCounter

DIR = os.path.join(PLUGINS, "metrics_exporter")
SPEC = "metrics_exporter:MetricsExporter"
PATH = {"PYTHONPATH": ".."}  # as in the manifest


@pytest.fixture
def exporter(host):
    pytest.importorskip("prometheus_client")
    return lambda config: host(dir=DIR, spec=SPEC, env=PATH).ready(config, "metrics-exporter")


def scrape(plugin, accept=""):
    url = plugin.wait_stderr(r"url=(http://127\.0\.0\.1:\d+/metrics)")[1]
    with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": accept}), timeout=10) as answer:
        return answer.read().decode("utf-8")


def test_events_are_counted_and_scraped(exporter):
    plugin = exporter({"http_port": 0})
    plugin.event("on_request_started", {"request_id": "r1", "path": "/", "actor": "u1"})
    plugin.event("on_request_started", {"request_id": "r2", "path": "/a\"\\\n\ud800"})
    plugin.event("on_request_finished", {"request_id": "r1", "duration_ms": 12})
    plugin.event("on_request_failed", {"request_id": "r2", "code": "ValueError"})
    plugin.notify("notifications/hooks/dropped", {"count": 5, "first_seq": 1, "last_seq": 9})
    assert plugin.failures() == []
    lines = scrape(plugin).splitlines()
    assert 'requests_started_total{path="/"} 1.0' in lines
    assert 'requests_started_total{path="/a\\"\\\\\\n?"} 1.0' in lines
    assert "requests_finished_total 1.0" in lines
    assert 'requests_failed_total{error_code="ValueError"} 1.0' in lines
    assert "request_events_dropped_total 5.0" in lines
    assert lines.count("# TYPE requests_started_total counter") == 1
    assert scrape(plugin, "application/openmetrics-text").endswith("# EOF\n")
    url = plugin.wait_stderr(r"url=(\S+)/metrics")[1]
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(url + "/else", timeout=10)
    refused.value.close()
    assert refused.value.code == 404
    assert plugin.end() == 0


def test_label_sets_are_bounded_and_the_overflow_is_logged_once(exporter):
    plugin = exporter({"http_port": 0, "max_label_sets": 2, "max_label_length": 4})
    for n in range(6):
        plugin.event("on_request_started", {"request_id": "r", "path": f"/{n}-long"})
    assert plugin.failures() == []
    text = scrape(plugin)
    assert 'requests_started_total{path="/0-l"} 1.0' in text
    assert 'requests_started_total{path="other"} 4.0' in text
    assert sum("label sets" in line for line in plugin.stderr()) == 1


def test_the_textfile_is_written_at_once_then_at_the_interval_and_at_the_end(exporter, tmp_path):
    path = tmp_path / "deep" / "requests.prom"
    plugin = exporter({"textfile": str(path), "textfile_interval": 3600})
    assert path.read_text() == ""
    plugin.event("on_request_started", {"request_id": "r1", "path": "/"})
    plugin.settle()
    assert plugin.call("hooks/teardown")[0]["result"]["released"] is True
    assert 'requests_started_total{path="/"} 1.0' in path.read_text().splitlines()
    assert os.listdir(path.parent) == ["requests.prom"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert plugin.end() == 0


def test_the_textfile_follows_changes_while_running(exporter, tmp_path):
    path = tmp_path / "requests.prom"
    plugin = exporter({"textfile": str(path), "textfile_interval": "50ms", "http_port": 0})
    os.unlink(path)
    plugin.event("on_request_finished", {"request_id": "r1"})
    waiter = MetricsWait(path)
    assert "requests_finished_total 1.0" in waiter.text()


class MetricsWait:
    """Waits for a file to appear: it is renamed into place, so it is whole when it is there."""

    def __init__(self, path):
        self.path = path

    def text(self):
        import time

        deadline = time.monotonic() + 10
        while not self.path.exists():
            assert time.monotonic() < deadline, f"{self.path} was never written"
            time.sleep(0.005)
        return self.path.read_text()


def test_setup_says_why_it_cannot_work(host, tmp_path):
    pytest.importorskip("prometheus_client")
    (tmp_path / "file").write_text("")
    answer = host(dir=DIR, spec=SPEC, env=PATH).setup({"textfile": str(tmp_path / "file" / "x.prom")})
    assert answer["error"]["message"].startswith("textfile: ")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        plugin = host(dir=DIR, spec=SPEC, env=PATH)
        assert f"http_port {port}: Address already in use" in plugin.setup({"http_port": port})["error"]["message"]


def test_a_missing_library_names_the_package_to_install(host, tmp_path):
    (tmp_path / "prometheus_client.py").write_text("raise ImportError('not there')\n")
    plugin = host(dir=DIR, spec=SPEC, env={"PYTHONPATH": f"{tmp_path}:.."})
    message = plugin.setup({"http_port": 0})["error"]["message"]
    assert "apt install python3-prometheus-client" in message


def test_counters_refuse_what_prometheus_would():
    counter = MetricsCounter()
    for name, labels, by in [("a b", None, 1), ("ok", {"__x": 1}, 1), ("ok", {"x y": 1}, 1), ("ok", None, -1),
                             ("ok", None, float("nan")), ("ok", None, float("inf")), (3, None, 1)]:
        with pytest.raises(ValueError):
            counter.inc(name, labels, by)
    counter.inc("x_total")
    counter.inc("x", by=2)
    assert counter.value("x_total") == counter.value("x") == 3
    counter.inc("y", {"b": None, "a": True})
    assert counter.value("y", {"a": "True", "b": ""}) == 1
    assert counter.value("never") == 0.0


def test_counters_are_thread_safe():
    import threading

    counter = MetricsCounter(max_label_sets=3)
    threads = [
        threading.Thread(target=lambda: [counter.inc("n_total", {"l": n % 7}) for n in range(2000)]) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    [(name, series)] = counter.snapshot()
    assert name == "n" and sum(value for _, value in series) == 16000 and len(series) == 4
