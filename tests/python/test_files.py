"""The files that are shipped: manifests, config schemas, hookspec, and the house rules for this package."""

import ast
import json
import os
import sys

import pytest
from conftest import PLUGINS, ROOT

NAMES = {"metrics_exporter": "metrics-exporter", "audit_logger": "audit-logger", "tracer": "tracer"}
REQUIRED = ("schema_version", "name", "kind", "kind_api_version", "core_version", "runtime", "command")
HOOKSPEC = os.path.join(ROOT, "hookspecs", "lifecycle_listener")


def load_yaml(path):
    yaml = pytest.importorskip("yaml")
    with open(path, encoding="utf-8") as file:
        return yaml.safe_load(file)


def load_json(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def validator(path):
    jsonschema = pytest.importorskip("jsonschema")
    schema = load_json(path)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("directory, name", NAMES.items())
def test_manifests_are_complete_and_their_config_is_valid(directory, name):
    place = os.path.join(PLUGINS, directory)
    manifest = load_yaml(os.path.join(place, "plugin.yaml"))
    assert all(manifest.get(key) for key in REQUIRED)
    assert (manifest["name"], manifest["kind"], manifest["runtime"]) == (name, "lifecycle_listener", "mcp_stdio")
    assert manifest["command"][:3] == ["/usr/bin/python3", "-m", "hookcast.plugin"]
    assert manifest["env"] == {"PYTHONPATH": ".."}
    schema = validator(os.path.join(place, manifest["config_schema"]))
    schema.validate(manifest["config"])
    assert not schema.is_valid({})
    assert not schema.is_valid({**manifest["config"], "no_such_key": 1})


@pytest.mark.parametrize("directory, name", NAMES.items())
def test_manifests_start_as_they_stand_and_advertise_every_hook(host, directory, name):
    place = os.path.join(PLUGINS, directory)
    manifest = load_yaml(os.path.join(place, "plugin.yaml"))
    plugin = host(dir=place, spec=manifest["command"][3], env=manifest["env"])
    answer, _ = plugin.call("server/discover")
    hooks = {hook["name"] for hook in load_yaml(os.path.join(HOOKSPEC, "v1.yaml"))["hooks"]}
    assert set(answer["result"]["capabilities"]["extensions"]["io.hookcast/hooks"]["hooks"]) == hooks
    assert plugin.end() == 0


def test_the_package_is_no_plugin():
    assert not os.path.exists(os.path.join(PLUGINS, "hookcast", "plugin.yaml"))


def test_the_hookspec_is_the_seeds():
    spec = load_yaml(os.path.join(HOOKSPEC, "v1.yaml"))
    assert (spec["kind"], spec["kind_api_version"]) == ("lifecycle_listener", "1.0.0")
    assert [(h["name"], h["dispatch"], h["input_schema"], h["mcp_exposed"]) for h in spec["hooks"]] == [
        ("on_request_started", "broadcast_notify", "schemas/request_event.json", False),
        ("on_request_finished", "broadcast_notify", "schemas/request_event.json", False),
        ("on_request_failed", "broadcast_notify", "schemas/request_error_event.json", False),
    ]


@pytest.mark.parametrize(
    "schema, valid, instance",
    [
        ("request_event", True, {"request_id": "r1", "path": "/", "actor": "u1"}),
        ("request_event", True, {"request_id": "r1", "duration_ms": 12.5, "more": {}}),
        ("request_event", False, {"path": "/"}),
        ("request_event", False, {"request_id": 1}),
        ("request_event", False, {"request_id": "r1", "path": 1}),
        ("request_event", False, {"request_id": "r1", "actor": None}),
        ("request_event", False, {"request_id": "r1", "duration_ms": -1}),
        ("request_event", False, {"request_id": "r1", "duration_ms": "1"}),
        ("request_error_event", True, {"request_id": "r1", "code": "ValueError", "more": 1}),
        ("request_error_event", False, {"request_id": "r1"}),
        ("request_error_event", False, {"request_id": "r1", "code": 500}),
    ],
)
def test_the_schemas_are_strict_about_types_and_open_to_more(schema, valid, instance):
    checker = validator(os.path.join(HOOKSPEC, "schemas", schema + ".json"))
    assert checker.schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert checker.schema["$id"].endswith(schema + ".json")
    assert checker.is_valid(instance) is valid


def test_the_package_needs_the_standard_library_only():
    allowed = sys.stdlib_module_names | {"prometheus_client"}
    package = os.path.join(PLUGINS, "hookcast")
    for name in os.listdir(package):
        if name.endswith(".py"):
            with open(os.path.join(package, name), encoding="utf-8") as file:
                tree = ast.parse(file.read())
            for node in ast.walk(tree):
                modules = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                if isinstance(node, ast.ImportFrom) and node.level == 0:
                    modules = [node.module]
                for module in modules:
                    assert module.partition(".")[0] in allowed, f"{name} imports {module}"
