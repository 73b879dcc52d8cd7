"""Promises 8 and 21: any number of restarts leaves nothing behind, and nobody but a plugin's process is ever signalled."""

import os
import re
import signal
import subprocess
import threading

from faults import TRACED, need_strace, script, size, zombies
from harness import ASAN, HOOKCASTD, assert_accounts, wait_for

ROUNDS = size(4, 200)
CHURN = {"max_restarts": 1000000, "backoff_initial": "1ms", "backoff_max": "1ms"}


def test_any_number_of_restarts_leaves_no_zombie_no_descriptor_and_no_memory(hc):
    """10,000 (here: fewer) crashes, with and without a grandchild: 0 zombies, descriptors equal, RSS within 256 KiB."""
    hc.allow_errors()
    hc.configure(plugin_defaults={"restart": CHURN})
    calm = hc.dir / "calm"
    calm.touch()
    alone = hc.shell("alone", f"[ -e {calm} ] && exec cat; echo last words >&2; exit 3")
    parent = hc.shell("parent", f"[ -e {calm} ] && exec cat; sleep 600 & exit 3")
    hc.start()
    assert hc.publisher.alive()

    def storm(n):
        before = alone.row()["restarts"]
        calm.unlink()
        for plugin in (alone, parent):
            os.kill(plugin.pid(), signal.SIGKILL)
        alone.wait_row(lambda r: r["restarts"] >= before + n, f"{n} restarts", timeout=60 + n / 50)
        calm.touch()
        for plugin in (alone, parent):
            plugin.wait_row(lambda r: r["pid"] and r["state"] in ("ready", "degraded") and r["uptime_s"] > 0.1, "peace")
        wait_for(lambda: len(hc.processes()) == 2, what="nothing but the two")
        hc.publish()
        return hc.fds(), hc.proc_status("VmRSS")

    n = size(300, 10000)
    fds, memory = storm(max(100, n // 10))
    fds_after, memory_after = storm(n)
    print(f"{alone.row()['restarts']} and {parent.row()['restarts']} restarts: {fds} -> {fds_after} descriptors, "
          f"{memory} -> {memory_after} KiB")
    assert zombies(hc.pid) == [] and fds_after == fds
    if not ASAN:
        assert memory_after - memory <= 256, f"{memory} -> {memory_after} KiB"
    assert_accounts(hc.rows().values())


# -- whom it signals -----------------------------------------------------------------------------------------------

CALL = re.compile(r"^(\d+) +(?:(\w+)\(|<\.\.\. (\w+) resumed>)(.*)$")


def judge(text, daemon):
    """(signals sent by the daemon, those that went to somebody who was not a living or unreaped child of its tree)."""
    ours, sent, foreign = set(), [], []
    for line in text.splitlines():
        call = CALL.match(line)
        if not call:
            continue
        caller, name, rest = int(call[1]), call[2] or call[3], call[4]
        done = re.search(r" = (\d+)", rest)
        if name in ("clone", "clone3", "fork", "vfork") and done:
            ours.add(int(done[1]))
        elif name == "wait4" and done:
            ours.discard(int(done[1]))
        elif name == "waitid" and done and "WNOWAIT" not in rest and "si_pid" in rest:
            ours.discard(int(re.search(r"si_pid=(\d+)", rest)[1]))
        elif name in ("kill", "tkill", "tgkill", "pidfd_send_signal") and call[2] and caller == daemon:
            target = re.match(r"\d+<pid:(\d+)>", rest) if name == "pidfd_send_signal" else re.match(r"(-?\d+)", rest)
            pid = int(target[1]) if target else 0
            sent.append(line)
            if abs(pid) <= 1 or abs(pid) not in ours:
                foreign.append(line)
    return sent, foreign


def test_the_judge_knows_a_stranger():
    """The proof below is worth what this is worth."""
    text = """10 clone(child_stack=NULL, flags=SIGCHLD) = 11
10 kill(-11, SIGTERM) = 0
10 clone(child_stack=NULL <unfinished ...>
11 kill(99, SIGTERM) = 0
10 <... clone resumed>, flags=SIGCHLD) = 12
10 waitid(P_PIDFD, 4, {si_signo=SIGCHLD, si_pid=11}, WEXITED|WNOHANG|WNOWAIT, NULL) = 0
10 kill(-11, SIGKILL) = 0
10 waitid(P_PIDFD, 4, {si_signo=SIGCHLD, si_pid=11}, WEXITED|WNOHANG, NULL) = 0
10 kill(12, SIGTERM <unfinished ...>
10 kill(11, SIGKILL) = -1 ESRCH
10 kill(-1, SIGKILL) = 0
10 pidfd_send_signal(5<pid:12>, SIGKILL, NULL, 0) = 0
10 pidfd_send_signal(5<pid:13>, SIGKILL, NULL, 0) = 0"""
    sent, foreign = judge(text, 10)
    assert len(sent) == 7 and [line.split()[1][:10] for line in foreign] == ["kill(11,", "kill(-1,", "pidfd_send"]


def test_nobody_but_its_plugins_processes_is_ever_signalled(hc):
    """Promise 21: every signalled pid or group was forked below the daemon and not reaped yet; strangers come and go."""
    need_strace()
    hc.allow_errors()
    hc.configure(stop_timeout="3s", plugin_defaults={"restart": CHURN})
    trace = hc.dir / "trace"
    hc.shell("crashes", "read -r l; exit 1")
    hc.shell("leaves", "sh -c 'sleep 600 & exec sleep 600' & setsid sh -c 'sleep 600 & exec sleep 600' & read -r l; exit 2")
    stubborn = hc.shell("stubborn", "trap '' TERM; while read -r l; do :; done; exec sleep 600", teardown_timeout_sec=1)
    script(hc, "overflows", "ledger.py", hookcast={"queue_max_events": 5, "overflow": "restart"})
    hc.puppet("polite")
    over, lost = threading.Event(), []

    def strangers():
        while not over.wait(0.005):
            group = [subprocess.Popen(["sh", "-c", "sleep 0.02"], start_new_session=True) for _ in range(3)]
            lost.extend(p.returncode for p in group if p.wait())
    crowd = threading.Thread(target=strangers)
    crowd.start()
    try:
        hc.start(executable="/usr/bin/strace", env=hc.environment(**TRACED), arguments=[
            "-D", "-f", "-qq", "-o", str(trace), "-s", "64", "--signal=none", "--decode-fds=pidfd", "-e",
            "trace=kill,tkill,tgkill,pidfd_send_signal,clone,clone3,fork,vfork,wait4,waitid", str(HOOKCASTD), *hc.arguments()])
        for i in range(ROUNDS):
            hc.publish(payload={"pad": "x" * 5000})
            for name in ("crashes", "leaves"):
                hc.plugins[name].wait_row(lambda r: r["restarts"] > i and r["pid"], "its next life", timeout=15)
            if i % 3 == 0:
                pid = hc.plugins["overflows"].pid()
                os.kill(pid, signal.SIGSTOP)
                hc.publish_many(40, payload=lambda i: {"pad": "x" * 5000})
                hc.plugins["overflows"].wait_row(lambda r: r["pid"] not in (None, pid), "its restart", timeout=15)
            for verb, name in (("restart", "polite"), ("stop", "leaves"), ("start", "leaves")):
                hc.call(f"plugin.{verb}", {"name": name})
            hc.plugins["leaves"].wait_row(lambda r: r["pid"] and r["state"] in ("ready", "degraded"), "it to hear")
        os.kill(stubborn.pid(), signal.SIGKILL)
        daemon = hc.pid
        hc.stop()
    finally:
        over.set()
        crowd.join()
    sent, foreign = judge(trace.read_text(), daemon)
    print(f"{len(sent)} signals sent")
    assert not foreign, foreign[:5]
    assert len(sent) >= 4 * ROUNDS and not lost, (len(sent), lost)
