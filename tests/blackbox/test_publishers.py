"""DESIGN §8: many publishers, rude publishers, and none of them at another's cost."""

import json
import multiprocessing
import os
import resource
import select
import socket
import statistics
import threading
import time

import pytest

from harness import ASAN, EVENT, KIND, SCALE, STARTED, Conn, wait_for


def test_100_concurrent_publishers_keep_their_own_order(hc):
    tape = hc.recorder("tape")
    hc.start()
    each = 50

    def publisher(number):
        with hc.connect() as conn:
            for i in range(each):
                conn.send(conn.encode_notify(STARTED, {"p": number, "i": i}))
            assert conn.result("stats") == {"accepted": each, "rejected": 0, "last_error": None}

    failures = []
    def guarded(number):
        try:
            publisher(number)
        except BaseException as e:
            failures.append((number, repr(e)))
    threads = [threading.Thread(target=guarded, args=(n,)) for n in range(100)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert failures == []
    events = tape.wait_events(100 * each)
    assert [m["params"]["_meta"][EVENT]["seq"] for m in events] == list(range(1, 100 * each + 1))
    per = {}
    for m in events:
        per.setdefault(m["params"]["p"], []).append(m["params"]["i"])
    assert len(per) == 100 and all(order == list(range(each)) for order in per.values())


def test_over_publishers_max_a_connection_is_refused_with_a_line_and_others_go_on(hc):
    hc.configure(limits={"publishers_max": 8})
    hc.start()
    limit = 8 if os.geteuid() == 0 else 4
    conns = [hc.connect() for _ in range(limit)]
    for conn in conns:
        assert conn.alive()
    with hc.connect() as extra:
        refusal = json.loads(extra.raw_answer())
        assert refusal["id"] is None and refusal["error"]["message"]
        assert extra.raw_answer() == b"", "refused means closed"
    for conn in conns:
        assert conn.alive()
    conns.pop().close()

    def room():
        with hc.connect() as conn:
            try:
                return conn.result("ping") == {}
            except (AssertionError, KeyError, OSError):
                return False
    wait_for(room, 2, "the freed place")
    for conn in conns:
        assert conn.alive()
        conn.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become another user")
def test_one_ordinary_user_holds_at_most_half_of_the_places(hc):
    hc.configure(limits={"publishers_max": 8}, sockets={"events": {"mode": "0666"}})
    hc.start()
    os.chmod(hc.runtime, 0o755)

    def as_nobody(out):
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        conns, served = [], 0
        for _ in range(8):
            conn = Conn(hc.runtime / "events.sock", 5 * SCALE)
            conns.append(conn)
            try:
                served += conn.call("ping").get("result") == {}
            except (AssertionError, OSError):
                pass
        out.send(served)
        out.recv()
    ours, theirs = multiprocessing.get_context("fork").Pipe()
    child = multiprocessing.get_context("fork").Process(target=as_nobody, args=(theirs,))
    child.start()
    assert ours.poll(10 * SCALE)
    assert ours.recv() == 4
    with hc.connect() as root:
        assert root.alive(), "root still gets in"
    ours.send(None)
    child.join()


def test_a_publisher_that_never_reads_is_cut_and_others_are_exact(hc):
    tape = hc.recorder("tape")
    hc.start()
    rude = socket.socket(socket.AF_UNIX)
    rude.connect(str(hc.runtime / "events.sock"))
    rude.setblocking(False)
    request = b'{"jsonrpc":"2.0","id":"%s","method":"ping"}\n' % (b"x" * 10000)
    sent, deadline, cut, turns = 0, time.monotonic() + 10 * SCALE, False, 0
    pending = b""
    while not cut and time.monotonic() < deadline:
        turns += 1
        if turns % 10 == 0:
            hc.publish(payload={"turn": turns})
        try:
            pending = pending or request
            n = rude.send(pending)
            sent, pending = sent + n, pending[n:]
        except BlockingIOError:
            poll = select.poll()
            poll.register(rude, select.POLLOUT)
            cut = any(flags & (select.POLLHUP | select.POLLERR) for _, flags in poll.poll(50))
        except (BrokenPipeError, ConnectionResetError):
            cut = True
    assert cut, f"still connected after {sent} bytes of requests and no answer read"
    assert sent > 1024 * 1024, "cut before 1 MiB of answers can have waited"
    rude.close()
    published = hc.publish()["seq"]
    tape.wait_events(published)
    assert tape.seqs() == list(range(1, published + 1))


def test_half_a_line_and_a_close_cost_nothing(hc):
    tape = hc.recorder("tape")
    hc.start()
    with hc.connect() as conn:
        assert conn.alive()
    before = hc.fds()
    for _ in range(50):
        with hc.connect() as conn:
            conn.send(conn.encode_notify(STARTED, {"whole": 1}) + conn.encode_notify(STARTED, {"half": 1})[:-5])
    wait_for(lambda: hc.fds() <= before, 5, "the slots to be freed")
    hc.publish(payload={"last": 1})
    wait_for(lambda: len(tape.events()) >= 51, 5, "the last event")  # connections are read in no order
    assert not [m for m in tape.events() if "half" in m["params"]]
    assert len([m for m in tape.events() if "whole" in m["params"]]) == 50


def test_a_publisher_that_shuts_its_sending_side_still_gets_its_answers(hc):
    hc.start()
    with hc.connect() as conn:
        for i in range(20):
            conn.request("ping", id=i)
        conn.sock.shutdown(socket.SHUT_WR)
        assert [conn.answer()["id"] for _ in range(20)] == list(range(20))
        assert conn.raw_answer() == b""


def test_one_byte_at_a_time_from_many_is_served(hc):
    tape = hc.recorder("tape")
    hc.start()
    conns = [hc.connect() for _ in range(40)]
    lines = [Conn.encode_notify(STARTED, {"p": i}) for i in range(40)]
    for offset in range(max(map(len, lines))):
        for conn, line in zip(conns, lines):
            conn.send(line[offset:offset + 1])
    assert sorted(m["params"]["p"] for m in tape.wait_events(40)) == list(range(40))
    for conn in conns:
        conn.close()


def test_connections_come_and_go_without_a_trace(hc):
    hc.start()
    with hc.connect() as conn:
        assert conn.alive()
    before = hc.fds()
    for i in range(1000):
        conn = hc.connect()
        if i % 3 == 0:
            conn.line('{"jsonrpc":"2.0","id":1,"method":"ping"}')
        conn.close()
    with hc.connect() as conn:
        assert conn.alive()
    wait_for(lambda: hc.fds() <= before, 5, f"no more than {before} open descriptors, has {hc.fds()}")


def test_out_of_descriptors_it_serves_on_does_not_spin_and_recovers(hc):
    hc.allow_errors()
    tape = hc.recorder("tape")
    hc.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (48, 48)))
    old = hc.connect()
    assert old.alive()
    crowd = []
    for _ in range(100):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.connect(str(hc.runtime / "events.sock"))
        crowd.append(sock)
    wait_for(lambda: hc.fds() >= 44, 5, "the daemon to run out of descriptors")
    busy, began = hc.cpu_seconds(), time.monotonic()
    for i in range(100):
        assert old.notify(STARTED, {"i": i})["queued"] == 1
        select.select([], [], [], 0.01)  # a steady, modest load for about a second
    elapsed = time.monotonic() - began
    assert hc.cpu_seconds() - busy < 0.5 * elapsed, "spinning at accept"
    for sock in crowd:
        sock.close()

    def back():
        with hc.connect() as conn:
            try:
                return conn.alive()
            except (AssertionError, TimeoutError, OSError):
                return False
    wait_for(back, 5, "accepting again")
    assert old.alive()
    old.close()
    assert [m["params"]["i"] for m in tape.wait_events(100)] == list(range(100))


def flood(path, stop):
    block = b"".join(Conn.encode_notify(STARTED, {"i": i, "pad": "x" * 200}) for i in range(500))
    conn = Conn(path, 60)
    while not stop.is_set():
        conn.send(block)


def test_a_flood_from_one_publisher_leaves_anothers_ping_under_50_ms(hc):
    hc.recorder("tape")
    hc.start()
    context = multiprocessing.get_context("fork")
    stop = context.Event()
    child = context.Process(target=flood, args=(hc.runtime / "events.sock", stop))
    child.start()
    try:
        wait_for(lambda: hc.plugins["tape"].row()["accepted"] > 2000, 10, "the flood to be under way")
        times = []
        with hc.connect() as conn:
            for _ in range(60):
                began = time.monotonic()
                assert conn.alive()
                times.append(time.monotonic() - began)
                select.select([], [], [], 0.01)
        assert statistics.median(times) < 0.050 * SCALE, sorted(times)
        assert sorted(times)[int(len(times) * 0.9)] < 0.5 * SCALE, sorted(times)
    finally:
        stop.set()
        child.join(5)
        if child.is_alive():
            child.kill()
            child.join()


def test_what_many_publishers_send_at_once_is_written_while_it_is_read(hc):
    """Together they send more than a queue holds: one who reads all the time loses nothing of it."""
    reader = hc.shell("reader", "exec cat >/dev/null", hookcast={"queue_max_size": "4MiB"})
    hc.start()
    lost = hc.flood(reader)
    assert lost[-1] == 0, f"lost in each try, of 40,000 events: {lost}"


def test_a_publisher_that_only_connects_costs_next_to_nothing(hc):
    hc.start()
    with hc.connect() as conn:
        assert conn.alive()
    idle = hc.proc_status("VmRSS")
    conns = [hc.connect() for _ in range(200)]
    for conn in conns:
        assert conn.alive()
    if not ASAN:
        assert hc.proc_status("VmRSS") - idle < 200 * 32, "KiB for 200 idle connections"
    for conn in conns:
        conn.close()


def test_an_events_line_on_the_control_socket_and_the_reverse_are_unknown_methods(hc):
    hc.start()
    with hc.control() as control:
        assert control.error("notify", {"kind": KIND, "hook": STARTED, "payload": {}}).code == -32601
    assert hc.publisher.error("daemon.status").code == -32601
