"""emit --stdin: many events, pipelined; neither side blocks; refused lines are named."""

import json
import os
import subprocess
import time

import pytest
from fakedaemon import CLOSE, accepting, refusal


def lines_of(count, **more):
    return "".join(json.dumps({"n": n, **more}) + "\n" for n in range(count))


def test_every_line_is_an_event_in_order(daemon, ctl):
    fake = daemon(accepting(queued=2))
    done = ctl("emit", "k", "h", "--stdin", "--meta", "a=b", stdin='{"n":0}\n\n  \t\n{ "n" : 1 }\r\n{"n":2e400}')
    assert done.returncode == 0, done.stderr
    assert done.stdout == "".join(f"queued seq={n} for 2 plugins\n" for n in (1, 2, 3))
    assert [r["method"] for r in fake.requests][:3] == ["notify"] * 3
    assert b'"payload":{"n":2e400},"metadata":{"a":"b"}' in fake.lines[2]
    assert b'"payload":{ "n" : 1 },' in fake.lines[1]


def test_no_input_is_no_event(daemon, ctl):
    fake = daemon(accepting())
    done = ctl("emit", "k", "h", "--stdin")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert fake.lines == []


def test_a_big_stream_arrives_whole(daemon, ctl):
    count = 100_000
    fake = daemon(accepting())
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(count))
    assert done.returncode == 0, done.stderr
    assert [r["params"]["payload"]["n"] for r in fake.requests[:count]] == list(range(count))
    assert done.stdout.splitlines()[-1] == f"queued seq={count} for 1 plugin"


def test_requests_are_pipelined_but_bounded(daemon, ctl):
    """Answers held back: the client sends ahead, and stops at some point."""
    held = []

    def handler(request, connection):
        held.append(request["id"])
        if len(held) < 20:
            return None
        time.sleep(0.3)  # all that will come without an answer has come
        answers = b"".join(
            json.dumps({"jsonrpc": "2.0", "id": i, "result": {"seq": i, "queued": 0}}).encode() + b"\n" for i in held
        )
        held.clear()
        return answers

    daemon(handler)
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(99))
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 99


def test_a_slow_reader_with_big_answers_blocks_nobody(daemon, ctl):
    """Small buffers both ways, big events, big answers: whoever only wrote or only read would hang here."""
    failed = [{"plugin": f"plugin-{i}", "error": "x" * 400} for i in range(16)]
    fake = daemon(accepting(failed=failed), rcvbuf=4096)
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(1500, pad="p" * 3000))
    assert done.returncode == 0, done.stderr[-500:]
    assert len([m for m in fake.methods() if m == "notify"]) == 1500
    assert len(done.stderr.splitlines()) == 16  # the same warning is not said 1500 times


def test_refused_lines_are_named(daemon, ctl):
    def handler(request, connection):
        if request["method"] == "notify" and request["params"]["payload"].get("bad"):
            return refusal(
                "invalid_payload",
                "the payload breaks its schema",
                errors=[{"instanceLocation": "/bad", "keywordLocation": "/x", "error": "is bad"}],
            )
        return accepting()(request, connection)

    daemon(handler)
    done = ctl("emit", "k", "h", "--stdin", stdin='{"a":1}\n\n{"bad":1}\nnot json\n{"a":2}\n{},"hook":"x"\n')
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 2
    assert sorted(done.stderr.splitlines()) == sorted(
        [
            "hookcastctl: line 3: refused: the payload breaks its schema [invalid_payload]",
            "hookcastctl: line 3:   payload/bad: is bad (/x)",
            next(line for line in done.stderr.splitlines() if "line 4: refused: not JSON" in line),
            next(line for line in done.stderr.splitlines() if "line 6: refused: not JSON" in line),
            "hookcastctl: 3 of 5 events refused",
        ]
    )


def test_an_answer_without_id_belongs_to_the_oldest(daemon, ctl):
    line = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"too long","data":{"reason":"too_large"}}}\n'

    def handler(request, connection):
        if request["method"] == "notify" and request["params"]["payload"]["n"] == 1:
            return line
        return accepting()(request, connection)

    daemon(handler)
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(4))
    assert done.returncode == 1
    assert "line 2: refused: too long [too_large]" in done.stderr
    assert "1 of 4 events refused" in done.stderr


@pytest.mark.parametrize("lost", [0, 1, 3])
def test_an_answer_that_never_comes_is_noticed(daemon, ctl, lost):
    """A daemon may drop an answer without id: those behind it tell, and at the end a ping."""

    def handler(request, connection):
        if request["method"] == "notify" and request["params"]["payload"]["n"] == lost:
            return None
        return accepting()(request, connection)

    daemon(handler)
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(4))
    assert done.returncode == 1
    assert f"line {lost + 1}: refused" in done.stderr
    assert len(done.stdout.splitlines()) == 3


def test_wait_comes_after_all(daemon, ctl):
    fake = daemon(accepting(pending=["slow"]))
    done = ctl("emit", "k", "h", "--stdin", "--wait", stdin=lines_of(3))
    assert done.returncode == 75
    assert "still pending for slow" in done.stderr
    assert fake.methods()[-1] == "flush"


def test_refused_wins_over_pending(daemon, ctl):
    daemon(accepting(pending=["slow"]))
    assert ctl("emit", "k", "h", "--stdin", "--wait", stdin="{}\nbad\n").returncode == 1


def test_a_stuck_daemon_times_out(daemon, ctl):
    daemon(lambda *_: None)
    done = ctl("emit", "k", "h", "--stdin", "--timeout", "0.3", stdin=lines_of(3))
    assert done.returncode == 75
    assert "timed out" in done.stderr
    assert "no answer for line 1" in done.stderr


def test_a_quiet_producer_is_waited_for(daemon, binary, rundir):
    """The timeout is for answers, not for input; and each report comes at once."""
    daemon(accepting())
    with subprocess.Popen(
        [binary, "--runtime-dir", rundir, "emit", "k", "h", "--stdin", "--timeout", "1"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        bufsize=0,
    ) as process:
        for n in (1, 2):
            process.stdin.write(b'{"a":1}\n')
            assert process.stdout.readline() == b"queued seq=%d for 1 plugin\n" % n
            time.sleep(1.2 if n == 1 else 0)
        process.stdin.close()
        assert process.wait(10) == 0


def test_a_daemon_that_goes_away_is_told(daemon, ctl):
    def handler(request, connection):
        if request["method"] == "notify" and request["params"]["payload"]["n"] == 5:
            return CLOSE
        return accepting()(request, connection)

    daemon(handler)
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(5000))
    assert done.returncode == 69
    assert len(done.stdout.splitlines()) == 5
    assert "closed the connection" in done.stderr
    assert "no answer for line 6" in done.stderr


@pytest.mark.parametrize("answer", [b"garbage\n", b'{"jsonrpc":"2.0","id":99999,"result":{}}\n', b"[]\n", b"\n"])
def test_broken_answers_end_it(daemon, ctl, answer):
    daemon(lambda *_: answer)
    done = ctl("emit", "k", "h", "--stdin", stdin=lines_of(10))
    assert done.returncode == 69
    assert done.stderr


def test_events_go_on_when_nobody_reads_the_reports(daemon, binary, rundir):
    fake = daemon(accepting())
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [binary, "--runtime-dir", rundir, "emit", "k", "h", "--stdin"],
        input=lines_of(2000).encode(),
        stdout=write,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
    assert len([m for m in fake.methods() if m == "notify"]) == 2000


def test_a_closed_standard_input_is_an_error(daemon, binary, rundir):
    daemon(accepting())
    script = f"exec {binary} --runtime-dir {rundir} emit k h --stdin <&-"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=False, timeout=10)
    assert done.returncode == 74
    assert b"standard input" in done.stderr
