"""RELIABILITY §3, case 49: payloads and schemas made to take for ever."""

import json
import threading
import time

import pytest

from faults import SCALE, size
from harness import FINISHED, KIND, STARTED, Conn, wait_for, write_yaml

LAYERS = {"$defs": {"d0": {"required": ["never"]}, **{f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i - 1}"}] * 2} for i in range(1, 41)}}}
DEEP = '{"a":' * 120 + "1" + "}" * 120
NAMES = json.dumps({"a" * 40 + "!" + str(i): i for i in range(200)})

# name: (schema, payload as JSON text, must it be given up?)
BOMBS = {
    "nested anyOf": ({"$ref": "#/$defs/d40", **LAYERS}, "{}", True),
    "nested oneOf": (json.loads(json.dumps({"$ref": "#/$defs/d40", **LAYERS}).replace("anyOf", "oneOf")), "{}", True),
    "nested not": ({"not": {"not": {"$ref": "#/$defs/d40"}}, **LAYERS}, "{}", True),
    "a reference to itself": ({"allOf": [{"$ref": "#"}]}, "{}", True),
    "two ways down, 120 deep": ({"properties": {"a": {"allOf": [{"$ref": "#"}, {"$ref": "#"}]}}}, DEEP, True),
    "one way down, 120 deep": ({"properties": {"a": {"$ref": "#"}}}, DEEP, False),
    "(a+)+": ({"properties": {"s": {"pattern": "^(a+)+$"}}}, json.dumps({"s": "a" * 60 + "!"}), True),
    "(a|aa)* in names": ({"propertyNames": {"pattern": "^(a|aa)*$"}}, NAMES, True),
    "(a+)+ of properties": ({"patternProperties": {"^(a+)+$": False}}, NAMES, True),
    "words": ({"properties": {"s": {"pattern": "^(\\w+ ?)*$"}}}, json.dumps({"s": "abc" * 30 + "!"}), True),
    "unique among many": ({"properties": {"v": {"uniqueItems": True}}}, json.dumps({"v": [{"k": [i]} for i in range(4000)]}), False),
    "contains among many": ({"properties": {"v": {"contains": {"const": -1}}}}, json.dumps({"v": list(range(20000))}), False),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_a_bomb_takes_bounded_time_and_stalls_nobody(hc, bomb):
    """≤ 10 ms each: given up as too_complex where it would take for ever; meanwhile others are served."""
    value, text, given_up = BOMBS[bomb]
    (hc.specs / KIND).mkdir()
    (hc.specs / KIND / "bomb.json").write_text(json.dumps(value))
    write_yaml(hc.specs / KIND / "v1.yaml", {"kind": KIND, "kind_api_version": "1.0.0", "hooks": [
        {"name": STARTED, "dispatch": "broadcast_notify", "input_schema": "bomb.json"},
        {"name": FINISHED, "dispatch": "broadcast_notify"}]})
    tape = hc.recorder("tape")
    hc.start()
    conn, line = hc.connect(), Conn.encode_notify(STARTED, text, id="b")
    n = size(20, 500)

    def throw():
        conn.send(line)
        answer = conn.answer()
        if given_up:
            assert answer["error"]["data"]["reason"] == "too_complex", answer
        return answer
    throw()  # what is made once is not a bomb's price
    began, times, over = hc.cpu_seconds(), [], threading.Event()

    def others():
        while not over.is_set():
            start = time.monotonic()
            hc.publish(FINISHED)
            times.append(time.monotonic() - start)
            over.wait(0.01)  # its own cost is not what is measured
    other = threading.Thread(target=others)
    other.start()
    for _ in range(n):
        throw()
    over.set()
    other.join()
    cpu = hc.cpu_seconds() - began
    print(f"{bomb}: {cpu / n * 1000:.2f} ms of CPU each, an other event took {sorted(times)[len(times) // 2] * 1000:.1f} ms")
    assert cpu <= n * 0.010 * SCALE + 0.05, f"{cpu / n * 1000:.1f} ms each"
    assert sorted(times)[len(times) // 2] < 0.1 * SCALE, "the loop was stalled"
    last = hc.publish(FINISHED)["seq"]
    wait_for(lambda: last in tape.seqs())
    conn.close()


def test_a_flood_of_bombs_is_shared_out_fairly(hc):
    """Without ids, all at once, from one connection: another one's events go on, a few milliseconds at a time."""
    value, text, _ = BOMBS["(a+)+"]
    (hc.specs / KIND).mkdir()
    (hc.specs / KIND / "bomb.json").write_text(json.dumps(value))
    write_yaml(hc.specs / KIND / "v1.yaml", {"kind": KIND, "kind_api_version": "1.0.0", "hooks": [
        {"name": STARTED, "dispatch": "broadcast_notify", "input_schema": "bomb.json"},
        {"name": FINISHED, "dispatch": "broadcast_notify"}]})
    hc.start()
    assert hc.publisher.alive()
    n, conn = size(3000, 20000), hc.connect()
    flood = threading.Thread(target=lambda: conn.send(Conn.encode_notify(STARTED, text) * n))
    flood.start()
    served = []

    def finished():
        start = time.monotonic()
        hc.publish(FINISHED)
        served.append(time.monotonic() - start)
        return hc.call("daemon.status")["rejected"] == n
    wait_for(finished, 10 + n / 50, f"{n} bombs to be refused")
    print(f"{len(served)} events between {n} bombs, the slowest {max(served) * 1000:.0f} ms")
    assert sorted(served)[len(served) // 2] < 0.25 * SCALE
    flood.join()
    assert conn.result("stats")["rejected"] == n
    conn.close()
