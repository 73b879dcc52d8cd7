"""DESIGN §9: hookcastctl — every form of emit, the listings, exit codes, and nothing coloured into a pipe."""

import json
import re
import subprocess

import pytest

from harness import EVENT, FINISHED, HOOKCASTCTL, HOOKS, KIND, STARTED, Site, write_yaml


@pytest.fixture(scope="module")
def hc():
    with Site() as site:
        site.recorder("tape")
        site.puppet("metrics-exporter")
        yield site.start()


def emitted(hc, *args, input=None):
    """Run `emit`; its events as the plugin got them."""
    tape = hc.plugins["tape"]
    seen = len(tape.event_lines())
    done = hc.ctl("emit", KIND, *args, input=input)
    assert done.returncode == 0, done
    hc.flush()
    marker = hc.publish(FINISHED, {"marker": 1})["seq"]
    tape.wait_events(seen + 1)
    from harness import wait_for
    events = wait_for(lambda: tape.seqs()[-1] == marker and tape.events()[seen:-1], 5, "the emitted events")
    return done, events


def payload(message):
    return {k: v for k, v in message["params"].items() if k != "_meta"}


def test_emit_key_string_and_key_json(hc):
    _, events = emitted(hc, STARTED, "request_id=r1", "n:=5", "list:=[1,2]", "flag:=true", "text=5", "nothing:=null",
                        "eq=a=b", "empty=")
    assert len(events) == 1 and events[0]["method"] == STARTED
    assert payload(events[0]) == {"request_id": "r1", "n": 5, "list": [1, 2], "flag": True, "text": "5", "nothing": None,
                                  "eq": "a=b", "empty": ""}


def test_emit_without_arguments_sends_an_empty_payload(hc):
    _, events = emitted(hc, STARTED)
    assert payload(events[0]) == {}


def test_emit_strings_are_escaped_not_interpreted(hc):
    _, events = emitted(hc, STARTED, 'q=say "hi"\\n', "nl=a\nb", "u=Привет \U0001F600")
    assert payload(events[0]) == {"q": 'say "hi"\\n', "nl": "a\nb", "u": "Привет \U0001F600"}


def test_emit_payload_is_passed_byte_for_byte(hc):
    _, events = emitted(hc, STARTED, "--payload", '{ "n": 1.10, "big":12345678901234567890 ,"e":"\\u0041" }')
    assert payload(events[0]) == {"n": 1.1, "big": 12345678901234567890, "e": "A"}
    line = [l for l in hc.plugins["tape"].event_lines() if b"1.10" in l][-1]
    assert b'"n": 1.10, "big":12345678901234567890 ,"e":"\\u0041"' in line


def test_emit_stdin_sends_an_event_per_line(hc):
    _, events = emitted(hc, STARTED, "--stdin", input="".join(f'{{"i":{i}}}\n' for i in range(200)))
    assert [payload(m)["i"] for m in events] == list(range(200))


def test_emit_stdin_takes_a_last_line_without_newline_and_skips_blank_ones(hc):
    _, events = emitted(hc, STARTED, "--stdin", input='{"i":1}\n\n{"i":2}')
    assert [payload(m)["i"] for m in events] == [1, 2]


def test_emit_meta_becomes_metadata(hc):
    traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    _, events = emitted(hc, STARTED, "a=1", "--meta", "actor=u1", "--meta", f"traceparent={traceparent}")
    meta = events[0]["params"]["_meta"]
    assert meta[EVENT]["metadata"] == {"actor": "u1"} and meta["traceparent"] == traceparent


def test_emit_options_may_stand_before_or_behind_the_pairs(hc):
    _, events = emitted(hc, "--meta", "a=b", STARTED, "x=1", "--quiet")
    assert payload(events[0]) == {"x": "1"}


def test_emit_says_what_became_of_it_and_quiet_says_nothing(hc):
    done, events = emitted(hc, STARTED, "a=1")
    assert str(events[0]["params"]["_meta"][EVENT]["seq"]) in done.stdout
    done, _ = emitted(hc, STARTED, "a=1", "--quiet")
    assert done.stdout == "" and done.stderr == ""


def test_emit_json_prints_the_answer(hc):
    done = hc.ctl("--json", "emit", KIND, STARTED, "a=1")
    answer = json.loads(done.stdout)
    assert done.returncode == 0 and answer["queued"] == 2 and answer["failed"] == []


def test_emit_wait_returns_when_delivered(hc):
    assert hc.ctl("emit", KIND, STARTED, "a=1", "--wait").returncode == 0


def test_emit_wait_that_is_still_pending_exits_75():
    with Site() as site:
        site.configure(stop_timeout="2s", plugin_defaults={"slow_after": "30s"})
        site.shell("wedged", "exec sleep 600")
        site.start()
        site.publish_many(300, payload=lambda i: {"i": i, "pad": "x" * 1000})
        done = site.ctl("emit", KIND, STARTED, "--wait", timeout=15)
        assert done.returncode == 75, done
        assert "wedged" in done.stdout + done.stderr


@pytest.mark.parametrize("args, says", [
    (["emit", KIND, "on_request_startd"], STARTED),
    (["emit", "lifecycle_listner", STARTED], KIND),
    (["emit", KIND, STARTED, "--payload", '{"_meta":1}'], "_meta"),
    (["emit", KIND, STARTED, "--payload", "[1]"], "object"),
    (["status", "metrics-exporte"], "metrics-exporter"),
], ids=lambda v: " ".join(v) if isinstance(v, list) else "")
def test_what_the_daemon_refuses_exits_1_with_its_words_on_stderr(hc, args, says):
    done = hc.ctl(*args)
    assert done.returncode in ((1, 64) if says == "object" else (1,)), done
    assert says in done.stderr, done


@pytest.mark.parametrize("args", [
    [], ["frobnicate"], ["emit"], ["emit", KIND], ["--no-such-flag", "list"], ["list", "--frob"], ["status", "a", "b"],
    ["emit", KIND, STARTED, "novalue"], ["emit", KIND, STARTED, "a=1", "--payload", "{}"], ["emit", KIND, STARTED, "n:=nope"],
    ["emit", KIND, STARTED, "--meta", "novalue"], ["emit", KIND, STARTED, "--payload"], ["--runtime-dir"],
    ["emit", KIND, STARTED, "--payload", "{not json"],
], ids=lambda a: " ".join(a) or "nothing")
def test_usage_errors_exit_64(hc, args):
    done = hc.ctl(*args)
    assert done.returncode == 64, done
    assert done.stderr.strip()


@pytest.mark.parametrize("args", [["list"], ["status"], ["kinds"], ["emit", KIND, STARTED]], ids=lambda a: a[0])
def test_no_daemon_exits_69(tmp_path, args):
    done = subprocess.run([HOOKCASTCTL, "--runtime-dir", tmp_path / "none", *args], capture_output=True, text=True, timeout=10)
    assert done.returncode == 69, done
    assert str(tmp_path / "none") in done.stderr, "says where it looked"


def test_list_has_a_line_per_plugin(hc):
    done = hc.ctl("list")
    assert done.returncode == 0
    for name in ("tape", "metrics-exporter"):
        line = [l for l in done.stdout.splitlines() if re.search(rf"\b{name}\b", l)]
        assert len(line) == 1 and "ready" in line[0], done.stdout


def test_list_columns_are_aligned(hc):
    lines = [l for l in hc.ctl("list").stdout.splitlines() if "ready" in l]
    assert len({l.index("ready") for l in lines}) == 1, lines


def test_status_of_the_daemon_and_of_one_plugin(hc):
    assert hc.ctl("status").returncode == 0 and str(hc.pid) in hc.ctl("status").stdout
    one = hc.ctl("status", "tape")
    assert one.returncode == 0 and "tape" in one.stdout and "ready" in one.stdout and "jsonrpc" in one.stdout
    assert "metrics-exporter" not in one.stdout


def test_kinds_lists_hooks_of_all_or_of_one(hc):
    for done in (hc.ctl("kinds"), hc.ctl("kinds", KIND)):
        assert done.returncode == 0 and KIND in done.stdout
    assert all(h in hc.ctl("kinds", KIND).stdout for h in HOOKS)
    done = hc.ctl("kinds", "lifecycle_listner")
    assert done.returncode == 1 and KIND in done.stderr


@pytest.mark.parametrize("args", [["list"], ["status"], ["status", "tape"], ["kinds"], ["kinds", KIND]], ids=" ".join)
def test_json_output_is_json(hc, args):
    done = hc.ctl("--json", *args)
    assert done.returncode == 0
    text = json.dumps(json.loads(done.stdout))
    assert ("tape" if args[0] == "list" or "tape" in args else KIND if args[0] == "kinds" else str(hc.pid)) in text


@pytest.mark.parametrize("args", [["list"], ["status"], ["status", "tape"], ["kinds"], ["emit", KIND, STARTED], ["--help"],
                                  ["emit", KIND, "on_x"]], ids=" ".join)
def test_no_colour_goes_into_a_pipe(hc, args):
    done = hc.ctl(*args)
    assert "\x1b" not in done.stdout + done.stderr


def test_help_and_version(hc):
    done = hc.ctl("--help")
    assert done.returncode == 0
    for verb in ("emit", "status", "list", "kinds", "check"):
        assert verb in done.stdout
    assert re.search(r"\d+\.\d+\.\d+", hc.ctl("--version").stdout)


# -- check: without a daemon ---------------------------------------------------------------------------------------


def check(path):
    return subprocess.run([HOOKCASTCTL, "check", path], capture_output=True, text=True, timeout=10)


def test_check_of_good_files_exits_0(hc):
    for path in (hc.specs, hc.specs / KIND / "v1.yaml", hc.plugin_dir / "tape/plugin.yaml", hc.plugin_dir):
        done = check(path)
        assert done.returncode == 0, (path, done)


def test_check_names_file_line_and_column(tmp_path):
    path = write_yaml(tmp_path / "k/v1.yaml", "kind: k\nkind_api_version: 1.0.0\nhooks:\n  - name: OnX\n    dispatch: chain\n")
    for target in (path, tmp_path):
        done = check(target)
        assert done.returncode not in (0, 64, 69), done
        assert re.search(r"v1\.yaml:4:\d+: .*OnX", done.stdout + done.stderr), done


def test_check_of_nothing_there_is_an_error(tmp_path):
    done = check(tmp_path / "nothing.yaml")
    assert done.returncode != 0 and "nothing.yaml" in done.stdout + done.stderr
