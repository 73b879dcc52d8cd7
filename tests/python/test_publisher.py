"""Registry and BroadcastNotifyDispatcher against a fake events socket."""

import json
import logging
import os
import socket
import threading
import time
import uuid

import pytest

import hookcast.registry
from hookcast import BroadcastNotifyDispatcher, Registry

KIND, HOOK = "lifecycle_listener", "on_request_started"


@pytest.fixture
def registry(tmp_path, monkeypatch):
    monkeypatch.setattr(hookcast.registry, "BACKOFF_FIRST", 0.001)
    monkeypatch.setattr(hookcast.registry, "BACKOFF_MAX", 0.002)
    with Registry(tmp_path) as made:
        yield made


def publish_until_accepted(registry, **payload):
    """A daemon that is back is found again after the backoff: that many events are dropped."""
    deadline = time.monotonic() + 10
    while not registry.publish(KIND, HOOK, payload):
        assert time.monotonic() < deadline
        time.sleep(0.001)


class Context:
    def __init__(self, metadata):
        self.metadata = metadata


def test_dispatch_sends_what_the_daemon_expects(registry, events_server):
    server = events_server()
    notifier = BroadcastNotifyDispatcher(registry)
    assert notifier.dispatch(KIND, HOOK, None, request_id="r1", kind="k", hook="h", ctx=1, self=2) is None
    assert server.next() == {
        "jsonrpc": "2.0", "method": "notify",
        "params": {"kind": KIND, "hook": HOOK, "payload": {"request_id": "r1", "kind": "k", "hook": "h", "ctx": 1, "self": 2}},
    }
    BroadcastNotifyDispatcher(registry, kind_api_version="1").dispatch(KIND, HOOK, {"actor": "я"}, n="я\ud800\n")
    assert server.next()["params"] == {
        "kind": KIND, "hook": HOOK, "payload": {"n": "я\ud800\n"}, "metadata": {"actor": "я"}, "kind_api_version": "1",
    }
    for ctx, metadata in [(Context({"a": 1}), {"a": 1}), (Context(None), None), (Context({}), None), (object(), None)]:
        notifier.dispatch(KIND, HOOK, ctx)
        assert server.next()["params"].get("metadata") == metadata
    assert registry.dropped == 0


def test_flush_and_stats_read_the_answers(registry, events_server):
    server = events_server()
    for _ in range(3):
        registry.publish(KIND, HOOK, {})
    assert registry.flush(2) == {"run": "abcdefghijkl", "seq": 3, "pending": []}
    server.rejected = 2
    assert registry.stats() == {"accepted": 3, "rejected": 2, "last_error": None, "dropped": 0}
    assert [server.next()["method"] for _ in range(5)] == ["notify"] * 3 + ["flush", "stats"]


def test_without_a_daemon_events_are_dropped_counted_and_cheap(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "hookcast.publisher"), Registry(tmp_path) as registry:
        begin = time.perf_counter()
        for _ in range(10_000):
            registry.publish(KIND, HOOK, {})
        assert time.perf_counter() - begin < 1.0
        assert registry.dropped == 10_000
        assert sum("no daemon at" in record.message for record in caplog.records) == 1
        for ask in (registry.flush, registry.stats):
            with pytest.raises(ConnectionError, match="no daemon"):
                ask()


def test_a_daemon_that_comes_back_is_found(registry, events_server):
    registry.publish(KIND, HOOK, {})
    assert registry.dropped == 1
    first = events_server()
    publish_until_accepted(registry, n=1)
    assert first.next()["params"]["payload"] == {"n": 1}
    first.close()
    second = events_server()
    publish_until_accepted(registry, n=2)
    assert second.next()["params"]["payload"] == {"n": 2}


def test_a_long_lived_connection_is_replaced_without_a_loss(registry, events_server):
    first = events_server()
    registry.publish(KIND, HOOK, {"n": 1})
    first.next()
    registry._connected_at -= 60
    first.close()
    second = events_server()
    assert registry.publish(KIND, HOOK, {"n": 2})
    assert second.next()["params"]["payload"] == {"n": 2}
    assert registry.dropped == 0


def test_a_full_socket_drops_and_never_blocks(registry, events_server):
    server = events_server(reading=False)
    begin = time.perf_counter()
    accepted = sum(registry.publish(KIND, HOOK, {"n": n, "fill": "x" * 1000}) for n in range(5000))
    assert time.perf_counter() - begin < 5
    assert 0 < accepted < 5000 and registry.dropped == 5000 - accepted
    server.reading.set()
    numbers = [server.next()["params"]["payload"]["n"] for _ in range(accepted)]
    assert numbers == sorted(numbers)
    assert registry.flush()["seq"] == accepted


def test_a_partly_sent_event_is_finished_before_the_next_and_by_itself(registry, events_server):
    server = events_server(reading=False)
    assert registry.publish(KIND, HOOK, {"n": 1, "fill": "x" * 900_000})
    assert registry._connection.has_tail
    assert not registry.publish(KIND, HOOK, {"n": 2})  # does not fit: dropped, not torn
    server.reading.set()
    assert len(server.next()["params"]["payload"]["fill"]) == 900_000  # no further event was needed
    assert registry.flush()["seq"] == 1
    assert registry.publish(KIND, HOOK, {"n": 3})
    server.next()
    assert server.next()["params"]["payload"] == {"n": 3}
    assert registry.dropped == 1


def test_a_half_sent_event_is_counted_when_the_daemon_dies(registry, events_server):
    server = events_server(reading=False)
    registry.publish(KIND, HOOK, {"fill": "x" * 900_000})
    server.close()
    deadline = time.monotonic() + 10
    while registry.dropped == 0 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert registry.dropped == 1


def test_close_sends_the_rest_if_it_can_and_counts_it_if_not(tmp_path, events_server):
    server = events_server(reading=False)
    registry = Registry(tmp_path)
    registry.publish(KIND, HOOK, {"fill": "x" * 900_000})
    begin = time.monotonic()
    registry.close()
    assert 0.1 < time.monotonic() - begin < 2
    assert registry.dropped == 1
    registry.publish(KIND, HOOK, {})
    registry.close()
    assert registry.dropped == 2
    server.close()

    server = events_server(reading=False)
    registry = Registry(tmp_path)
    registry.publish(KIND, HOOK, {"fill": "x" * 900_000})
    server.reading.set()
    registry.close(timeout=10)
    assert len(server.next()["params"]["payload"]["fill"]) == 900_000
    assert registry.dropped == 0


def test_events_that_are_mistakes_are_dropped_and_logged_once_per_hook(registry, events_server, caplog):
    server = events_server()
    circle = []
    circle.append(circle)
    for payload in ({"x": object()}, {"x": float("nan")}, {"x": circle}, {"x": "x" * 2_000_000}, {("a",): 1}):
        assert registry.publish(KIND, HOOK, payload) is False
    registry.publish(KIND, "other", {}, metadata={"x": b""})
    registry.publish(KIND, HOOK, {"n": 1})
    assert server.next()["params"]["payload"] == {"n": 1}
    assert registry.dropped == 6
    errors = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2 and "lifecycle_listener.on_request_started cannot be published" in errors[0]


def test_strict_raises_for_mistakes_and_default_converts(tmp_path, events_server):
    server = events_server()
    with Registry(tmp_path, strict=True, default=str) as registry:
        number = uuid.uuid4()
        registry.publish(KIND, HOOK, {"id": number})
        assert server.next()["params"]["payload"] == {"id": str(number)}
    with Registry(tmp_path, strict=True) as registry:
        with pytest.raises(TypeError):
            BroadcastNotifyDispatcher(registry).dispatch(KIND, HOOK, None, x=object())
        with pytest.raises(ValueError):
            registry.publish(KIND, HOOK, {"x": float("inf")})
        assert registry.dropped == 2


def test_what_the_daemon_says_unasked_is_drained(registry, events_server):
    server = events_server(chatty=True)
    sent = 0
    for _ in range(3000):
        if registry.publish(KIND, HOOK, {}):
            sent += 1
            server.next()  # the daemon has answered this one: 1.3 KB that nobody asked for
    assert sent == 3000 and registry.dropped == 0 and registry.flush()["seq"] == 3000


def test_a_refused_connection_is_not_hammered_and_its_reason_logged(tmp_path, events_server, caplog):
    server = events_server(refuse=b'{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"too many publishers"}}\n')
    with caplog.at_level(logging.INFO, "hookcast.publisher"), Registry(tmp_path) as registry:
        registry.publish(KIND, HOOK, {})
        server.connections.get(timeout=10)
        for _ in range(500):
            registry.publish(KIND, HOOK, {})
        assert server.connections.qsize() <= 3
        assert any("too many publishers" in record.message for record in caplog.records)


def test_many_threads_one_connection_whole_lines(registry, events_server):
    server = events_server()
    accepted = [0] * 8

    def work(me):
        for n in range(500):
            accepted[me] += registry.publish(KIND, HOOK, {"thread": me, "n": n, "fill": "x" * (n * 7)})
            if n % 100 == 0:
                registry.flush()

    threads = [threading.Thread(target=work, args=(me,)) for me in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answer = registry.flush()
    assert answer["seq"] == sum(accepted) == 4000 - registry.dropped
    assert server.connections.qsize() == 1
    seen = {}
    while sum(map(len, seen.values())) < sum(accepted):
        message = server.next()
        if message["method"] == "notify":
            payload = message["params"]["payload"]
            seen.setdefault(payload["thread"], []).append(payload["n"])
    assert all(numbers == sorted(numbers) for numbers in seen.values())


def test_a_forked_child_opens_its_own_connection(registry, events_server):
    server = events_server()
    registry.publish(KIND, HOOK, {"who": "parent"})
    server.next()
    registry._lock.acquire()  # as if another thread had it at the moment of the fork
    child = os.fork()
    if child == 0:
        status = 1
        try:
            sent = registry.publish(KIND, HOOK, {"who": "child"})
            status = 0 if sent and registry.dropped == 0 and registry.flush()["seq"] == 1 else 2
        finally:
            os._exit(status)
    registry._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert server.next()["params"]["payload"] == {"who": "child"}
    assert server.next()["method"] == "flush"
    assert registry.publish(KIND, HOOK, {"who": "parent"})
    assert server.next()["params"]["payload"] == {"who": "parent"}
    assert server.connections.qsize() == 2


def test_asking_gives_up_when_nobody_answers(registry, events_server):
    events_server(mute=True)
    with pytest.raises(TimeoutError, match="did not answer"):
        registry.stats(timeout=0.05)
    assert registry.publish(KIND, HOOK, {})  # publishing goes on


def test_asking_notices_that_the_daemon_dies(registry, events_server):
    server = events_server(mute=True)
    threading.Thread(target=lambda: (server.next(), server.close()), daemon=True).start()
    with pytest.raises(ConnectionError):
        registry.flush(timeout=10)


def test_default_runtime_dir(monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/run/user/5")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert Registry().path == "/run/hookcast/events.sock"
    monkeypatch.setattr(os, "geteuid", lambda: 5)
    assert Registry().path == "/run/user/5/hookcast/events.sock"
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    assert Registry().path == "/run/hookcast/events.sock"


def test_a_path_too_long_for_a_socket_is_just_no_daemon(tmp_path):
    with Registry(tmp_path / ("x" * 200)) as registry:
        assert registry.publish(KIND, HOOK, {}) is False
        assert registry.dropped == 1
