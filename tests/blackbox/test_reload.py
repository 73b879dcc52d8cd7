"""DESIGN §7: SIGHUP and daemon.reload: a difference of two catalogs, all or nothing."""

import os
import shutil
import signal
import threading

import pytest

from harness import Refused, merge, wait_for, write_yaml


def reload(hc):
    return hc.call("daemon.reload")


def refused(hc):
    with pytest.raises(Refused) as r:
        reload(hc)
    assert r.value.code == -32000
    return r.value.data["errors"]


def test_a_reload_of_nothing_new_touches_nobody(hc):
    native, tape = hc.puppet("native"), hc.recorder("tape")
    hc.start()
    hc.publish_many(20)
    hc.flush()
    before = hc.rows()
    for _ in range(20):
        reload(hc)
    after = hc.rows()
    for name in before:
        assert {k: v for k, v in after[name].items() if k != "uptime_s"} == {k: v for k, v in before[name].items() if k != "uptime_s"}
    hc.publish_many(20)
    native.wait_events(40)
    tape.wait_events(40)
    assert native.seqs() == tape.seqs() == list(range(1, 41))


def test_a_new_plugin_starts_a_gone_one_stops_a_changed_one_restarts(hc):
    hc.recorder("same")
    changed, gone = hc.recorder("changed"), hc.recorder("gone")
    hc.start()
    before = hc.rows()
    hc.recorder("new")
    write_yaml(changed.dir / "plugin.yaml", merge(hc.manifest("changed", ["sh", "-c", "exec cat >> second.ndjson"]),
                                                  {"hookcast": {"protocol": "jsonrpc"}}))
    shutil.rmtree(gone.dir)
    reload(hc)
    wait_for(lambda: {n: r["state"] for n, r in hc.rows().items()} == dict.fromkeys(("same", "changed", "new"), "ready"),
             what="new, changed and same to be all there is, and ready")
    after = hc.rows()
    assert after["same"]["pid"] == before["same"]["pid"] and after["changed"]["pid"] != before["changed"]["pid"]
    assert before["gone"]["pid"] not in hc.processes()
    assert hc.publish()["queued"] == 3
    wait_for(lambda: (changed.dir / "second.ndjson").exists() and (changed.dir / "second.ndjson").read_text(), what="its event")


def test_settings_apply_to_the_one_that_runs(hc):
    tape = hc.recorder("tape")
    hc.start()
    pid = tape.pid()
    hc.configure(plugin_defaults={"queue_max_events": 10})
    write_yaml(hc.config_file, hc.config)
    reload(hc)
    assert tape.pid() == pid
    os.kill(pid, signal.SIGSTOP)
    try:
        hc.publish_many(500, payload=lambda i: {"x": "y" * 1000})
        assert tape.row()["queued_events"] <= 10 and tape.row()["dropped"] > 0
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize("what", ["config", "hookspec", "manifest", "twin", "schema"])
def test_anything_wrong_leaves_everything_as_it_was_and_is_named(hc, what):
    hc.allow_errors()
    tape = hc.recorder("tape")
    hc.start()
    hc.publish()
    tape.wait_events(1)
    before = tape.row()
    if what == "config":
        hc.config_file.write_text("limits: {event_max_size: 3 apples}\n")
    elif what == "hookspec":
        write_yaml(hc.specs / "bad/v1.yaml", "kind: x\nhooks: 5\n")
    elif what == "manifest":
        (tape.dir / "plugin.yaml").write_text("name: [\n")
    elif what == "twin":
        shutil.copytree(tape.dir, hc.plugin_dir / "twin")
    else:
        write_yaml(hc.specs / "bad/v1.yaml", "kind: x\nkind_api_version: 1.0.0\nhooks: [{name: a, dispatch: broadcast_notify, input_schema: s.json}]\n")
        (hc.specs / "bad/s.json").write_text("{")
    errors = refused(hc)
    assert errors and all("/" in e for e in errors)
    after = tape.row()
    assert {k: v for k, v in after.items() if k != "uptime_s"} == {k: v for k, v in before.items() if k != "uptime_s"}
    hc.publish()
    tape.wait_events(2)
    assert hc.log_text().count("reload refused") >= 1


def test_a_new_kind_is_served_and_a_gone_one_is_not(hc):
    hc.recorder("tape")
    hc.start()
    hc.kind("second_kind", ["on_x"], name="second.yaml")
    reload(hc)
    assert hc.publisher.notify("on_x", {}, kind="second_kind")["queued"] == 0
    (hc.specs / "second.yaml").unlink()
    reload(hc)
    with pytest.raises(Refused) as r:
        hc.publisher.notify("on_x", {}, kind="second_kind")
    assert r.value.reason == "unknown_kind"
    assert hc.publish()["queued"] == 1


def test_a_plugin_whose_kind_went_is_unavailable_and_comes_back_with_it(hc):
    hc.allow_errors("tape")
    tape = hc.recorder("tape")
    hc.start()
    hc.publish()
    tape.wait_events(1)
    (spec,) = hc.specs.rglob("*.yaml")
    text = spec.read_text()
    spec.write_text(text.replace("lifecycle_listener", "another_kind"))
    reload(hc)
    tape.wait_state("unavailable")
    assert "lifecycle_listener" in tape.row()["last_error"]
    spec.write_text(text)
    reload(hc)
    tape.wait_state("ready")
    hc.publish()
    tape.wait_events(2)


def test_sighup_is_a_reload_and_a_burst_of_them_loses_nothing(hc):
    native, tape = hc.puppet("native"), hc.recorder("tape")
    hc.start()
    pids = {n: r["pid"] for n, r in hc.rows().items()}
    stop = threading.Event()

    def burst():
        while not stop.is_set():
            os.kill(hc.pid, signal.SIGHUP)

    thread = threading.Thread(target=burst)
    thread.start()
    try:
        for _ in range(10):
            hc.publish_many(300)
    finally:
        stop.set()
        thread.join()
    native.wait_events(3000)
    tape.wait_events(3000)
    assert native.seqs() == tape.seqs() == list(range(1, 3001))
    assert {n: r["pid"] for n, r in hc.rows().items()} == pids
    hc.wait_log(msg="^reloaded$")


def test_reload_keeps_what_waits_for_a_plugin_that_is_down(hc):
    tape = hc.shell("tape", "[ -e go ] || exit 1; exec cat >> wire.ndjson", ready=False,
                    hookcast={"restart": {"max_restarts": 1000, "backoff_initial": "20ms", "backoff_max": "50ms"}})
    (tape.dir / "go").touch()
    hc.allow_errors("tape")
    hc.start()
    tape.wait_state("ready")
    (tape.dir / "go").unlink()
    os.kill(tape.pid(), signal.SIGKILL)
    wait_for(lambda: tape.row()["state"] == "degraded", what="the crash to be seen")
    assert hc.publish_many(25) is not False
    reload(hc)
    assert tape.row()["queued_events"] == 25
    (tape.dir / "go").touch()
    tape.wait_events(25)

