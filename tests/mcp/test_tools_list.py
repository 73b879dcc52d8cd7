"""DESIGN §5, an ordinary MCP server: which of its tools hears which hook — pages, wishes, templates, changes."""

import json

import pytest

from harness import EVENT, FAILED, FINISHED, STARTED, wait_for
from mcpkit import CALL, DISCOVER, GREETED, LEGACY, LIST, LISTEN, MODERN

EXPOSED = [{"name": STARTED, "dispatch": "broadcast_notify", "mcp_exposed": True},
           {"name": FINISHED, "dispatch": "broadcast_notify", "mcp_exposed": True, "mcp_tool_name_template": "{hook}_{kind}"},
           {"name": FAILED, "dispatch": "broadcast_notify", "mcp_exposed": False}]
TEMPLATE_STARTED, TEMPLATE_FINISHED = f"lifecycle_listener.srv.{STARTED}", f"{FINISHED}_lifecycle_listener"

both_eras = pytest.mark.parametrize("revision", [LEGACY[0], MODERN])


def listed(server):
    return server.requests(LIST)


# -- pages ---------------------------------------------------------------------------------------------------------


@both_eras
def test_pages_are_followed_and_the_cursor_comes_back_as_it_was(mcp, revision):
    server = mcp.tool_server({"revision": revision, "tools": ["a", "b", "record"], "page": 1})
    mcp.start()
    assert [m["params"].get("cursor") for m in listed(server)] == [None, 'a"\u00e9/1', 'a"\u00e9/2']
    assert len({m["id"] for m in listed(server)}) == 3
    assert server.row()["hooks"] == [STARTED]


def test_sixty_four_pages_are_read(mcp):
    server = mcp.tool_server({"tools": [f"t{i}" for i in range(63)] + ["record"], "page": 1})
    mcp.start()
    assert len(listed(server)) == 64 and server.row()["hooks"] == [STARTED]


def test_sixty_five_pages_are_too_many(mcp):
    mcp.allow_errors()
    server = mcp.tool_server({"tools": ["record"] + [f"t{i}" for i in range(64)], "page": 1}, ready=False)
    mcp.start()
    assert "64 pages" in server.wait_unavailable() and len(listed(server)) == 64


def page(*tools, cursor):
    return {"result": {"tools": [{"name": t, "inputSchema": {"type": "object"}} for t in tools], "nextCursor": cursor}}


def test_a_cursor_that_comes_again_is_a_loop(mcp):
    mcp.allow_errors()
    pages = [[page("record", cursor="x")], [page("b", cursor="y")], [page("c", cursor="x")]]
    server = mcp.tool_server({"on": {LIST: pages}}, ready=False)
    mcp.start()
    assert "circles" in server.wait_unavailable() and len(listed(server)) == 3


def test_an_empty_cursor_is_a_page_to_fetch(mcp):
    server = mcp.tool_server({"on": {LIST: [[page("a", cursor="")], [page("record", cursor=None)]]}})
    mcp.start()
    assert [m["params"].get("cursor") for m in listed(server)] == [None, ""]


def test_the_same_empty_cursor_for_ever_is_a_loop(mcp):
    mcp.allow_errors()
    server = mcp.tool_server({"on": {LIST: page("record", cursor="")}}, ready=False)
    mcp.start()
    assert "circles" in server.wait_unavailable() and len(listed(server)) == 2


def test_a_cursor_that_is_no_string_is_refused(mcp):
    mcp.allow_errors()
    server = mcp.tool_server({"on": {LIST: page("record", cursor=7)}}, ready=False)
    mcp.start()
    assert "not a string" in server.wait_unavailable()


def test_an_error_on_a_later_page_refuses_the_server(mcp):
    mcp.allow_errors()
    lost = {"error": {"code": -32602, "message": "Invalid cursor"}}
    server = mcp.tool_server({"on": {LIST: [[page("record", cursor="x")], [lost]]}}, ready=False)
    mcp.start()
    assert "Invalid cursor" in server.wait_unavailable()


# -- wishes --------------------------------------------------------------------------------------------------------


@both_eras
def test_a_template_names_the_tool_of_an_exposed_hook(mcp, revision):
    mcp.kind(hooks=EXPOSED)
    server = mcp.server({"revision": revision, "tools": [TEMPLATE_STARTED, TEMPLATE_FINISHED, f"lifecycle_listener.srv.{FAILED}"]})
    mcp.start()
    assert server.row()["hooks"] == [STARTED, FINISHED]
    assert [mcp.publish(h)["queued"] for h in (STARTED, FINISHED, FAILED)] == [2, 2, 1]  # the bystander hears all
    assert [m["params"]["name"] for m in server.wait_calls(2)] == [TEMPLATE_STARTED, TEMPLATE_FINISHED]


def test_one_tool_may_hear_two_hooks(mcp):
    server = mcp.tool_server(hookcast={"tools": {FINISHED: "record"}})
    mcp.start()
    mcp.publish()
    mcp.publish(FINISHED)
    calls = server.wait_calls(2)
    assert [c["params"]["name"] for c in calls] == ["record", "record"]
    assert [c["params"]["_meta"][EVENT]["hook"] for c in calls] == [STARTED, FINISHED]


def test_the_manifest_goes_before_the_template(mcp):
    mcp.kind(hooks=EXPOSED)
    server = mcp.tool_server({"tools": ["record", TEMPLATE_STARTED]})
    mcp.start()
    mcp.publish()
    assert server.wait_calls(1)[0]["params"]["name"] == "record"


def test_a_template_tool_that_is_lacking_is_no_news(mcp):
    mcp.kind(hooks=EXPOSED)
    server = mcp.server({"tools": [TEMPLATE_FINISHED]})
    mcp.start()
    assert server.row()["hooks"] == [FINISHED]
    assert not [r for r in mcp.log(plugin="srv", level="warning")]


def test_a_template_that_a_reload_changes_is_what_names_the_tool(mcp):
    mcp.kind(hooks=EXPOSED)
    server = mcp.server({"tools": [TEMPLATE_STARTED, "new_" + STARTED]})
    mcp.start()
    mcp.kind(hooks=[dict(EXPOSED[0], mcp_tool_name_template="new_{hook}"), *EXPOSED[1:]])
    mcp.call("daemon.reload")
    server.wait_state("ready")
    mcp.publish()
    assert server.wait_calls(1)[0]["params"]["name"] == "new_" + STARTED


def test_a_named_tool_that_is_lacking_is_told_with_the_nearest(mcp):
    server = mcp.tool_server({"tools": ["record", "append_rows", "x"]}, hookcast={"tools": {FINISHED: "append_row"}})
    mcp.start()
    note = mcp.wait_log(plugin="srv", level="warning", msg="append_row\\b")
    assert "append_rows" in note["msg"] and FINISHED in note["msg"] and "did you mean" in note["msg"].lower()
    assert server.row()["hooks"] == [STARTED]


def test_the_nearest_is_found_on_any_page(mcp):
    mcp.tool_server({"tools": ["record", "x", "append_rows", "y"], "page": 1}, hookcast={"tools": {FINISHED: "append_row"}})
    mcp.start()
    assert "append_rows" in mcp.wait_log(plugin="srv", msg="append_row\\b")["msg"]


def test_no_tool_at_all_is_unavailable_and_lists_what_there_is(mcp):
    mcp.allow_errors()
    server = mcp.tool_server({"tools": ["alpha", "beta", "recrd"]}, ready=False)
    bare = mcp.server({"tools": ["alpha"]}, name="bare", ready=False)
    mcp.start()
    error = server.wait_unavailable()
    assert "alpha, beta, recrd" in error
    assert [r for r in mcp.log(plugin="srv") if "did you mean" in json.dumps(r).lower()]
    assert "alpha" in bare.wait_unavailable()
    server.wait_row(lambda r: r["pid"] is None, "its process to be gone")


def test_a_thousand_tools_do_not_fill_last_error(mcp):
    mcp.allow_errors()
    server = mcp.server({"tools": [f"tool_number_{i}" for i in range(1000)]}, ready=False)
    mcp.start()
    error = server.wait_unavailable()
    assert "tool_number_0" in error and len(error) < 800


def test_a_schema_that_does_not_fit_is_logged_and_events_are_delivered(mcp):
    schema = {"type": "object", "properties": {"path": {"type": "string"}, "n": {"type": "integer"}}, "required": ["path"]}
    (mcp.specs / "lifecycle_listener").mkdir()
    (mcp.specs / "lifecycle_listener" / "s.json").write_text(json.dumps(schema))
    mcp.kind(hooks=[{"name": STARTED, "dispatch": "broadcast_notify", "input_schema": "s.json"}])
    wants = {"name": "record", "inputSchema": {"type": "object", "properties": {"path": {"type": "integer"}, "id": {}},
                                               "required": ["id"]}}
    fits = {"name": "record", "inputSchema": {"type": "object", "properties": {"path": {"type": "string"}},
                                              "required": ["path"]}}
    odd = mcp.tool_server({"tools": [wants]}, name="odd")
    mcp.tool_server({"tools": [fits]}, name="even")
    mcp.start()
    note = mcp.wait_log(plugin="odd", level="warning", msg="record")["msg"]
    assert '"id"' in note and '"path"' in note and STARTED in note
    assert not mcp.log(plugin="even", level="warning")
    mcp.publish(payload={"path": "/"})
    assert odd.wait_calls(1)[0]["params"]["arguments"] == {"path": "/"}
    mcp.publish(payload={"path": "/"})
    odd.wait_calls(2)
    mcp.site.publish = lambda publish=mcp.site.publish: publish(payload={"path": "/"})  # for the check at the end


def test_a_tool_that_can_only_be_called_as_a_task_is_not_taken(mcp):
    mcp.allow_errors()
    tool = {"name": "record", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "required"}}
    server = mcp.tool_server({"tools": [tool]}, ready=False)
    mcp.start()
    assert "record" in server.wait_unavailable()
    assert mcp.log(plugin="srv", msg="task")


# -- changes -------------------------------------------------------------------------------------------------------

CHANGING = {"listen": True}


def greeting(revision):
    return [DISCOVER, LIST, LISTEN] if revision == MODERN else GREETED + [LIST]


@both_eras
def test_a_tool_that_appears_is_heard_from_then_on(mcp, revision):
    server = mcp.tool_server({"revision": revision, **CHANGING}, hookcast={"tools": {FINISHED: "finish"}})
    mcp.start()
    assert server.row()["hooks"] == [STARTED] and mcp.publish(FINISHED)["queued"] == 1
    assert server.wrote() == greeting(revision)
    mcp.publish(payload={"do": ["usual", {"tools": ["record", "finish"]}]})
    server.wait_row(lambda r: r["hooks"] == [STARTED, FINISHED], "both hooks to be heard")
    assert mcp.publish(FINISHED)["queued"] == 2
    assert server.wait_calls(2)[1]["params"]["name"] == "finish"
    assert server.wrote() == greeting(revision) + [CALL, LIST, CALL]
    assert server.row()["restarts"] == 0 and server.row()["state"] == "ready"


@both_eras
def test_a_tool_that_is_removed_is_not_called_any_more(mcp, revision):
    server = mcp.tool_server({"revision": revision, "tools": ["record", "finish"], **CHANGING},
                             hookcast={"tools": {FINISHED: "finish"}})
    mcp.start()
    mcp.publish(payload={"do": ["usual", {"tools": ["record"]}]})
    server.wait_row(lambda r: r["hooks"] == [STARTED], "one hook to be left")
    assert mcp.publish(FINISHED)["queued"] == 1
    assert "finish" in mcp.wait_log(plugin="srv", level="warning", msg="gone")["msg"]


@both_eras
def test_the_last_tool_renamed_is_unavailable_with_what_there_is(mcp, revision):
    mcp.allow_errors()
    server = mcp.tool_server({"revision": revision, **CHANGING})
    mcp.start()
    mcp.publish(payload={"do": ["usual", {"tools": ["write_down"]}]})
    assert "write_down" in server.wait_unavailable()
    row = server.wait_row(lambda r: r["pid"] is None, "its process to be gone")
    assert row["accepted"] == row["delivered"] + row["dropped"]


def test_events_that_wait_for_a_removed_tool_are_dropped_and_counted(mcp):
    server = mcp.tool_server({"tools": ["record", "finish"], **CHANGING},
                             hookcast={"tools": {FINISHED: "finish"}, "tools_in_flight_max": 1})
    mcp.start()
    gate, end = mcp.dir / "gate", mcp.dir / "end"
    mcp.publish(payload={"do": ["hold", {"when": str(gate), "do": [{"tools": ["record"]}]}, {"when": str(end), "do": "release"}]})
    server.wait_calls(1)
    for _ in range(3):
        mcp.publish(FINISHED)
    assert server.row()["queued_events"] == 3
    gate.touch()
    row = server.wait_row(lambda r: r["hooks"] == [STARTED], "one hook to be left")
    assert (row["accepted"], row["delivered"], row["dropped"], row["queued_events"]) == (4, 1, 3, 0)
    end.touch()


def test_changes_that_cannot_be_read_leave_what_was(mcp):
    lost = [["usual"], [{"error": {"code": -32603, "message": "list is lost"}}], ["usual"]]
    server = mcp.tool_server({**CHANGING, "on": {LIST: lost}})
    mcp.start()
    mcp.publish(payload={"do": ["usual", {"tools": []}]})
    assert "list is lost" in mcp.wait_log(plugin="srv", level="warning", msg="cannot be read")["msg"]
    mcp.publish()
    server.wait_calls(2)
    assert server.wait_state("ready")["hooks"] == [STARTED]


def test_a_flood_of_changes_is_not_a_flood_of_readings(mcp):
    server = mcp.tool_server({"tools": ["record"], **CHANGING})
    mcp.start()
    change = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
    mcp.publish(payload={"do": [{"say": change, "times": 5000}, "usual"]})
    mcp.publish(payload={"do": ["usual", {"note": "second"}]})
    server.wait_calls(2)
    wait_for(lambda: server.ends() == ["second"], what="the second call to be answered")
    mcp.publish()
    server.wait_calls(3)
    assert 2 <= len(listed(server)) <= 12 and server.row()["state"] == "ready"


def test_a_modern_server_may_end_or_refuse_the_subscription(mcp):
    refuse = {"error": {"code": -32601, "message": "no subscriptions here"}}
    refusing = mcp.tool_server({"revision": MODERN, **CHANGING, "on": {LISTEN: refuse}}, name="refusing")
    ending = mcp.tool_server({"revision": MODERN, **CHANGING, "on": {LISTEN: [
        "usual", {"say": {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "h3"}}}]}}, name="ending")
    mcp.start()
    assert "no subscriptions here" in mcp.wait_log(plugin="refusing", level="warning")["msg"]
    mcp.publish()
    for server in (refusing, ending):
        server.wait_calls(1)
        assert server.wait_state("ready")["restarts"] == 0
        assert server.wrote() == [DISCOVER, LIST, LISTEN, CALL]
    assert not mcp.log(plugin="ending", level="warning")


def test_a_change_for_a_subscription_that_is_not_ours_is_ignored(mcp):
    alien = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed",
             "params": {"_meta": {"io.modelcontextprotocol/subscriptionId": "h99"}}}
    server = mcp.tool_server({"revision": MODERN, **CHANGING})
    mcp.start()
    mcp.publish(payload={"do": [{"say": alien}, "usual"]})
    mcp.wait_log(plugin="srv", msg="ignored", error="subscription")
    assert len(listed(server)) == 1
