"""The README's commands, run as they stand there, from top to bottom."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time

import pytest

PATIENCE = 60


class Reader:
    """Follows the README in a directory of its own. Only the places of things differ."""

    def __init__(self, directory, repo, build):
        self.dir, self.build = directory, build
        self.run_dir = directory / "r"
        self.log = directory / "log"
        self.daemon = None
        shutil.copytree(repo / "hookspecs", directory / "hookspecs")
        (directory / "plugins-python").symlink_to(repo / "plugins-python")

    def adapted(self, text):
        text = re.sub(r"^make$", "", text, flags=re.M)
        text = text.replace("build/hookcastd ", f"exec {self.build}/hookcastd --runtime-dir {self.run_dir} ")
        text = re.sub(r"build/hookcastctl (?!check)", f"{self.build}/hookcastctl --runtime-dir {self.run_dir} ", text)
        text = text.replace("build/hookcastctl check", f"{self.build}/hookcastctl check")
        text = text.replace("Registry()", f'Registry("{self.run_dir}")').replace("/run/hookcast", str(self.run_dir))
        return text.replace(" python3 -", " /usr/bin/python3 -")

    def start(self, text):
        with open(self.log, "wb") as log:
            self.daemon = subprocess.Popen(["sh", "-c", self.adapted(text)], cwd=self.dir, stdin=subprocess.DEVNULL,
                                           stdout=log, stderr=log)
        self.wait_log("msg=ready")

    def sh(self, text):
        done = subprocess.run(["sh", "-euc", self.adapted(text)], cwd=self.dir, text=True, timeout=PATIENCE,
                              stdin=subprocess.DEVNULL, capture_output=True)
        assert done.returncode == 0, (text, done.stdout, done.stderr)
        return done.stdout

    def wait_log(self, *words):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if any(all(word in line for word in words) for line in self.log.read_text().splitlines()):
                return
            time.sleep(0.01)
        raise AssertionError(f"no line with {words} in the log:\n{self.log.read_text()}")

    def stop(self):
        if self.daemon is not None:
            self.daemon.send_signal(signal.SIGINT)
            assert self.daemon.wait(PATIENCE) == 0


@pytest.fixture
def reader(tmp_path, repo, build):
    os.chmod(tmp_path, 0o755)
    reader = Reader(tmp_path, repo, build)
    yield reader
    if reader.daemon is not None and reader.daemon.poll() is None:
        reader.daemon.kill()
        reader.daemon.wait()


def command_blocks(blocks):
    """The sh blocks; the one that starts the daemon apart."""
    return [text for language, text in blocks if language == "sh"]


def test_every_command_of_the_readme_works(reader, blocks):
    said = []
    for text in command_blocks(blocks):
        if text.startswith("build/hookcastd "):
            reader.start(text)
        elif "socat" in text and not shutil.which("socat"):
            continue  # not a package that this project needs
        else:
            said.append(reader.sh(text))
    log_lines = next(text for language, text in blocks if not language and "level=" in text)
    for line in log_lines.splitlines():
        reader.wait_log(*re.findall(r'\w+=(?:"[^"]*"|\S+)', line))
    out = "".join(said)
    assert "ok: " in out, "hookcastctl check"
    assert "queued seq=1 for 2 plugins" in out
    assert "state        degraded" in out or "state        ready" in out
    assert "'accepted': 2, 'rejected': 0" in out and "'pending': []" in out
    reader.sh("build/hookcastctl emit lifecycle_listener on_request_finished request_id=last --wait")
    reader.stop()
    events = [json.loads(line) for line in (reader.dir / "my-plugins/recorder/events.ndjson").read_text().splitlines()]
    heard = [event["params"]["request_id"] for event in events]
    assert [h for h in heard if h in ("r1", "r2", "r3", "last")] == ["r1", "r2", "r2", "r3", "last"]
    assert sum(h.startswith("job-") for h in heard) == 1000
    assert not any(event["method"] == "on_request_failed" for event in events), "the manifest names two hooks"


def test_the_raw_line_of_the_readme_is_answered(reader, blocks):
    """What socat would send, sent by a socket of our own: so it is tested where there is no socat."""
    reader.start(next(text for text in command_blocks(blocks) if text.startswith("build/hookcastd ")))
    raw = next(text for text in command_blocks(blocks) if "socat" in text)
    line = reader.sh(raw.split("|\n")[0])
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(PATIENCE)
        s.connect(str(reader.run_dir / "events.sock"))
        s.sendall(line.encode())
        answer = json.loads(s.makefile().readline())
    assert answer["id"] == 1 and answer["result"]["seq"] == 1
    reader.stop()


def test_the_c_program_of_the_readme_publishes(reader, blocks):
    source = reader.dir / "publish.c"
    source.write_text(reader.adapted(next(text for language, text in blocks if language == "c")))
    subprocess.run(["gcc", "-std=c17", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-o", "publish", source],
                   cwd=reader.dir, check=True, timeout=PATIENCE)
    for text in command_blocks(blocks):
        if text.startswith("mkdir"):
            reader.sh(text)
        elif text.startswith("build/hookcastd "):
            reader.start(text)
    subprocess.run([reader.dir / "publish"], check=True, timeout=PATIENCE)
    reader.wait_log("request_id=r5", "plugin=greeter")
    reader.stop()


def test_the_yaml_of_the_readme_is_valid(reader, blocks):
    for number, text in enumerate(text for language, text in blocks if language == "yaml"):
        if text.startswith("plugin_dirs"):
            path = reader.dir / "hookcastd.yaml"
            path.write_text(text)
            reader.sh(f"build/hookcastctl check {path}")
        else:
            path = reader.dir / "hookspecs" / "lifecycle_listener" / "v1.yaml"
            path.write_text(text)
            reader.sh(f"build/hookcastctl check {reader.dir}/hookspecs")


def test_files_that_the_readme_names_exist(repo):
    text = (repo / "README.md").read_text()
    for name in re.findall(r"`((?:docs|systemd|hookspecs|plugins-python|demo)/[\w./-]*)`", text):
        assert (repo / name).exists(), name
    for page, section in re.findall(r"\b(hookcast[\w.-]*?)\**\((\d)\)", text):
        assert (repo / "docs" / "man" / f"{page}.{section}.scd").exists(), page
