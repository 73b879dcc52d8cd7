"""DESIGN §4: manifests and discovery — what is a plugin, why one is refused, in which order they start."""

import json
import os
import re

import pytest

from harness import merge, EVENT, HOOKS, STARTED, wait_for, write_yaml


def complaint(hc, *words):
    """A log record that holds all the words."""
    return wait_for(lambda: [r for r in hc.log() if all(w in json.dumps(r) for w in words)], 3, f"a log record with {words}")


# -- refusals ------------------------------------------------------------------------------------------------------

FAULTS = [
    ("schema_version", "2", "schema_version"),
    ("kind", "lifecycle_listner", "lifecycle_listner"),
    ("kind_api_version", "7", "kind_api_version"),
    ("core_version", ">=9", "core_version|>=9"),
    ("runtime", "in_process", "runtime|in_process"),
    ("command", ["./no-such-program"], "no-such-program"),
]


def test_the_first_check_that_fails_is_the_reason(hc):
    """Plugin i has fault i and every later one; what precedes is fine."""
    hc.allow_errors()
    for i in range(len(FAULTS)):
        wrong = {key: value for key, value, _ in FAULTS[i:]}
        hc.plugin(f"p{i}", wrong.pop("command"), ready=False, hookcast={"protocol": "jsonrpc"}, **wrong)
    hc.recorder("good")
    hc.start()
    for i, (key, _, says) in enumerate(FAULTS):
        row = hc.plugins[f"p{i}"].wait_state("unavailable", timeout=10)
        assert re.search(says, row["last_error"]), (key, row["last_error"])
        assert row["pid"] is None
    assert hc.publish()["queued"] == 1


def test_an_unknown_kind_is_told_the_nearest(hc):
    hc.allow_errors()
    hc.plugin("p", ["cat"], kind="lifecycle_listner", ready=False)
    hc.kind()
    hc.start()
    assert "lifecycle_listener" in hc.plugins["p"].wait_state("unavailable")["last_error"]


@pytest.mark.parametrize("runtime", ["in_process", "mcp_http"])
def test_other_runtimes_load_as_unavailable(hc, runtime):
    hc.allow_errors()
    hc.plugin("p", ["cat"], runtime=runtime, ready=False)
    hc.start()
    assert runtime in hc.plugins["p"].wait_state("unavailable")["last_error"]


@pytest.mark.parametrize("version, fine", [
    ("1", True), ("1.0.0", True), ("1.4.2", True), ("2", False), ("0.9", False),
])
def test_kind_api_version_is_a_major_or_a_full_version_of_it(hc, version, fine):
    hc.allow_errors()
    plugin = hc.recorder("p", kind_api_version=version, ready=False)
    hc.start()
    plugin.wait_state("ready" if fine else "unavailable")


@pytest.mark.parametrize("wanted, fine", [
    (">=0.1,<2", True), ("==0.1.*", True), ("~=0.1", True), ("!=0.1.0", False), ("<0.1", False), (">=0.1.0", True),
])
def test_core_version_is_a_range_over_the_daemons_version(hc, wanted, fine):
    hc.allow_errors()
    plugin = hc.recorder("p", core_version=wanted, ready=False)
    hc.start()
    plugin.wait_state("ready" if fine else "unavailable")


@pytest.mark.parametrize("change, says", [
    ({"comand": ["cat"]}, "command"),
    ({"hookcast": {"protocl": "jsonrpc"}}, "protocol"),
    ({"name": "Bad Name"}, "Bad Name"),
    ({"name": None}, "name"),
    ({"command": None}, "command"),
    ({"command": []}, "command"),
    ({"runtime": None}, "runtime"),
    ({"core_version": None}, "core_version"),
    ({"priority": 101}, "priority|101"),
    ({"hookcast": {"queue_max_size": "12 apples"}}, "queue_max_size|apples"),
    ({"hookcast": {"overflow": "explode"}}, "overflow|explode"),
    ({"env": {"A=B": "c"}}, "A=B|env"),
    ({"startup_timeout_sec": "soon"}, "startup_timeout_sec|soon"),
], ids=lambda v: json.dumps(v)[:40] if isinstance(v, dict) else "")
def test_a_bad_manifest_is_reported_and_skipped(hc, change, says):
    hc.allow_errors()
    hc.recorder("good")
    hc.plugin("bad", ["cat"], ready=False)
    write_yaml(hc.plugin_dir / "bad/plugin.yaml", merge(hc.manifest("bad", ["cat"]), change))
    hc.start()
    assert [n for n, r in hc.rows().items() if r["state"] != "unavailable"] == ["good"]
    assert re.search(rf"bad/plugin\.yaml:\d+.*(?:{says})", hc.log_text()), hc.log_text()


def test_keys_of_other_hosts_are_accepted_and_ignored(hc):
    plugin = hc.recorder("p", version="3.1.4", description="x", authors=["a"], execution_model="async", in_process_only=False,
                         entry_point="a:b", health_check="x", url="http://x", auth={"a": "b"}, tryfirst=True, trylast=False,
                         fallback=True, resources=["r"], unit_of_work=True, supports_streaming=True, metadata={"a": [1]},
                         license="MIT", maintainer="me", homepage="http://x", capabilities=["a"])
    hc.start()
    plugin.wait_state("ready")


# -- discovery -----------------------------------------------------------------------------------------------------


def put(hc, directory, name, command=("sh", "-c", "exec cat >> wire.ndjson"), form="plugin.yaml", wrap=False):
    manifest = hc.manifest(name, list(command), hookcast={"protocol": "jsonrpc"})
    if form == "dagstack.json":
        directory.mkdir(parents=True, exist_ok=True)
        (directory / form).write_text(json.dumps({"plugin": manifest} if wrap else manifest))
    else:
        write_yaml(directory / form, manifest)


def test_plugins_are_found_at_any_depth_in_both_file_forms(hc):
    put(hc, hc.plugin_dir / "flat", "flat")
    put(hc, hc.plugin_dir / "group/deep/one", "deep")
    put(hc, hc.plugin_dir / "json", "json-root", form="dagstack.json")
    put(hc, hc.plugin_dir / "json2", "json-wrapped", form="dagstack.json", wrap=True)
    hc.start()
    wait_for(lambda: {n for n, r in hc.rows().items() if r["state"] == "ready"} ==
             {"flat", "deep", "json-root", "json-wrapped"}, 5, "all four to be ready")
    assert hc.publish()["queued"] == 4


def test_a_plugin_is_a_leaf(hc):
    put(hc, hc.plugin_dir / "outer", "outer")
    put(hc, hc.plugin_dir / "outer/inner", "inner")
    hc.start()
    assert set(hc.rows()) == {"outer"}


def test_tool_directories_are_skipped(hc):
    put(hc, hc.plugin_dir / "real", "real")
    for skipped in ("__pycache__", ".git", "node_modules", ".venv"):
        put(hc, hc.plugin_dir / skipped / "p", "p" + skipped.strip("._"))
        put(hc, hc.plugin_dir / "group" / skipped, "q" + skipped.strip("._"))
    hc.start()
    assert set(hc.rows()) == {"real"}


def test_symlinks_are_not_followed_out_of_the_plugin_dir(hc):
    put(hc, hc.plugin_dir / "real", "real")
    put(hc, hc.dir / "outside/one", "outsider")
    put(hc, hc.dir / "outside/two", "linked-file")
    (hc.plugin_dir / "link").symlink_to(hc.dir / "outside")
    (hc.plugin_dir / "two").mkdir()
    (hc.plugin_dir / "two/plugin.yaml").symlink_to(hc.dir / "outside/two/plugin.yaml")
    hc.allow_errors("two/plugin.yaml")
    hc.start()
    assert set(hc.rows()) == {"real"}


def test_a_symlink_cycle_ends(hc):
    put(hc, hc.plugin_dir / "group/real", "real")
    (hc.plugin_dir / "group/loop").symlink_to("..")
    hc.start()
    assert set(hc.rows()) == {"real"}


def test_two_plugins_of_one_name_in_one_directory_are_both_refused_and_both_named(hc):
    hc.allow_errors()
    put(hc, hc.plugin_dir / "a", "twin")
    put(hc, hc.plugin_dir / "b", "twin")
    put(hc, hc.plugin_dir / "c", "single")
    hc.start()
    wait_for(lambda: hc.rows()["single"]["state"] == "ready")
    twin = hc.rows().get("twin")
    assert twin is None or twin["state"] == "unavailable"
    assert hc.publish()["queued"] == 1
    complaint(hc, "twin", str(hc.plugin_dir / "a"), str(hc.plugin_dir / "b"))


def test_of_two_plugins_of_one_name_the_directory_listed_first_wins(hc):
    hc.kind()
    first = hc.dir / "first"
    put(hc, first / "p", "p", ("sh", "-c", "touch mine; exec cat >/dev/null"))
    put(hc, hc.plugin_dir / "p", "p", ("sh", "-c", "touch theirs; exec cat >/dev/null"))
    hc.start(arguments=["--runtime-dir", str(hc.runtime), "--hookspec-dir", str(hc.specs), "--plugin-dir", str(first),
                        "--plugin-dir", str(hc.plugin_dir), "--log-format", "json"])
    wait_for(lambda: hc.rows()["p"]["state"] == "ready")
    wait_for((first / "p/mine").exists, what="the first directory's plugin to run")
    assert not (hc.plugin_dir / "p/theirs").exists()
    complaint(hc, str(hc.plugin_dir / "p"), str(first))


def test_an_empty_or_missing_plugin_dir_is_no_reason_not_to_run(hc):
    hc.kind()
    hc.start(arguments=["--runtime-dir", str(hc.runtime), "--hookspec-dir", str(hc.specs), "--plugin-dir",
                        str(hc.dir / "nowhere"), "--log-format", "json"])
    assert hc.rows() == {}
    assert hc.publish()["queued"] == 0


# -- which hooks ---------------------------------------------------------------------------------------------------


def test_the_manifest_chooses_hooks_and_others_are_not_heard(hc):
    chosen = hc.recorder("chosen", hookcast={"hooks": [STARTED]})
    everything = hc.recorder("everything")
    hc.start()
    assert sorted(hc.rows()["chosen"]["hooks"]) == [STARTED] and sorted(hc.rows()["everything"]["hooks"]) == sorted(HOOKS)
    assert [hc.publish(h)["queued"] for h in HOOKS] == [2, 1, 1]
    everything.wait_events(3)
    assert [m["method"] for m in chosen.wait_events(1)] == [STARTED]
    assert chosen.notices() == [], "a hook that is not heard is no loss"


def test_an_unknown_hook_in_a_manifest_is_logged_with_the_nearest(hc):
    hc.allow_errors("on_request_startd")
    hc.recorder("p", hookcast={"hooks": ["on_request_startd", HOOKS[1]]}, ready=False)
    hc.start()
    complaint(hc, "on_request_startd", STARTED)


# -- start order ---------------------------------------------------------------------------------------------------


def test_nobody_starts_before_what_it_depends_on_is_ready(hc):
    gate = hc.dir / "gate"
    base = hc.puppet("base", {"setup": str(gate)}, ready=False)
    middle = hc.puppet("middle", depends_on=["base"], priority=100)
    top = hc.recorder("top", depends_on=["middle"])
    free = hc.recorder("free", ready=False)
    hc.start(wait=False)
    hc.wait_up()
    free.wait_state("ready")
    wait_for(lambda: base.requests("hooks/setup"), 5, "base to be asked to set up")
    assert middle.row()["pid"] is None and top.row()["pid"] is None
    gate.touch()
    top.wait_state("ready")
    assert base.pid() and middle.pid()


def test_equals_are_forked_by_priority_then_name(hc):
    for name, priority in (("c", 0), ("a", 0), ("z", 50), ("m", 100), ("b", 50)):
        hc.recorder(name, priority=priority)
    hc.start()
    pids = {n: r["pid"] for n, r in hc.rows().items()}
    assert sorted(pids, key=pids.get) == ["m", "b", "z", "a", "c"]


def test_a_missing_dependency_makes_unavailable_recursively(hc):
    hc.allow_errors()
    orphan = hc.recorder("orphan", depends_on=["ghost"], ready=False)
    grandchild = hc.recorder("grandchild", depends_on=["orphan"], ready=False)
    hc.recorder("good")
    hc.start()
    assert "ghost" in orphan.wait_state("unavailable")["last_error"]
    assert "orphan" in grandchild.wait_state("unavailable")["last_error"]
    assert hc.publish()["queued"] == 1


def test_a_dependency_that_fails_makes_its_dependents_unavailable(hc):
    hc.allow_errors()
    hc.puppet("base", {"setup": "error"}, ready=False)
    child = hc.recorder("child", depends_on=["base"], ready=False)
    hc.start()
    assert "no database today" in hc.plugins["base"].wait_state("unavailable")["last_error"]
    assert "base" in child.wait_state("unavailable")["last_error"]


def test_a_cycle_is_named_and_the_rest_runs(hc):
    hc.allow_errors()
    for name, needs in (("a", "b"), ("b", "c"), ("c", "a")):
        hc.recorder(name, depends_on=[needs], ready=False)
    hc.recorder("outside")
    hc.recorder("behind", depends_on=["a"], ready=False)
    hc.start()
    for name in "abc":
        error = hc.plugins[name].wait_state("unavailable")["last_error"]
        assert "cycle" in error and all(n in error for n in "abc"), error
    hc.plugins["behind"].wait_state("unavailable")
    assert hc.publish()["queued"] == 1


def test_a_plugin_that_depends_on_itself_is_a_cycle(hc):
    hc.allow_errors()
    hc.recorder("me", depends_on=["me"], ready=False)
    hc.start()
    assert "cycle" in hc.plugins["me"].wait_state("unavailable")["last_error"]


def test_plugins_stop_in_the_exact_reverse_order(hc):
    hc.puppet("a")
    hc.puppet("b", depends_on=["a"])
    hc.puppet("c", depends_on=["b"])
    hc.start()
    hc.stop()
    asked = {n: int((hc.plugins[n].dir / "teardown.ns").read_text()) for n in "abc"}
    assert sorted(asked, key=asked.get) == ["c", "b", "a"]


def test_a_manifests_directory_is_the_childs_working_directory(hc):
    plugin = hc.shell("here", "pwd -P > pwd.txt; exec cat >> wire.ndjson")
    hc.start()
    hc.publish()
    assert plugin.wait_events(1)[0]["params"]["_meta"][EVENT]["seq"] == 1
    assert (plugin.dir / "pwd.txt").read_text().strip() == os.path.realpath(plugin.dir)
