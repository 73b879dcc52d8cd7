"""DESIGN §6: the fan-out — order, completeness, slow plugins, overflow, gap notices."""

import hashlib
import os
import signal
import time

import pytest

from harness import ASAN, EVENT, FINISHED, STARTED, assert_accounts, wait_for, walk_stream


def pad(size):
    return lambda i: {"i": i, "pad": "x" * size}


def settled(hc, *names):
    """Wait until these plugins have nothing queued."""
    return wait_for(lambda: all(hc.rows()[n]["queued_events"] == 0 for n in names), 20, f"{names} to catch up")


def stop_child(plugin):
    pid = plugin.pid()
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()[0] == "T", 2, "the child to stop")
    return pid


def test_4_plugins_hear_2000_events_in_order_with_consecutive_seq(hc):
    plugins = [hc.recorder("a"), hc.recorder("b"), hc.puppet("c"), hc.puppet("d")]
    hc.start()
    hc.publish_many(2000, payload=pad(200))
    for plugin in plugins:
        events = plugin.wait_events(2000, timeout=30)
        assert [m["params"]["_meta"][EVENT]["seq"] for m in events] == list(range(1, 2001)), plugin.name
        assert [m["params"]["i"] for m in events] == list(range(2000))
        assert plugin.notices() == []
    for row in hc.rows().values():
        assert row["accepted"] == row["delivered"] == 2000 and row["dropped"] == row["queued_events"] == 0
        assert row["queued_bytes"] == 0


def test_bytes_are_the_same_at_every_plugin(hc):
    plugins = [hc.recorder(f"p{i}") for i in range(6)]
    hc.start()
    for size in (0, 1, 100, 4096, 65000, 65536, 262144, 300000, 10):
        hc.publish(payload={"pad": "x" * size})
    for plugin in plugins:
        plugin.wait_events(9)
    assert len({p.record.read_bytes() for p in plugins}) == 1


def test_900_kib_events_to_40_plugins(hc):
    plugins = [hc.recorder(f"p{i:02d}") for i in range(40)]
    hc.start()
    for i in range(3):
        assert hc.publish(payload={"i": i, "pad": chr(97 + i) * 900 * 1024})["queued"] == 40
    digests = set()
    for plugin in plugins:
        def whole():
            data = plugin.record.read_bytes() if plugin.record.exists() else b""
            return data if data.count(b"\n") == 3 else None
        digests.add(hashlib.sha256(wait_for(whole, 60, f"3 events at {plugin.name}", interval=0.05)).hexdigest())
    assert len(digests) == 1
    first = plugins[0].events()
    assert [(m["params"]["i"], len(m["params"]["pad"])) for m in first] == [(i, 900 * 1024) for i in range(3)]


def test_plugins_of_different_hooks_each_hear_only_theirs_in_order(hc):
    started = hc.recorder("started", hookcast={"hooks": [STARTED]})
    finished = hc.recorder("finished", hookcast={"hooks": [FINISHED]})
    both = hc.recorder("both", hookcast={"hooks": [STARTED, FINISHED]})
    hc.start()
    conn = hc.publisher
    conn.send(b"".join(conn.encode_notify((STARTED, FINISHED, FINISHED)[i % 3], {"i": i}) for i in range(900)))
    assert conn.result("stats")["accepted"] == 900
    assert [m["params"]["i"] for m in both.wait_events(900)] == list(range(900))
    assert [m["params"]["i"] for m in started.wait_events(300)] == list(range(0, 900, 3))
    assert [m["params"]["i"] for m in finished.wait_events(600)] == [i for i in range(900) if i % 3]
    assert started.notices() == finished.notices() == [], "a hook one does not hear is no loss"


def test_a_stopped_plugin_among_8_costs_the_others_nothing_and_its_gaps_account_for_every_event(hc):
    backlog = 4 * 1024
    hc.configure(limits={"backlog_max_size": "4MiB"}, stop_timeout="4s", plugin_defaults={"slow_after": "200ms"})
    plugins = [hc.recorder(f"p{i}") for i in range(8)]
    hc.start()
    victim, others = plugins[3], plugins[:3] + plugins[4:]
    names = [p.name for p in others]
    hc.publish_many(100, payload=pad(2000))
    settled(hc, *names, victim.name)
    idle = hc.proc_status("VmRSS")
    pid = stop_child(victim)
    total = 100
    for _ in range(24):  # 12 MiB in steps of 512 KiB
        total += hc.publish_many(256, payload=pad(2000))
        settled(hc, *names)
    if not ASAN:
        assert hc.proc_status("VmHWM") <= idle + backlog + 8 * 1024
    assert "slow" in victim.row()["reasons"] and victim.row()["state"] == "degraded"
    assert_accounts(hc.rows().values())
    assert victim.row()["dropped"] > 0
    for plugin in others:
        plugin.wait_events(total, timeout=20)
        assert plugin.seqs() == list(range(1, total + 1)) and plugin.notices() == [], plugin.name
        assert hc.rows()[plugin.name]["dropped"] == 0
    os.kill(pid, signal.SIGCONT)
    settled(hc, victim.name)
    row = victim.row()
    assert row["pid"] == pid and row["restarts"] == 0
    wait_for(lambda: victim.messages()[-1].get("params", {}).get("last_seq") == total or victim.seqs()[-1] == total, 10)
    received, dropped = walk_stream(victim.messages(), total)
    assert (received, dropped) == (row["delivered"], row["dropped"])
    victim.wait_state("ready", timeout=5)


def test_a_stopped_plugin_within_its_limits_loses_nothing(hc):
    hc.configure(plugin_defaults={"slow_after": "200ms"})
    victim, other = hc.recorder("victim"), hc.recorder("other")
    hc.start()
    pid = stop_child(victim)
    hc.publish_many(3000, payload=pad(1000))
    other.wait_events(3000)
    victim.wait_state("degraded", "slow")
    assert victim.row()["queued_events"] > 0
    os.kill(pid, signal.SIGCONT)
    victim.wait_events(3000)
    assert victim.seqs() == list(range(1, 3001)) and victim.notices() == []
    victim.wait_state("ready")
    assert victim.row()["dropped"] == 0


def test_a_wedged_plugin_does_not_slow_the_others(hc):
    hc.configure(stop_timeout="2s")
    hc.shell("wedged", "exec sleep 600")
    other = hc.recorder("other")
    hc.start()
    hc.publish_many(400, payload=pad(500))
    other.wait_events(400)
    began = time.monotonic()
    for i in range(100):
        hc.publish(payload={"i": i})
        other.wait_events(401 + i)
    assert time.monotonic() - began < 8, "each event has to get through within milliseconds"


# -- overflow ------------------------------------------------------------------------------------------------------


def overflowing(hc, policy, events=20, size="16MiB"):
    hc.configure(stop_timeout="3s", plugin_defaults={"slow_after": "30s"})
    limits = {"queue_max_events": events, "queue_max_size": size, "overflow": policy}
    victim, other = hc.recorder("victim", hookcast=limits), hc.recorder("other")
    hc.start()
    return victim, other, stop_child(victim)


def test_drop_oldest_keeps_the_newest_and_tells_where_the_gap_is(hc):
    victim, other, pid = overflowing(hc, "drop_oldest")
    hc.publish_many(500, payload=pad(1000))
    row = victim.row()
    assert row["queued_events"] <= 20 and row["dropped"] > 0 and row["reasons"] == ["slow"] and row["state"] == "degraded"
    assert_accounts([row])
    other.wait_events(500)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: victim.seqs() and victim.seqs()[-1] == 500, 10, "the newest event")
    received, dropped = walk_stream(victim.messages(), 500)
    assert dropped == victim.row()["dropped"] and received == victim.row()["delivered"]
    assert len(victim.notices()) == 1, "one gap, widened in place"
    assert victim.seqs()[-10:] == list(range(491, 501))
    victim.wait_state("ready")


def test_drop_newest_keeps_the_oldest_and_refuses_until_half_is_free(hc):
    victim, other, pid = overflowing(hc, "drop_newest", events=40)
    hc.publish_many(500, payload=pad(1000))
    row = victim.row()
    assert row["dropped"] > 0 and row["reasons"] == ["slow"]
    assert_accounts([row])
    answer = hc.publish(payload={"i": 500})
    assert answer["queued"] == 1 and [f["plugin"] for f in answer["failed"]] == ["victim"] and answer["failed_total"] == 1
    os.kill(pid, signal.SIGCONT)
    settled(hc, "victim")
    assert hc.publish(payload={"i": 501})["queued"] == 2
    wait_for(lambda: victim.seqs() and victim.seqs()[-1] == 502, 10, "the event after the gap")
    walk_stream(victim.messages(), 502)
    assert len(victim.notices()) == 1 and victim.notices()[0]["last_seq"] == 501
    kept = victim.notices()[0]["first_seq"] - 1
    assert victim.seqs()[:kept] == list(range(1, kept + 1))
    other.wait_events(502)


def test_restart_starts_it_anew_with_an_empty_queue_and_the_gap_told_first(hc):
    hc.allow_errors("victim")
    victim, other, pid = overflowing(hc, "restart")
    published = 0
    while victim.row()["pid"] == pid:
        published = hc.publish(payload=pad(1000)(published))["seq"]
        assert published < 20000, "over its limit for long, and not restarted"
    row = victim.wait_row(lambda r: r["pid"] not in (None, pid) and r["queued_events"] == 0, "a new process", timeout=8)
    assert row["restarts"] >= 1 and "crashed" not in row["reasons"]
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"), 2, "the old process to be gone")
    last = hc.publish(payload={"after": True})["seq"]
    other.wait_events(last)
    wait_for(lambda: victim.seqs() and victim.seqs()[-1] == last, 8, "an event after the restart")
    first = victim.messages()[0]
    assert first["method"] == "notifications/hooks/dropped", first
    walk_stream(victim.messages(), last)
    row = victim.row()
    assert_accounts([row])
    assert row["dropped"] == sum(n["count"] for n in victim.notices()) >= 20


def test_queue_max_size_counts_bytes(hc):
    victim, other, pid = overflowing(hc, "drop_oldest", events=65536, size="64KiB")
    hc.publish_many(500, payload=pad(1000))
    row = victim.row()
    assert row["dropped"] > 0 and row["queued_bytes"] <= 64 * 1024
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: victim.seqs() and victim.seqs()[-1] == 500, 10)
    walk_stream(victim.messages(), 500)


def test_an_event_larger_than_the_whole_queue_is_dropped_for_that_plugin_alone(hc):
    hc.configure(plugin_defaults={"slow_after": "30s"})
    victim = hc.recorder("victim", hookcast={"queue_max_size": "64KiB"})
    other = hc.recorder("other")
    hc.start()
    pid = stop_child(victim)
    hc.publish(payload={"pad": "x" * 200000})
    hc.publish(payload={"pad": "y" * 200000})
    hc.publish(payload={"small": 1})
    other.wait_events(3)
    os.kill(pid, signal.SIGCONT)
    settled(hc, "victim")
    hc.publish(payload={"last": 1})
    wait_for(lambda: victim.seqs() and victim.seqs()[-1] == 4, 5)
    walk_stream(victim.messages(), 4)
    assert_accounts(hc.rows().values())


def test_overflow_is_logged_at_most_once_a_second(hc):
    victim, other, pid = overflowing(hc, "drop_oldest")
    began = time.monotonic()
    for _ in range(10):
        hc.publish_many(200, payload=pad(1000))
    elapsed = time.monotonic() - began
    lines = [r for r in hc.log(plugin="^victim$", level="warning") if "state" not in r]
    assert 1 <= len(lines) <= elapsed + 2, lines
    os.kill(pid, signal.SIGCONT)


def test_a_torn_message_is_completed_before_anything_else(hc):
    """Stopped in the middle of an event larger than a pipe, with overflow meanwhile, it still reads whole lines."""
    victim, other, pid = overflowing(hc, "drop_oldest", events=3)
    for i in range(30):
        hc.publish(payload={"i": i, "pad": "x" * 150000})
    other.wait_events(30)
    os.kill(pid, signal.SIGCONT)
    wait_for(lambda: victim.seqs() and victim.seqs()[-1] == 30, 10)
    walk_stream(victim.messages(), 30)
    assert victim.seqs()[0] == 1


@pytest.mark.parametrize("script", ["while read -r line; do echo \"$line\" >> wire.ndjson; done",
                                    "exec dd bs=1 status=none of=wire.ndjson"], ids=["sh-read", "1-byte-reads"])
def test_a_reader_of_single_bytes_gets_whole_lines(hc, script):
    plugin = hc.shell("slow", script)
    hc.start()
    hc.publish_many(200, payload=pad(100))
    assert [m["params"]["i"] for m in plugin.wait_events(200, timeout=30)] == list(range(200))
