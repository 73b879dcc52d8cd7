"""DESIGN §3, §4, §8: payloads against input_schema, config against config_schema, schemas that cannot be compiled."""

import json
import time

import pytest

from harness import KIND, SCALE, STARTED, Refused, run_daemon, write_yaml

EVENT = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"request_id": {"type": "string", "minLength": 1}, "path": {"type": "string"}, "n": {"minimum": 0}},
    "required": ["request_id"],
}


def schema(hc, value, name="event.json"):
    path = hc.specs / KIND / "schemas" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value, indent=2))
    return path


def kind_with(hc, value, **keys):
    """The kind of the other tests, its hook on_request_started with this schema; further keys of the hookspec."""
    path = schema(hc, value)
    hooks = [{"name": STARTED, "dispatch": "broadcast_notify", "input_schema": "schemas/event.json"},
             {"name": "on_anything", "dispatch": "broadcast_notify"}]
    write_yaml(hc.specs / KIND / "v1.yaml", {"kind": KIND, "kind_api_version": "1.0.0", **keys, "hooks": hooks})
    return path


def refused(hc, payload, hook=STARTED):
    """A refusal of a payload (a str is JSON text), with the connection alive behind it."""
    text = payload if isinstance(payload, str) else json.dumps(payload)
    conn = hc.publisher
    conn.send(conn.encode_notify(hook, text, id="x"))
    message = conn.answer()
    assert message["id"] == "x" and message["error"]["code"] == -32602, message
    assert conn.alive()
    return message["error"]


def test_a_payload_that_breaks_its_schema_is_refused_with_basic_output(hc):
    kind_with(hc, EVENT)
    tape = hc.recorder("tape")
    hc.start()
    error = refused(hc, {"path": 5, "n": -1})
    assert error["data"]["reason"] == "invalid_payload"
    errors = {e["instanceLocation"]: e for e in error["data"]["errors"]}
    assert set(errors) == {"", "/path", "/n"}
    assert errors[""]["keywordLocation"] == "/required"
    assert errors[""]["error"] == "missing required property 'request_id'"
    assert errors["/path"]["keywordLocation"] == "/properties/path/type" and "string" in errors["/path"]["error"]
    assert hc.publish(payload={"request_id": "r", "extra": [1]})["seq"] == 1
    assert hc.publish("on_anything", {"path": 5})["seq"] == 2, "a hook without schema takes any object"
    assert len(tape.wait_events(2)) == 2
    assert hc.publisher.result("stats")["rejected"] == 1


def test_at_most_32_errors_are_told(hc):
    kind_with(hc, {"additionalProperties": {"type": "string"}})
    hc.start()
    error = refused(hc, {f"k{i}": i for i in range(500)})
    assert len(error["data"]["errors"]) == 32


def test_without_an_id_the_first_error_is_logged_and_counted(hc):
    kind_with(hc, EVENT)
    hc.start()
    conn = hc.publisher
    conn.send(conn.encode_notify(STARTED, {"request_id": 5}))
    stats = conn.result("stats")
    assert stats["rejected"] == 1 and "request_id" in stats["last_error"], stats


def test_an_unchanged_payload_passes(hc):
    """Validation looks; the bytes stay."""
    kind_with(hc, {"properties": {"n": {"type": "number"}, "s": {"type": "string", "maxLength": 9}}})
    tape = hc.recorder("tape")
    hc.start()
    text = '{"n":1.50e1, "s":"\\u00e9\\ud83d\\ude00", "big":123456789012345678901234567890,"beyond":1e999}'
    hc.publisher.notify_text(STARTED, text)
    tape.wait_events(1)
    for piece in ("1.50e1", "\\u00e9\\ud83d\\ude00", "123456789012345678901234567890", "1e999"):
        assert piece.encode() in tape.event_lines()[0]


BOMB = {"$ref": "#/$defs/d40", "$defs": {
    "d0": {"required": ["never"]},
    **{f"d{i}": {"anyOf": [{"$ref": f"#/$defs/d{i - 1}"}] * 2} for i in range(1, 41)}}}


@pytest.mark.parametrize("value, payload", [
    (BOMB, {}),
    ({"allOf": [{"$ref": "#"}]}, {}),
    ({"properties": {"s": {"pattern": "^(a+)+$"}}}, {"s": "a" * 60 + "!"}),
    ({"propertyNames": {"pattern": "^(a|aa)+$"}}, {"a" * 90 + "!": 1}),
], ids=["anyOf bomb", "endless reference", "pattern", "pattern of names"])
def test_what_would_take_for_ever_is_refused_in_bounded_time(hc, value, payload):
    kind_with(hc, value)
    hc.start()
    refused(hc, payload)  # warm
    start, cpu = time.monotonic(), hc.cpu_seconds()
    for _ in range(20):
        error = refused(hc, payload)
        assert error["data"]["reason"] == "too_complex" and "errors" not in error["data"], error
    assert time.monotonic() - start < 20 * 0.05 * SCALE, "20 refusals (and as many pings)"
    assert hc.cpu_seconds() - cpu < 20 * 0.02 * SCALE
    assert hc.publisher.notify("on_anything", {})["seq"] == 1


def test_a_number_beyond_the_double_range_is_refused_where_the_schema_looks_at_it(hc):
    kind_with(hc, EVENT)
    hc.start()
    for number in ("1e999", "-1e999"):
        error = refused(hc, '{"request_id":"r","n":%s}' % number)
        assert error["data"]["reason"] == "number_range" and "/n" in error["message"], error
    assert hc.publisher.notify_text(STARTED, '{"request_id":"r","elsewhere":1e999}')["seq"] == 1
    assert hc.publisher.notify_text(STARTED, '{"request_id":"r","n":123456789012345678901234567890}')["seq"] == 2


@pytest.mark.parametrize("asserted", [False, True])
def test_format_is_asserted_only_when_the_hookspec_says_so(hc, asserted):
    keys = {"format_assertion": True} if asserted else {}
    kind_with(hc, {"properties": {"at": {"type": "string", "format": "date-time"}}}, **keys)
    hc.start()
    assert hc.publish(payload={"at": "2026-11-23T18:30:00Z"})["seq"] == 1
    if not asserted:
        assert hc.publish(payload={"at": "yesterday"})["seq"] == 2
        return
    error = refused(hc, {"at": "yesterday"})
    assert error["data"]["reason"] == "invalid_payload"
    assert error["data"]["errors"][0]["keywordLocation"] == "/properties/at/format"


def test_a_schema_may_refer_to_a_sibling_file(hc):
    schema(hc, {"$defs": {"id": {"type": "string", "pattern": "^[a-z]+$"}}}, "types/common.json")
    (hc.specs / "shared.json").write_text('{"type": "integer"}')
    kind_with(hc, {"properties": {"id": {"$ref": "types/common.json#/$defs/id"}, "n": {"$ref": "../../shared.json"}}})
    hc.start()
    assert hc.publish(payload={"id": "abc", "n": 1})["seq"] == 1
    error = refused(hc, {"id": "ABC", "n": "1"})
    places = {e["instanceLocation"]: e for e in error["data"]["errors"]}
    assert set(places) == {"/id", "/n"}
    assert places["/id"]["keywordLocation"] == "/properties/id/$ref/pattern"
    assert "types/common.json" in places["/id"]["absoluteKeywordLocation"]


def test_one_file_may_serve_many_hooks(hc):
    schema(hc, EVENT)
    names = [f"on_{i}" for i in range(20)]
    hc.kind(hooks=[{"name": n, "dispatch": "broadcast_notify", "input_schema": "schemas/event.json"} for n in names])
    hc.start()
    for name in names:
        assert refused(hc, {}, hook=name)["data"]["reason"] == "invalid_payload"


# -- schemas that cannot be compiled -------------------------------------------------------------------------------

BAD = {
    "pattern": ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
    "reference": ({"properties": {"a": {"$ref": "#/$defs/nope"}}}, "/properties/a/$ref"),
    "file": ({"properties": {"a": {"$ref": "none.json"}}}, "none.json"),
    "outside": ({"properties": {"a": {"$ref": "../../../outside.json"}}}, "outside.json"),
    "network": ({"properties": {"a": {"$ref": "https://example.org/a.json"}}}, "https://example.org/a.json"),
    "dialect": ({"$schema": "http://json-schema.org/draft-07/schema#"}, "draft-07"),
    "keyword": ({"properties": {"a": {"type": "strng"}}}, "string"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_schema_that_cannot_be_compiled_is_refused_at_its_place(hc, name):
    value, says = BAD[name]
    (hc.dir / "outside.json").write_text("{}")
    path = kind_with(hc, value)
    for flags in ((), ("--check",)):
        done = run_daemon("--runtime-dir", hc.runtime, "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir, *flags)
        assert done.returncode == 78, done.stdout + done.stderr
        complaint = [line for line in done.stderr.splitlines() if str(path) in line]
        assert complaint and says in complaint[0], done.stderr


def test_a_bad_sibling_is_named_itself(hc):
    sibling = schema(hc, '{\n  "properties": {\n    "x": {"pattern": "("}\n  }\n}\n', "sibling.json")
    kind_with(hc, {"$ref": "sibling.json"})
    done = run_daemon("--runtime-dir", hc.runtime, "--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir, "--check")
    assert done.returncode == 78 and f"{sibling}:3:" in done.stderr, done.stderr


def test_a_reload_takes_changed_schemas_and_siblings_and_refuses_bad_ones(hc):
    hc.allow_errors("reload refused")
    schema(hc, {"type": "integer"}, "n.json")
    kind_with(hc, {"properties": {"n": {"$ref": "n.json"}}})
    hc.start()
    assert refused(hc, {"n": "1"})["data"]["reason"] == "invalid_payload"
    schema(hc, {"type": "string"}, "n.json")
    hc.call("daemon.reload")
    assert hc.publish(payload={"n": "1"})["seq"] == 1
    schema(hc, {"type": "strng"}, "n.json")
    with pytest.raises(Refused) as bad:
        hc.call("daemon.reload")
    assert "n.json" in json.dumps(bad.value.data["errors"])
    assert hc.publish(payload={"n": "1"})["seq"] == 2
    assert refused(hc, {"n": 1})["data"]["reason"] == "invalid_payload", "the old ones stay in force"


# -- config_schema -------------------------------------------------------------------------------------------------

CONFIG = {"type": "object", "properties": {"port": {"type": "integer", "minimum": 1}, "rate": {"multipleOf": 0.01}},
          "required": ["port"], "additionalProperties": False}


@pytest.mark.parametrize("config, says", [
    ({"port": 80, "rate": 19.99}, None),
    ({"port": "80"}, "/port"),
    ({"port": 0}, "/port"),
    ({"port": 80, "rate": 0.005}, "/rate"),
    ({"port": 80, "prot": 1}, "prot"),
    ({}, "port"),
], ids=json.dumps)
@pytest.mark.parametrize("inline", [True, False])
def test_a_config_that_breaks_its_schema_makes_the_plugin_unavailable(hc, config, says, inline):
    if not says:
        plugin = hc.recorder("p", config=config, config_schema=CONFIG if inline else "c.json")
    else:
        hc.allow_errors()
        plugin = hc.recorder("p", config=config, config_schema=CONFIG if inline else "c.json", ready=False)
    (plugin.dir / "c.json").write_text(json.dumps(CONFIG))
    hc.recorder("other")
    hc.start()
    if says:
        row = plugin.wait_state("unavailable")
        assert "config" in row["last_error"] and says in row["last_error"] and row["pid"] is None, row
        done = run_daemon("--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir, "--check")
        assert done.returncode == 78 and says in done.stderr, done.stderr
    assert hc.publish()["queued"] == (1 if says else 2)


@pytest.mark.parametrize("inline", [True, False])
def test_a_config_schema_that_cannot_be_compiled_is_a_bad_manifest(hc, inline):
    hc.allow_errors()
    plugin = hc.recorder("p", config_schema={"properties": {"a": {"type": "strng"}}} if inline else "c.json", ready=False)
    (plugin.dir / "c.json").write_text('{\n"$ref": "none.json"\n}')
    hc.recorder("other")
    hc.start()
    assert set(hc.rows()) == {"other"}
    done = run_daemon("--hookspec-dir", hc.specs, "--plugin-dir", hc.plugin_dir, "--check")
    assert done.returncode == 78
    assert str(plugin.dir) in done.stderr and ("/properties/a/type" if inline else "none.json") in done.stderr, done.stderr
