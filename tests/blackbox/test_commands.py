"""DESIGN §9: plugin.start, plugin.stop, plugin.restart; §7: what a stopped plugin leaves behind."""

import os
import signal

import pytest

from harness import Refused, wait_for, walk_stream


def test_stop_answers_when_there_is_no_process_and_the_plugin_hears_nothing(hc):
    plugin, other = hc.recorder("tape"), hc.recorder("other")
    hc.start()
    pid = plugin.pid()
    row = hc.call("plugin.stop", {"name": "tape"})
    assert row["state"] == "stopped" and row["pid"] is None and pid not in hc.processes()
    assert hc.publish() | {"seq": 0, "run": ""} == {"run": "", "seq": 0, "queued": 1, "failed": [], "failed_total": 0}
    other.wait_events(1)
    assert plugin.events() == []


def test_start_answers_with_the_new_process_and_events_flow_again(hc):
    plugin = hc.recorder("tape")
    hc.start()
    hc.call("plugin.stop", {"name": "tape"})
    row = hc.call("plugin.start", {"name": "tape"})
    assert row["state"] == "starting" and os.path.exists(f"/proc/{row['pid']}")
    plugin.wait_state("ready")
    hc.publish()
    plugin.wait_events(1)


def test_start_of_one_that_runs_and_stop_of_one_that_does_not_are_answered_at_once(hc):
    plugin = hc.recorder("tape")
    hc.start()
    pid = plugin.pid()
    assert hc.call("plugin.start", {"name": "tape"})["pid"] == pid
    hc.call("plugin.stop", {"name": "tape"})
    assert hc.call("plugin.stop", {"name": "tape"})["state"] == "stopped"


def test_restart_keeps_the_queue_and_loses_nothing(hc):
    plugin = hc.puppet("native")
    hc.start()
    first = plugin.pid()
    for _ in range(3):
        hc.publish_many(50)
        row = hc.call("plugin.restart", {"name": "native"})
        assert row["pid"] != first
    plugin.wait_state("ready")
    hc.flush()
    plugin.wait_events(150)
    assert plugin.seqs() == list(range(1, 151))
    assert plugin.row()["restarts"] == 3 and plugin.row()["reasons"] == []


def test_restart_revives_one_that_was_given_up(hc):
    hc.allow_errors("doomed")
    flag = hc.dir / "healed"
    plugin = hc.shell("doomed", f"[ -e {flag} ] || exit 3; exec cat >> wire.ndjson", ready=False,
                      hookcast={"restart": {"max_restarts": 1, "retry_unavailable": "1h"}})
    hc.start()
    plugin.wait_state("unavailable")
    flag.touch()
    hc.call("plugin.restart", {"name": "doomed"})
    plugin.wait_state("ready")
    hc.publish()
    plugin.wait_events(1)


def test_a_start_that_cannot_be_is_refused_with_the_reason(hc):
    hc.allow_errors("far")
    hc.plugin("far", ["cat"], runtime="mcp_http", ready=False)
    hc.start()
    with pytest.raises(Refused) as refused:
        hc.call("plugin.start", {"name": "far"})
    assert refused.value.code == -32000 and "mcp_http" in str(refused.value)


def test_the_commands_name_the_nearest_plugin(hc):
    hc.recorder("metrics-exporter")
    hc.start()
    for method in ("plugin.start", "plugin.stop", "plugin.restart"):
        with pytest.raises(Refused) as refused:
            hc.call(method, {"name": "metrics-exporte"})
        assert refused.value.reason == "unknown_plugin" and '"metrics-exporter"' in refused.value.message


LEAVERS = ["setsid sleep 1000", "setsid setsid sh -c 'sleep 1000'", "sh -c 'setsid sleep 1000 & exit'"]
# After a crash nobody knows the tree any more: what also left its environment behind is a stray, by DESIGN §7.


@pytest.mark.parametrize("how, end", [(h, e) for h in LEAVERS for e in ("stop", "kill")] + [("env -i setsid sleep 1000", "stop")])
def test_what_left_the_group_is_gone_with_its_plugin(hc, how, end):
    hc.allow_errors("parent")
    plugin = hc.shell("parent", f"{how} & echo $! > child.pid; exec cat >> wire.ndjson",
                      hookcast={"restart": {"policy": "never"}} if end == "kill" else {})
    hc.start()
    left = wait_for(lambda: [p for p in hc.processes() if p != plugin.pid()], what="the descendant")
    if end == "stop":
        hc.call("plugin.stop", {"name": "parent"})
    else:
        os.kill(plugin.pid(), signal.SIGKILL)
        plugin.wait_state("unavailable")
    wait_for(lambda: not set(left) & set(hc.processes()), what="the descendants' end")
