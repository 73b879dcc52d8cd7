"""DESIGN §8: every bad input is answered as specified on a connection that lives on."""

import json

import pytest

from harness import FINISHED, HOOKS, KIND, STARTED, Site

LIMIT = 64 * 1024  # event_max_size here
LINE = LIMIT + 64 * 1024


@pytest.fixture(scope="module")
def hc_shared():
    with Site() as site:
        site.kind(hooks=HOOKS + [{"name": "on_collected", "dispatch": "broadcast_collect"}])
        site.configure(limits={"event_max_size": "64KiB"})
        site.recorder("tape")
        yield site.start()


@pytest.fixture
def conn(hc_shared):
    with hc_shared.connect() as c:
        yield c
        assert c.alive(), "the connection lives on"
        assert c.notify(STARTED, {})["queued"] == 1


def notify(params, id=1):
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": "notify", "params": params})


def good(**over):
    return {k: v for k, v in dict({"kind": KIND, "hook": STARTED, "payload": {}}, **over).items() if v is not ...}


def refused(conn, line):
    conn.line(line)
    return conn.answer()


# -- lines whose id cannot be read: answered with id null ----------------------------------------------------------

NOT_JSON = {
    "words": b"hello",
    "half": b'{"jsonrpc":"2.0","id":1,"method":"ping"',
    "trailing": b'{"jsonrpc":"2.0","id":1,"method":"ping"} x',
    "two": b'{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}',
    "comma": b'{"jsonrpc":"2.0","id":1,"method":"ping",}',
    "single quotes": b"{'jsonrpc':'2.0','id':1,'method':'ping'}",
    "leading zero": b'{"jsonrpc":"2.0","id":01,"method":"ping"}',
    "plus": b'{"jsonrpc":"2.0","id":+1,"method":"ping"}',
    "NaN": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}',
    "bad escape": b'{"jsonrpc":"2.0","id":"\\x41","method":"ping"}',
    "raw tab in string": b'{"jsonrpc":"2.0","id":"a\tb","method":"ping"}',
    "bom": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}',
    "bad utf-8": b'{"jsonrpc":"2.0","id":"\xff","method":"ping"}',
    "overlong utf-8": b'{"jsonrpc":"2.0","id":"\xc0\xaf","method":"ping"}',
    "surrogate utf-8": b'{"jsonrpc":"2.0","id":"\xed\xa0\x80","method":"ping"}',
    "beyond unicode": b'{"jsonrpc":"2.0","id":"\xf4\x90\x80\x80","method":"ping"}',
    "cut utf-8": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":"\xe2\x82"}}',
    "raw CR alone": b'{"jsonrpc":"2.0",\r"method":"notify","params":{"kind":"k","hook":"h","payload":{}}}',
    "raw CR at the front": b'\r{"jsonrpc":"2.0","id":1,"method":"ping"}',
    "raw CR before a bracket": b'{"jsonrpc":"2.0","id":1,"method":"ping"\r}',
    "raw CR after a blank": b'{"jsonrpc":"2.0", \r"id":1,"method":"ping"}',
    "raw CR inside": b'{"jsonrpc":"2.0",\r"id":1,"method":"ping"}',
    "raw CR in string": b'{"jsonrpc":"2.0","id":"a\rb","method":"ping"}',
    "two CR at the end": b'{"jsonrpc":"2.0","id":1,"method":"ping"}\r\r',
    "raw NUL inside": b'{"jsonrpc":"2.0","id":1,\0"method":"ping"}',
    "raw NUL behind": b'{"jsonrpc":"2.0","id":1,"method":"ping"}\0',
    "only NUL": b"\0",
}


@pytest.mark.parametrize("name", NOT_JSON)
def test_what_is_not_json_is_minus_32700_with_id_null(conn, name):
    message = refused(conn, NOT_JSON[name])
    assert message["id"] is None and message["error"]["code"] == -32700, message


INVALID = {
    "batch": '[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    "batch of notifications": '[{"jsonrpc":"2.0","method":"ping"},{"jsonrpc":"2.0","method":"ping"}]',
    "empty batch": "[]",
    "duplicate id": '{"jsonrpc":"2.0","id":1,"method":"ping","id":2}',
    "escaped duplicate id": '{"jsonrpc":"2.0","id":1,"method":"ping","\\u0069d":2}',
    "scalar": "5",
    "string": '"ping"',
    "null": "null",
    "id object": '{"jsonrpc":"2.0","id":{},"method":"ping"}',
    "id array": '{"jsonrpc":"2.0","id":[1],"method":"ping"}',
    "id bool": '{"jsonrpc":"2.0","id":true,"method":"ping"}',
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_no_request_with_a_readable_id_is_minus_32600_with_id_null(conn, name):
    message = refused(conn, INVALID[name])
    assert message["id"] is None and message["error"]["code"] == -32600, message


NOT_A_REQUEST = {
    "no version": '{"id":7,"method":"ping"}',
    "version 1.0": '{"jsonrpc":"1.0","id":7,"method":"ping"}',
    "version number": '{"jsonrpc":2.0,"id":7,"method":"ping"}',
    "no method": '{"jsonrpc":"2.0","id":7}',
    "method number": '{"jsonrpc":"2.0","id":7,"method":5}',
    "method null": '{"jsonrpc":"2.0","id":7,"method":null}',
}


@pytest.mark.parametrize("name", NOT_A_REQUEST)
def test_an_invalid_request_with_an_id_is_minus_32600_with_that_id(conn, name):
    message = refused(conn, NOT_A_REQUEST[name])
    assert message["id"] == 7 and message["error"]["code"] == -32600, message


@pytest.mark.parametrize("method", ["no_such", "", "Notify", "server/discover", "plugin.list", "notify\\u0000"])
def test_an_unknown_method_is_minus_32601(conn, method):
    message = refused(conn, '{"jsonrpc":"2.0","id":7,"method":"%s"}' % method)
    assert message["id"] == 7 and message["error"]["code"] == -32601, message


# -- notify's own refusals -----------------------------------------------------------------------------------------

PARAMS = {
    "unknown kind": (good(kind="nothing_like_it"), "unknown_kind"),
    "unknown hook": (good(hook="on_nothing"), "unknown_hook"),
    "hook of no kind": (good(hook=""), "unknown_hook"),
    "unknown major": (good(kind_api_version="9"), "unknown_kind_api_version"),
    "other class": (good(hook="on_collected"), "not_broadcast_notify"),
    "no kind": (good(kind=...), "invalid_params"),
    "no hook": (good(hook=...), "invalid_params"),
    "kind number": (good(kind=5), "invalid_params"),
    "hook null": (good(hook=None), "invalid_params"),
    "unknown param": (good(priority=5), "invalid_params"),
    "metadata string": (good(metadata="x"), "invalid_params"),
    "metadata array": (good(metadata=[1]), "invalid_params"),
    "payload array": (good(payload=[]), "invalid_payload"),
    "payload string": (good(payload="{}"), "invalid_payload"),
    "payload null": (good(payload=None), "invalid_payload"),
    "payload number": (good(payload=1), "invalid_payload"),
    "reserved": (good(payload={"_meta": {}}), "reserved_key"),
    "params array": ([KIND, STARTED, {}], "invalid_params"),
    "no params": (..., "invalid_params"),
    "empty params": ({}, "invalid_params"),
}


@pytest.mark.parametrize("name", PARAMS)
def test_notify_refuses_with_its_reason(conn, name):
    params, reason = PARAMS[name]
    line = '{"jsonrpc":"2.0","id":1,"method":"notify"}' if params is ... else notify(params)
    message = refused(conn, line)
    assert message["id"] == 1 and message["error"]["code"] == -32602, message
    assert message["error"]["data"]["reason"] == reason, message


def test_a_missing_payload_is_refused(conn):
    error = refused(conn, notify(good(payload=...)))["error"]
    assert error["code"] == -32602 and error["data"]["reason"] in ("invalid_params", "invalid_payload"), error


RAW = {
    "reserved key escaped": ('{"\\u005fmeta":1}', "reserved_key"),
    "duplicate in payload": ('{"a":1,"a":2}', "duplicate_key"),
    "duplicate spelt differently": ('{"a":1,"\\u0061":2}', "duplicate_key"),
    "duplicate far below": ('{"a":[{"b":{"c":1,"d":2,"c":3}}]}', "duplicate_key"),
    "depth beyond 128": ('{"a":' + "[" * 128 + "]" * 128 + "}", "too_complex"),
    "depth of objects": ('{"a":' * 129 + "1" + "}" * 129, "too_complex"),
    "depth bomb": ('{"a":' + "[" * 20000 + "]" * 20000 + "}", "too_complex"),
}


@pytest.mark.parametrize("name", RAW)
def test_notify_refuses_the_bytes_of_a_payload_with_its_reason(conn, name):
    text, reason = RAW[name]
    conn.send(conn.encode_notify(STARTED, text, id=1))
    message = conn.answer()
    assert message["id"] == 1 and message["error"]["code"] == -32602, message
    assert message["error"]["data"]["reason"] == reason, message


HEAD = '{"jsonrpc":"2.0","id":1,"method":"notify","params":{"kind":"%s","hook":"%s",' % (KIND, STARTED)


@pytest.mark.parametrize("line", [
    HEAD + '"hook":"%s","payload":{}}}' % FINISHED,
    '{"jsonrpc":"2.0","id":1,"method":"ping","method":"ping"}',
    HEAD + '"payload":{},"metadata":{"a":1,"a":2}}}',
], ids=["param", "method", "metadata"])
def test_a_duplicate_key_anywhere_in_the_line_is_refused_under_its_id(conn, line):
    message = refused(conn, line)
    assert message["id"] == 1 and message["error"]["code"] == -32602, message
    assert message["error"]["data"]["reason"] == "duplicate_key", message


def test_meta_below_the_top_of_a_payload_is_nobodys_business(conn):
    assert conn.notify(STARTED, {"a": {"_meta": 1}, "b": [{"_meta": 2}]})["queued"] == 1


def test_depth_128_of_the_whole_line_is_accepted(conn):
    conn.notify_text(STARTED, '{"a":' + "[" * 125 + "]" * 125 + "}")


@pytest.mark.parametrize("number", ["12345678901234567890", "1e400", "-0.0", "1" * 5000, "0." + "1" * 5000, "1E+2", "-1e-400"],
                         ids=lambda t: t[:20])
def test_every_number_of_rfc_8259_is_legal_where_no_schema_looks(conn, number):
    assert conn.notify_text(STARTED, '{"n":%s}' % number)["queued"] == 1


@pytest.mark.parametrize("text", ['{"s":"\\u0000"}', '{"s":"\\ud800"}', '{"s":"\\udc00\\ud800"}', '{"\\u0000":1}',
                                  '{"s":"\x7f\u0085"}'])
def test_strange_strings_are_accepted(conn, text):
    assert conn.notify_text(STARTED, text)["queued"] == 1


@pytest.mark.parametrize("line", [
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1}}',
    '{"jsonrpc":"2.0","id":1,"method":"stats","params":{"x":1}}',
    '{"jsonrpc":"2.0","id":1,"method":"flush","params":{"timeout":5}}',
    '{"jsonrpc":"2.0","id":1,"method":"flush","params":{"timeout_ms":"5"}}',
    '{"jsonrpc":"2.0","id":1,"method":"flush","params":{"timeout_ms":-1}}',
    '{"jsonrpc":"2.0","id":1,"method":"flush","params":[5]}',
    '{"jsonrpc":"2.0","id":1,"method":"ping","params":5}',
], ids=lambda t: t[34:])
def test_wrong_params_of_the_other_methods_are_invalid_params(conn, line):
    message = refused(conn, line)
    assert message["id"] == 1 and message["error"]["code"] == -32602, message
    assert message["error"]["data"]["reason"] == "invalid_params", message


# -- sizes ---------------------------------------------------------------------------------------------------------


def sized(n):
    return '{"p":"' + "x" * (n - 8) + '"}'


@pytest.mark.parametrize("size", [LIMIT - 1, LIMIT])
def test_a_payload_up_to_event_max_size_is_accepted_whole(hc_shared, conn, size):
    tape = hc_shared.plugins["tape"]
    tape.lines()
    payload = sized(size)
    seq = conn.notify_text(STARTED, payload)["seq"]
    assert conn.result("flush")["pending"] == []
    conn.result("ping")
    found = [line for line in wait_events(tape, seq) if b'"seq":%d,' % seq in line]
    assert len(found) == 1 and payload.encode()[1:-1] in found[0]


def wait_events(tape, seq):
    from harness import wait_for
    wait_for(lambda: tape.lines() and b'"seq":%d,' % seq in tape.lines()[-1], 5, f"event {seq} as the last line")
    return tape.lines()


def test_a_payload_one_byte_over_is_too_large_under_its_id(conn):
    conn.send(conn.encode_notify(STARTED, sized(LIMIT + 1), id=1))
    message = conn.answer()
    assert message["id"] == 1 and message["error"]["code"] == -32602
    assert message["error"]["data"]["reason"] == "too_large"


def test_a_line_may_be_64_kib_longer_than_a_payload(conn):
    line = conn.encode_notify(STARTED, sized(LIMIT), id=1).rstrip(b"\n")
    conn.line(line + b" " * (LINE - 1 - len(line)))
    assert conn.answer()["result"]["queued"] == 1


@pytest.mark.parametrize("size", [LINE + 1, LINE * 3, 20 * 1024 * 1024])
def test_a_longer_line_is_too_large_with_id_null(conn, size):
    line = conn.encode_notify(STARTED, "{}", id=1).rstrip(b"\n")
    conn.line(line + b" " * (size - len(line)))
    message = conn.answer()
    assert message["id"] is None and message["error"]["code"] == -32600, message
    assert message["error"]["data"]["reason"] == "too_large", message


def test_big_metadata_counts_towards_the_line_and_not_the_payload(conn):
    assert conn.notify(STARTED, {"p": "x" * (LIMIT - 100)}, metadata={"m": "y" * 40000})["queued"] == 1


# -- all of it at once ---------------------------------------------------------------------------------------------


def test_good_lines_between_bad_ones_are_each_answered_in_order(conn):
    parts, expected = [], []
    for i, bad in enumerate(list(NOT_JSON.values()) + [v.encode() for v in INVALID.values()]):
        parts += [bad, b'{"jsonrpc":"2.0","id":%d,"method":"ping"}' % i]
        expected += [None, i]
    conn.send(b"\n".join(parts) + b"\n")
    assert [conn.answer()["id"] for _ in expected] == expected


def test_errors_without_an_id_are_logged_rate_limited_and_counted(hc_shared, conn):
    before = len(hc_shared.log(level="warning"))
    for _ in range(300):
        conn.line(json.dumps({"jsonrpc": "2.0", "method": "notify", "params": good(hook="on_nothing")}))
    assert conn.result("stats")["rejected"] == 300
    assert "on_nothing" in conn.result("stats")["last_error"]
    fresh = [r for r in hc_shared.log() if "on_nothing" in json.dumps(r)]
    assert 1 <= len(fresh) <= 20, len(fresh)
    assert len(hc_shared.log(level="warning")) - before <= 20
