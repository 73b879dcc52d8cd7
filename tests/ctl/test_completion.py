"""The bash completion knows the verbs and options that the program has, and asks the daemon for names."""

import os
import shutil
import subprocess

import pytest
from conftest import ROOT
from test_show import answering

SCRIPT = ROOT / "completions" / "hookcastctl.bash"


@pytest.fixture
def complete(binary, rundir):
    """What TAB offers behind these words; the last one is being typed."""

    def run(*words):
        line = [str(binary), *words]
        quoted = " ".join(f"'{w}'" for w in line)
        code = f"""
            source {SCRIPT}
            COMP_WORDS=({quoted}); COMP_CWORD={len(line) - 1}
            _hookcastctl '{line[0]}' '{line[-1]}' '{line[-2]}'
            printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False, env=os.environ)
        assert done.stderr == ""
        return done.stdout.split()

    return run


def test_verbs_and_options_are_those_of_the_program(complete, ctl):
    usage = ctl("--help").stdout
    verbs = [line.split()[0] for line in usage.split("Commands:")[1].split("Options:")[0].splitlines() if line.strip()]
    assert sorted(complete("")) == sorted(verbs)
    assert complete("st") == ["start", "status", "stop"]
    for verb in verbs:
        text = ctl(verb, "--help").stdout.split("Options:")[1]
        options = [word for line in text.splitlines() for word in line.split()[:1]]
        assert sorted(complete(verb, "-")) == sorted(options), verb


@pytest.mark.skipif(not shutil.which("jq"), reason="names are read with jq")
def test_names_come_from_the_daemon(daemon, complete, rundir):
    daemon(answering())
    where = ("--runtime-dir", str(rundir))
    assert complete(*where, "status", "") == ["metrics-exporter", "tracer"]
    assert complete(*where, "kinds", "a") == ["auditor"]
    assert complete(*where, "emit", "l") == ["lifecycle_listener"]
    assert complete(*where, "emit", "lifecycle_listener", "") == ["on_start"]


def test_without_a_daemon_there_are_no_names(complete, rundir):
    assert complete("--runtime-dir", str(rundir), "status", "") == []
