"""DESIGN §5: the era is remembered across restarts of the same manifest, and one that fails is probed again."""

from harness import wait_for
from mcpkit import AGAIN, DISCOVER, GREETED, INITIALIZE, LEGACY, LIST, MODERN, SETUP, methods


def crash(mcp, server, life):
    """An event that it dies of; then wait for its next process to be greeted and ready."""
    mcp.publish(payload={"do": [{"exit": 9}]})
    wait_for(lambda: len(server.lives()) >= life, what=f"life {life}")
    server.wait_row(lambda r: r["restarts"] >= 1 and r["state"] in ("degraded", "ready") and r["protocol"] and r["pid"] ==
                    server.lives()[-1], "its next process")


def test_a_legacy_server_is_greeted_with_initialize_after_a_crash(mcp):
    server = mcp.tool_server()
    mcp.start()
    assert server.wrote() == GREETED + [LIST]
    crash(mcp, server, 2)
    wait_for(lambda: len(server.life(2)) >= 3, what="the second greeting")
    assert methods(server.life(2)) == AGAIN + [LIST]
    mcp.publish(payload={"n": 2})
    server.wait_calls(2)
    assert server.wait_state("ready")["restarts"] == 1


def test_a_modern_server_is_probed_again_after_a_crash_and_that_is_its_greeting(mcp):
    server = mcp.tool_server({"revision": MODERN})
    mcp.start()
    crash(mcp, server, 2)
    wait_for(lambda: len(server.life(2)) >= 2, what="the second greeting")
    assert methods(server.life(2)) == [DISCOVER, LIST]
    assert server.wait_state("ready")["protocol"] == MODERN


def test_the_era_survives_a_restart_by_hand(mcp):
    server = mcp.tool_server()
    mcp.start()
    mcp.call("plugin.restart", {"name": "srv"})
    wait_for(lambda: len(server.life(2)) == 3, what="the second greeting")
    assert methods(server.life(2)) == AGAIN + [LIST]
    assert server.wait_state("ready")["protocol"] == LEGACY[0]


def test_another_manifest_is_probed_afresh(mcp):
    server = mcp.tool_server()
    mcp.start()
    manifest = server.dir / "plugin.yaml"
    manifest.write_text(manifest.read_text().replace("teardown_timeout_sec: 2", "teardown_timeout_sec: 3"))
    mcp.call("daemon.reload")
    wait_for(lambda: len(server.life(2)) == 4, what="the second greeting")
    assert methods(server.life(2)) == GREETED + [LIST]


def test_a_remembered_era_that_fails_is_probed_again(mcp):
    """Upgraded in its place: the second process is modern and refuses initialize. The third is asked, at once."""
    gone = {"revision": MODERN, "on": {INITIALIZE: {"error": {"code": -32601, "message": "gone"}}}}
    server = mcp.tool_server([{}, gone])
    mcp.start()
    mcp.publish(payload={"do": [{"exit": 9}]})
    wait_for(lambda: methods(server.life(3)) == [DISCOVER, LIST], what="its third process")
    assert methods(server.life(2)) == [INITIALIZE]
    row = server.wait_row(lambda r: r["state"] == "ready", "it to have recovered")
    assert row["protocol"] == MODERN and row["restarts"] == 1, "the crash; how it is greeted is no fault of its"


def test_a_remembered_era_that_fails_heals_by_itself(mcp):
    """Refused initialize with -32022 and 2026-07-28 among the supported: nobody has to restart it by hand."""
    mcp.allow_errors()
    modern = {"revision": MODERN, "on": {INITIALIZE: {"error": {"code": -32022, "message": "Unsupported protocol version",
                                                                "data": {"supported": [MODERN], "requested": LEGACY[0]}}}}}
    server = mcp.tool_server([{}, modern])
    mcp.configure(plugin_defaults={"restart": {"retry_unavailable": "100ms"}})
    mcp.start()
    mcp.publish(payload={"do": [{"exit": 9}]})
    wait_for(lambda: len(server.life(2)) >= 1, what="the second greeting")
    server.wait_row(lambda r: r["protocol"] == MODERN and r["state"] in ("ready", "degraded"), "it to be modern")


def test_an_unavailable_server_is_tried_again_with_a_probe(mcp):
    mcp.allow_errors()
    down = {"on": {INITIALIZE: {"error": {"code": -32000, "message": "not yet"}}}}
    server = mcp.tool_server([down, {}], ready=False)
    mcp.configure(plugin_defaults={"restart": {"retry_unavailable": "100ms"}})
    mcp.start()
    server.wait_state("ready")
    assert methods(server.life(1)) == [DISCOVER, INITIALIZE] and methods(server.life(2)) == GREETED + [LIST]


def test_a_late_discover_result_is_remembered_for_the_next_start(mcp):
    """It answered initialize, so this process is legacy; the next one is greeted as the modern server it also is."""
    result = {"resultType": "complete", "supportedVersions": [MODERN], "capabilities": {}, "ttlMs": 0, "cacheScope": "private"}
    late = {"on": {DISCOVER: "silent", INITIALIZE: ["usual", {"result": result, "id": "h1"}]}}
    server = mcp.tool_server([late, {"revision": MODERN}], startup_timeout_sec=1.5)
    mcp.start()
    assert server.row()["protocol"] == LEGACY[0] and server.wrote() == GREETED + [LIST]
    crash(mcp, server, 2)
    wait_for(lambda: len(server.life(2)) >= 2, what="the second greeting")
    assert methods(server.life(2)) == [DISCOVER, LIST]


def test_a_native_server_comes_back_in_its_era_and_keeps_what_waited(mcp):
    server = mcp.server({"revision": "2025-06-18", "native": "experimental"})
    mcp.start()
    crash(mcp, server, 2)
    mcp.publish(payload={"n": 2})
    server.wait_events(2)
    assert methods(server.life(2))[:3] == AGAIN + [SETUP]
    assert server.wait_state("ready")["protocol"] == "2025-06-18"


def test_a_server_that_died_on_the_probe_is_remembered_as_legacy_and_may_die_of_it_again_after_being_ready(mcp):
    server = mcp.tool_server({"on": {DISCOVER: {"exit": 1}}})
    mcp.start()
    assert methods(server.life(2)) == AGAIN + [LIST] and server.row()["restarts"] == 0
    crash(mcp, server, 3)
    wait_for(lambda: len(server.life(3)) >= 3, what="the third greeting")
    assert methods(server.life(3)) == AGAIN + [LIST] and server.row()["restarts"] == 1
