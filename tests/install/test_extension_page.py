"""docs/extension-hooks.md: its examples are JSON, and what docs/extension-hooks.schema.json says they are."""

import json
import re

import pytest

jsonschema = pytest.importorskip("jsonschema", reason="python3-jsonschema is not installed")
if not hasattr(jsonschema, "Draft202012Validator"):
    pytest.skip("this jsonschema has no Draft202012Validator", allow_module_level=True)

CONTRACT = {
    "ClientSettings", "ServerSettings", "SetupRequest", "SetupResult", "HealthRequest", "HealthResult",
    "TeardownRequest", "TeardownResult", "EventNotification", "EventMeta", "FailedNotification", "DroppedNotification",
}  # fmt: skip

WRONG = {
    "no JSON": ('"count": 3,', '"count": 3'),
    "a value of another type": ('"seq": 41,', '"seq": "41",'),
    "a value out of range": ('"count": 3', '"count": 0'),
    "a required member that is missing": ('"released": true', ""),
    "a member that nobody knows": ('"detail": "the', '"detial": "the'),
    "the wrong method": ('"method": "hooks/teardown"', '"method": "hooks/tear_down"'),
    "a word that is not in the list": ('"status": "ok"', '"status": "fine"'),
    "an incomplete event": ('"run":"h3kq4c2x8m1z","seq":41,', '"run":"h3kq4c2x8m1z",'),
    "a time in no zone": ('"time": "2026-11-23T18:30:00.125001Z"', '"time": "2026-11-23T18:30:00.125001"'),
    "an impossible trace": ('"traceparent":"00-4bf9', '"traceparent":"00-4BF9'),
    "a request that lacks the capabilities": ('clientCapabilities": {', 'clientCapability": {'),
    "settings that name no kind": ('"kind": "lifecycle_listener",\n  "kind_api', '"kind_api'),
    "a notification with an id": ('"method": "notifications/hooks/dropped"', '"id": 1, "method": "notifications/hooks/dropped"'),
    "an example of nothing": ("<!-- DroppedNotification -->", "<!-- DropNotification -->"),
    "an example without a label": ("<!-- DroppedNotification -->\n", ""),
    "a message on two lines of the wire": ('"actor":"u1"}}\n', '"actor":\n"u1"}}\n'),
}  # fmt: skip


@pytest.fixture
def page(repo):
    return (repo / "docs" / "extension-hooks.md").read_text()


@pytest.fixture
def schema(repo):
    return json.loads((repo / "docs" / "extension-hooks.schema.json").read_text())


def examples(page):
    """(label or None, text) of every ```json block. The label is the comment on the line before it."""
    return re.findall(r"^(?:<!-- (\w+) -->\n)?```json\n(.*?)^```$", page, re.M | re.S)


def refs(node):
    """The names of the $defs that a schema refers to."""
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"].removeprefix("#/$defs/")
        for value in node.values():
            yield from refs(value)
    elif isinstance(node, list):
        for value in node:
            yield from refs(value)


def strict(node):
    """The schema without its openness: on the wire unknown members are ignored, in an example they are mistakes."""
    if isinstance(node, list):
        return [strict(value) for value in node]
    if not isinstance(node, dict):
        return node
    closed = {key: strict(value) for key, value in node.items()}
    if node.get("type") == "object" and "properties" in node:
        closed.setdefault("additionalProperties", False)
    return closed


def problems(page, schema):
    """What is wrong with the page's examples, in words."""
    found = []
    defs = strict(schema["$defs"])
    for label, text in examples(page):
        where = f"{label}: {text[:60]!r}"
        if label not in defs:
            found.append(f"{where}: " + ("no such definition" if label else "no label"))
            continue
        try:
            value = json.loads(text)
        except ValueError as error:
            found.append(f"{where}: not JSON: {error}")
            continue
        if text.startswith('{"') and text.count("\n") != 1:
            found.append(f"{where}: begins as one line and is several")
        validator = jsonschema.Draft202012Validator({"$defs": defs, "$ref": f"#/$defs/{label}"})
        found += [f"{where}: {error.message}" for error in validator.iter_errors(value)]
    return found


def test_schema_is_valid_and_complete(schema):
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$defs"].keys() >= CONTRACT
    assert set(refs(schema)) <= schema["$defs"].keys()


def test_every_example_is_valid(page, schema):
    assert problems(page, schema) == []
    assert page.count("```json") == len(examples(page))


def test_every_definition_has_an_example(page, schema):
    seen, todo = set(), {label for label, _ in examples(page)}
    while todo:
        name = todo.pop()
        seen.add(name)
        todo |= set(refs(schema["$defs"][name])) - seen
    assert seen >= schema["$defs"].keys()


@pytest.mark.parametrize("mistake", WRONG)
def test_a_wrong_example_is_found(page, schema, mistake):
    right, wrong = WRONG[mistake]
    assert right in page
    assert problems(page.replace(right, wrong, 1), schema)


def test_page_and_schema_are_linked(repo, page):
    assert "docs/extension-hooks.md" in (repo / "README.md").read_text()
    assert "extension-hooks.md" in (repo / "docs" / "man" / "hookcast-plugin.7.scd").read_text()
    assert "](extension-hooks.schema.json)" in page
