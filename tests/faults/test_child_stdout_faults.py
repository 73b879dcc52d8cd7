"""RELIABILITY §3, cases 21-26, 29 and 39: what a child says on stdout, and too much of it."""

import json
import os
import random
import re
import time

import pytest

from faults import SCALE, mark, says, script, size, told
from harness import ASAN, wait_for

UNDERSTOOD = mark("understood")


def garbage_of(hc, name):
    return hc.log(plugin=f"^{name}$", msg="plugin output ignored")


def understood(hc, name, n=1, timeout=30):
    wait_for(lambda: hc.plugins[name].row()["failures"] >= n, timeout, f"{n} marks from {name}")


def test_a_mebibyte_of_noise_is_a_line_a_second_of_120_escaped_bytes(hc):
    """Case 21: stays ready; at most one record a second, 120 bytes of it, escaped."""
    noise = random.Random(21).randbytes(size(1 << 20, 64 << 20))
    noisy = says(hc, "noisy", noise + b"\n" + UNDERSTOOD)
    other = hc.recorder("other")
    began = time.monotonic()
    hc.start()
    understood(hc, "noisy")
    hc.publish()
    other.wait_events(1)
    lines = garbage_of(hc, "noisy")
    assert 1 <= len(lines) <= time.monotonic() - began + 1
    for line in hc.log_text().splitlines():
        assert not re.search(r"[\x00-\x1f\x7f-\x9f]", line), "raw control characters in the log"
    for record in lines:
        assert len(record["line"].encode("latin-1", "replace")) <= 120
    assert noisy.row()["state"] == "ready"


def test_a_flood_of_valid_lines_of_noise_delays_nobody(hc):
    """Case 21 and promise 11: flat out, for as long as it likes."""
    hc.shell("noisy", "exec yes rubbish rubbish", teardown_timeout_sec=1)
    hc.configure(stop_timeout="2s")
    other = hc.recorder("other")
    began = time.monotonic()
    hc.start()
    for _ in range(size(10, 200)):
        hc.publish_many(300)
    total = size(10, 200) * 300
    other.wait_events(total, timeout=20)
    assert other.seqs() == list(range(1, total + 1))
    assert 1 <= len(garbage_of(hc, "noisy")) <= time.monotonic() - began + 1.5
    row = hc.plugins["noisy"].row()  # it never reads: in the long run it is slow
    assert row["pid"] and row["restarts"] == 0 and row["reasons"] in ([], ["slow"]), row


def test_an_endless_line_is_bounded_and_the_next_is_understood(hc):
    """Case 22: no newline for long: bounded memory, in step again at the next newline."""
    hc.configure(limits={"event_max_size": "256KiB"})
    hc.recorder("other")
    hc.start()
    before = hc.proc_status("VmHWM")
    mega = size(64, 1024)
    endless = hc.shell("endless", f"head -c {mega}M /dev/zero | tr '\\0' x; echo; cat say.bin; exec cat > /dev/null")
    (endless.dir / "say.bin").write_bytes(UNDERSTOOD)
    hc.call("daemon.reload")
    understood(hc, "endless", timeout=size(30, 300))
    if not ASAN:
        assert hc.proc_status("VmHWM") - before <= 2 * 256 + 512, "KiB for one line"
    assert told(garbage_of(hc, "endless")) == 1 and endless.row()["state"] == "ready"


@pytest.mark.parametrize("extra", [-1, 0, 1])
def test_the_limit_of_a_line_is_exact(hc, extra):
    """Case 22 and promise 12: a line of the limit is read, one byte more is not; the next one is, either way."""
    limit = 64 * 1024
    hc.configure(limits={"event_max_size": "64KiB"})
    line = mark("A" * (limit + extra - len(mark("")) + 1))
    assert len(line) == limit + extra + 1
    plugin = says(hc, "edge", line + UNDERSTOOD)
    hc.start()
    understood(hc, "edge", 1 if extra > 0 else 2)
    assert plugin.row()["failures"] == (1 if extra > 0 else 2)


HOSTILE = {
    "crlf": (b'{"jsonrpc":"2.0","method":"x"}\r\n', None), "bom": (b"\xef\xbb\xbf{}\n", 1), "blank": (b"\n\r\n \t\n", None),
    "nul": (b"\0\0\n", 1), "nul inside": (b'{"a":"\0"}\n', 1), "not UTF-8": (b'{"a":"\xff\xc0\x80"}\n', 1),
    "raw surrogate": (b'{"a":"\xed\xa0\x80"}\n', 1), "lone surrogate": (b'{"jsonrpc":"2.0","method":"\\ud800"}\n', 1),
    "deep arrays": (b"[" * 100000 + b"]" * 100000 + b"\n", 1), "deep objects": (b'{"a":' * 100000 + b"1" + b"}" * 100000 + b"\n", 1),
    "unclosed depth": (b"[" * 100000 + b"\n", 1), "duplicate keys": (b'{"jsonrpc":"2.0","id":1,"id":2,"result":{}}\n', 1),
    "number of 10^6 digits": (b"1" * 1000000 + b"\n", 1), "answer with such a number":
        (b'{"jsonrpc":"2.0","id":"h1","result":{"n":' + b"9" * 100000 + b"}}\n", 1),
    "exponent": (b'{"jsonrpc":"2.0","id":"h1","result":1e999999999}\n', 1),
    "an escaped method": (b'{"jsonrpc":"2.0","method":"notifications\\/hooks\\/failed","params":{"error":{"message":"\\u0000"}}}\n', None),
    "a batch": (b'[{"jsonrpc":"2.0","id":"h1","result":{}},{"jsonrpc":"2.0","method":"x"}]\n', 1), "an empty batch": (b"[]\n", 1),
    "half an object": (b'{"jsonrpc":"2.0",\n', 1), "two objects": (b'{"jsonrpc":"2.0","method":"x"}{}\n', 1),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_each_hostile_line_costs_itself_only(hc, what):
    """Cases 23 and 24: each costs its line; a batch is one line in the log and ignored."""
    line, cost = HOSTILE[what]
    hc.configure(limits={"event_max_size": "2MiB"})
    plugin = says(hc, "noisy", UNDERSTOOD + line + UNDERSTOOD)
    hc.start()
    understood(hc, "noisy", 2)
    if cost:
        assert told(garbage_of(hc, "noisy")) == cost
    row = plugin.row()
    assert row["state"] == "ready" and row["restarts"] == 0
    hc.publish()
    plugin.wait_events(1)


def test_answers_to_nothing_are_ignored_and_counted(hc):
    """Case 25: many valid but unsolicited responses and unknown ids."""
    n = size(20000, 1000000)
    ids = ["1", '"h1"', '"h0"', '""', "null", "-5", '"h18446744073709551617"', "1e3"]
    data = b"".join(b'{"jsonrpc":"2.0","id":%s,"result":{}}\n' % ids[i % len(ids)].encode() for i in range(n))
    plugin = hc.shell("chatty", "cat say.bin; while [ ! -e more ]; do sleep 0.05; done; echo once more; cat mark.bin; exec cat >> wire.ndjson")
    (plugin.dir / "say.bin").write_bytes(data)
    (plugin.dir / "mark.bin").write_bytes(UNDERSTOOD)
    hc.start()
    wait_for(lambda: garbage_of(hc, "chatty"))
    time_of_first = time.monotonic()
    wait_for(lambda: time.monotonic() - time_of_first > 1.2, 3)  # the gate's second
    (plugin.dir / "more").touch()
    understood(hc, "chatty", timeout=size(30, 200))
    hc.publish()
    plugin.wait_events(1)
    assert plugin.row()["state"] == "ready"
    lines = garbage_of(hc, "chatty")
    assert told(lines) == n + 1, "every one is counted, in some line"


def test_answers_given_twice_late_or_for_others_are_ignored(hc):
    """Case 26: twice, with another id, of another era, and a request of its own that is never answered (case 36)."""
    plugin = script(hc, "double", "talks_late.py", env={"TWICE": "1", "STRAY": "1"},
                    hookcast={"protocol": "mcp", "health": {"interval": "100ms", "timeout": "50ms"}})
    hc.start()
    pid = plugin.pid()
    hc.publish()
    plugin.wait_events(1)
    wait_for(lambda: len(plugin.requests("hooks/health")) >= 3, what="some probes")
    row = plugin.row()
    assert row["state"] == "ready" and row["pid"] == pid and row["protocol"] == "2026-07-28"
    assert not [m for m in plugin.messages() if m.get("id") == "mine"], "it is never written a response"
    assert len(plugin.requests("hooks/setup")) == 1


def test_an_answer_after_its_time_is_ignored(hc):
    """Case 26: a probe's answer that comes when the next one is due clears nothing twice and breaks nothing."""
    gate = hc.dir / "gate"
    plugin = script(hc, "late", "talks_late.py", env={"HEALTH": str(gate)},
                    hookcast={"protocol": "mcp", "health": {"interval": "100ms", "timeout": "50ms", "failures": 2}})
    hc.start()
    plugin.wait_state("degraded", "unhealthy")
    gate.touch()
    plugin.wait_state("ready")
    assert plugin.row()["restarts"] == 0


@pytest.mark.parametrize("stream", [1, 2], ids=["stdout", "stderr"])
@pytest.mark.parametrize("holder", ["", "setsid sleep 600 & "], ids=["alone", "a grandchild keeps it open"])
def test_an_unfinished_line_at_exit_is_logged_once(hc, stream, holder):
    """Case 29: a partial line, then exit."""
    hc.allow_errors("noisy")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    noisy = hc.shell("noisy", f"{holder}read -r l; printf 'the last words' >&{stream}; exit 3")
    hc.start()
    hc.publish()
    noisy.wait_row(lambda r: r["pid"] is None, "its end")
    hc.wait_log(plugin="^noisy$", state="^degraded$")
    said = [r for r in hc.log(plugin="^noisy$") if r.get("stream") and "the last words" in json.dumps(r)]
    assert len(said) == 1, said


def test_a_flood_of_failures_is_failing_and_the_daemon_stays_fair(hc):
    """Case 39: notifications/hooks/failed flat out: failing, a bounded number of lines, others exact."""
    n = size(30000, 1000000)
    hc.configure(plugin_defaults={"failure_threshold": 5})
    flood = hc.shell("flood", f"read -r l; yes \"$(cat say.bin)\" | head -n {n}; exec cat >> wire.ndjson")
    (flood.dir / "say.bin").write_bytes(mark("boom"))
    other = hc.recorder("other")
    hc.start()
    began = time.monotonic()
    hc.publish_many(2000)
    other.wait_events(2000)
    assert other.seqs() == list(range(1, 2001))
    flood.wait_row(lambda r: r["failures"] == n, f"{n} failures", timeout=size(20, 200))
    hc.publish_many(1)
    row = flood.wait_row(lambda r: r["reasons"] == ["failing"], "it to be failing")
    assert row["state"] == "degraded" and "boom" in row["last_error"]
    lines = hc.log(plugin="^flood$", error="^boom$", msg="event failed")
    assert len(lines) <= 10 * (time.monotonic() - began + 1)
    assert told(lines) <= n


def test_garbage_from_a_hundred_plugins_at_once_starves_nobody(hc):
    """Promise 11: many noisy ones at a time."""
    for i in range(size(12, 100)):
        hc.shell(f"noisy{i}", "exec yes not-json", teardown_timeout_sec=1)
    hc.configure(stop_timeout="3s")
    other = hc.puppet("other")
    hc.start()
    began = time.monotonic()
    hc.publish_many(500)
    other.wait_events(500, timeout=20)
    assert time.monotonic() - began < 10 * SCALE
    assert other.seqs() == list(range(1, 501))
    assert os.path.exists(f"/proc/{other.pid()}")
