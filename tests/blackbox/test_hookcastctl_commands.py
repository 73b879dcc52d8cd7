"""DESIGN §9: hookcastctl start, stop, restart, reload."""

import json

import pytest


def test_stop_start_and_restart_say_what_became_of_it(hc):
    tape = hc.recorder("tape")
    hc.start()
    done = hc.ctl("stop", "tape")
    assert (done.returncode, done.stdout, done.stderr) == (0, "tape: stopped\n", "")
    done = hc.ctl("start", "tape")
    assert done.returncode == 0 and done.stdout.startswith("tape: starting, pid ")
    tape.wait_state("ready")
    pid = tape.pid()
    done = hc.ctl("--json", "restart", "tape")
    assert done.returncode == 0 and json.loads(done.stdout)["pid"] != pid


def test_reload_says_what_there_is_or_what_is_wrong(hc):
    hc.allow_errors()
    hc.recorder("tape")
    hc.start()
    done = hc.ctl("reload")
    assert (done.returncode, done.stdout) == (0, "reloaded: 1 kinds, 1 plugins\n")
    hc.config_file.write_text("limits: {event_max_size: 3 apples}\n")
    done = hc.ctl("reload")
    assert done.returncode == 1 and f"{hc.config_file}:1:" in done.stderr and "apples" in done.stderr


@pytest.mark.parametrize("verb", ["start", "stop", "restart"])
def test_a_name_that_is_wrong_or_missing(hc, verb):
    hc.recorder("tape")
    hc.start()
    done = hc.ctl(verb, "tap")
    assert done.returncode == 1 and '"tape"' in done.stderr
    assert hc.ctl(verb).returncode == 64
    assert hc.ctl(verb, "a", "b").returncode == 64
