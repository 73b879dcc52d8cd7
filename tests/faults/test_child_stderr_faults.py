"""RELIABILITY §3, cases 27 and 28: what a child says on stderr."""

import re
import time

import pytest

from faults import says, script, size
from harness import ASAN, wait_for

FORGED = [
    b"\x1b[2J\x1b]0;owned\x07 red \x1b[31malert\x1b[0m",
    b"time=2020-01-01T00:00:00Z level=error msg=forged plugin=other state=unavailable",
    b'x" level=error msg="forged',
    b"x\\\" level=error msg=forged \\",
    b'{"time":"2020","level":"error","msg":"forged"}',
    b"carriage\rtime=0 level=error msg=forged",
    "\u2028level=error msg=forged\u2029\u0085level=error msg=forged\u202e".encode(),
    b"\x0blevel=error msg=forged\x0clevel=error msg=forged\x1elevel=error",
    b"\xff\xfe\x00level=error msg=forged",
]


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_escapes_and_forged_records_in_stderr_stay_text(hc, form):
    """Case 27: ANSI escapes and forged level= text are escaped: no forged record."""
    hc.json_log = False
    says(hc, "forger", b"\n".join([*FORGED, b"the end"]) + b"\n", stream=2)
    hc.start(arguments=["--runtime-dir", str(hc.runtime), "--hookspec-dir", str(hc.specs), "--plugin-dir",
                        str(hc.plugin_dir), "--log-format", form, "--log-level", "debug"])
    wait_for(lambda: "the end" in hc.log_text(), what="its last line")
    text = hc.log_file.read_bytes()
    assert not re.search(rb"[\x00-\x09\x0b-\x1f\x7f]", text), "control characters"
    lines = [line for line in text.decode().splitlines() if "forged" in line]  # splits at U+2028 and U+0085, too
    assert 1 <= len(lines) <= len(FORGED)
    for line in lines:
        if form == "logfmt":
            # outside quotes there is exactly one level=
            bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", line)
            assert len(re.findall(r"(?:^| )level=", bare)) == 1 and " level=info " in bare, line
        else:
            assert line.startswith('{"time":"') and line.endswith("}") and '"level":"info"' in line, line


def test_levels_in_stderr_are_its_own_words_only(hc):
    """Case 27: `<3>` sets the level of its own line, and of nothing else."""
    hc.allow_errors("loud")
    says(hc, "loud", b"<3>broken\n<9>not a level\n<3\n<>x\n<7>detail\n<4>\n<3><3>twice\n", stream=2)
    hc.start()
    levels = wait_for(lambda: (lambda r: len(r) >= 6 and {x["msg"]: x["level"] for x in r})(hc.log(plugin="loud", stream="stderr")))
    assert levels == {"broken": "error", "<9>not a level": "info", "<3": "info", "<>x": "info", "detail": "debug", "<3>twice": "error"}


def test_endless_stderr_without_a_newline_is_drained_and_cut(hc):
    """Case 28: drained, truncated, bounded; the plugin never blocks."""
    hc.recorder("other")
    hc.start()
    before = hc.proc_status("VmHWM")
    mega = size(64, 1024)
    hc.shell("spewer", f"head -c {mega}M /dev/zero | tr '\\0' e >&2; touch done; echo >&2; echo after >&2; exec cat >> wire.ndjson")
    hc.call("daemon.reload")
    wait_for((hc.plugins["spewer"].dir / "done").exists, size(30, 300), "it to have written everything")
    hc.wait_log(plugin="^spewer$", msg="^after$")
    cut = [r for r in hc.log(plugin="^spewer$", stream="stderr") if r["msg"].startswith("eee")]
    assert len(cut) == 1 and cut[0].get("truncated") and len(cut[0]["msg"]) <= 4096
    if not ASAN:
        assert hc.proc_status("VmHWM") - before < 1024, "KiB"


def test_a_flood_of_stderr_lines_is_limited_and_what_was_held_back_is_counted(hc):
    """Case 28: many lines: a bounded number in the log, suppressed=n for the rest, none unaccounted for."""
    n = size(50000, 2000000)
    spewer = hc.shell("spewer", f"seq {n} >&2; touch done; while [ ! -e more ]; do sleep 0.05; done; echo more >&2; exec cat >> wire.ndjson")
    began = time.monotonic()
    hc.start()
    wait_for((spewer.dir / "done").exists, size(30, 300), "it to have written everything")
    wait_for(lambda: time.monotonic() - began > 1.5, 3)  # the gate's second is over
    (spewer.dir / "more").touch()
    hc.wait_log(plugin="^spewer$", msg="^more$")
    lines = hc.log(plugin="^spewer$", stream="stderr")
    assert len(lines) <= 200 * (time.monotonic() - began + 1)
    assert len(lines) + sum(int(r.get("suppressed", 0)) for r in lines) == n + 1
    assert spewer.row()["state"] == "ready"


def test_the_last_words_are_in_the_reason_and_cannot_forge_it(hc):
    """Cases 7 and 27: last_error carries the last line of stderr, as text."""
    hc.allow_errors("doomed")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 0}})
    doomed = hc.shell("doomed", "printf 'first\\n\\033[31mcannot open \"db\"\\377\\n' >&2; exit 4", ready=False)
    hc.start()
    row = doomed.wait_state("unavailable")
    assert "exited with status 4" in row["last_error"] and "cannot open" in row["last_error"], row["last_error"]
    shown = hc.ctl("status", "doomed")
    assert shown.returncode == 0 and "\x1b[31mcannot" not in shown.stdout


LONG = "не удалось открыть базу данных: " * 40
WORDS = {
    "a byte that is not UTF-8": b"cannot open \xff\n", "a lone continuation": b"\x80\x80\x80\n", "Latin-1": "Stra\xdfe\n".encode("latin-1"),
    "long Cyrillic": b"x" + LONG.encode() + b"\n", "long Cyrillic, one byte on": b"xx" + LONG.encode() + b"\n",
    "long emoji": "🦀".encode() * 400 + b"\n", "long emoji, one byte on": b"-" + "🦀".encode() * 400 + b"\n", "a NUL": b"a\0b\n",
    "an unfinished character": b"half \xd0",
}


@pytest.mark.parametrize("what", WORDS)
def test_no_byte_of_its_last_words_spoils_the_admin_api(hc, what):
    """Cases 7 and 27: whatever the last line on stderr is, plugin.get, plugin.list and notify still answer, in UTF-8."""
    hc.allow_errors("doomed")
    hc.configure(plugin_defaults={"restart": {"max_restarts": 0}})
    doomed = hc.shell("doomed", "cat say.bin >&2; exit 4", ready=False)
    (doomed.dir / "say.bin").write_bytes(WORDS[what])
    hc.recorder("other")
    hc.start()
    hc.wait_log(plugin="^doomed$", state="^unavailable$")
    hc.plugins["other"].wait_state("ready")
    assert set(hc.rows()) == {"doomed", "other"}
    assert "exited with status 4" in doomed.row()["last_error"]
    assert hc.publish()["failed"][0]["plugin"] == "doomed"
    assert hc.ctl("status").returncode == 0 and hc.ctl("status", "doomed").returncode == 0


@pytest.mark.parametrize("shift", range(4))
def test_no_long_message_of_a_failed_event_spoils_the_admin_api(hc, shift):
    """Case 39: the message of a failed event is cut between characters."""
    hc.configure(plugin_defaults={"failure_threshold": 1})
    clumsy = hc.puppet("clumsy", {"fail": {"on_request_started": "x" * shift + "🦀" * 300}})
    hc.start()
    hc.publish()
    hc.wait_log(plugin="^clumsy$", reason="failing")
    assert hc.rows()["clumsy"]["reasons"] == ["failing"] and clumsy.row()["failures"] == 1


@pytest.mark.parametrize("shift", range(4))
def test_no_long_error_of_a_setup_spoils_the_admin_api(hc, shift):
    """Case 35's sibling: the message of a refused hooks/setup is cut between characters."""
    hc.allow_errors("doomed")
    script(hc, "doomed", "refuses_setup.py", env={"SHIFT": shift}, hookcast={"protocol": "mcp"}, ready=False)
    hc.recorder("other")
    hc.start()
    hc.wait_log(plugin="^doomed$", state="^unavailable$")
    assert set(hc.rows()) == {"doomed", "other"}
    assert hc.publish()["failed"][0]["plugin"] == "doomed"
