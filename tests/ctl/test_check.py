"""check: hookcastd --check with the right flags, and its exit code."""

import os
import shutil
import subprocess

import pytest

FAKE = """#!/bin/sh
printf '%s\\n' "$0" "$@"
exit {code}
"""


@pytest.fixture
def installed(tmp_path, binary):
    """A copy of hookcastctl with a hookcastd that prints its arguments: installed(code, where)."""

    def install(code=0, where="bin"):
        target = tmp_path / "bin" / "hookcastctl"
        target.parent.mkdir(exist_ok=True)
        shutil.copy(binary, target)
        if where:
            fake = tmp_path / where / "hookcastd"
            fake.parent.mkdir(exist_ok=True)
            fake.write_text(FAKE.format(code=code))
            fake.chmod(0o755)
        return target

    return install


def run(target, *args, **env):
    done = subprocess.run(
        [target, "check", *args], capture_output=True, text=True, check=False, env={**os.environ, **env}
    )
    return done, done.stdout.splitlines()[1:]


def test_without_argument_the_configuration_is_checked(installed):
    done, args = run(installed())
    assert done.returncode == 0
    assert args == ["--check"]


@pytest.mark.parametrize("code", [0, 1, 64, 78])
def test_the_exit_code_is_passed_on(installed, code):
    assert run(installed(code))[0].returncode == code


def test_a_directory_becomes_a_flag(installed, tmp_path):
    target = installed()
    plugin = tmp_path / "plugins" / "p"
    plugin.mkdir(parents=True)
    (plugin / "plugin.yaml").write_text("name: p\n")
    assert run(target, str(tmp_path / "plugins"))[1] == ["--check", "--plugin-dir", str(tmp_path / "plugins")]
    config = tmp_path / "hookcastd.yaml"
    config.write_text("log: {level: info}\n")
    args = run(target, str(config), "--runtime-dir", "/x")[1]
    assert args == ["--check", "--runtime-dir", "/x", "--config", str(config)]


def test_nothing_to_check_is_a_usage_error(installed, tmp_path):
    target = installed()
    (tmp_path / "empty").mkdir()
    for path in ("empty", "missing"):
        done, args = run(target, str(tmp_path / path))
        assert (done.returncode, args) == (64, [])
        assert path in done.stderr


def test_the_daemon_is_looked_for_in_sbin_and_path(installed, tmp_path):
    done, _ = run(installed(where="sbin"))
    assert "sbin/hookcastd" in done.stdout
    (tmp_path / "sbin" / "hookcastd").unlink()
    target = installed(where="elsewhere")
    done, args = run(target, PATH=f"{tmp_path}/elsewhere:{os.environ['PATH']}")
    assert f"{tmp_path}/elsewhere/hookcastd" in done.stdout
    assert args == ["--check"]


def test_no_daemon_to_check_with_exits_69(installed):
    done, _ = run(installed(where=None), PATH="/nonexistent")
    assert done.returncode == 69
    assert "hookcastd" in done.stderr
