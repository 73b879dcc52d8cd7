"""list, status, kinds: what people and programs read."""

import json

import pytest
from fakedaemon import CLOSE, refusal

READY = {
    "name": "metrics-exporter",
    "kind": "lifecycle_listener",
    "hooks": ["on_start", "on_stop"],
    "state": "ready",
    "reasons": [],
    "last_error": None,
    "pid": 4711,
    "protocol": "2026-07-28",
    "uptime_s": 184,
    "restarts": 0,
    "queued_events": 0,
    "queued_bytes": 0,
    "accepted": 120,
    "delivered": 120,
    "redelivered": 0,
    "dropped": 0,
    "failures": 0,
    "since": "2026-11-23T18:30:00.123456Z",
}
DEGRADED = {
    **READY,
    "name": "tracer",
    "state": "degraded",
    "reasons": ["crashed", "slow"],
    "last_error": "exit status 3: \x1b]0;owned\x07\x1b[2Jboom\nplugin=x error=y",
    "pid": None,
    "protocol": None,
    "uptime_s": None,
    "restarts": 3,
    "queued_events": 12,
    "queued_bytes": 20_000,
    "dropped": 7,
}
STATUS = {
    "version": "0.1.0",
    "run": "h3kq00000000",
    "pid": 4000,
    "state": "running",
    "uptime_s": 90061,
    "since": "2026-11-22T18:30:00.000000Z",
    "accepted": 41,
    "rejected": 2,
    "publishers": 3,
    "plugins": {"total": 2, "ready": 1, "degraded": 1, "unavailable": 0, "starting": 0, "stopping": 0, "stopped": 0},
    "backlog_bytes": 1_500_000,
    "backlog_max_size": 67_108_864,
    "runtime_dir": "/run/hookcast",
    "config": None,
    "strays": [],
}
KINDS = [
    {
        "kind": "lifecycle_listener",
        "kind_api_version": "1.0.0",
        "description": "Subscribers to lifecycle events.",
        "path": "/etc/hookcast/hookspecs/lifecycle_listener/v1.yaml",
        "hooks": [
            {
                "name": "on_start",
                "dispatch": "broadcast_notify",
                "description": "It started.",
                "mcp_exposed": True,
                "input_schema": "/etc/hookcast/hookspecs/schemas/event.json",
            },
            {
                "name": "pick",
                "dispatch": "singleton",
                "description": None,
                "mcp_exposed": False,
                "input_schema": None,
            },
        ],
    },
    {"kind": "auditor", "kind_api_version": "2.1.0", "hooks": []},
]


def answering(rows=(READY, DEGRADED)):
    results = {"plugin.list": {"plugins": list(rows)}, "kind.list": {"kinds": KINDS}, "daemon.status": STATUS}
    return lambda request, connection: {"result": results[request["method"]]}


def test_list_is_a_table(daemon, ctl):
    daemon(answering())
    done = ctl("list")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "NAME              KIND                STATE     REASONS        PID  RESTARTS  QUEUED  DELIVERED  DROPPED  UPTIME",
        "metrics-exporter  lifecycle_listener  ready     -             4711         0       0        120        0  3min 4s",
        "tracer            lifecycle_listener  degraded  crashed,slow     -         3      12        120        7  -",
    ]


def test_list_without_plugins_says_so(daemon, ctl):
    daemon(answering(rows=[]))
    assert ctl("list").stdout == "no plugins\n"


def test_list_bears_missing_and_odd_fields(daemon, ctl):
    daemon(answering(rows=[{"name": "x"}, {"name": 7, "state": None, "pid": "p", "reasons": {}, "uptime_s": 1.9}, 5]))
    done = ctl("list")
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) == 4


@pytest.mark.parametrize(
    "args, result",
    [
        (["list"], {"plugins": [READY, DEGRADED]}),
        (["kinds"], {"kinds": KINDS}),
        (["kinds", "auditor"], {"kinds": KINDS[1:]}),
        (["status"], STATUS),
        (["status", "tracer"], DEGRADED),
    ],
)
def test_json_is_the_result_on_one_line(daemon, ctl, args, result):
    daemon(answering())
    done = ctl(*args, "--json")
    assert done.returncode == 0
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == result


def test_status_is_an_overview(daemon, ctl):
    daemon(answering())
    done = ctl("status")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "hookcastd 0.1.0 running for 1d 1h (since 2026-11-22T18:30:00.000000Z)",
        "  pid          4000",
        "  run          h3kq00000000",
        "  runtime dir  /run/hookcast",
        "  config       none (flags and defaults)",
        "  events       41 accepted, 2 rejected",
        "  publishers   3",
        "  backlog      1465KiB of 64MiB",
        "  plugins      2: 1 ready, 1 degraded",
        "",
        "NAME    STATE     REASONS       LAST ERROR",
        "tracer  degraded  crashed,slow  exit status 3: \\x1b]0;owned\\x07\\x1b[2Jboom\\nplugin=x error=y",
    ]


def test_status_without_trouble_is_short(daemon, ctl):
    daemon(answering(rows=[READY]))
    assert "LAST ERROR" not in ctl("status").stdout


def test_status_bears_an_empty_answer(daemon, ctl):
    daemon(lambda *_: {"result": {}})
    done = ctl("status")
    assert done.returncode == 0
    assert "unknown" in done.stdout


def test_status_of_a_plugin_tells_everything(daemon, ctl):
    daemon(answering(rows=[READY, {**DEGRADED, "license": "MIT", "tags": ["a"]}]))
    lines = dict(line.split(None, 1) for line in ctl("status", "tracer").stdout.replace("last error", "last_error").splitlines())
    assert lines["state"] == "degraded"
    assert lines["reasons"] == "crashed, slow"
    assert lines["last_error"].startswith("exit status 3: \\x1b]0;owned\\x07")
    assert lines["queued"] == "12 (20KiB)"
    assert lines["protocol"] == "-"
    assert lines["hooks"] == "on_start, on_stop"
    assert lines["since"] == READY["since"]
    assert lines["license"] == "MIT"
    assert lines["tags"] == '["a"]'
    assert set(lines) >= {"name", "kind", "uptime", "pid", "restarts", "accepted", "delivered", "redelivered", "failures"}


def test_unknown_names_come_with_the_nearest(daemon, ctl):
    daemon(answering())
    done = ctl("status", "tracr")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'hookcastctl: unknown plugin "tracr" (did you mean "tracer"?)\n'
    done = ctl("kinds", "auditr")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == 'hookcastctl: unknown kind "auditr" (did you mean "auditor"?)\n'


def test_kinds_shows_the_hooks(daemon, ctl):
    daemon(answering())
    assert ctl("kinds").stdout.splitlines() == [
        "lifecycle_listener",
        "  version 1.0.0",
        "  Subscribers to lifecycle events.",
        "  HOOK      DISPATCH          MCP      SCHEMA",
        "  on_start  broadcast_notify  exposed  /etc/hookcast/hookspecs/schemas/event.json",
        "  pick      singleton         -        -",
        "",
        "auditor",
        "  version 2.1.0",
        "  no hooks",
    ]
    one = ctl("kinds", "lifecycle_listener").stdout
    assert "It started." in one
    assert "from /etc/hookcast/hookspecs/lifecycle_listener/v1.yaml" in one
    assert "auditor" not in one


@pytest.mark.parametrize("verb", ["list", "status", "kinds"])
@pytest.mark.parametrize(
    "reply, code, text",
    [
        (b"garbage\n", 69, "not JSON"),
        (b'{"jsonrpc":"2.0","id":1}\n', 69, "not a JSON-RPC response"),
        (b'{"jsonrpc":"2.0","id":77,"result":{}}\n', 69, "another request"),
        (b'{"jsonrpc":"2.0","id":1,"resu', 75, "timed out"),
        (b"\xff\xfe\x00\n", 69, "not JSON"),
        (None, 75, "timed out"),
        (CLOSE, 69, "closed the connection"),
        (refusal("invalid_params", "no such parameter"), 1, "refused: no such parameter [invalid_params]"),
    ],
)
def test_daemons_that_misbehave(daemon, ctl, verb, reply, code, text):
    daemon(lambda *_: reply)
    done = ctl(verb, "--timeout", "0.3" if code == 75 else "30")
    assert done.returncode == code
    assert text in done.stderr
    assert done.stdout == ""


def test_a_daemon_that_talks_without_end_times_out(daemon, ctl):
    def handler(request, connection):
        while True:
            connection.sock.sendall(b'{"jsonrpc":"2.0","method":"log","params":{}}\n' * 100)

    daemon(handler)
    assert ctl("list", "--timeout", "0.5").returncode == 75


def test_notifications_between_are_passed_over(daemon, ctl):
    def handler(request, connection):
        connection.sock.sendall(b'{"jsonrpc":"2.0","method":"log","params":{}}\n')
        return {"result": {"plugins": []}}

    daemon(handler)
    assert ctl("list").stdout == "no plugins\n"


def test_a_half_answer_is_told(daemon, ctl):
    def handler(request, connection):
        connection.sock.sendall(b'{"jsonrpc":"2.0",')
        return CLOSE

    daemon(handler)
    done = ctl("list")
    assert done.returncode == 69
    assert "in the middle of an answer" in done.stderr


def test_a_huge_list_passes(daemon, ctl):
    daemon(answering(rows=[{**READY, "name": f"plugin-{i}"} for i in range(5000)]))
    assert len(ctl("list").stdout.splitlines()) == 5001
