"""DESIGN §6: accepted + redelivered = delivered + dropped + queued, for every plugin, at every moment."""

import os
import signal
import threading

from harness import STARTED, FINISHED, assert_accounts, wait_for


COUNTERS = ("accepted", "delivered", "redelivered", "dropped", "failures", "restarts")


class Watcher(threading.Thread):
    """Reads plugin.list over and over on its own connection: the books balance, and no counter ever decreases."""

    def __init__(self, hc):
        super().__init__(daemon=True)
        self.conn, self.done, self.looks, self.problem = hc.control(), threading.Event(), 0, None

    def run(self):
        last = {}
        try:
            while not self.done.is_set():
                rows = self.conn.result("plugin.list")["plugins"]
                assert_accounts(rows)
                for row in rows:
                    before = last.get(row["name"], row)
                    for counter in COUNTERS:
                        assert row[counter] >= before[counter], (counter, before, row)
                    last[row["name"]] = row
                self.looks += 1
        except BaseException as e:
            self.problem = e
        finally:
            self.conn.close()

    def finish(self):
        self.done.set()
        self.join()
        if self.problem:
            raise self.problem
        assert self.looks >= 5, "the watcher hardly looked"


def payload(i):
    return {"i": i, "pad": "x" * 700}


def test_the_books_balance_under_load_with_every_overflow_policy_and_a_slow_reader(hc):
    hc.allow_errors()
    hc.configure(stop_timeout="3s", plugin_defaults={"restart": {"max_restarts": 1000}})
    small = {"queue_max_events": 30}
    hc.recorder("fine")
    hc.recorder("picky", hookcast={"hooks": [FINISHED]})
    for policy in ("drop_oldest", "drop_newest", "restart"):
        hc.shell("wedged-" + policy.replace("_", "-"), "exec sleep 600", hookcast=dict(small, overflow=policy))
    hc.shell("slow", "while read -r line; do :; done", hookcast=small)
    hc.start()
    watcher = Watcher(hc)
    watcher.start()
    for _ in range(8):
        hc.publish_many(250, payload=payload)
        hc.publish_many(50, hook=FINISHED, payload=payload)
    watcher.finish()
    rows = hc.rows()
    assert_accounts(rows.values())
    assert rows["fine"]["accepted"] == 2400 and rows["fine"]["dropped"] == 0
    assert rows["picky"]["accepted"] == 400 and rows["picky"]["dropped"] == 0
    for name in ("wedged-drop-oldest", "wedged-drop-newest", "wedged-restart"):
        assert rows[name]["dropped"] > 0, rows[name]
        assert rows[name]["queued_events"] <= 30


def test_the_books_balance_after_crashes(hc):
    hc.allow_errors()
    hc.configure(plugin_defaults={"restart": {"max_restarts": 1000}})
    plugin = hc.puppet("mortal")
    hc.recorder("fine")
    hc.start()
    watcher = Watcher(hc)
    watcher.start()
    for round in range(5):
        hc.publish_many(100, payload=payload)
        hc.publish(STARTED, {"do": [["exit", 1]] if round % 2 else [["kill", signal.SIGSEGV]]})
        hc.publish_many(100, payload=payload)
        plugin.wait_row(lambda r: r["restarts"] == round + 1 and r["pid"], f"restart {round + 1}")
    settled = plugin.wait_row(lambda r: r["queued_events"] == 0 and r["state"] != "unavailable", "the queue to drain")
    watcher.finish()
    left = settled["accepted"] + settled["redelivered"]
    assert left == settled["delivered"] + settled["dropped"]
    assert settled["accepted"] == 5 * 201
    assert hc.rows()["fine"]["delivered"] == 5 * 201


def test_the_books_balance_when_children_are_killed_in_the_middle_of_a_large_event(hc):
    hc.allow_errors()
    hc.configure(stop_timeout="3s", plugin_defaults={"restart": {"max_restarts": 1000}, "slow_after": "30s"})
    plugin = hc.shell("stuck", "exec sleep 600")
    hc.start()
    for i in range(6):
        hc.publish(payload={"i": i, "pad": "x" * 200000})
    for round in range(3):
        pid = plugin.wait_row(lambda r: r["pid"], "a process")["pid"]
        os.kill(pid, signal.SIGKILL)
        plugin.wait_row(lambda r: r["pid"] not in (None, pid), "its successor")
        assert_accounts([plugin.row()])
    assert_accounts([plugin.row()])


def test_what_was_queued_for_one_that_is_given_up_is_dropped_and_counted(hc):
    hc.allow_errors()
    flag = hc.dir / "flag"
    plugin = hc.shell("doomed", f"[ -e {flag} ] && exit 3; exec sleep 600")
    hc.start()
    hc.publish_many(300, payload=payload)
    assert plugin.row()["queued_events"] > 0
    flag.touch()
    os.kill(plugin.pid(), signal.SIGKILL)
    row = plugin.wait_state("unavailable", timeout=8)
    assert row["queued_events"] == 0 and row["queued_bytes"] == 0 and row["dropped"] > 0
    assert_accounts([row])
    assert row["accepted"] == 300


def test_bytes_and_events_queued_return_to_zero(hc):
    for i in range(4):
        hc.recorder(f"p{i}")
    hc.start()
    hc.publish_many(1000, payload=payload)
    rows = wait_for(lambda: [r for r in hc.rows().values() if r["queued_events"] == 0 and r["queued_bytes"] == 0], 10)
    wait_for(lambda: all(r["queued_bytes"] == 0 and r["delivered"] == 1000 for r in hc.rows().values()), 10, rows)
