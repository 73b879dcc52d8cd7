"""DESIGN §5, handshake: which era and revision is spoken with which server, and what exactly is written to it.

All servers of the table below live in one daemon: what one of them does is nothing to the others."""

import re

import pytest

from harness import HOOKS, STARTED, Site, wait_for
from mcpkit import (AGAIN, DISCOVER, EXTENSION, GREETED, INITIALIZE, INITIALIZED, LEGACY, LIST, META, MODERN, SETUP, TOOL,
                    Server, World)


def error(code, message="no", **data):
    return {"error": {"code": code, "message": message, **({"data": data} if data else {})}}


def versions(*supported, requested=MODERN):
    return error(-32022, "Unsupported protocol version", supported=list(supported), requested=requested)


def discovered(*supported, **result):
    return {"result": {"resultType": "complete", "supportedVersions": list(supported), "capabilities": {"tools": {}},
                       "ttlMs": 0, "cacheScope": "private", **result}}


MODERN_TOOLS = [DISCOVER, LIST]
LEGACY_TOOLS = GREETED + [LIST]
SHORT = 1.5  # startup timeout, for those who never answer, or late

# name: (act, wanted protocol or None, pattern of last_error when it is refused, methods written in order)
TABLE = {
    # -- what a server of each revision gets --
    **{f"tools-{r}": ({"revision": r}, r, None, LEGACY_TOOLS) for r in LEGACY},
    "tools-modern": ({"revision": MODERN}, MODERN, None, MODERN_TOOLS),
    **{f"native-{where}-{r}": ({"revision": r, "native": where}, r, None, GREETED + [SETUP])
       for r in LEGACY for where in ("extensions", "experimental")},
    **{f"native-{where}-modern": ({"revision": MODERN, "native": where}, MODERN, None, [DISCOVER, SETUP])
       for where in ("extensions", "experimental")},

    # -- answers to the probe --
    **{f"probe{code}": ({"on": {DISCOVER: error(code)}}, LEGACY[0], None, LEGACY_TOOLS)
       for code in (-32601, -32600, -32602, -32603, -32700, -32000, -32002, 0, 7)},
    "probe-strange-result": ({"on": {DISCOVER: {"result": {"hello": 1}}}}, LEGACY[0], None, LEGACY_TOOLS),
    "probe-null-result": ({"on": {DISCOVER: {"result": None}}}, LEGACY[0], None, LEGACY_TOOLS),
    "probe-32022-legacy": ({"revision": "2025-06-18", "on": {DISCOVER: versions("2024-11-05", "2025-06-18")}},
                           "2025-06-18", None, LEGACY_TOOLS),
    "probe-32022-none": ({"on": {DISCOVER: versions("2031-01-01", "1999-12-31")}}, None,
                         r"2031-01-01, 1999-12-31.*2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05|"
                         r"2026-07-28, 2025-11-25, 2025-06-18, 2025-03-26, 2024-11-05.*2031-01-01, 1999-12-31", [DISCOVER]),
    "probe-32022-bare": ({"on": {DISCOVER: error(-32022)}}, None, "2026-07-28.*2025-11-25|none", [DISCOVER]),
    "probe-32022-itself-once": ({"revision": MODERN, "on": {DISCOVER: [[versions(MODERN)], ["usual"]]}}, MODERN, None,
                                [DISCOVER, DISCOVER, LIST]),
    "probe-32022-itself": ({"on": {DISCOVER: versions(MODERN)}}, None, "2026-07-28", [DISCOVER, DISCOVER]),
    "probe-32022-itself-error": ({"on": {DISCOVER: [[versions(MODERN)], [error(-32601, "not after all")]]}}, None,
                                 "not after all", [DISCOVER, DISCOVER]),
    "probe-32022-both": ({"revision": MODERN, "on": {DISCOVER: [[versions("2025-11-25", MODERN)], ["usual"]]}}, MODERN,
                         None, [DISCOVER, DISCOVER, LIST]),
    "probe-32021": ({"on": {DISCOVER: error(-32021, "Missing required client capability",
                                            requiredCapabilities={"sampling": {}})}}, None, '"sampling"', [DISCOVER]),
    "probe-32021-bare": ({"on": {DISCOVER: error(-32021)}}, None, "client capabilities", [DISCOVER]),
    "discovered-legacy": ({"revision": "2025-03-26", "on": {DISCOVER: discovered("2025-03-26", "2024-11-05")}},
                          "2025-03-26", None, LEGACY_TOOLS),
    "discovered-none": ({"on": {DISCOVER: discovered("2031-01-01")}}, None, "2031-01-01", [DISCOVER]),
    "discovered-newer-too": ({"revision": MODERN, "on": {DISCOVER: discovered("2031-01-01", MODERN)}}, MODERN, None,
                             MODERN_TOOLS),
    "banner": ({"start": [{"say": "Welcome to FastThing 2.0!\n\n  * docs: http://x\n"}]}, LEGACY[0], None, LEGACY_TOOLS),
    "banner-modern": ({"revision": MODERN, "start": [{"say": "{}\n[]\n[1]\n\xff\xfe\n"}]}, MODERN, None, MODERN_TOOLS),
    "twice": ({"on": {DISCOVER: ["usual", "usual"], INITIALIZE: ["usual", "usual"], LIST: ["usual", "usual"]}}, LEGACY[0],
              None, LEGACY_TOOLS),

    # -- answers to initialize --
    "init-unknown-version": ({"revision": "2031-01-01"}, None, "2031-01-01", [DISCOVER, INITIALIZE]),
    "init-modern-version": ({"on": {INITIALIZE: {"result": {"protocolVersion": MODERN, "capabilities": {}}}}}, None,
                            MODERN, [DISCOVER, INITIALIZE]),
    "init-no-version": ({"on": {INITIALIZE: {"result": {}}}}, None, "protocolVersion", [DISCOVER, INITIALIZE]),
    "init-error": ({"on": {INITIALIZE: error(-32603, "out of licences")}}, None, "out of licences.*-32603",
                   [DISCOVER, INITIALIZE]),
    "init-hooks-no-list": ({"on": {INITIALIZE: {"result": {"protocolVersion": LEGACY[0], "capabilities": {
        "experimental": {EXTENSION: {"hooks": "all"}}}}}}}, None, "hooks.*not a list", [DISCOVER, INITIALIZE]),
    "setup-error": ({"revision": MODERN, "native": "extensions", "on": {SETUP: error(-32000, "no database today")}}, None,
                    "no database today", [DISCOVER, SETUP]),

    # -- tools/list at the start --
    "list-error": ({"on": {LIST: error(-32603, "list is lost")}}, None, "list is lost", LEGACY_TOOLS),
    "list-no-list": ({"on": {LIST: {"result": {}}}}, None, "no list of tools", LEGACY_TOOLS),
    "list-not-complete": ({"revision": MODERN, "on": {LIST: {"result": {"resultType": "input_required", "tools": []}}}},
                          None, "not complete", MODERN_TOOLS),
    "no-tool": ({"tools": ["recor", "other"]}, None, "recor, other", LEGACY_TOOLS),
    "no-tools-at-all": ({"tools": []}, None, "it has: none", LEGACY_TOOLS),
}

# The same for those who are silent or late: their patience is short.
SLOW = {
    "silent-probe": ({"on": {DISCOVER: "silent"}}, LEGACY[0], None, LEGACY_TOOLS),
    "silent-native": ({"native": "experimental", "on": {DISCOVER: "silent"}}, LEGACY[0], None, GREETED + [SETUP]),
    "silent-for-ever": ({"on": {DISCOVER: "silent", INITIALIZE: "silent"}}, None, r"1\.5 s.*answer to initialize",
                        [DISCOVER, INITIALIZE]),
    "init-silent": ({"on": {INITIALIZE: "silent"}}, None, r"1\.5 s.*answer to initialize", [DISCOVER, INITIALIZE]),
    "setup-silent": ({"native": "extensions", "on": {SETUP: "silent"}}, None, r"1\.5 s.*answer to hooks/setup",
                     GREETED + [SETUP]),
    "list-silent": ({"on": {LIST: "silent"}}, None, r"1\.5 s.*answer to tools/list", LEGACY_TOOLS),
    "late-then-result": ({"on": {DISCOVER: "hold", INITIALIZE: [discovered(MODERN) | {"id": "h1"}, "usual"]}},
                         LEGACY[0], None, LEGACY_TOOLS),
    "late-then-error": ({"revision": MODERN, "on": {DISCOVER: "hold", INITIALIZE: ["release", error(-32601, "modern")]}},
                        MODERN, None, [DISCOVER, INITIALIZE, LIST]),
    "error-then-late": ({"revision": MODERN, "on": {DISCOVER: "hold", INITIALIZE: [error(-32601, "modern"), "release"]}},
                        MODERN, None, [DISCOVER, INITIALIZE, LIST]),
    "error-then-late-error": ({"on": {DISCOVER: "hold", INITIALIZE: [error(-32000, "not this"), "release"]}}, None,
                              "not this", [DISCOVER, INITIALIZE]),
}


def world_of(table, **over):
    site = Site()
    world = World(site)
    world.servers = {}
    site.allow_errors()  # who is refused is logged as such
    for name, (act, protocol, *_) in table.items():
        act = act if "tools" in act else {**act, "tools": ["record"]}
        world.servers[name] = Server(site, "p" + name.replace(".", "-"), act, hookcast=TOOL, ready=False, **over)
    site.configure(startup_grace="100ms")
    return world


@pytest.fixture(scope="module")
def worlds():
    """Both tables, each in a daemon of its own; closed, and the bystanders asked, when the module is through."""
    fast, slow = world_of(TABLE), world_of(SLOW, startup_timeout_sec=SHORT)
    with fast.site, slow.site:
        fast.site.start()
        slow.site.start()
        yield {**fast.servers, **slow.servers}
        fast.check()
        slow.check()


@pytest.mark.parametrize("name", [*TABLE, *SLOW])
def test_the_server_is_what_its_answers_say(worlds, name):
    act, protocol, reason, wrote = {**TABLE, **SLOW}[name]
    server = worlds[name]
    if protocol:
        row = server.wait_state("ready", timeout=20)
        assert row["protocol"] == protocol and row["last_error"] is None and row["hooks"]
    else:
        row = server.wait_state("unavailable", timeout=20)
        assert re.search(reason, row["last_error"], re.S), row["last_error"]
        assert row["restarts"] == 0
        row = server.wait_row(lambda r: r["pid"] is None, "its process to be gone")
    server.wait_wrote(wrote)
    assert len(server.lives()) == 1


def test_the_two_kinds_of_server_hear_what_they_may(worlds):
    assert worlds["tools-modern"].row()["hooks"] == [STARTED]
    assert worlds["native-extensions-modern"].row()["hooks"] == HOOKS
    assert worlds["native-experimental-2024-11-05"].row()["hooks"] == HOOKS


def test_what_the_daemon_says_of_itself(worlds):
    probe, init, initialized, listing = worlds["tools-2025-11-25"].messages()
    meta = probe["params"]["_meta"]
    want = {"kind": "lifecycle_listener", "kind_api_version": "1.0.0", "hooks": HOOKS}
    assert set(probe["params"]) == {"_meta"} and meta[META + "protocolVersion"] == MODERN
    assert meta[META + "clientInfo"]["name"] == "hookcastd"
    assert meta[META + "clientCapabilities"] == {"extensions": {EXTENSION: want}}
    assert init["params"]["protocolVersion"] == LEGACY[0] and "_meta" not in init["params"]
    assert init["params"]["capabilities"] == {"extensions": {EXTENSION: want}, "experimental": {EXTENSION: want}}
    assert "id" not in initialized and listing["params"] == {}
    ids = [m["id"] for m in (probe, init, listing)]
    assert all(isinstance(i, str) for i in ids) and len(set(ids)) == 3


def test_the_newest_legacy_revision_in_common_is_offered(worlds):
    assert worlds["probe-32022-legacy"].messages()[1]["params"]["protocolVersion"] == "2025-06-18"
    assert worlds["discovered-legacy"].messages()[1]["params"]["protocolVersion"] == "2025-03-26"


def test_every_request_to_a_modern_server_carries_its_meta(worlds):
    for name in ("tools-modern", "native-extensions-modern", "probe-32022-itself-once", "late-then-error"):
        requests = [m for m in worlds[name].messages() if m["method"] != INITIALIZE]
        for message in requests:
            meta = message["params"]["_meta"]
            assert meta[META + "protocolVersion"] == MODERN and meta[META + "clientInfo"]
            assert EXTENSION in meta[META + "clientCapabilities"]["extensions"]
    for name in ("tools-2024-11-05", "native-experimental-2025-03-26"):
        for message in worlds[name].messages()[1:]:
            assert "_meta" not in message["params"], message


def test_a_refused_server_is_shown_as_failed_to_publishers(worlds):
    hc = worlds["no-tool"].site
    answer = hc.publish()
    failed = {f["plugin"]: f["error"] for f in answer["failed"]}
    assert answer["failed_total"] >= 16 and all("unavailable" in e for e in failed.values()), failed


def test_a_server_that_dies_on_the_probe_is_greeted_as_legacy_at_once_and_that_is_no_crash(mcp):
    server = mcp.tool_server({"on": {DISCOVER: {"exit": 3}}}, ready=False)
    mcp.start()
    row = server.wait_state("ready")
    assert row["restarts"] == 0 and row["last_error"] is None and row["protocol"] == LEGACY[0]
    assert [[m["method"] for m in server.life(n)] for n in (1, 2)] == [[DISCOVER], AGAIN + [LIST]]
    assert not mcp.log(plugin="srv", level="error") and not mcp.log(msg="plugin died")
    assert mcp.log(msg="started again as a server of a legacy MCP revision")


def test_dying_on_the_probe_is_excused_once_only(mcp):
    """It dies of everything: the probe, then initialize; that one is a crash, and so is all that follows."""
    mcp.allow_errors()
    server = mcp.tool_server({"on": {DISCOVER: {"exit": 3}, INITIALIZE: {"exit": 4}}}, ready=False)
    mcp.configure(plugin_defaults={"restart": {"max_restarts": 2}})
    mcp.start()
    row = server.wait_state("unavailable")
    assert "4" in row["last_error"] or "3" in row["last_error"], row
    lives = [[m["method"] for m in server.life(n)] for n in range(1, len(server.lives()) + 1)]
    assert lives[:2] == [[DISCOVER], [INITIALIZE]]
    deaths = [r for r in mcp.log(msg="plugin died")]
    assert len(deaths) == 3, "max_restarts + 1 crashes, and the excused death is not among them"
    assert len(lives) == 4 and row["restarts"] == 2


def test_a_server_that_is_slow_and_then_dies_on_the_probe_is_greeted_as_legacy(mcp):
    """It comes to read only when initialize is written, too, and ends over what stands before it: it has said nothing."""
    gate = mcp.dir / "gate"
    slow = {"on": {DISCOVER: [{"wait": str(gate)}, {"exit": 3}]}}
    server = mcp.tool_server([slow, {"on": {DISCOVER: {"exit": 3}}}], ready=False, startup_timeout_sec=SHORT)
    mcp.configure(startup_grace="50ms")
    mcp.start()
    server.wait_row(lambda r: r["uptime_s"] > SHORT / 3 + 0.1, "the patience to be over")
    gate.touch()
    wait_for(lambda: server.life(2), what="its second process")
    assert server.life(2)[0]["method"] == INITIALIZE
    assert server.wait_state("ready")["restarts"] == 0


def test_a_server_that_is_slow_to_start_is_still_waited_for_within_a_third_of_its_timeout(mcp):
    gate = mcp.dir / "gate"
    server = mcp.tool_server({"revision": MODERN, "on": {DISCOVER: [{"wait": str(gate)}, "usual"]}}, ready=False)
    mcp.configure(startup_grace="50ms")
    mcp.start()
    wait_for(lambda: server.wrote() == [DISCOVER], what="the probe")
    assert server.row()["state"] == "starting" and server.row()["protocol"] is None
    gate.touch()
    assert server.wait_state("ready")["protocol"] == MODERN
    server.wait_wrote([DISCOVER, LIST])


def test_initialized_is_written_before_anything_else_follows(worlds):
    for name in [*(f"tools-{r}" for r in LEGACY), *(f"native-extensions-{r}" for r in LEGACY)]:
        assert worlds[name].wrote()[2] == INITIALIZED
