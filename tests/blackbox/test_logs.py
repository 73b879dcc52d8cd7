"""DESIGN §10: one line per record, parseable, and nobody but the daemon writes a record."""

import fcntl
import json
import os
import re

import pytest

from harness import STARTED, wait_for

PAIR = re.compile(r'([A-Za-z_][A-Za-z0-9_]*)=("(?:[^"\\\x00-\x1f]|\\.)*"|[^\s"=]*)(?: |$)')


def parse_logfmt(line):
    fields, at = {}, 0
    while at < len(line):
        match = PAIR.match(line, at)
        assert match, f"not logfmt at {at}: {line!r}"
        assert match.group(1) not in fields, f"{match.group(1)} twice: {line!r}"
        value = match.group(2)
        if value.startswith('"'):
            value = json.loads(re.sub(r"\\x([0-9a-fA-F]{2})", r"\\u00\1", value))
        fields[match.group(1)] = value
        at = match.end()
    return fields


HOSTILE = ('plain\n'
           'time=2020-01-01T00:00:00Z level=error msg="forged" plugin=other\n'
           '{"time":"x","level":"error","msg":"forged"}\n'
           'quote " backslash \\ equals = end\n'
           '\x1b[31mred\x1b[0m \x07 bell \x7f del \x00 nul\n'
           'carriage\rreturn\n'
           'not utf-8 \xff\xfe\n'
           '\u2028 line separator'.encode("utf-8").decode("latin-1") + '\n')


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_every_line_is_a_record_and_a_plugin_cannot_forge_one(hc, form):
    plugin = hc.puppet("evil", {"fail": {STARTED: 'x" level=error\nlevel=error msg=forged'}})
    hc.json_log = False
    hc.start(arguments=hc.arguments()[:-4] + ["--log-format", form, "--log-level", "debug"])
    hc.publish(payload={"do": [["stderr", HOSTILE], ["print", HOSTILE]]})
    wait_for(lambda: "line separator" in hc.log_text() and "forged" in hc.log_text(), 5, "the last hostile line")
    plugin.wait_row(lambda r: r["failures"] > 0, "a failure")
    raw = hc.log_file.read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", raw), "a control character got through"
    lines = raw.decode("utf-8").split("\n")[:-1]
    for line in lines:
        record = parse_logfmt(line) if form == "logfmt" else json.loads(line)
        assert record["level"] in ("error", "warning", "info", "debug") and record["level"] != "error", line
        assert {"time", "level", "msg"} <= set(record), line
        assert record.get("plugin") != "other"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", record["time"]), line


def test_stderr_lines_carry_their_plugin_stream_and_level(hc):
    plugin = hc.puppet("chatty")
    hc.start()
    hc.publish(payload={"do": [["stderr", "<7>detail\n<6>news\n<4>careful\n<5>noted\nbare\n<9>odd\n<12>long\n<>none\n"]]})
    wait_for(lambda: [r for r in hc.log(plugin="^chatty$", stream="^stderr$") if "none" in r["msg"]], 5, "the last line")
    said = {r["msg"]: r["level"] for r in hc.log(plugin="^chatty$", stream="^stderr$")}
    assert said["detail"] == "debug" and said["news"] == "info" and said["careful"] == "warning"
    assert said["noted"] in ("info", "warning") and "bare" in said
    assert "<9>odd" in said and "<12>long" in said and "<>none" in said, said
    assert plugin.row()["state"] == "ready"


def test_an_error_level_on_stderr_is_an_error_record_of_that_plugin(hc):
    hc.allow_errors("on fire")
    hc.puppet("chatty")
    hc.start()
    hc.publish(payload={"do": [["stderr", "<3>on fire\n"]]})
    record = hc.wait_log(msg="^on fire$")
    assert record["level"] == "error" and record["plugin"] == "chatty" and record["stream"] == "stderr"


def test_the_last_words_without_a_newline_are_logged_once(hc):
    hc.allow_errors("brief")
    plugin = hc.puppet("brief")
    hc.start()
    hc.publish(payload={"do": [["stderr", "goodbye cruel world"], ["exit", 1]]})
    plugin.wait_row(lambda r: r["restarts"] == 1, "a restart")
    wait_for(lambda: hc.log(plugin="^brief$", stream="^stderr$", msg="goodbye cruel world"), 3, "its last words")
    assert len([r for r in hc.log(stream="^stderr$") if "goodbye" in r["msg"]]) == 1


def test_log_level_filters(hc):
    hc.puppet("chatty")
    hc.start(arguments=hc.arguments()[:-2] + ["--log-level", "warning"])
    hc.publish(payload={"do": [["stderr", "<6>quiet please\n"], ["stderr", "<4>listen\n"], ["fail", "done"]]})
    hc.wait_log(error="^done$")
    hc.wait_log(msg="^listen$")
    assert not hc.log(level="^(info|debug)$") and not hc.log(msg="quiet please")


def test_a_failed_event_reads_as_the_seed_page_says_in_logfmt(hc):
    hc.puppet("tracer")
    hc.json_log = False
    hc.start(arguments=hc.arguments()[:-4] + ["--log-format", "logfmt"])
    hc.publish(payload={"do": [["fail", "boom"]]})
    line = wait_for(lambda: [l for l in hc.log_text().splitlines() if "error=boom" in l], 5, "error=boom")[0]
    assert "plugin=tracer error=boom hook=on_request_started seq=1" in line and "level=warning" in line


def test_a_log_that_nobody_reads_never_stops_the_daemon(hc):
    """stderr is a pipe that is full: events still pass, and what was lost is counted once there is room again."""
    tape = hc.recorder("tape")
    noisy = hc.puppet("noisy", {"fail": {STARTED: "x" * 300}})
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    hc.start(wait=False, preexec=lambda: os.dup2(write_end, 2))
    os.close(write_end)
    hc.wait_up()
    for plugin in hc.awaited:
        plugin.wait_state("ready", timeout=10)
    hc.publish_many(300)
    tape.wait_events(300)
    noisy.wait_row(lambda r: r["failures"] == 300, "300 failures")
    os.set_blocking(read_end, False)
    drained = b""

    def counted():
        nonlocal drained
        try:
            drained += os.read(read_end, 65536)
        except BlockingIOError:
            hc.publish()
        return b"suppressed" in drained
    wait_for(counted, 5, "suppressed= in the log", interval=0.1)
    hc.stop()
    os.close(read_end)
