"""DESIGN §2: the daemon's command line, configuration file, sockets and refusals to start."""

import os
import re
import signal
import stat
import subprocess
from pathlib import Path

import pytest

from harness import HOOKCASTD, Site, run_daemon, wait_for, write_yaml


def everything(done):
    return done.stdout + done.stderr


# -- what it says of itself ----------------------------------------------------------------------------------------


def test_version_is_printed():
    done = run_daemon("--version")
    assert done.returncode == 0
    assert re.search(r"\b\d+\.\d+\.\d+\b", done.stdout)


def test_help_names_every_flag():
    done = run_daemon("--help")
    assert done.returncode == 0
    for flag in ("--config", "--runtime-dir", "--hookspec-dir", "--plugin-dir", "--log-format", "--log-level", "--check",
                 "--version", "--help"):
        assert flag in done.stdout, flag


@pytest.mark.parametrize("args", [
    ["--no-such-flag"], ["--config"], ["--log-format", "xml"], ["--log-level", "loud"], ["something"], ["--runtime-dir"],
], ids=lambda a: " ".join(a))
def test_usage_errors_exit_64_and_say_so(args):
    done = run_daemon(*args)
    assert done.returncode == 64, everything(done)
    assert done.stderr.strip()


# -- --check -------------------------------------------------------------------------------------------------------


def flags(site, *more):
    return ["--runtime-dir", site.runtime, "--hookspec-dir", site.specs, "--plugin-dir", site.plugin_dir, *more]


def test_check_of_a_good_tree_exits_0(hc):
    hc.kind()
    hc.recorder("one")
    write_yaml(hc.config_file, hc.config)
    done = run_daemon(*flags(hc, "--config", hc.config_file, "--check"))
    assert done.returncode == 0, everything(done)
    assert not hc.runtime.exists() or not os.listdir(hc.runtime), "--check opened sockets"


def test_check_prints_every_problem_of_every_file(hc):
    write_yaml(hc.config_file, "limits:\n  event_max_size: 16 apples\n")
    spec = write_yaml(hc.specs / "bad/v1.yaml",
                      "kind: bad\nkind_api_version: 1.0.0\nhooks:\n  - name: on_x\n    dispatch: whenever\n")
    hc.kind()
    manifest = hc.plugin_dir / "p/plugin.yaml"
    write_yaml(manifest, hc.manifest("p", ["cat"]) | {"comand": ["cat"]})
    done = run_daemon(*flags(hc, "--config", hc.config_file, "--check"))
    assert done.returncode == 78
    out = everything(done)
    assert re.search(rf"^{hc.config_file}:2:\d+: .", out, re.M), out
    assert re.search(rf"^{spec}:5:\d+: .", out, re.M), out
    line = manifest.read_text().splitlines().index("comand:") + 1
    assert re.search(rf"^{manifest}:{line}:\d+: .*comand", out, re.M), out


def test_check_does_not_disturb_a_running_daemon(hc):
    hc.recorder("one")
    hc.start()
    done = run_daemon(*flags(hc, "--check"))
    assert done.returncode == 0, everything(done)
    assert hc.publish()["queued"] == 1


# -- the configuration file ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("text, line, says", [
    ("stop_timeout: 5s\nlimit: {}\n", 2, "limit"),
    ("limits:\n  event_max_sise: 1MiB\n", 2, "event_max_sise"),
    ("limits:\n  event_max_size: 16 apples\n", 2, "event_max_size|apples"),
    ("startup_grace: 5 parsecs\n", 1, "startup_grace|parsecs"),
    ("startup_grace: 5\n", 1, "startup_grace|5"),
    ("limits:\n  publishers_max: many\n", 2, "publishers_max|many"),
    ("limits:\n  publishers_max: -1\n", 2, "publishers_max|-1"),
    ("log: {format: xml}\n", 1, "format|xml"),
    ("plugin_defaults:\n  overflow: panic\n", 2, "overflow|panic"),
    ("plugin_defaults:\n  restart: {policy: perhaps}\n", 2, "policy|perhaps"),
    ("hookspec_dirs: /etc\n", 1, "hookspec_dirs"),
    ("plugin_dirs:\n  - a\n  - {b: c}\n", 3, ""),
    ("sockets: {events: {mode: \"rw\"}}\n", 1, "mode|rw"),
    ("stop_timeout: 5s\nstop_timeout: 6s\n", 2, "stop_timeout"),
    ("log: [unclosed\n", None, ""),
    ("- a\n- list\n", 1, ""),
], ids=lambda v: repr(v)[:40] if isinstance(v, str) else None)
def test_bad_configuration_exits_78_and_points_at_the_place(hc, text, line, says):
    hc.kind()
    write_yaml(hc.config_file, text)
    done = run_daemon(*flags(hc, "--config", hc.config_file))
    assert done.returncode == 78, everything(done)
    where = r"\d+" if line is None else line
    assert re.search(rf"{hc.config_file}:{where}:\d+: .*(?:{says})", everything(done)), everything(done)


def test_an_unknown_key_near_a_known_one_is_told_the_known_one(hc):
    hc.kind()
    write_yaml(hc.config_file, "stop_timout: 5s\n")
    done = run_daemon(*flags(hc, "--config", hc.config_file))
    assert done.returncode == 78 and "stop_timeout" in everything(done)


def test_a_configuration_file_that_is_missing_exits_78_and_is_named(hc):
    hc.kind()
    done = run_daemon(*flags(hc, "--config", hc.dir / "nowhere.yaml"))
    assert done.returncode == 78 and "nowhere.yaml" in everything(done), everything(done)


def test_every_key_of_the_contract_is_accepted(hc):
    hc.kind()
    write_yaml(hc.config_file, f"""
runtime_dir: {hc.runtime}
sockets: {{events: {{mode: "0660"}}, control: {{mode: "0600"}}}}
hookspec_dirs: [{hc.specs}]
plugin_dirs: [{hc.plugin_dir}]
log: {{format: logfmt, level: info}}
limits: {{event_max_size: 1MiB, backlog_max_size: 64MiB, publishers_max: 1024}}
startup_grace: 5s
stop_timeout: 60s
plugin_defaults:
  queue_max_events: 65536
  queue_max_size: 16MiB
  overflow: drop_oldest
  slow_after: 1s
  recover_after: 10s
  failure_window: 60s
  failure_threshold: 5
  restart: {{policy: always, backoff_initial: 100ms, backoff_max: 30s, max_restarts: 10, window: 10min, retry_unavailable: 5min}}
  health: {{interval: 30s, timeout: 5s, failures: 3}}
""")
    done = run_daemon("--config", hc.config_file, "--check")
    assert done.returncode == 0, everything(done)


def test_the_file_alone_is_enough(hc):
    hc.kind()
    hc.recorder("one")
    hc.configure(runtime_dir=str(hc.runtime), hookspec_dirs=[str(hc.specs)], plugin_dirs=[str(hc.plugin_dir)],
                 log={"format": "json", "level": "info"})
    hc.start(arguments=[])
    assert hc.publish()["queued"] == 1


@pytest.mark.skipif(os.path.exists("/etc/hookcast/hookcastd.yaml"), reason="this machine has /etc/hookcast/hookcastd.yaml")
def test_flags_alone_are_enough(hc):
    hc.kind()
    hc.recorder("one")
    hc.start(config=False)
    assert hc.publish()["queued"] == 1


def test_flags_override_the_file_and_a_dir_flag_replaces_its_list(hc):
    hc.kind()
    hc.recorder("one")
    elsewhere = hc.dir / "elsewhere"
    hc.recorder("two", under=elsewhere, ready=False)
    hc.configure(runtime_dir="/nonexistent/hookcast", plugin_dirs=[str(elsewhere)], log={"format": "logfmt"})
    hc.start()
    assert set(hc.rows()) == {"one"}


def test_bad_hookspec_exits_78_at_start(hc):
    path = write_yaml(hc.specs / "k/v1.yaml", "kind: k\nkind_api_version: 1.0.0\nhooks: 5\n")
    done = run_daemon(*flags(hc))
    assert done.returncode == 78
    assert re.search(rf"{path}:3:\d+: .", everything(done)), everything(done)


def test_a_bad_plugin_never_stops_the_daemon(hc):
    hc.kind()
    hc.recorder("good")
    write_yaml(hc.plugin_dir / "bad/plugin.yaml", "name: [\n")
    hc.allow_errors("bad/plugin.yaml")
    hc.start()
    assert hc.publish()["queued"] == 1
    assert re.search(r"bad/plugin\.yaml:\d+", hc.log_text())


# -- sockets -------------------------------------------------------------------------------------------------------


def test_socket_modes_default_and_configured(hc):
    hc.start()
    assert stat.S_IMODE(os.stat(hc.runtime / "events.sock").st_mode) == 0o660
    assert stat.S_IMODE(os.stat(hc.runtime / "control.sock").st_mode) == 0o600
    with Site() as other:
        other.configure(sockets={"events": {"mode": "0666"}, "control": {"mode": "0660"}})
        other.start()
        assert stat.S_IMODE(os.stat(other.runtime / "events.sock").st_mode) == 0o666
        assert stat.S_IMODE(os.stat(other.runtime / "control.sock").st_mode) == 0o660


def test_a_second_daemon_is_refused_and_told_who_holds_the_directory(hc):
    hc.recorder("one")
    hc.start()
    done = run_daemon(*hc.arguments())
    assert done.returncode == 1, everything(done)
    assert re.search(rf"\b{hc.pid}\b", everything(done)), everything(done)
    assert hc.publish()["queued"] == 1
    with hc.connect() as fresh:
        assert fresh.alive()


def test_stale_sockets_of_a_killed_daemon_are_replaced(hc):
    one = hc.recorder("one")
    hc.start()
    hc.kill()
    assert (hc.runtime / "events.sock").exists()
    wait_for(lambda: not hc.processes(), 2, "the killed daemon's child to die with it")
    hc.start()
    hc.publish()
    one.wait_events(1)


@pytest.mark.parametrize("name", ["events.sock", "control.sock"])
def test_a_foreign_file_at_a_socket_path_is_not_deleted(hc, name):
    hc.kind()
    hc.runtime.mkdir()
    (hc.runtime / name).write_text("somebody's letters")
    done = run_daemon(*hc.arguments())
    assert done.returncode not in (0, 64), everything(done)
    assert name in everything(done)
    assert (hc.runtime / name).read_text() == "somebody's letters"


def test_a_symlink_at_a_socket_path_is_not_followed(hc):
    hc.kind()
    hc.runtime.mkdir()
    target = hc.dir / "target"
    target.write_text("kept")
    (hc.runtime / "events.sock").symlink_to(target)
    done = run_daemon(*hc.arguments())
    assert done.returncode not in (0, 64), everything(done)
    assert target.read_text() == "kept" and (hc.runtime / "events.sock").is_symlink()


def test_sockets_are_removed_at_a_regular_stop(hc):
    hc.start()
    hc.stop()
    assert not (hc.runtime / "events.sock").exists() and not (hc.runtime / "control.sock").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_both_stop_signals_end_it_with_exit_0(hc, number):
    hc.recorder("one")
    hc.start()
    hc.process.send_signal(number)
    assert hc.process.wait(10) == 0


def test_a_runtime_dir_that_cannot_be_made_is_named(hc):
    hc.kind()
    (hc.dir / "file").write_text("")
    done = run_daemon("--runtime-dir", hc.dir / "file/run", "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir)
    assert done.returncode not in (0, 64) and "file/run" in everything(done), everything(done)


def test_a_runtime_dir_too_long_for_a_socket_is_refused_in_words(hc):
    hc.kind()
    deep = hc.dir / ("x" * 120)
    done = run_daemon("--runtime-dir", deep, "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir)
    assert done.returncode not in (0, 64) and everything(done).strip()


def reachable(path):
    return all(os.stat(p).st_mode & stat.S_IXOTH for p in [path, *path.parents])


def test_default_runtime_dir_of_a_user_is_below_xdg_runtime_dir(hc):
    if os.geteuid() == 0 and not (HOOKCASTD.exists() and reachable(HOOKCASTD)):
        pytest.skip(f"user nobody cannot reach {HOOKCASTD}")
    hc.kind()
    xdg = hc.dir / "xdg"
    xdg.mkdir()
    os.chmod(xdg, 0o777)
    who = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    child = subprocess.Popen([HOOKCASTD, "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir], cwd="/",
                             env=Site.environment(XDG_RUNTIME_DIR=str(xdg)), stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **who)
    try:
        wait_for(lambda: Path(xdg / "hookcast/control.sock").exists() or child.poll() is not None, 5)
        assert child.poll() is None, child.stderr.read().decode()
        assert (xdg / "hookcast/events.sock").exists()
    finally:
        child.terminate()
        child.communicate(timeout=20)
    assert child.returncode == 0
