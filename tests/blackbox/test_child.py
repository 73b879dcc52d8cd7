"""DESIGN §7: what a child starts with — and what it does not inherit, however careless the daemon's own parent was."""

import os
import re
import resource
import signal
from pathlib import Path

import pytest

from harness import Site


LOW_NOFILE = 256


def dirty():
    """What a careless service manager or shell leaves behind."""
    os.umask(0o077)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 77)
    for number in (signal.SIGPIPE, signal.SIGHUP, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2, signal.SIGWINCH})
    resource.setrlimit(resource.RLIMIT_NOFILE, (LOW_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


@pytest.fixture(scope="module")
def child():
    """A `cat`, exactly as exec left it: it changes nothing about itself, so it is looked at from outside."""
    with Site() as site:
        plugin = site.plugin("clean", ["cat"], hookcast={"protocol": "jsonrpc"},
                             env={"OWN": "value", "LANG": "xx", "HOOKCAST_PLUGIN": "forged"})
        site.start(preexec=dirty, close_fds=False,
                   env=Site.environment(SECRET="s3cret", TZ="Europe/Berlin", LD_BIND_NOW="1", HOOKCAST_FOO="x"))
        yield plugin


def proc(child, name):
    return Path(f"/proc/{child.pid()}/{name}").read_text()


@pytest.mark.parametrize("field", ["SigBlk", "SigIgn"])
def test_a_child_starts_with_default_signals(child, field):
    assert int(re.search(rf"^{field}:\s+([0-9a-f]+)", proc(child, "status"), re.M).group(1), 16) == 0


def test_a_child_has_only_descriptors_0_to_2(child):
    assert sorted(os.listdir(f"/proc/{child.pid()}/fd")) == ["0", "1", "2"]


def test_a_child_has_its_own_session_and_group(child):
    fields = proc(child, "stat").rsplit(")", 1)[1].split()
    assert int(fields[2]) == int(fields[3]) == child.pid()


def test_a_child_keeps_the_soft_limit_of_descriptors_that_the_daemon_raised_for_itself(child):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    assert f"{hard}" in re.search(r"^Max open files +(\S+)", Path(f"/proc/{child.site.pid}/limits").read_text(), re.M)[1]
    assert resource.prlimit(child.pid(), resource.RLIMIT_NOFILE) == (LOW_NOFILE, hard)


def test_a_childs_environment_is_exactly_the_promised_one(child):
    env = dict(entry.split("=", 1) for entry in proc(child, "environ").split("\0") if entry)
    assert len(env.pop("HOOKCAST_INSTANCE")) >= 8
    assert env == {
        "PATH": Site.environment()["PATH"], "HOME": "/tmp", "LANG": "xx", "TZ": "Europe/Berlin",
        "OWN": "value", "HC_SITE": str(child.site.dir),
        "HOOKCAST_PLUGIN": "clean", "HOOKCAST_KIND": "lifecycle_listener",
        "HOOKCAST_RUN": child.site.publish()["run"],
    }


def test_a_child_works_in_its_manifests_directory_with_umask_022(child):
    assert os.readlink(f"/proc/{child.pid()}/cwd") == os.path.realpath(child.dir)
    assert re.search(r"^Umask:\s+0022$", proc(child, "status"), re.M)


def test_two_generations_have_different_instances(child):
    """HOOKCAST_INSTANCE names one life of one plugin."""
    def instance():
        return re.search(r"HOOKCAST_INSTANCE=([^\0]+)", proc(child, "environ")).group(1)
    child.site.allow_errors("clean")
    first, pid = instance(), child.pid()
    os.kill(pid, signal.SIGKILL)
    child.wait_row(lambda r: r["pid"] not in (None, pid), "a restart")
    child.wait_state("ready")
    assert instance() != first
