"""DESIGN §8: the events socket — notify, flush, stats, ping, and what a well-behaved publisher may rely on."""

import json
import re
import time

import pytest

from harness import FAILED, FINISHED, HOOKS, KIND, SCALE, STARTED, Site, wait_for


@pytest.fixture(scope="module")
def hc_shared():
    with Site() as site:
        site.recorder("tape")
        yield site.start()


@pytest.fixture
def conn(hc_shared):
    with hc_shared.connect() as c:
        yield c


def test_notify_answers_run_seq_and_how_many_hear_it(conn):
    first, second = conn.notify(STARTED, {}), conn.notify(FINISHED, {"a": 1})
    assert set(first) == {"run", "seq", "queued", "failed", "failed_total"}
    assert first["queued"] == 1 and first["failed"] == [] and first["failed_total"] == 0
    assert second["seq"] == first["seq"] + 1 and second["run"] == first["run"]


def test_seq_starts_at_1_and_a_run_is_new_at_every_start(hc):
    hc.start()
    first = hc.publish()
    assert first["seq"] == 1 and hc.publish()["seq"] == 2
    hc.stop()
    hc.start()
    second = hc.publish()
    assert second["seq"] == 1 and second["run"] != first["run"]


def test_a_refused_event_takes_no_seq(conn):
    before = conn.notify(STARTED, {})["seq"]
    conn.error("notify", {"kind": KIND, "hook": "on_nothing", "payload": {}})
    assert conn.notify(STARTED, {})["seq"] == before + 1


def test_an_event_nobody_hears_is_accepted(hc):
    hc.recorder("only-finished", hookcast={"hooks": [FINISHED]})
    hc.start()
    answer = hc.publish(STARTED)
    assert answer["seq"] == 1 and answer["queued"] == 0 and answer["failed_total"] == 0


def test_without_an_id_nothing_is_answered(conn):
    for params in ({"kind": KIND, "hook": STARTED, "payload": {}}, {"kind": KIND, "hook": "on_nothing", "payload": {}}):
        conn.line(json.dumps({"jsonrpc": "2.0", "method": "notify", "params": params}))
    for text in ('{"jsonrpc":"2.0","method":"ping"}', '{"jsonrpc":"2.0","method":"no_such"}', '{"method":5}', "{}",
                 '{"jsonrpc":"2.0","method":"flush","params":{"timeout_ms":1}}', '{"jsonrpc":"2.0","method":"stats"}'):
        conn.line(text)
    assert conn.alive()
    stats = conn.result("stats")
    assert stats["accepted"] == 1 and stats["rejected"] >= 2


def test_many_requests_in_one_write_are_answered_in_order(conn):
    conn.send(b"".join(f'{{"jsonrpc":"2.0","id":{i},"method":"ping"}}\n'.encode() for i in range(500)))
    assert [conn.answer()["id"] for _ in range(500)] == list(range(500))


def test_a_request_in_pieces_is_one_request(conn):
    for byte in b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n':
        conn.send(bytes([byte]))
    assert conn.answer() == {"jsonrpc": "2.0", "id": 1, "result": {}}


def test_key_order_and_white_space_of_a_request_do_not_matter(conn):
    conn.line(' { "params" : { "payload" : { } , "hook" : "%s" , "kind" : "%s" } ,\t"method":"notify","id":"x", "jsonrpc":"2.0" } '
              % (STARTED, KIND))
    assert conn.answer()["result"]["queued"] == 1


def test_how_one_publisher_writes_is_nothing_to_another(hc_shared, conn):
    """What a line has in common with the one before is not read twice, whoever sent it: compact and spaced lines in turn."""
    head = f'{{"jsonrpc":"2.0","id":1,"method":"notify","params":{{"kind":"{KIND}","hook":"{STARTED}","payload":'
    payloads = ['{"a":1}', ' {"a":1}', '{}', '\t{ }', '  {"a":1}', '{"a":{"b":[]}}']
    with hc_shared.connect() as other:
        for before in payloads:
            for text in payloads:
                other.line(head + before + "}}")
                assert "result" in other.answer(), before
                for _ in range(2):
                    conn.line(head + text + "}}")
                    assert "result" in conn.answer(), (before, text)
        other.line('{"jsonrpc":"2.0","id":7,"method":"notify","params":[[1]]}')
        assert other.answer()["error"]["code"] == -32602
        conn.line('{"jsonrpc":"2.0","id":7,"method":"notify","params":[]}')
        refused = conn.answer()
        assert refused["id"] == 7 and refused["error"]["code"] == -32602, refused


def test_escaped_keys_and_names_mean_what_they_say(conn):
    conn.line('{"jsonrpc":"2.0","\\u0069d":3,"m\\u0065thod":"\\u006eotify","params":{"k\\u0069nd":"lifecycle\\u005flistener",'
              '"hook":"on\\u005frequest_started","payload":{}}}')
    message = conn.answer()
    assert message["id"] == 3 and message["result"]["queued"] == 1


@pytest.mark.parametrize("literal", [
    "1", "0", "-5", "1.0", "1e2", "-0", "12345678901234567890123", '""', '"a"', r'"\u0041"', r'"\u0000"', r'"\ud800"',
    r'"\/"', '"\U0001F600"', '"' + "x" * 3000 + '"',
], ids=lambda t: t[:25])
def test_an_id_is_echoed_byte_for_byte(conn, literal):
    conn.line('{"jsonrpc":"2.0","id":%s,"method":"ping"}' % literal)
    good = conn.raw_answer()
    conn.line('{"jsonrpc":"2.0","id":%s,"method":"no_such"}' % literal)
    bad = conn.raw_answer()
    for line in (good, bad):
        assert re.search(rb'"id"\s*:\s*' + re.escape(literal.encode()) + rb"\s*[,}]", line), line
    assert json.loads(good)["result"] == {} and json.loads(bad)["error"]["code"] == -32601


def test_one_cr_before_the_newline_is_stripped(conn):
    conn.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\n')
    assert conn.answer()["result"] == {}


def test_blank_lines_are_ignored(conn):
    conn.send(b"\n\n\r\n\n")
    assert conn.alive()


def test_ping_takes_empty_params(conn):
    assert conn.result("ping", {}) == {}


# -- stats ---------------------------------------------------------------------------------------------------------


def test_stats_are_of_this_connection_and_count_every_error(hc_shared, conn):
    with hc_shared.connect() as other:
        other.notify(STARTED, {})
        other.error("nonsense")
    assert conn.result("stats") == {"accepted": 0, "rejected": 0, "last_error": None}
    conn.notify(STARTED, {})
    conn.error("notify", {"kind": KIND, "hook": "on_nothing", "payload": {}})
    conn.line(json.dumps({"jsonrpc": "2.0", "method": "notify", "params": {"kind": "nokind", "hook": STARTED, "payload": {}}}))
    stats = conn.result("stats")
    assert stats["accepted"] == 1 and stats["rejected"] == 2 and "nokind" in stats["last_error"]
    conn.line("not json")
    assert conn.answer()["id"] is None
    assert conn.result("stats")["rejected"] == 3


# -- flush ---------------------------------------------------------------------------------------------------------


def test_flush_answers_once_everything_before_it_is_delivered(hc_shared, conn):
    for i in range(300):
        conn.line(json.dumps({"jsonrpc": "2.0", "method": "notify",
                              "params": {"kind": KIND, "hook": STARTED, "payload": {"i": i, "pad": "x" * 500}}}))
    answer = conn.result("flush")
    assert set(answer) == {"run", "seq", "pending"} and answer["pending"] == []
    assert conn.notify(STARTED, {})["seq"] == answer["seq"] + 1
    row = hc_shared.plugins["tape"].row()
    assert row["delivered"] >= 300


def test_flush_with_nothing_published_answers_at_once(hc):
    hc.recorder("tape")
    hc.start()
    assert hc.publisher.result("flush")["pending"] == []


def wedged(hc):
    """A site whose `wedged` never reads and already has more than a pipe full, and whose `tape` is fine."""
    hc.configure(stop_timeout="2s", plugin_defaults={"slow_after": "30s"})
    hc.shell("wedged", "exec sleep 600")
    hc.recorder("tape")
    hc.start()
    hc.publish_many(300, payload=lambda i: {"i": i, "pad": "x" * 1000})
    return hc


def test_flush_names_who_is_pending_at_its_timeout(hc):
    wedged(hc)
    began = time.monotonic()
    assert hc.flush(300)["pending"] == ["wedged"]
    assert 0.29 <= time.monotonic() - began < 0.3 + 1.0 * SCALE
    assert hc.publisher.result("flush", {"timeout_ms": 0})["pending"] == ["wedged"]


def test_answers_keep_request_order_except_flush(hc):
    wedged(hc)
    with hc.connect() as conn:
        conn.request("flush", {"timeout_ms": 600}, id="flush")
        conn.request("ping", id="ping")
        conn.request("flush", {"timeout_ms": 100}, id="short")
        conn.request("stats", id="stats")
        assert [conn.answer()["id"] for _ in range(4)] == ["ping", "stats", "short", "flush"]


def test_at_most_16_flushes_wait_on_a_connection_and_all_are_answered(hc):
    wedged(hc)
    with hc.connect() as conn:
        for i in range(20):
            conn.request("flush", {"timeout_ms": 500}, id=i)
        answers = {m["id"]: m for m in (conn.answer() for _ in range(20))}
        assert set(answers) == set(range(20))
        assert all(answers[i].get("result", {}).get("pending") == ["wedged"] for i in range(16)), answers
        assert conn.alive()


def test_flush_is_answered_early_when_the_laggard_catches_up_or_dies(hc):
    hc.configure(plugin_defaults={"slow_after": "30s"})
    gate = hc.dir / "gate"
    hc.shell("late", f"while [ ! -e {gate} ]; do sleep 0.02; done; exec cat >> wire.ndjson")
    hc.start()
    hc.publish_many(300, payload=lambda i: {"i": i, "pad": "x" * 1000})
    with hc.connect() as conn:
        conn.request("flush", {"timeout_ms": 60000}, id="f")
        assert conn.alive()
        gate.touch()
        assert conn.answer(10 * SCALE)["result"]["pending"] == []


def test_a_flush_whose_asker_has_left_is_forgotten(hc):
    wedged(hc)
    with hc.connect() as conn:
        conn.request("flush", {"timeout_ms": 200}, id="f")
    assert hc.publisher.alive()
    assert hc.flush(400)["pending"] == ["wedged"]


# -- who hears it --------------------------------------------------------------------------------------------------


def test_failed_lists_those_that_should_hear_but_cannot(hc):
    hc.allow_errors()
    hc.recorder("good")
    hc.plugin("gone", ["./no-such-program"], ready=False, hookcast={"protocol": "jsonrpc", "hooks": [STARTED]})
    hc.plugin("http", ["cat"], ready=False, runtime="mcp_http")
    hc.start()
    hc.plugins["gone"].wait_state("unavailable", timeout=8)
    answer = hc.publish(STARTED)
    assert answer["queued"] == 1 and answer["failed_total"] == 2
    failed = {f["plugin"]: f["error"] for f in answer["failed"]}
    assert set(failed) == {"gone", "http"} and all(failed.values())
    assert {f["plugin"] for f in hc.publish(FAILED)["failed"]} == {"http"}, "gone asked for one hook only"


def test_failed_lists_the_first_16_and_counts_all(hc):
    hc.allow_errors()
    for i in range(20):
        hc.plugin(f"p{i:02d}", ["cat"], ready=False, runtime="mcp_http")
    hc.start()
    answer = hc.publish()
    assert answer["queued"] == 0 and answer["failed_total"] == 20 and len(answer["failed"]) == 16
    assert len({f["plugin"] for f in answer["failed"]}) == 16


def test_events_wait_for_the_plugins_at_start(hc):
    """What is published while plugins still start is read once they are ready: the first of them hears the first event."""
    gate = hc.dir / "gate"
    plugin = hc.puppet("slow-start", {"setup": str(gate)}, ready=False)
    hc.configure(startup_grace="20s")
    hc.start(wait=False)
    wait_for(lambda: (hc.runtime / "events.sock").exists(), 10, "the events socket")
    hc.wait_up()
    wait_for(lambda: plugin.requests("hooks/setup"), 5, "the plugin to be asked to set up")
    with hc.connect() as conn:
        conn.request("notify", {"kind": KIND, "hook": HOOKS[0], "payload": {"n": 1}}, id=1)
        with pytest.raises(TimeoutError):
            conn.raw_answer(0.2)
        gate.touch()
        assert conn.answer()["result"]["queued"] == 1
    assert plugin.wait_events(1)[0]["params"]["n"] == 1
