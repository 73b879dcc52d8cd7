"""RELIABILITY §3, cases 51 and 53: the control socket's peers."""

import json
import multiprocessing
import os
import random
import socket
import threading

import pytest

from faults import ROOT_ONLY, descendants, size, spare_user, strace
from harness import assert_accounts, wait_for


def knock(path, user, out):
    os.setgroups([])
    os.setresgid(user.pw_gid, user.pw_gid, user.pw_gid)
    os.setresuid(user.pw_uid, user.pw_uid, user.pw_uid)
    answers = b""
    for _ in range(20):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(10)
        sock.connect(path)
        try:
            sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"daemon.status"}\n')
            while more := sock.recv(65536):
                answers += more
        except OSError:
            pass
        sock.close()
    out.send(answers)


@ROOT_ONLY
def test_the_wrong_user_is_refused_unheard_even_with_mode_0777(hc):
    """Case 51: decided by SO_PEERCRED, before a byte is read; logged once a second."""
    hc.configure(sockets={"control": {"mode": "0777"}})
    hc.start()
    os.chmod(hc.runtime, 0o755)
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    with strace(hc, "-e", "trace=recvfrom,recvmsg,read,accept4") as out:
        child = context.Process(target=knock, args=(str(hc.runtime / "control.sock"), spare_user(), theirs))
        child.start()
        assert ours.poll(20)
        assert ours.recv() == b"", "it got an answer"
        child.join()
        hc.wait_log(msg="only root and the daemon's user")
    assert b"daemon.status" not in out.read_bytes(), "what it said was read"
    assert 1 <= len(hc.log(msg="only root and the daemon's user")) <= 3
    assert hc.call("daemon.status")["state"] == "running"


@pytest.mark.parametrize("protocol", ["jsonrpc", "native"])
def test_racing_commands_leave_one_generation_and_the_last_word(hc, protocol):
    """Case 53: restart, stop, start and reload raced by 4 clients; the final state is the last command's."""
    hc.allow_errors()
    plugin = hc.recorder("tape") if protocol == "jsonrpc" else hc.puppet("tape")
    hc.start()
    problems, done = [], threading.Event()

    def client(number):
        rng = random.Random(number)
        try:
            with hc.control() as conn:
                for _ in range(size(60, 1000)):
                    method = rng.choice(["plugin.restart", "plugin.stop", "plugin.start", "daemon.reload"])
                    conn.request(method, None if method == "daemon.reload" else {"name": "tape"})
                    message = json.loads(conn.raw_answer(8))
                    if "error" in message and message["error"]["code"] != -32000:
                        problems.append(message)  # -32000: stopped by another before it was spawned
        except BaseException as e:
            problems.append(repr(e))

    def watch():
        while not done.is_set():
            if len(descendants(hc)) > 1:
                problems.append("two at once")

    threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
    watcher = threading.Thread(target=watch)
    watcher.start()
    for t in threads:
        t.start()
    seqs = 0
    while any(t.is_alive() for t in threads):
        hc.publish()
        seqs += 1
    for t in threads:
        t.join()
    done.set()
    watcher.join()
    assert not problems, problems[:5]
    for last, state in (("plugin.stop", "stopped"), ("plugin.restart", "ready"), ("plugin.stop", "stopped"), ("plugin.start", "ready")):
        hc.call(last, {"name": "tape"})
        plugin.wait_state(state)
    assert_accounts([plugin.row()])
    last = hc.publish()["seq"]
    wait_for(lambda: last in plugin.seqs())
    got = plugin.seqs()
    assert got == sorted(set(got))


def test_commands_sent_without_waiting_end_as_the_last_says(hc):
    """Case 53: one client sends them all at once."""
    hc.allow_errors()
    plugin = hc.puppet("tape")
    hc.start()
    rng = random.Random(53)
    for last, state in (("stop", "stopped"), ("start", "ready"), ("restart", "ready"), ("stop", "stopped")):
        with hc.control() as conn:
            ids = [conn.request(f"plugin.{rng.choice(['start', 'stop', 'restart'])}", {"name": "tape"}) for _ in range(30)]
            ids.append(conn.request(f"plugin.{last}", {"name": "tape"}))
            got = [json.loads(conn.raw_answer(8))["id"] for _ in ids]
            assert sorted(got) == sorted(ids), "every one is answered once"
        plugin.wait_state(state)
        assert len(descendants(hc)) <= 1


@pytest.mark.parametrize("second", ["start", "restart"])
def test_a_stop_overtaken_by_a_start_is_answered(hc, second):
    """Case 53: the two arrive together; both are answered, in the end it runs."""
    plugin = hc.recorder("tape")
    hc.start()
    with hc.control() as conn:
        conn.send(b"".join(b'{"jsonrpc":"2.0","id":"%s","method":"plugin.%s","params":{"name":"tape"}}\n' % (v, v)
                           for v in (b"stop", second.encode())))
        got = {json.loads(conn.raw_answer(5))["id"] for _ in range(2)}
    assert got == {"stop", second}
    plugin.wait_state("ready")


def test_a_restart_overtaken_by_a_stop_is_refused_in_words(hc):
    """Case 53: DESIGN §9: `restart` answers when the new process is spawned or refused: with a reason one can read."""
    hc.shell("slow", "trap '' TERM; while read -r l; do :; done; sleep 0.3")
    hc.start()
    with hc.control() as one, hc.control() as two:
        one.request("plugin.restart", {"name": "slow"})
        wait_for(lambda: hc.plugins["slow"].row()["state"] == "stopping", what="the restart to be under way")
        two.result("plugin.stop", {"name": "slow"})
        message = json.loads(one.raw_answer())
        assert message["error"]["message"], message


def test_a_client_that_goes_before_its_answer_costs_nothing(hc):
    """Case 53: stop, and hang up at once."""
    plugin = hc.shell("slow", "trap '' TERM; while read -r l; do :; done; sleep 0.3")
    hc.start()
    before = hc.fds()
    for _ in range(10):
        with hc.control() as conn:
            conn.request("plugin.restart", {"name": "slow"})
    plugin.wait_state("ready", timeout=10)
    wait_for(lambda: hc.fds() <= before, 5, "the connections to be gone")
