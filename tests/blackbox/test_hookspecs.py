"""DESIGN §3: hookspecs as seen from outside — what loads, what is refused, which of two wins."""

import json
import re

import pytest

from harness import STARTED, Refused, run_daemon, wait_for, write_yaml


def refuse_to_start(hc, path, line):
    done = run_daemon("--runtime-dir", hc.runtime, "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir)
    out = done.stdout + done.stderr
    assert done.returncode == 78, out
    assert re.search(rf"{re.escape(str(path))}:{line}:\d+: .", out), out
    return out


HEAD = "kind: k\nkind_api_version: 1.0.0\n"


@pytest.mark.parametrize("text, line, says", [
    ("kind_api_version: 1.0.0\nhooks: []\n", r"\d+", "kind"),
    ("kind: k\nhooks: []\n", r"\d+", "kind_api_version"),
    ("kind: k\nkind_api_version: one\nhooks: []\n", 2, "one|kind_api_version"),
    (HEAD + "hooks:\n  - name: OnStart\n    dispatch: broadcast_notify\n", 4, "OnStart"),
    (HEAD + "hooks:\n  - name: initialize\n    dispatch: broadcast_notify\n", 4, "initialize"),
    (HEAD + "hooks:\n  - name: ping\n    dispatch: broadcast_notify\n", 4, "ping"),
    (HEAD + "hooks:\n  - name: on_a\n    dispatch: broadcast\n", 5, "broadcast_notify"),
    (HEAD + "hooks:\n  - name: on_a\n", r"\d+", "dispatch"),
    (HEAD + "hooks:\n  - dispatch: broadcast_notify\n", r"\d+", "name"),
    (HEAD + "hooks:\n  - name: on_a\n    dispatch: broadcast_notify\n  - name: on_a\n    dispatch: chain\n", 6, "on_a"),
    (HEAD + "hooks:\n  - name: on_a\n    dispatch: broadcast_notify\n    input_schema: nowhere.json\n", 6, "nowhere.json"),
    (HEAD + "hooks:\n  - name: on_a\n    dispatch: broadcast_notify\n    mcp_exposed: perhaps\n", 6, "mcp_exposed|perhaps"),
    ("kind: k\n\tkind_api_version: 1.0.0\n", r"\d+", ""),
], ids=lambda v: repr(v)[:50] if isinstance(v, str) else None)
def test_a_bad_hookspec_is_refused_at_its_place(hc, text, line, says):
    path = write_yaml(hc.specs / "k/v1.yaml", text)
    out = refuse_to_start(hc, path, line)
    assert re.search(says, out), out


def test_a_schema_that_is_not_json_is_refused_at_its_place(hc):
    schema = hc.specs / "k/schemas/event.json"
    schema.parent.mkdir(parents=True)
    schema.write_text('{\n  "type": "object",\n  oops\n}\n')
    hc.kind("k", [{"name": "on_a", "dispatch": "broadcast_notify", "input_schema": "schemas/event.json"}])
    refuse_to_start(hc, schema, 3)


def test_a_schema_outside_the_hookspec_dir_is_refused(hc):
    (hc.dir / "outside.json").write_text("{}")
    path = hc.kind("k", [{"name": "on_a", "dispatch": "broadcast_notify", "input_schema": "../../outside.json"}])
    assert "outside.json" in refuse_to_start(hc, path, r"\d+")


def test_one_kind_and_major_twice_in_one_directory_is_an_error_naming_both(hc):
    a = hc.kind("k", ["on_a"], "1.0.0", name="a.yaml")
    b = hc.kind("k", ["on_a"], "1.2.0", name="b.yaml")
    done = run_daemon("--runtime-dir", hc.runtime, "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir)
    out = done.stdout + done.stderr
    assert done.returncode == 78
    assert str(a) in out and str(b) in out, out


def kinds(hc):
    return {(k["kind"], k["kind_api_version"]): k for k in hc.call("kind.list")["kinds"]}


def test_the_directory_listed_first_wins_and_the_log_says_so(hc):
    override = hc.dir / "override"
    hc.kind("k", ["on_mine"], "1.5.0", under=override)
    hidden = hc.kind("k", ["on_theirs"], "1.0.0")
    hc.kind("other", ["on_a"])
    hc.start(arguments=["--runtime-dir", str(hc.runtime), "--hookspec-dir", str(override), "--hookspec-dir", str(hc.specs),
                        "--plugin-dir", str(hc.plugin_dir), "--log-format", "json"])
    assert set(kinds(hc)) == {("k", "1.5.0"), ("other", "1.0.0")}
    assert hc.publisher.notify("on_mine", {}, kind="k")["seq"] == 1
    assert [r for r in hc.log() if str(hidden) in json.dumps(r) and "override" in json.dumps(r)], hc.log_text()


def test_hookspecs_are_found_at_any_depth_and_other_files_are_left_alone(hc):
    hc.kind("deep", ["on_a"], name="a/b/c/deep.yaml")
    hc.kind("flat", ["on_a"], name="flat.yaml")
    (hc.specs / "README.md").write_text("# not a hookspec: [")
    (hc.specs / "a/schema.json").write_text("not json")
    hc.start()
    assert {k for k, _ in kinds(hc)} == {"deep", "flat"}


def test_majors_coexist_and_publishers_address_the_newest_unless_they_say(hc):
    hc.kind("k", ["on_old", "on_both"], "1.3.0")
    hc.kind("k", ["on_new", "on_both"], "2.0.0")
    old = hc.recorder("old", kind="k", kind_api_version="1")
    new = hc.recorder("new", kind="k", kind_api_version="2")
    hc.start()
    assert set(kinds(hc)) == {("k", "1.3.0"), ("k", "2.0.0")}
    pub = hc.publisher
    assert pub.notify("on_both", {"to": 2}, kind="k")["queued"] == 1
    assert pub.notify("on_both", {"to": 1}, kind="k", kind_api_version="1")["queued"] == 1
    assert pub.notify("on_both", {"to": 2}, kind="k", kind_api_version="2.0.0")["queued"] == 1
    assert pub.error("notify", {"kind": "k", "hook": "on_old", "payload": {}}).reason == "unknown_hook"
    assert pub.notify("on_old", {"to": 1}, kind="k", kind_api_version="1")["queued"] == 1
    assert [m["params"]["to"] for m in new.wait_events(2)] == [2, 2]
    assert [m["params"]["to"] for m in old.wait_events(2)] == [1, 1]
    refused = pub.error("notify", {"kind": "k", "hook": "on_both", "payload": {}, "kind_api_version": "3"})
    assert refused.code == -32602 and refused.reason == "unknown_kind_api_version"


@pytest.mark.parametrize("dispatch", ["singleton", "broadcast_collect", "chain", "capability"])
def test_a_hook_of_another_class_is_listed_but_not_served(hc, dispatch):
    hc.kind("k", ["on_a", {"name": "on_b", "dispatch": dispatch}])
    hc.start()
    hooks = {h["name"]: h["dispatch"] for h in kinds(hc)[("k", "1.0.0")]["hooks"]}
    assert hooks == {"on_a": "broadcast_notify", "on_b": dispatch}
    refused = hc.publisher.error("notify", {"kind": "k", "hook": "on_b", "payload": {}})
    assert refused.code == -32602 and refused.reason == "not_broadcast_notify"
    assert dispatch in refused.message and "broadcast_notify" in refused.message
    assert hc.publisher.notify("on_a", {}, kind="k")["seq"] == 1


def test_a_kind_with_a_schema_and_every_key_of_the_contract_loads(hc):
    schema = hc.specs / "k/schemas/event.json"
    schema.parent.mkdir(parents=True)
    schema.write_text('{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object"}')
    write_yaml(hc.specs / "k/v1.yaml", """
kind: k
kind_api_version: 1.0.0
description: Подписчики на lifecycle-события приложения.
hooks:
  - name: on_a
    dispatch: broadcast_notify
    description: something began
    input_schema: schemas/event.json   # relative to this file
    mcp_exposed: false
    mcp_tool_name_template: "{kind}.{plugin}.{hook}"
""")
    plugin = hc.recorder("one", kind="k")
    hc.start()
    hc.publisher.notify("on_a", {"x": 1}, kind="k")
    assert plugin.wait_events(1)[0]["params"]["x"] == 1


def test_unknown_names_are_told_the_nearest(hc):
    hc.kind()
    hc.kind("audit_sink", ["on_entry"])
    hc.start()
    refused = hc.publisher.error("notify", {"kind": "lifecycle_listner", "hook": STARTED, "payload": {}})
    assert refused.reason == "unknown_kind" and "lifecycle_listener" in refused.message
    refused = hc.publisher.error("notify", {"kind": "lifecycle_listener", "hook": "on_request_startd", "payload": {}})
    assert refused.reason == "unknown_hook" and STARTED in refused.message
    with pytest.raises(Refused):
        hc.publisher.notify("on_entry", {})  # of the other kind


def test_yaml_never_turns_a_word_into_something_else(hc):
    """`no`, `on`, 1.10 and 0o17 are what the field wants: here, strings."""
    write_yaml(hc.specs / "v1.yaml",
               "kind: on\nkind_api_version: 1.10.0\ndescription: no\nhooks:\n  - name: y\n    dispatch: broadcast_notify\n")
    write_yaml(hc.plugin_dir / "p/plugin.yaml", """
schema_version: 1
name: 007
kind: on
kind_api_version: 1
core_version: ">=0.1"
runtime: mcp_stdio
command: [sh, -c, "env > env.txt; exec cat >> wire.ndjson"]
env: {FLAG: on, OCTAL: 0o17, NUMBER: 1e3, NOTHING: null, VERSION: 1.10}
hookcast: {protocol: jsonrpc}
""")
    hc.start()
    assert ("on", "1.10.0") in kinds(hc)
    assert hc.publisher.notify("y", {}, kind="on")["queued"] == 1
    assert list(hc.rows()) == ["007"]
    wait_for(lambda: (hc.plugin_dir / "p/wire.ndjson").exists(), what="the plugin's shell to get that far")
    env = (hc.plugin_dir / "p/env.txt").read_text().splitlines()
    assert {"FLAG=on", "OCTAL=0o17", "NUMBER=1e3", "VERSION=1.10"} <= set(env), env
