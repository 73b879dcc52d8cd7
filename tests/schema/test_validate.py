"""hookcastctl validate SCHEMA.json [INSTANCE.json... | --stdin] [--schema-dir URI=DIR], and check of a schema."""

import json
import os
import subprocess

import pytest
from conftest import BINARY, ROOT

EVENT = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["request_id"]}


def test_one_line_per_document_in_order(validate):
    validate.write("s.json", EVENT)
    validate.write("good.json", {"request_id": "r"})
    validate.write("bad.json", json.dumps({"path": 5}, indent=2))
    code, lines, said = validate("s.json", "good.json", "bad.json", "good.json")
    assert (code, said) == (1, "")
    assert [line["valid"] for line in lines] == [True, False, True]
    assert lines[0] == {"valid": True, "errors": []}
    errors = {(e["instanceLocation"], e["keywordLocation"]): e["error"] for e in lines[1]["errors"]}
    assert set(errors) == {("", "/required"), ("/path", "/properties/path/type")}
    assert "request_id" in errors["", "/required"] and "string" in errors["/path", "/properties/path/type"]
    assert validate("s.json", "good.json")[0] == 0


def test_lines_of_standard_input(validate):
    validate.write("s.json", EVENT)
    code, lines, said = validate("s.json", "--stdin", stdin=b'{"request_id":"r"}\n\n  \r\n{}\n[1]\r\n{"request_id":"last"}')
    assert (code, said) == (1, "")
    assert [line["valid"] for line in lines] == [True, False, False, True]
    assert validate("s.json", "--stdin", stdin=b"") == (0, [], "")


def test_without_documents_only_the_schema_is_read(validate):
    validate.write("s.json", EVENT)
    assert validate("s.json") == (0, [], "")


def test_verdicts_come_while_standard_input_is_still_open(validate):
    validate.write("s.json", EVENT)
    with subprocess.Popen([BINARY, "validate", "s.json", "--stdin"], cwd=validate.dir, stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as child:
        for text, valid in ((b'{"request_id":"r"}\n', True), (b"{}\n", False)):
            child.stdin.write(text)
            child.stdin.flush()
            assert json.loads(child.stdout.readline())["valid"] is valid
        child.stdin.close()
        assert child.wait(timeout=20) == 1


@pytest.mark.parametrize("text, place, says", [
    (b'{\n  "a": 1,\n  oops\n}', "i.json:3:3:", "not JSON"),
    (b"", "i.json:1:1:", "not JSON"),
    (b'{"a":\n"\xff"}', "i.json:2:2:", "UTF-8"),
    ('{"é":1,"é":2}'.encode(), "i.json:1:8:", "named twice"),
    (b"\xef\xbb\xbf{}", "i.json:1:1:", "byte order mark"),
])
def test_a_document_that_is_no_json_exits_65_and_is_told_with_its_place(validate, text, place, says):
    validate.write("s.json", EVENT)
    validate.write("i.json", text)
    validate.write("good.json", {"request_id": "r"})
    code, lines, said = validate("s.json", "i.json", "good.json")
    assert code == 65 and place in said and says in said, said
    assert [line["valid"] for line in lines] == [False, True]
    assert lines[0]["reason"] == "unreadable" and says in lines[0]["errors"][0]["error"]


def test_a_bad_line_is_told_with_its_number_and_the_others_go_on(validate):
    validate.write("s.json", EVENT)
    code, lines, said = validate("s.json", "--stdin", stdin=b'{"request_id":"r"}\n\n{"a" 1}\n{"request_id":"r"}\n')
    assert code == 65 and "standard input:3:6: not JSON" in said, said
    assert [line["valid"] for line in lines] == [True, False, True]


def test_a_missing_document_exits_65(validate):
    validate.write("s.json", EVENT)
    code, lines, said = validate("s.json", "nowhere.json")
    assert code == 65 and "nowhere.json" in said and [line["valid"] for line in lines] == [False]
    assert validate("s.json", ".")[0] == 65


@pytest.mark.parametrize("schema, says", [
    (b'{\n  "type": objct }', "s.json:2:11:"),
    (b"", "s.json:1:1:"),
    ({"properties": {"a": {"pattern": "("}}}, "/properties/a/pattern"),
    ({"$ref": "elsewhere.json"}, "elsewhere.json"),
    ({"$ref": "https://example.org/x.json"}, "https://example.org/x.json"),
    ({"$schema": "http://json-schema.org/draft-04/schema#"}, "draft-04"),
    ({"type": "strng"}, "string"),
    ([], "s.json"),
])
def test_a_bad_schema_exits_65_and_check_exits_78(validate, schema, says):
    validate.write("s.json", schema)
    validate.write("i.json", {})
    code, lines, said = validate("s.json", "i.json")
    assert (code, lines) == (65, []) and says in said and "s.json" in said, said
    done = validate.ctl("check", "s.json")
    assert done.returncode == 78 and says in done.stderr and done.stdout == "", done.stderr
    assert done.stderr.startswith("s.json")


def test_check_of_a_good_schema_needs_no_daemon(validate):
    validate.write("sub/s.json", {"$ref": "types/id.json"})
    validate.write("sub/types/id.json", {"type": "integer"})
    done = validate.ctl("check", "sub/s.json")
    assert (done.returncode, done.stderr) == (0, "") and "sub/s.json" in done.stdout
    assert validate.ctl("check", str(validate.dir / "sub/s.json")).returncode == 0


def test_check_of_the_projects_own_schemas(validate):
    for path in sorted(ROOT.glob("hookspecs/*/schemas/*.json")):
        assert validate.ctl("check", str(path)).returncode == 0


def test_a_manifest_is_no_schema(validate):
    validate.write("p/dagstack.json", {"plugin": {}})
    assert "JSON Schema" not in validate.ctl("check", "p/dagstack.json").stdout
    validate.write("x.json", '{\n"schema_version": "1",\n"kind": "k"}')
    assert "dagstack.json" in validate.ctl("check", "x.json").stderr


def test_references_lead_beside_and_below_the_schema(validate):
    validate.write("s.json", {"properties": {"id": {"$ref": "types/id.json#/$defs/id"}, "next": {"$ref": "s.json"}}})
    validate.write("types/id.json", {"$defs": {"id": {"$ref": "more/int.json"}}})
    validate.write("types/more/int.json", {"type": "integer"})
    code, lines, _ = validate("s.json", "--stdin", stdin='{"id":1}\n{"id":"1"}\n{"next":{"next":{"id":"1"}}}\n')
    assert code == 1 and [line["valid"] for line in lines] == [True, False, False]
    assert lines[2]["errors"][0]["instanceLocation"] == "/next/next/id"
    assert "types/more/int.json" in lines[1]["errors"][0]["absoluteKeywordLocation"]


def test_references_out_of_the_directory_are_refused(validate):
    validate.write("x.json", {})
    validate.write("d/s.json", {"$ref": "../x.json"})
    code, _, said = validate("d/s.json")
    assert code == 65 and "x.json" in said
    os.symlink("../x.json", validate.dir / "d/link.json")
    validate.write("d/s.json", {"$ref": "link.json"})
    assert validate("d/s.json")[0] == 65


def test_schema_dirs_map_uris(validate):
    validate.write("s.json", {"properties": {"a": {"$ref": "https://example.org/one/x.json"},
                                             "b": {"$ref": "https://example.org/two/sub/y.json#/$defs/y"}}})
    validate.write("1/x.json", {"type": "integer"})
    validate.write("2/sub/y.json", {"$defs": {"y": {"type": "string"}}})
    maps = ["--schema-dir", "https://example.org/one/=1", "--schema-dir=https://example.org/two/=2/"]
    code, lines, said = validate("s.json", "--stdin", *maps, stdin='{"a":1,"b":"x"}\n{"a":"x"}\n{"b":1}\n')
    assert (code, said) == (1, "")
    assert [line["valid"] for line in lines] == [True, False, False]
    assert validate("s.json", *maps[:2])[0] == 65


def test_the_bundled_meta_schema(validate):
    validate.write("s.json", {"$ref": "https://json-schema.org/draft/2020-12/schema"})
    code, lines, _ = validate("s.json", "--stdin", stdin='{"type":"string"}\n{"type":"strng"}\n')
    assert code == 1 and [line["valid"] for line in lines] == [True, False]


def test_limits_are_told_apart_from_what_is_not_valid(validate):
    validate.write("s.json", {"items": {"minimum": 0, "pattern": "^(a+)+$"}})
    stdin = "[1e999]\n" + json.dumps(["a" * 60 + "!"]) + "\n" + "[" * 130 + "]" * 130 + "\n[1]\n"
    code, lines, said = validate("s.json", "--stdin", stdin=stdin)
    assert (code, said) == (1, "")
    assert [line["valid"] for line in lines] == [False, False, False, True]
    assert [line.get("reason") for line in lines] == ["number_range", "too_complex", "too_complex", None]
    assert all(line["errors"][0]["error"] for line in lines[:3])


def test_at_most_32_errors(validate):
    validate.write("s.json", {"items": {"type": "string"}})
    lines = validate("s.json", "--stdin", stdin=json.dumps(list(range(100))) + "\n")[1]
    assert [e["instanceLocation"] for e in lines[0]["errors"]] == [f"/{i}" for i in range(32)]


def test_hostile_text_reaches_no_terminal(validate):
    validate.write("s.json", {"\x1b[2J": 1, "properties": {"\x1b[31m": {"pattern": "\x1b("}}})
    code, _, said = validate("s.json")
    assert code == 65 and "\x1b" not in said
    assert "\x1b" not in validate.ctl("check", "s.json").stderr
    validate.write("t.json", {"additionalProperties": False})
    done = validate.ctl("validate", "t.json", "--stdin", stdin=b'{"\\u001b[2J":1}\n')
    assert "\x1b" not in done.stdout and json.loads(done.stdout)["valid"] is False


def test_a_reader_that_goes_away_is_no_failure(validate):
    validate.write("s.json", {})
    script = f"yes 1 | head -100000 | {BINARY} validate s.json --stdin | head -1; exit ${{PIPESTATUS[2]}}"
    done = subprocess.run(["bash", "-c", script], cwd=validate.dir, capture_output=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"") and done.stdout == b'{"valid":true,"errors":[]}\n'


def test_a_full_disk_is_told(validate):
    validate.write("s.json", {})
    with open("/dev/full", "wb") as full:
        done = subprocess.run([BINARY, "validate", "s.json", "--stdin"], input=b"1\n", cwd=validate.dir, stdout=full,
                              stderr=subprocess.PIPE, check=False)
    assert done.returncode == 74 and b"No space left" in done.stderr
