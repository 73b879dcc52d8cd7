"""DESIGN §5: a call that is never answered is cancelled after 60 s, and counted failed. The daemon's clock leaps there."""

import shutil
import subprocess
from pathlib import Path

import pytest

from harness import Site, wait_for
from mcpkit import CALL, CANCELLED, GREETED, LEGACY, LIST, MODERN
from mcpschema import check, why_not


@pytest.fixture(scope="module")
def shim(tmp_path_factory):
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("needs a C compiler")
    out = tmp_path_factory.mktemp("shim") / "leap.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(out), str(Path(__file__).with_name("leap.c"))], check=True)
    return out


@pytest.fixture
def leap(mcp, shim):
    """Starts the daemon, and lets it be so many seconds later; it wakes by being asked something."""
    clock = mcp.dir / "leap"
    clock.write_text("0")
    mcp.configure(plugin_defaults={"health": {"interval": "1h"}})
    mcp.start(env=Site.preloading(shim, LEAP=str(clock)))

    def to(seconds):
        mcp.call("daemon.status")  # what it was in the middle of is at the old time
        new = clock.with_suffix(".new")
        new.write_text(str(seconds))
        new.rename(clock)
        mcp.call("daemon.status")
    return to


@pytest.fixture(params=[LEGACY[0], MODERN])
def server(request, mcp):
    """Before `leap`: it starts the daemon."""
    return mcp.tool_server({"revision": request.param}, hookcast={"tools_in_flight_max": 2, "slow_after": "1h"})


def test_a_call_that_is_never_answered_is_cancelled_and_counted(mcp, server, leap):
    gate = mcp.dir / "gate"
    first = mcp.publish(payload={"do": ["hold", {"when": str(gate), "do": "release"}]})["seq"]
    mcp.publish(payload={"do": "usual"})  # answered: nothing is to be cancelled
    server.wait_calls(2)
    mcp.bystander.wait_events(2)
    leap(59)
    mcp.publish(payload={"do": "usual"})
    server.wait_calls(3)
    assert CANCELLED not in server.wrote() and server.row()["failures"] == 0
    leap(61)
    row = server.wait_failures(1)
    [cancel] = wait_for(lambda: server.requests(CANCELLED), what="the cancel")
    assert "id" not in cancel and cancel["params"]["requestId"] == first and "60 s" in cancel["params"]["reason"]
    if not why_not():
        check(cancel, row["protocol"])
    record = mcp.wait_log(plugin="srv", msg="event failed", seq=first)
    assert "no answer within 60 s" in record["error"]
    assert row["failures"] == 1 and row["state"] == "ready" and row["restarts"] == 0
    gate.touch()  # a late answer is an answer to nothing
    mcp.wait_log(plugin="srv", msg="ignored", error="nothing that was asked")
    assert server.row()["failures"] == 1


def test_what_is_cancelled_makes_room_for_what_waits(mcp, server, leap):
    for i in range(5):
        mcp.publish(payload={"i": i, "do": "hold" if i < 2 else "usual"})
    server.wait_calls(2)
    assert server.row()["queued_events"] == 3
    leap(61)
    assert [c["id"] for c in server.wait_calls(5)] == [1, 2, 3, 4, 5]
    row = server.row()
    assert (row["accepted"], row["delivered"], row["queued_events"], row["failures"]) == (5, 5, 0, 2)
    assert [m["params"]["requestId"] for m in server.requests(CANCELLED)] == [1, 2]


def test_each_has_its_own_minute(mcp, server, leap):
    mcp.publish(payload={"do": "hold"})
    server.wait_calls(1)
    leap(30)
    mcp.publish(payload={"do": "hold"})
    server.wait_calls(2)
    leap(61)
    assert [m["params"]["requestId"] for m in wait_for(lambda: server.requests(CANCELLED), what="a cancel")] == [1]
    leap(91)
    wait_for(lambda: len(server.requests(CANCELLED)) == 2, what="the other")
    assert server.wait_failures(2)["failures"] == 2 and server.row()["state"] == "ready"


def test_a_new_process_inherits_nobodys_minute(mcp, server, leap):
    mcp.publish(payload={"do": "hold"})
    mcp.publish(payload={"do": {"exit": 9}})
    wait_for(lambda: len(server.lives()) == 2, what="the second life")
    server.wait_row(lambda r: r["protocol"] and r["pid"] == server.lives()[-1] and r["restarts"] == 1, "it to be greeted")
    leap(61)
    mcp.publish(payload={"i": 3})
    server.wait_calls(3)
    assert CANCELLED not in server.wrote() and server.row()["failures"] == 0


def test_a_native_server_is_never_cancelled_anything(mcp, shim):
    """Its events are no requests: there is nothing that it could leave unanswered."""
    native = mcp.server({"native": "extensions"}, hookcast={"health": {"interval": "1h"}})
    clock = mcp.dir / "leap"
    clock.write_text("0")
    mcp.start(env=Site.preloading(shim, LEAP=str(clock)))
    mcp.publish()
    native.wait_events(1)
    mcp.call("daemon.status")
    clock.write_text("120")
    mcp.publish()
    native.wait_events(2)
    assert CANCELLED not in native.wrote() and CALL not in native.wrote() and native.row()["state"] == "ready"
    assert native.wrote()[:3] == GREETED and LIST not in native.wrote()
