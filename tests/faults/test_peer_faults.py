"""RELIABILITY §3, cases 41-50: publishers that are rude, numerous or wrong."""

import json
import os
import resource
import select
import socket
import time

import pytest

from faults import SCALE, nothing_for, size, told
from harness import ASAN, STARTED, Conn, wait_for


def flat(hc, before):
    wait_for(lambda: hc.fds() <= before, 5, f"{before} descriptors, has {hc.fds()}")


def rude_socket(hc):
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(str(hc.runtime / "events.sock"))
    return sock


@pytest.mark.parametrize("how", ["close", "reset", "shut for writing"])
def test_half_a_line_costs_that_line_and_the_place_is_freed(hc, how):
    """Case 41: half a line, then close."""
    tape = hc.recorder("tape")
    hc.start()
    assert hc.publisher.alive()
    before = hc.fds()
    for _ in range(20):
        sock = rude_socket(hc)
        sock.sendall(Conn.encode_notify(STARTED, {"whole": 1}) + Conn.encode_notify(STARTED, {"half": 1})[:-3])
        if how == "reset":  # an answer is unread at close: the other side sees ECONNRESET
            sock.sendall(b'1}}}\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jsonrpc":')
        if how == "shut for writing":
            sock.shutdown(socket.SHUT_WR)
            assert sock.recv(100) == b""
        sock.close()
    flat(hc, before)
    last = hc.publish()["seq"]
    wait_for(lambda: last in tape.seqs())
    assert sum("whole" in m["params"] for m in tape.events()) == 20 and not [m for m in tape.events() if "half" in m["params"]]


def test_many_that_hang_in_the_middle_of_a_line_hold_bounded_memory(hc):
    """Case 41: hang for an hour with most of a line sent: bounded per connection, others served."""
    hc.configure(limits={"event_max_size": "64KiB"})
    hc.recorder("tape")
    hc.start()
    assert hc.publisher.alive()
    before = hc.proc_status("VmRSS")
    n = size(60, 600)
    socks = [rude_socket(hc) for _ in range(n)]
    for sock in socks:
        sock.sendall(b'{"jsonrpc":"2.0","method":"notify","params":{"x":"' + b"x" * 120000)
    for _ in range(20):
        hc.publish()
    if not ASAN:
        assert hc.proc_status("VmRSS") - before < n * 300 + 1024, "KiB"
    for sock in socks:
        sock.close()
    with hc.connect() as conn:
        assert conn.alive()


def test_one_byte_a_write_from_very_many_is_served_fairly(hc):
    """Case 42: all served; none gets more than twice another's time."""
    n = size(300, 10000)
    hc.configure(limits={"publishers_max": 2 * n + 10})
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    tape = hc.recorder("tape")
    hc.start()
    conns = [hc.connect() for _ in range(n)]
    lines = [Conn.encode_notify(STARTED, {"p": i}) for i in range(n)]
    for offset in range(max(map(len, lines))):
        for conn, line in zip(conns, lines):
            if offset < len(line):
                conn.sock.send(line[offset:offset + 1])
    assert sorted(m["params"]["p"] for m in tape.wait_events(n, timeout=size(10, 120))) == list(range(n))
    for conn in conns:
        conn.close()


def test_two_floods_get_equal_shares(hc):
    """Case 42: fairness between two that send all they can, one with large and one with small writes."""
    hc.start()
    block = Conn.encode_notify(STARTED, {"pad": "x" * 100}) * 300
    socks, pending, sent = [rude_socket(hc) for _ in range(2)], [b"", b""], [0, 0]
    chunk = [len(block), 4096]
    for sock in socks:
        sock.setblocking(False)
    end = time.monotonic() + size(1, 10)
    while time.monotonic() < end:
        for s in select.select([], socks, [], 0.05)[1]:
            i = socks.index(s)
            pending[i] = pending[i] or block
            try:
                k = s.send(pending[i][:chunk[i]])
            except BlockingIOError:
                continue
            sent[i] += k
            pending[i] = pending[i][k:]
    assert min(sent) > 0 and max(sent) <= 30 * min(sent), sent
    for sock in socks:
        sock.close()
    with hc.connect() as conn:
        assert conn.alive()


def test_connections_that_come_and_go_leave_nothing(hc):
    """Case 43: descriptors and memory flat."""
    hc.start()
    assert hc.publisher.alive()
    for _ in range(200):
        rude_socket(hc).close()
    assert hc.publisher.alive()
    before, memory = hc.fds(), hc.proc_status("VmRSS")
    for i in range(size(3000, 100000)):
        sock = rude_socket(hc)
        if i % 3 == 0:
            sock.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n{"jso')
        sock.close()
    flat(hc, before)
    if not ASAN:
        assert hc.proc_status("VmRSS") - memory < 512, "KiB"


def test_one_too_many_is_refused_with_a_reason_and_others_go_on(hc):
    """Case 44: publishers_max + 1."""
    hc.configure(limits={"publishers_max": 10})
    tape = hc.recorder("tape")
    hc.start()
    conns = [hc.connect() for _ in range(10 if os.geteuid() == 0 else 5)]
    for conn in conns:
        assert conn.alive()
    for _ in range(50):
        with hc.connect() as extra:
            refusal = json.loads(extra.raw_answer())
            assert refusal["error"]["data"]["reason"] == "too_many_publishers" and refusal["error"]["message"]
            assert extra.at_end(2)
    for i, conn in enumerate(conns):
        assert conn.notify(STARTED, {"i": i})["queued"] == 1
    tape.wait_events(len(conns))
    lines = hc.log(msg="connection refused")
    assert 1 <= len(lines) <= 3, "at most one a second"
    for conn in conns:
        conn.close()


def test_out_of_descriptors_it_does_not_spin_and_accepts_again(hc):
    """Case 45: EMFILE at accept: < 5 % CPU, existing peers exact, accepts within a second of room."""
    tape = hc.recorder("tape")
    hc.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
    old = hc.connect()
    assert old.alive()
    crowd = []
    for _ in range(150):
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        sock.connect(str(hc.runtime / "events.sock"))
        crowd.append(sock)
    wait_for(lambda: hc.log(msg="cannot accept"), what="it to run out")
    cpu = hc.cpu_seconds()
    with pytest.raises(TimeoutError):
        old.raw_answer(2)
    assert hc.cpu_seconds() - cpu <= 0.05 * 2 * SCALE, "spinning"
    for i in range(200):
        assert old.notify(STARTED, {"i": i})["queued"] == 1
    for sock in crowd:
        sock.close()

    def served():
        with hc.connect() as conn:
            try:
                return conn.result("ping") == {}
            except (AssertionError, OSError, TimeoutError):
                return False
    began = time.monotonic()
    wait_for(served, 5)
    assert time.monotonic() - began < 1 * SCALE + 0.5
    old.close()
    assert [m["params"]["i"] for m in tape.wait_events(200)] == list(range(200))


def test_out_of_descriptors_a_crashed_plugin_is_retried_until_there_is_room(hc):
    """Case 45 with 61: EMFILE at spawn."""
    hc.allow_errors("mortal")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 100000, "backoff_initial": "20ms", "backoff_max": "50ms"}})
    mortal = hc.recorder("mortal")
    hc.start(preexec=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40)))
    control, old = hc.control(), hc.connect()
    assert old.alive()
    pid = mortal.pid()
    crowd = [rude_socket(hc) for _ in range(100)]
    wait_for(lambda: hc.log(msg="cannot accept"), what="it to run out")
    os.kill(pid, 9)

    def tried():
        row = control.result("plugin.get", {"name": "mortal"})
        return row["pid"] is None and "many open files" in (row["last_error"] or "") and row
    freed = []
    row = wait_for(tried, 5, "a spawn without descriptors")  # the crowd takes what the dead one left
    assert row["state"] == "degraded", row
    seq = old.notify(STARTED, {"while": "down"})["seq"]
    while crowd:
        freed.append(crowd.pop().close())
    wait_for(lambda: seq in mortal.seqs(), 5, "it to run again and hear what it missed")
    old.close()
    control.close()


def test_one_that_never_reads_its_answers_is_cut_at_a_mebibyte(hc):
    """Case 46: cut at 1 MiB; the memory comes back; others exact."""
    tape = hc.recorder("tape")
    hc.start()
    assert hc.publisher.alive()
    memory, before = hc.proc_status("VmRSS"), hc.fds()
    sock = rude_socket(hc)
    sock.setblocking(False)
    request, pending, cut = b'{"jsonrpc":"2.0","id":"%s","method":"ping"}\n' % (b"x" * 4000), b"", False
    deadline = time.monotonic() + 20 * SCALE
    while not cut and time.monotonic() < deadline:
        pending = pending or request * 8
        try:
            pending = pending[sock.send(pending):]
        except BlockingIOError:
            select.select([], [sock], [], 0.02)
        except OSError:
            cut = True
    assert cut
    sock.close()
    hc.wait_log(msg="does not read its answers")
    last = hc.publish_many(100)
    tape.wait_events(last)
    flat(hc, before)
    if not ASAN:
        assert hc.proc_status("VmRSS") - memory < 3072, "KiB"


@pytest.mark.parametrize("extra, verdict", [(-1, None), (0, None), (1, "too_large")])
def test_the_limit_of_a_payload_is_exact_and_the_connection_lives(hc, extra, verdict):
    """Case 47: limit-1, limit, limit+1; the next line works."""
    hc.configure(limits={"event_max_size": "64KiB"})
    tape = hc.recorder("tape")
    hc.start()
    payload = '{"p":"' + "x" * (65536 + extra - len('{"p":""}')) + '"}'
    assert len(payload) == 65536 + extra
    conn = hc.publisher
    conn.send(Conn.encode_notify(STARTED, payload, id=1))
    answer = conn.answer()
    assert answer["error"]["data"]["reason"] == verdict if verdict else answer["result"]["queued"] == 1
    conn.next_id()
    last = hc.publish()["seq"]
    wait_for(lambda: last in tape.seqs())
    if not verdict:
        assert payload.encode()[1:] in tape.event_lines()[0]


def test_a_line_without_end_is_refused_once_and_the_next_one_works(hc):
    """Case 47: a line of 10 GiB (here: smaller): too_large, bounded, the connection lives."""
    hc.configure(limits={"event_max_size": "64KiB"})
    hc.recorder("tape")
    hc.start()
    conn = hc.publisher
    assert conn.alive()
    before = hc.proc_status("VmHWM")
    conn.send(b'{"jsonrpc":"2.0","id":77,"method":"notify","params":{"x":"')
    for _ in range(size(64, 10240)):
        conn.send(b"y" * (1 << 20))
    conn.send(b'"}}\n')
    answer = conn.answer()
    assert answer["id"] is None and answer["error"]["code"] == -32600, answer
    assert hc.publish()["queued"] == 1
    if not ASAN:
        assert hc.proc_status("VmHWM") - before < 1024, "KiB"


EXOTIC = ['{"n":12345678901234567890}', '{"n":1.10}', '{"n":-0.0E-0}', '{"n":1e400}', '{"s":"\\u0000"}', '{"s":"\\ud800"}',
          '{ "b" : 1 ,\t"a":2 }', '{"s":"\\/\\u0041é"}', '{"":{"":[]}}', '{"n":1' + "0" * 4000 + '}', '{"a":' + "[" * 120 + "]" * 120 + "}"]


@pytest.mark.parametrize("text", EXOTIC, ids=lambda t: t[:24])
def test_accepted_bytes_are_the_same_at_the_child(hc, text):
    """Case 48: numbers, escapes, spaces and order as published."""
    tape, native = hc.recorder("tape"), hc.puppet("native")
    hc.start()
    assert hc.publisher.notify_text(STARTED, text)["queued"] == 2
    for plugin in (tape, native):
        plugin.wait_events(1)
        (line,) = plugin.event_lines()
        assert text.lstrip("{").rstrip("}").strip().encode() in line, line[:300]


@pytest.mark.parametrize("text, reason", [('{"_meta":{}}', "reserved_key"), ('{"\\u005fmeta":1}', "reserved_key"),
                                          ('{"a":1,"\\u0061":2}', "duplicate_key"), ('{"x":{"a":1,"a":2}}', "duplicate_key"),
                                          ('{"a":' + "[" * 200 + "]" * 200 + "}", "too_complex"), ("[]", "invalid_payload")])
def test_what_is_refused_is_refused_by_name(hc, text, reason):
    """Case 48: reserved _meta, duplicate keys (escaped, too), depth."""
    tape = hc.recorder("tape")
    hc.start()
    hc.publisher.send(Conn.encode_notify(STARTED, text, id=5))
    assert hc.publisher.answer()["error"]["data"]["reason"] == reason
    hc.publisher.next_id()
    assert hc.publish()["seq"] == 1
    tape.wait_events(1)


def test_a_flood_of_invalid_events_is_a_line_a_second_and_counted(hc):
    """Case 50: without ids: at most one record a second per connection; all counted."""
    tape = hc.recorder("tape")
    hc.start()
    n = size(20000, 1000000)
    bad = [b"not json\n", b'{"jsonrpc":"2.0","method":"nope"}\n', Conn.encode_notify("on_nothing", {}), Conn.encode_notify(STARTED, "[]"),
           b"[]\n", b'{"jsonrpc":"2.0","method":"notify"}\n', Conn.encode_notify(STARTED, {}, kind="other")]
    began = time.monotonic()
    with hc.connect() as conn:
        for start in range(0, n, 700):
            conn.send(b"".join(bad) * 100)
        total = (n + 699) // 700 * 700
        answers = []
        while True:  # what cannot have an id is answered, best effort, with id null
            if not answers:
                wanted = conn.request("stats", id="s")
            answers.append(conn.answer(20))
            if answers[-1]["id"] == wanted:
                break
            assert answers[-1]["id"] is None
        stats = answers[-1]["result"]
        assert stats["rejected"] == total and stats["accepted"] == 0
        lines = hc.log(msg="request refused")
        assert 1 <= len(lines) <= time.monotonic() - began + 1.5
        wait_for(lambda: time.monotonic() - began > 1.2, 3)
        conn.send(bad[1])
        hc.publish()
        wait_for(lambda: told(hc.log(msg="request refused")) == total + 1, what="the lines to add up")
    assert hc.call("daemon.status")["rejected"] == total + 1
    tape.wait_events(1)


def test_a_publisher_frozen_in_the_middle_of_its_answers_delays_nobody(hc):
    """Cases 41 and 46: it sends, is stopped, and its answers wait: the others do not."""
    hc.recorder("tape")
    hc.start()
    sock = rude_socket(hc)
    sock.sendall(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n' * 2000)
    times = []
    for _ in range(50):
        began = time.monotonic()
        hc.publish()
        times.append(time.monotonic() - began)
    assert sorted(times)[25] < 0.02 * SCALE
    sock.close()
    nothing_for(hc, 0.05)
    assert hc.publisher.alive()
