"""audit-logger: whole lines only, whatever happens to the file."""

import json
import logging
import os

import pytest
from conftest import PLUGINS

from hookcast.appendfile import AppendFile

DIR = os.path.join(PLUGINS, "audit_logger")
SPEC = "audit_logger:AuditLogger"


@pytest.fixture
def audit(host):
    def start(config, **kwargs):
        return host(dir=DIR, spec=SPEC, env={"PYTHONPATH": ".."}, **kwargs).ready(config, "audit-logger")

    return start


def records(path):
    data = path.read_bytes()
    assert data == b"" or data.endswith(b"\n")
    return [json.loads(line, parse_constant=pytest.fail) for line in data.splitlines()]


def test_every_event_is_one_line(audit, tmp_path):
    path = tmp_path / "new" / "audit.ndjson"
    plugin = audit({"file": str(path), "fsync": "batch"})
    plugin.event("on_request_started", {"request_id": "r1", "path": "/я", "actor": "u1\n", "more": [1]}, {"m": 1})
    plugin.event("on_request_finished", {"request_id": "r1", "duration_ms": 12.5})
    plugin.event("on_request_failed", {"request_id": "r2", "code": "X"})
    plugin.notify("notifications/hooks/dropped", {"count": 2, "first_seq": 4, "last_seq": 9})
    assert plugin.failures() == []
    started, finished, failed, lost = records(path)
    assert started == {
        "time": "2026-11-23T18:30:00.123456Z", "event": "request started", "hook": "on_request_started",
        "run": "abcdefghijkl", "seq": 1, "uid": 1000, "pid": 4242, "metadata": {"m": 1},
        "payload": {"request_id": "r1", "path": "/я", "actor": "u1\n", "more": [1]},
    }
    assert finished["payload"] == {"request_id": "r1", "duration_ms": 12.5} and "metadata" not in finished
    assert failed["event"] == "request failed"
    assert (lost["event"], lost["count"], lost["first_seq"], lost["last_seq"]) == ("events dropped", 2, 4, 9)
    assert "/я".encode() in path.read_bytes()
    assert path.stat().st_mode & 0o777 == 0o640
    assert plugin.call("hooks/teardown")[0]["result"]["released"] is True


def test_what_json_allows_and_python_does_not_stays_valid_json(audit, tmp_path):
    path = tmp_path / "audit"
    plugin = audit({"file": str(path)})
    plugin.write(b'{"jsonrpc":"2.0","method":"on_request_failed","params":{"n":[1e999,-1e999],"s":"\\ud800"}}\n')
    plugin.write(b'{"jsonrpc":"2.0","method":"on_request_failed","params":{"n":1e999}}\n')
    assert plugin.failures() == []
    assert [record["payload"]["n"] for record in records(path)] == [["inf", "-inf"], "inf"]


def test_a_renamed_or_removed_file_is_begun_anew(audit, tmp_path):
    path = tmp_path / "audit"
    plugin = audit({"file": str(path), "fsync": "batch"})
    plugin.event("on_request_failed", {"n": 1})
    plugin.settle()
    os.rename(path, tmp_path / "audit.1")
    plugin.event("on_request_failed", {"n": 2})
    plugin.settle()
    assert [r["payload"]["n"] for r in records(tmp_path / "audit.1")] == [1]
    assert [r["payload"]["n"] for r in records(path)] == [2]
    os.unlink(path)
    plugin.event("on_request_failed", {"n": 3})
    plugin.settle()
    os.truncate(path, 0)  # copytruncate
    plugin.event("on_request_failed", {"n": 4})
    assert plugin.failures() == []
    assert [r["payload"]["n"] for r in records(path)] == [4]


def test_a_full_disk_fails_events_and_tears_no_line(audit, tmp_path):
    path = tmp_path / "audit"
    plugin = audit({"file": str(path)}, file_limit=1000)
    for n in range(8):
        plugin.event("on_request_failed", {"n": n, "fill": "x" * 100})
    failures = plugin.failures()
    written = [record["payload"]["n"] for record in records(path)]
    assert written and failures
    assert len(written) + len(failures) == 8
    assert all("File too large" in message and str(path) in message for _, _, message in failures)
    os.truncate(path, 0)  # room again
    plugin.event("on_request_failed", {"n": 9})
    assert plugin.failures() == []
    assert [record["payload"]["n"] for record in records(path)] == [9]


def test_no_space_left_is_a_failed_event(audit):
    plugin = audit({"file": "/dev/full", "fsync": "never"})
    plugin.event("on_request_failed", {"n": 1})
    [(_, _, message)] = plugin.failures()
    assert "No space left on device" in message


def test_rotation_by_size_keeps_so_many(audit, tmp_path):
    path = tmp_path / "audit"
    plugin = audit({"file": str(path), "rotate_size": "1KiB", "keep": 2, "fsync": "batch"})
    for n in range(40):
        plugin.event("on_request_failed", {"n": n})
    assert plugin.failures() == []
    assert sorted(os.listdir(tmp_path)) == ["audit", "audit.1", "audit.2"]
    kept = [r["payload"]["n"] for name in ("audit.2", "audit.1", "audit") for r in records(tmp_path / name)]
    assert kept == list(range(kept[0], 40))
    assert all((tmp_path / name).stat().st_size <= 1024 for name in os.listdir(tmp_path))


def test_a_line_that_a_crash_left_torn_does_not_spoil_the_next(audit, tmp_path):
    path = tmp_path / "audit"
    path.write_bytes(b'{"n":1}\n{"torn')
    plugin = audit({"file": str(path)})
    plugin.event("on_request_failed", {"n": 2})
    assert plugin.failures() == []
    lines = path.read_bytes().splitlines()
    assert lines[1] == b'{"torn' and json.loads(lines[2])["payload"] == {"n": 2}


def test_setup_says_why_the_file_cannot_be_used(host, tmp_path):
    (tmp_path / "file").write_text("")
    for config in ({"file": str(tmp_path / "file" / "x")}, {"file": str(tmp_path)}, {"file": "x", "rotate_size": "1 XB"}):
        answer = host(dir=DIR, spec=SPEC, env={"PYTHONPATH": ".."}).setup(config)
        assert answer["error"]["message"].startswith("the audit file cannot be used: ")


def test_two_writers_interleave_whole_lines(tmp_path):
    logger = logging.getLogger("test")
    files = [AppendFile(tmp_path / "f", logger) for _ in range(2)]
    for n in range(100):
        files[n % 2].append(b"%d\n" % n)
    assert (tmp_path / "f").read_bytes().split() == [b"%d" % n for n in range(100)]
    for file in files:
        file.close()
        file.close()
