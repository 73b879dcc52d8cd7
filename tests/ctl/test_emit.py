"""emit, one event: what is sent, what is printed."""

import json

import pytest
from fakedaemon import accepting, refusal


def sent(fake):
    return fake.requests[0]["params"]


def test_words_become_the_payload(daemon, ctl):
    fake = daemon(accepting(queued=3))
    done = ctl("emit", "lifecycle_listener", "on_start", "actor=u1", "n:=3", 'q="quoted"')
    assert (done.returncode, done.stdout, done.stderr) == (0, "queued seq=1 for 3 plugins\n", "")
    assert sent(fake) == {
        "kind": "lifecycle_listener",
        "hook": "on_start",
        "payload": {"actor": "u1", "n": 3, "q": '"quoted"'},
    }
    assert fake.requests[0]["jsonrpc"] == "2.0"


def test_no_words_are_an_empty_payload(daemon, ctl):
    fake = daemon(accepting())
    done = ctl("emit", "k", "h")
    assert done.stdout == "queued seq=1 for 1 plugin\n"
    assert sent(fake)["payload"] == {}


@pytest.mark.parametrize(
    "payload",
    [
        '{"n":123456789012345678901234567890,"f":1e400,"z":-0.10e+02}',
        '{"s":"\\u0000\\ud800\\/"}',
        '{ "b" : 1 ,\t"a" : 2 }',
        '{"a":1,"a":2}',
        '[1,"not an object"]',
    ],
)
def test_a_payload_is_spliced_unchanged(daemon, ctl, payload):
    fake = daemon(accepting())
    assert ctl("emit", "k", "h", "--payload", payload).returncode == 0
    assert b'"payload":' + payload.encode() + b"}}\n" in fake.lines[0]


def test_a_payload_may_have_many_lines(daemon, ctl):
    fake = daemon(accepting())
    assert ctl("emit", "k", "h", "--payload", '{\r\n  "a": "x",\n  "b": [\n1]\n}\n').returncode == 0
    assert sent(fake)["payload"] == {"a": "x", "b": [1]}
    assert len(fake.lines) == 1
    assert b"\r" not in fake.lines[0]


@pytest.mark.parametrize(
    "payload", ["", "nope", "{", '{"a":1}}', '{},"metadata":{"actor":"root"}', '{"a":"x\ny"}', b'{"a":"\xff"}']
)
def test_a_payload_that_is_not_json_is_not_sent(daemon, ctl, payload):
    fake = daemon(accepting())
    done = ctl("emit", "k", "h", "--payload", payload)
    assert done.returncode == 64
    assert "--payload: not JSON" in done.stderr
    assert fake.lines == []


def test_metadata_goes_beside_the_payload(daemon, ctl):
    fake = daemon(accepting())
    ctl("emit", "k", "h", "--meta", "actor=u1", "x=1", "--meta=n:=[1]")
    assert sent(fake)["metadata"] == {"actor": "u1", "n": [1]}
    assert sent(fake)["payload"] == {"x": "1"}
    done = ctl("emit", "k", "h", "--meta", "plain")
    assert done.returncode == 64
    assert "--meta" in done.stderr


def test_names_are_escaped(daemon, ctl):
    fake = daemon(accepting())
    ctl("emit", 'k","x":"', "h\\\n")
    assert sent(fake)["kind"] == 'k","x":"'
    assert sent(fake)["hook"] == "h\\\n"


def test_plugins_that_do_not_get_it_are_warned_about(daemon, ctl):
    failed = [{"plugin": "audit", "error": "unavailable: exit 3"}, {"plugin": "tracer", "error": "\x1b[31mbad\n"}]
    daemon(accepting(failed=failed))
    done = ctl("emit", "k", "h")
    assert done.returncode == 0
    assert done.stdout == "queued seq=1 for 1 plugin\n"
    assert done.stderr.splitlines() == [
        "hookcastctl: warning: not queued for audit: unavailable: exit 3",
        "hookcastctl: warning: not queued for tracer: \\x1b[31mbad\\n",
    ]


def test_more_failures_than_listed_are_counted(daemon, ctl):
    result = {"run": "r", "seq": 1, "queued": 0, "failed": [{"plugin": "a", "error": "x"}], "failed_total": 40}
    daemon(lambda request, connection: {"result": result})
    assert "39 more plugins" in ctl("emit", "k", "h").stderr


def test_quiet_prints_nothing(daemon, ctl):
    daemon(accepting(failed=[{"plugin": "audit", "error": "x"}]))
    done = ctl("emit", "--quiet", "--wait", "k", "h")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_json_prints_the_result(daemon, ctl):
    daemon(accepting())
    done = ctl("emit", "k", "h", "--json", "--wait")
    notify, flush = [json.loads(line) for line in done.stdout.splitlines()]
    assert notify == {"run": "run123456789", "seq": 1, "queued": 1, "failed": [], "failed_total": 0}
    assert flush == {"run": "run123456789", "seq": 1, "pending": []}


def test_a_refusal_says_why(daemon, ctl):
    daemon(lambda *_: refusal("unknown_hook", 'unknown hook "on_strat" (did you mean "on_start"?)'))
    done = ctl("emit", "k", "on_strat", "--wait")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == 'hookcastctl: refused: unknown hook "on_strat" (did you mean "on_start"?) [unknown_hook]\n'


def test_schema_errors_are_listed_one_a_line(daemon, ctl):
    errors = [
        {"instanceLocation": "/path", "keywordLocation": "/properties/path/type", "error": "is not a string"},
        {"instanceLocation": "", "keywordLocation": "/required", "error": 'lacks "actor"\x1b[2J'},
    ]
    daemon(lambda *_: refusal("invalid_payload", "the payload breaks its schema", errors=errors))
    done = ctl("emit", "k", "h")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "hookcastctl: refused: the payload breaks its schema [invalid_payload]",
        "hookcastctl:   payload/path: is not a string (/properties/path/type)",
        'hookcastctl:   payload: lacks "actor"\\x1b[2J (/required)',
    ]


def test_a_refusal_without_id_counts(daemon, ctl):
    line = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too long","data":{"reason":"too_large"}}}\n'
    daemon(lambda *_: line)
    done = ctl("emit", "k", "h")
    assert done.returncode == 1
    assert "too long [too_large]" in done.stderr


def test_wait_flushes(daemon, ctl):
    fake = daemon(accepting())
    done = ctl("emit", "k", "h", "--wait")
    assert done.stdout.splitlines() == ["queued seq=1 for 1 plugin", "delivered up to seq=1"]
    assert fake.methods() == ["notify", "flush"]
    assert fake.requests[1]["params"] == {"timeout_ms": 5000}


def test_wait_names_who_is_behind(daemon, ctl):
    fake = daemon(accepting(pending=["tracer", "audit"]))
    done = ctl("emit", "k", "h", "--wait", "--timeout", "7.5")
    assert done.returncode == 75
    assert done.stderr == "hookcastctl: timed out: still pending for tracer, audit\n"
    assert fake.requests[1]["params"] == {"timeout_ms": 7500}


def test_a_large_payload_passes(daemon, ctl, rundir):
    fake = daemon(accepting())
    payload = json.dumps({"x": "y" * 100_000})
    assert ctl("emit", "k", "h", "--payload", payload).returncode == 0
    assert len(sent(fake)["payload"]["x"]) == 100_000
