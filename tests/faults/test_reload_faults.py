"""Promise 16: a reload touches only what changed, also a thousand of them under load."""

import threading
import time

from faults import size, stopped
from harness import assert_accounts, wait_for


class Pacer(threading.Thread):
    """Publishes so many events a second, in even steps, until it is told to stop."""

    def __init__(self, hc, rate, step=0.005):
        super().__init__(daemon=True)
        self.conn, self.over, self.step, self.total, self.problem = hc.connect(), threading.Event(), step, 0, None
        self.n = int(rate * step)
        self.block = self.conn.encode_notify("on_request_started", {"pad": "x" * 60}) * self.n

    def run(self):
        begin = time.monotonic()
        try:
            while not self.over.is_set():
                self.conn.send(self.block)
                self.total += self.n
                self.over.wait(max(0, begin + self.total / self.n * self.step - time.monotonic()))
            self.rate = self.total / (time.monotonic() - begin)
            assert self.conn.result("stats") == {"accepted": self.total, "rejected": 0, "last_error": None}
        except BaseException as e:
            self.problem = e
        finally:
            self.conn.close()

    def finish(self):
        self.over.set()
        self.join()
        if self.problem:
            raise self.problem
        return self.total


def test_a_burst_of_reloads_under_load_loses_nothing_and_touches_only_what_changed(hc):
    """1,000 reloads (here: fewer) during 20,000 events a second: same pids, queues and counters; what changes changes."""
    roomy = {"queue_max_events": 10000000, "queue_max_size": "1GiB", "slow_after": "10min"}
    hc.configure(limits={"backlog_max_size": "2GiB"}, stop_timeout="4s")
    tapes = [hc.recorder(f"tape{i}", hookcast=roomy) for i in range(2)]
    native = hc.puppet("native", hookcast=roomy)
    asleep = hc.recorder("asleep", hookcast=roomy)
    fickle = hc.recorder("fickle", hookcast=roomy)
    hc.start()
    hc.publish_many(100)
    manifest = (fickle.dir / "plugin.yaml").read_text()
    same = [*tapes, native, asleep]
    for plugin in same:
        plugin.wait_events(100)
    before = hc.rows()
    reloads = size(200, 1000)
    with stopped(asleep.pid()):
        hc.publish_many(500, payload=lambda i: {"pad": "x" * 500})  # fills the pipe: from here on its queue only grows
        queued = asleep.row()["queued_events"]
        assert queued > 0
        delivered = asleep.row()["delivered"]
        pacer = Pacer(hc, 20000)
        pacer.start()
        longest = 0
        for i in range(reloads):
            if i % 20 == 0:
                (fickle.dir / "plugin.yaml").write_text(manifest + f"priority: {i // 20 % 2}\n")
            began = time.monotonic()
            hc.call("daemon.reload")
            longest = max(longest, time.monotonic() - began)
            rows = hc.rows()
            assert_accounts(rows.values())
            for plugin in same:
                row, was = rows[plugin.name], before[plugin.name]
                assert (row["pid"], row["restarts"]) == (was["pid"], 0) and row["accepted"] >= was["accepted"], (was, row)
            assert rows["asleep"]["queued_events"] >= queued and rows["asleep"]["delivered"] == delivered
            queued, before = rows["asleep"]["queued_events"], dict(before, **{p.name: rows[p.name] for p in same})
        total = pacer.finish() + 600
    print(f"{reloads} reloads, the longest {longest * 1000:.1f} ms, {pacer.rate:.0f} events/s")
    assert hc.rows()["fickle"]["restarts"] >= 1  # several changes make one restart when it takes its time
    for plugin in same:
        wait_for(lambda: plugin.row()["delivered"] == total, 20, f"{plugin.name} to have been sent everything")
        plugin.wait_events(total, timeout=20)
        assert plugin.seqs() == list(range(1, total + 1)), plugin.name
        row = plugin.row()
        assert (row["accepted"], row["dropped"], row["redelivered"]) == (total, 0, 0), row
