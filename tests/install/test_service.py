"""The service's files: the unit, its user, the sample configuration, the man pages."""

import os
import re
import shutil
import signal
import socket
import subprocess

import pytest

SCORE_MAX = 2.0


def run(*words, **more):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=60, **more)


def need(program):
    if not shutil.which(program):
        pytest.skip(f"{program} is not installed")


@pytest.fixture
def unit(repo, build, tmp_path):
    """The unit as it would be installed, but for the place of the program."""
    text = (repo / "systemd" / "hookcastd.service").read_text()
    assert text.count("/usr/bin/hookcastd") == 1 and text.count("/usr/bin/hookcastctl") == 1
    path = tmp_path / "hookcastd.service"
    path.write_text(text.replace("/usr/bin/hookcast", str(build / "hookcast")))
    return path


def test_systemd_understands_every_line_of_the_unit(unit):
    need("systemd-analyze")
    done = run("systemd-analyze", "verify", "--man=no", unit)
    assert done.returncode == 0 and done.stderr == "", done.stderr


def test_exposure_is_at_most_two(unit):
    need("systemd-analyze")
    done = run("systemd-analyze", "security", "--offline=yes", "--no-pager", f"--threshold={int(SCORE_MAX * 10)}", unit)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_user_is_one_that_sysusers_makes(repo, unit):
    need("systemd-sysusers")
    done = run("systemd-sysusers", "--dry-run", repo / "systemd" / "hookcast.sysusers")
    assert done.returncode == 0, done.stderr
    assert re.search(r"^User=hookcast$", unit.read_text(), re.M)


def test_the_unit_waits_longer_than_the_daemon_takes(repo, unit):
    stop = int(re.search(r"^#stop_timeout: (\d+)s$", (repo / "systemd" / "hookcastd.yaml").read_text(), re.M)[1])
    assert int(re.search(r"^TimeoutStopSec=(\d+)s$", unit.read_text(), re.M)[1]) > stop


def test_every_hardening_line_has_its_reason(unit):
    """A comment stands above each group of settings of the service."""
    text = unit.read_text().split("[Service]")[1].split("[Install]")[0]
    for group in re.split(r"\n(?=#)", text):
        settings = [line for line in group.splitlines() if line and not line.startswith("#")]
        assert not settings or group.lstrip().startswith("#") or settings[0] == "Type=notify", group


def test_the_daemon_speaks_to_systemd(repo, build, tmp_path):
    """READY when the plugins are up, WATCHDOG from the loop, RELOADING and READY again, STOPPING; from nobody else."""
    os.chmod(tmp_path, 0o755)
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "plugin.yaml").write_text(
        'schema_version: "1"\nname: env\nkind: lifecycle_listener\nkind_api_version: "1"\ncore_version: ">=0.1"\n'
        'runtime: mcp_stdio\ncommand: [sh, -c, "env >env; exec cat"]\nhookcast: {protocol: jsonrpc}\n')
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "n"))
        manager.settimeout(60)
        env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": str(tmp_path / "n"), "WATCHDOG_USEC": "300000"}
        daemon = subprocess.Popen([build / "hookcastd", "--runtime-dir", tmp_path / "r", "--hookspec-dir",
                                   repo / "hookspecs", "--plugin-dir", tmp_path / "p"], env=env,
                                  stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

        def wait_for(what):
            while what not in (said := manager.recv(4096).decode().splitlines()):
                assert daemon.poll() is None, "the daemon ended"
            return said

        try:
            assert "STATUS=1 plugins, 0 degraded, 0 unavailable" in wait_for("READY=1")
            wait_for("WATCHDOG=1")
            wait_for("WATCHDOG=1")
            daemon.send_signal(signal.SIGHUP)
            wait_for("RELOADING=1")
            wait_for("READY=1")
            daemon.terminate()
            wait_for("STOPPING=1")
            assert daemon.wait(60) == 0
        finally:
            if daemon.poll() is None:
                daemon.kill()
                daemon.wait()
    assert "NOTIFY_SOCKET" not in (tmp_path / "p" / "env").read_text()


def check(build, tmp_path, text, runtime_dir=True):
    config = tmp_path / "hookcastd.yaml"
    config.write_text(text)
    os.chmod(config, 0o644)
    return run(build / "hookcastd", "--check", "--config", config, *(["--runtime-dir", tmp_path] if runtime_dir else []))


def test_the_sample_configuration_is_valid_as_it_is_and_with_every_line_in_use(repo, build, tmp_path):
    sample = (repo / "systemd" / "hookcastd.yaml").read_text()
    assert all(line.startswith("#") for line in sample.splitlines() if line), "nothing but defaults, commented out"
    assert check(build, tmp_path, sample).returncode == 0
    in_use = re.sub(r"^#(?=\S|  )", "", sample, flags=re.M)
    keys = re.findall(r"^ *(\w+):", in_use, re.M)
    assert len(keys) == 33
    done = check(build, tmp_path, in_use, runtime_dir=False)
    assert done.returncode == 0, done.stderr
    manual = (repo / "docs" / "man" / "hookcastd.yaml.5.scd").read_text()
    for key in keys:
        assert re.search(rf"\b{key}\b", manual), f"{key} is not in hookcastd.yaml(5)"


def test_man_pages_render(repo):
    need("scdoc")
    pages = sorted((repo / "docs" / "man").glob("*.scd"))
    assert len(pages) >= 5
    for page in pages:
        done = run("scdoc", input=page.read_text())
        assert done.returncode == 0, f"{page.name}: {done.stderr}"
        title = page.read_text().splitlines()[0]
        assert re.fullmatch(r"([\w.-]+)\((\d)\)", title) and page.name == f"{title[:-3]}.{title[-2]}.scd"


def test_what_man_pages_refer_to_exists(repo):
    pages = {path.name for path in (repo / "docs" / "man").glob("*.scd")}
    for path in (repo / "docs" / "man").glob("*.scd"):
        for name, section in re.findall(r"\*(hookcast[\w.-]*)\*\((\d)\)", path.read_text()):
            assert f"{name}.{section}.scd" in pages, f"{path.name} refers to {name}({section})"
