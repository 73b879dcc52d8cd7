"""make install DESTDIR=...: what lies where, and that it works from there."""

import gzip
import os
import re
import signal
import stat
import subprocess
import time

import pytest

FILES = """
/usr/bin/hookcastd
/usr/bin/hookcastctl
/usr/lib/systemd/system/hookcastd.service
/usr/lib/sysusers.d/hookcast.conf
/usr/lib/python3/dist-packages/hookcast/__init__.py
/usr/lib/python3/dist-packages/hookcast/plugin.py
/usr/share/hookcast/hookspecs/lifecycle_listener/v1.yaml
/usr/share/hookcast/hookspecs/lifecycle_listener/schemas/request_event.json
/usr/share/hookcast/plugins/audit_logger/plugin.yaml
/usr/share/hookcast/plugins/metrics_exporter/plugin.yaml
/usr/share/hookcast/plugins/tracer/plugin.yaml
/usr/share/bash-completion/completions/hookcastctl
/usr/share/man/man1/hookcastctl.1.gz
/usr/share/man/man5/hookcastd.yaml.5.gz
/usr/share/man/man5/hookcast-hookspec.5.gz
/usr/share/man/man7/hookcast-plugin.7.gz
/usr/share/man/man8/hookcastd.8.gz
/usr/share/doc/hookcast/README.md
/etc/hookcast/hookcastd.yaml
""".split()
DIRECTORIES = ["/etc/hookcast/plugins", "/etc/hookcast/hookspecs", "/usr/lib/hookcast/plugins"]
PATIENCE = 60


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    from conftest import BUILD, REPO

    if not re.search(r"^install\b[^:=]*:", (REPO / "Makefile").read_text(), re.M):
        pytest.skip("the Makefile has no target install")
    directory = tmp_path_factory.mktemp("root")
    mode = BUILD.name if BUILD.name in ("asan", "debug") else "release"
    done = subprocess.run(["make", "--no-print-directory", f"MODE={mode}", "install", f"DESTDIR={directory}"], cwd=REPO,
                          text=True, capture_output=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return directory


def at(root, path):
    return root / path.lstrip("/")


def test_everything_is_in_its_place(root):
    missing = [path for path in FILES if not at(root, path).is_file()]
    missing += [path for path in DIRECTORIES if not at(root, path).is_dir()]
    assert missing == []


def test_only_programs_are_executable_and_all_is_readable(root):
    for path in root.rglob("*"):
        mode = path.stat().st_mode
        assert mode & stat.S_IROTH and not mode & (stat.S_IWGRP | stat.S_IWOTH), path
        if path.is_file():
            assert bool(mode & stat.S_IXOTH) == (path.parent.name == "bin"), path
        else:
            assert mode & stat.S_IXOTH, path
        assert "__pycache__" not in path.parts and path.suffix != ".pyc", path


def test_installed_files_name_nothing_of_the_place_they_were_built_in(root):
    from conftest import REPO

    for path in root.rglob("*"):
        if path.is_file() and path.parent.name != "bin":
            data = path.read_bytes()
            data = gzip.decompress(data) if path.suffix == ".gz" else data
            assert str(REPO).encode() not in data and str(root).encode() not in data, path


def test_a_second_installation_keeps_a_changed_configuration(root):
    from conftest import BUILD, REPO

    config = at(root, "/etc/hookcast/hookcastd.yaml")
    before = config.read_text()
    config.write_text(before + "stop_timeout: 30s\n")
    mode = BUILD.name if BUILD.name in ("asan", "debug") else "release"
    subprocess.run(["make", "--no-print-directory", f"MODE={mode}", "install", f"DESTDIR={root}"], cwd=REPO, check=True,
                   capture_output=True, timeout=600)
    after = config.read_text()
    config.write_text(before)
    assert after == before + "stop_timeout: 30s\n"


def test_a_fresh_installation_starts_no_plugin(root):
    assert not list(at(root, "/usr/lib/hookcast/plugins").iterdir())
    assert not list(at(root, "/etc/hookcast/plugins").iterdir())


def test_an_installed_plugin_runs_from_there(root, tmp_path):
    """With the installed hookspec and package, configured as the README says: copied and edited."""
    os.chmod(tmp_path, 0o755)
    plugin = at(root, "/usr/share/hookcast/plugins/audit_logger")
    manifest = tmp_path / "plugins" / "audit_logger"
    subprocess.run(["cp", "-r", plugin, tmp_path / "p"], check=True)
    manifest.parent.mkdir()
    (tmp_path / "p").rename(manifest)
    text = (manifest / "plugin.yaml").read_text()
    text = text.replace("/var/lib/hookcast", str(tmp_path / "out"))
    packages = at(root, "/usr/lib/python3/dist-packages")  # where Python would look by itself
    (manifest / "plugin.yaml").write_text(text.replace("PYTHONPATH: ..", f'PYTHONPATH: "{packages}"'))
    run_dir = tmp_path / "r"
    ctl = [at(root, "/usr/bin/hookcastctl"), "--runtime-dir", run_dir]
    log = open(tmp_path / "log", "wb")
    daemon = subprocess.Popen(
        [at(root, "/usr/bin/hookcastd"), "--config", at(root, "/etc/hookcast/hookcastd.yaml"), "--runtime-dir", run_dir,
         "--hookspec-dir", at(root, "/usr/share/hookcast/hookspecs"), "--plugin-dir", manifest.parent],
        stdin=subprocess.DEVNULL, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + PATIENCE
        while b"msg=ready" not in (tmp_path / "log").read_bytes():
            assert time.monotonic() < deadline and daemon.poll() is None, (tmp_path / "log").read_text()
            time.sleep(0.01)
        said = subprocess.run([*ctl, "emit", "lifecycle_listener", "on_request_started", "request_id=r1", "--wait"],
                              text=True, capture_output=True, timeout=PATIENCE)
        assert said.stdout.startswith("queued seq=1 for 1 plugin"), said.stdout + said.stderr + (tmp_path / "log").read_text()
    finally:
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(PATIENCE) == 0
    assert '"request_id":"r1"' in (tmp_path / "out" / "audit" / "requests.ndjson").read_text()
