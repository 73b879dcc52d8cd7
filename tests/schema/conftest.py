"""Tests of `hookcastctl validate`, and of the validator against another one. HOOKCAST_BUILD names the build."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = (ROOT / os.environ.get("HOOKCAST_BUILD", "build") / "hookcastctl").resolve()


class Validate:
    """Runs hookcastctl; files are named relative to its own directory."""

    def __init__(self, directory):
        self.dir = directory

    def write(self, name, value):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(value, bytes):
            path.write_bytes(value)
        else:
            path.write_text(value if isinstance(value, str) else json.dumps(value))
        return path

    def ctl(self, *args, stdin=b"", timeout=120):
        done = subprocess.run(
            [str(BINARY), *args], input=stdin, cwd=self.dir, capture_output=True, timeout=timeout, check=False
        )
        done.stdout, done.stderr = done.stdout.decode(), done.stderr.decode()
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done

    def __call__(self, *args, stdin=b"", **options):
        """The exit code, the verdicts and what was said."""
        done = self.ctl("validate", *args, stdin=stdin.encode() if isinstance(stdin, str) else stdin, **options)
        return done.returncode, [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.fixture
def validate(tmp_path):
    return Validate(tmp_path)
