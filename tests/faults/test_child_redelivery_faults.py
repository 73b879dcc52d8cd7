"""RELIABILITY §3, cases 10-12: what a dead child had not read, and who else holds its pipes."""

import contextlib
import json
import os
import re
import select
import signal
import time

import pytest

from faults import SCALE, is_running, logged_at, pad, script, size
from harness import EVENT, assert_accounts, wait_for

N = 150  # events of ~400 bytes: all of them fit into one pipe


def lives(plugin, last):
    """The bytes each life of reads_so_far.py read."""
    return [(plugin.dir / f"bytes.{i}").read_bytes() for i in range(last + 1)]


def seqs_of(data):
    return [m["params"]["_meta"][EVENT]["seq"] for m in map(json.loads, data.split(b"\n")[:-1])
            if EVENT in m["params"].get("_meta", {})]


def gaps_of(data):
    return [m["params"] for m in map(json.loads, data.split(b"\n")[:-1]) if m["method"] == "notifications/hooks/dropped"]


def line_lengths(hc, n=N):
    """How long each event's line is: every plugin of a kind is sent the same bytes."""
    return [len(line) + 1 for line in hc.plugins["other"].event_lines()[:n]]


def reader(hc, limits, **env):
    hc.allow_errors("reader")
    hc.configure(plugin_defaults={"slow_after": "1min"})
    plugin = script(hc, "reader", "reads_so_far.py", env={"LIMITS": limits, **env})
    other = hc.recorder("other")
    hc.start()
    hc.publish_many(N, payload=pad(200))
    other.wait_events(N)
    return plugin


ENDS = [("1", "exit"), ("0", "exit 0"), (str(-signal.SIGSEGV), "SEGV"), (str(-signal.SIGKILL), "KILL")]


@pytest.mark.parametrize("end", [e for e, _ in ENDS], ids=[name for _, name in ENDS])
@pytest.mark.parametrize("limit", [1, 5000, 20011], ids=lambda n: f"{n} bytes read")
def test_what_was_unread_comes_first_to_the_successor_and_nothing_twice(hc, limit, end):
    """Case 10: dies with the rest unread: whole lines from the first not fully read come first to the successor."""
    plugin = reader(hc, str(limit), END=end)
    wait_for((plugin.dir / "sated.0").exists, what="it to have read its share")
    assert plugin.row()["delivered"] == N, "all is in the pipe"
    (plugin.dir / "die.0").touch()
    plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart")
    after = hc.publish()["seq"]
    wait_for(lambda: (plugin.dir / "bytes.1").exists() and after in seqs_of(lives(plugin, 1)[1]), what="the successor's events")
    first, second = lives(plugin, 1)
    read = len(seqs_of(first))
    assert len(first) == limit
    assert seqs_of(second) == list(range(read + 1, N + 2)), "from the first not fully read, in order, once"
    row = plugin.row()
    assert row["redelivered"] == N - read and row["dropped"] == 0 and row["delivered"] == N + 1 + row["redelivered"]
    assert_accounts([row])


def test_a_line_read_to_its_end_is_not_sent_again(hc):
    """Case 10: the boundary itself: exactly ten lines read, not a byte more."""
    hc.allow_errors("reader")
    hc.configure(plugin_defaults={"slow_after": "1min"})
    plugin, other = script(hc, "reader", "reads_so_far.py", env={"LIMITS": "1", "END": "1"}), hc.recorder("other")
    hc.start()
    hc.publish_many(N, payload=pad(200))
    other.wait_events(N)
    exact = sum(line_lengths(hc)[:10])
    (plugin.dir / "die.0").touch()
    plugin.wait_row(lambda r: r["restarts"] == 1, "a restart")
    for limit, read in ((exact, 10), (exact + 1, 10), (exact - 1, 9)):
        hc.call("plugin.stop", {"name": "reader"})
        for name in os.listdir(plugin.dir):
            if name.split(".")[0] in ("bytes", "sated", "die"):
                (plugin.dir / name).unlink()
        text = (plugin.dir / "plugin.yaml").read_text()
        lines = [f'  LIMITS: "{limit}"' if "LIMITS" in line else line for line in text.splitlines()]
        (plugin.dir / "plugin.yaml").write_text("\n".join(lines) + "\n")
        hc.call("daemon.reload")
        hc.call("plugin.start", {"name": "reader"})
        plugin.wait_state("ready")
        begin = hc.publish(payload=pad(200)(0))["seq"]
        hc.publish_many(N, payload=pad(200))
        wait_for((plugin.dir / "sated.0").exists, what="it to have read its share")
        got = len(seqs_of(lives(plugin, 0)[0]))
        assert abs(got - read) <= 1, "digits of seq shift lines a little"
        (plugin.dir / "die.0").touch()
        wait_for(lambda: (plugin.dir / "bytes.1").exists() and len(seqs_of(lives(plugin, 1)[1])) == N + 1 - got,
                 what="the rest at the successor")
        assert seqs_of(lives(plugin, 1)[1])[0] == begin + got


def test_one_that_kills_twice_in_its_middle_is_dropped_and_told(hc):
    """Case 10 with DESIGN §6: a half-read event is sent once more; a second death in it costs it: a gap of one."""
    plugin = reader(hc, "100,100", END="1")
    for life in range(2):
        wait_for((plugin.dir / f"sated.{life}").exists, what=f"life {life} to have read its share")
        (plugin.dir / f"die.{life}").touch()
        plugin.wait_row(lambda r: r["restarts"] == life + 1 and r["pid"], "a restart")
    wait_for(lambda: (plugin.dir / "bytes.2").exists() and N in seqs_of(lives(plugin, 2)[2]), what="the third life's events")
    third = lives(plugin, 2)[2]
    assert gaps_of(third) == [{"count": 1, "first_seq": 1, "last_seq": 1}]
    assert third.index(b"hooks/dropped") < third.index(b"io.hookcast/event")
    assert seqs_of(third) == list(range(2, N + 1))
    row = plugin.row()
    assert row["dropped"] == 1
    assert_accounts([row])


def test_dying_again_and_again_loses_only_what_was_read(hc):
    """Case 10, many lives: each reads a little more; together they have read everything exactly once, halves aside."""
    shares = [7000 + 13 * i for i in range(6)]
    plugin = reader(hc, ",".join(map(str, shares)), END="-9")
    for life in range(len(shares)):
        plugin.wait_row(lambda r: r["restarts"] >= life, "its turn")
        if (plugin.dir / f"bytes.{life}").exists() and plugin.row()["state"] == "unavailable":
            break
        wait_for((plugin.dir / f"sated.{life}").exists, what=f"life {life} to have read its share")
        (plugin.dir / f"die.{life}").touch()
        row = plugin.wait_row(lambda r: r["restarts"] > life or r["state"] == "unavailable", "the next life")
        if row["state"] == "unavailable":
            hc.call("plugin.restart", {"name": "reader"})
            break
    heard = []
    for path in sorted(plugin.dir.glob("bytes.*"), key=lambda p: int(p.suffix[1:])):
        heard += seqs_of(path.read_bytes())
    assert heard == sorted(set(heard)), "nothing twice, in order"
    assert_accounts([plugin.row()])


HOLDERS = {
    "in the group": "cat > /dev/null & ",
    "reading the pipe": "exec 3<&0; cat <&3 >> theirs.$$ & exec sleep 600; ",
    "holding the pipe": "exec 3<&0; sleep 600 <&3 & ",
    "in a session of its own": "exec 3<&0; setsid sleep 600 <&3 & ",
}


@pytest.mark.parametrize("holder", HOLDERS)
def test_a_grandchild_that_holds_the_pipe_is_killed_before_it_is_asked_what_was_unread(hc, holder):
    """Case 11: group (and what carries our mark) killed first; no duplicate."""
    hc.allow_errors("parent")
    hc.configure(plugin_defaults={"slow_after": "1min", "restart": {"max_restarts": 100}})
    plugin = hc.shell("parent", HOLDERS[holder] + "echo $$ > leader; while read -r l; do echo \"$l\" >> mine.$$; "
                                                  "[ -e halt ] && exec sleep 600 </dev/null; done")
    other = hc.recorder("other")
    hc.start()
    rounds = size(5, 50)
    for round in range(rounds):
        hc.publish_many(N, payload=pad(200))
        os.kill(plugin.wait_row(lambda r: r["pid"], "a process")["pid"], signal.SIGKILL)
        plugin.wait_row(lambda r: r["restarts"] > round and r["pid"], "a restart")
    last = hc.publish()["seq"]
    plugin.wait_row(lambda r: r["queued_events"] == 0, "the queue to drain")
    other.wait_events(last)
    assert_accounts([plugin.row()])
    hc.call("plugin.stop", {"name": "parent"})
    times = {}
    for path in [*plugin.dir.glob("mine.*"), *plugin.dir.glob("theirs.*")]:
        for line in path.read_bytes().split(b"\n")[:-1]:
            if line.startswith(b"{") and line.endswith(b"}}"):
                seq = json.loads(line)["params"]["_meta"][EVENT]["seq"]
                times[seq] = times.get(seq, 0) + 1
    assert not {s: n for s, n in times.items() if n > 1}, "these came twice"
    assert not hc.log(msg="nothing is redelivered")


def test_a_stranger_who_holds_the_pipe_costs_the_redelivery_and_the_log_says_so(hc):
    """Case 11 with DESIGN §6: it left group, tree and environment: nothing is redelivered, nothing twice."""
    hc.allow_errors("parent")
    hc.configure(plugin_defaults={"slow_after": "1min"})
    plugin = hc.shell("parent", "if [ ! -e first ]; then exec 3<&0; (env -i setsid sleep 600 <&3 >/dev/null 2>&1 &); touch first; "
                                "exec sleep 600; fi; exec cat >> wire.ndjson")
    hc.recorder("other")
    hc.start()
    wait_for((plugin.dir / "first").exists, what="the one that leaves to have left")
    wait_for(lambda: len(hc.call("daemon.status")["strays"]) == 1, what="the stray")
    hc.publish_many(N, payload=pad(200))
    began = time.monotonic()
    os.kill(plugin.pid(), signal.SIGKILL)
    plugin.wait_row(lambda r: r["restarts"] == 1 and r["pid"], "a restart", timeout=4)
    assert time.monotonic() - began < 2.5 * SCALE
    hc.wait_log(plugin="^parent$", msg="nothing is redelivered")
    last = hc.publish()["seq"]
    plugin.wait_events(1)
    assert plugin.seqs() == [last]
    assert_accounts([plugin.row()])
    strays = hc.call("daemon.status")["strays"]
    assert [s["name"] for s in strays] == ["sleep"]


def test_what_one_that_never_reads_has_in_its_pipe_goes_to_the_successor_of_a_restart_by_hand(hc):
    """Case 10 with DESIGN §6: however it ended, whole messages unread go first to the successor, or are told as lost."""
    plugin = hc.shell("wedged", "[ -e awake ] && exec cat >> wire.ndjson; touch awake; exec sleep 600", teardown_timeout_sec=1)
    hc.start()
    hc.publish_many(20)
    hc.call("plugin.restart", {"name": "wedged"})
    last = hc.publish()["seq"]
    wait_for(lambda: last in plugin.seqs(), what="the successor to hear")
    told = sum(n["count"] for n in plugin.notices())
    assert len(plugin.seqs()) + told == last, f"{plugin.seqs()} and {told} told as lost"


@pytest.mark.parametrize("verb", ["start", "restart"])
def test_a_start_asked_while_it_is_settled_what_a_dead_one_had_read_is_not_forgotten(hc, verb):
    """Case 11 with DESIGN §9: dead, a stranger holds its stdin for the moment: `start` ends the waiting, as in backoff."""
    hc.allow_errors("parent")
    hc.configure(plugin_defaults={"slow_after": "1min", "restart": {"backoff_initial": "1min", "backoff_max": "1min"}})
    plugin = hc.shell("parent", "if [ ! -e first ]; then exec 3<&0; (env -i setsid sleep 600 <&3 >/dev/null 2>&1 &); touch first; "
                                "exec sleep 600; fi; exec cat >> wire.ndjson")
    hc.start()
    wait_for(lambda: len(hc.call("daemon.status")["strays"]) == 1, what="the stray")
    os.kill(plugin.pid(), signal.SIGKILL)
    plugin.wait_row(lambda r: r["pid"] is None, "its death")
    row = hc.call(f"plugin.{verb}", {"name": "parent"})
    assert row["pid"], row
    plugin.wait_state(*(("ready",) if verb == "restart" else ("degraded", "crashed")))


@pytest.mark.parametrize("leaves", ["", "setsid "], ids=["in its group", "in a session of its own"])
def test_a_death_is_noticed_at_once_although_a_grandchild_keeps_all_pipes(hc, leaves):
    """Case 12: double fork: noticed within 100 ms, not by end of file; the grandchild ended, the pipes closed."""
    hc.allow_errors("parent")
    hc.configure(plugin_defaults={"restart": {"backoff_initial": "10s", "backoff_max": "10s"}})
    plugin = hc.shell("parent", f"{leaves}sh -c 'echo $$ > grandchild; exec sleep 600' & echo; read l; exit 5")
    hc.start()
    wait_for(lambda: (plugin.dir / "grandchild").exists() and (plugin.dir / "grandchild").read_text().strip())
    grandchild = int((plugin.dir / "grandchild").read_text())
    assert hc.publisher.alive()
    fds = hc.fds()
    published = time.time()
    hc.publish()
    died = hc.wait_log(plugin="^parent$", msg="plugin died")
    state = hc.wait_log(plugin="^parent$", state="^degraded$")
    assert logged_at(died) - published < 0.1 + 0.2 * SCALE and logged_at(state) - logged_at(died) < 0.1 * SCALE
    wait_for(lambda: not is_running(grandchild), what="the grandchild's end")
    wait_for(lambda: hc.fds() <= fds - 4, what="its pipes and pidfd to be closed")


def ends_held(hc, pipe):
    """The daemon's descriptors of a pipe (as /proc names it): number -> O_RDONLY or O_WRONLY."""
    held = {}
    for fd in os.listdir(f"/proc/{hc.pid}/fd"):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{hc.pid}/fd/{fd}") == pipe:
                flags = re.search(r"flags:\s+(\d+)", open(f"/proc/{hc.pid}/fdinfo/{fd}").read())[1]
                held[int(fd)] = int(flags, 8) & os.O_ACCMODE
    return held


def test_events_that_come_while_a_dead_one_is_settled_go_nowhere_but_into_its_queue(hc):
    """Case 11: stopped with a torn message, it is dead and a stranger holds its stdin: nothing is written or watched there.

    The number that the write end had is another descriptor's then, or nobody's."""
    hc.configure(plugin_defaults={"slow_after": "1min"})
    plugin = hc.shell("parent", "if [ ! -e first ]; then exec 3<&0; (env -i setsid sleep 600 <&3 >/dev/null 2>&1 &); touch first; "
                                "exec sleep 600; fi; exec cat >> wire.ndjson", teardown_timeout_sec=1)
    hc.start()
    wait_for(lambda: len(hc.call("daemon.status")["strays"]) == 1, what="the stray")
    for _ in range(3):
        hc.publish(payload={"pad": "x" * 200_000})
    pid = plugin.pid()
    pipe = os.readlink(f"/proc/{pid}/fd/0")
    with hc.control() as control:
        control.request("plugin.restart", {"name": "parent"})
        wait_for(lambda: list(ends_held(hc, pipe).values()) == [os.O_RDONLY], what="its stdin to be closed")
        others = [hc.connect() for _ in range(4)]
        for other in others:
            assert other.alive()
        wait_for(lambda: list(ends_held(hc, pipe).values()) == [os.O_WRONLY], what="it to be dead and asked about")
        for other in others:
            other.close()
        while not select.select([control.sock], [], [], 0)[0]:
            last = hc.publish()["seq"]
        assert control.answer()["result"]["pid"]
    hc.wait_log(plugin="^parent$", msg="nothing is redelivered")
    wait_for(lambda: last in plugin.seqs(), what="the successor to hear")
    assert_accounts([plugin.row()])
