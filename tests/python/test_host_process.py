"""The process: its fds, signals, ends, and the answers of setup, health and teardown."""

import os
import signal
import subprocess

import pytest
from conftest import PLUGINS


def test_nothing_a_plugin_prints_reaches_the_wire_nor_reads_from_it(host):
    plugin = host("""
        import os, subprocess, sys
        print("at import")
        class Plugin:
            def setup(self, ctx):
                os.write(1, b"by fd\\n")
                subprocess.run(["sh", "-c", "echo by a child; cat; ls /proc/self/fd | wc -l"], check=True)
                assert sys.stdin.read() == "" and os.read(0, 1) == b""
                print("\\udcff, by print", flush=False)
            def on_request_started(self, ctx):
                print("in a hook")
                raise ValueError
    """).ready()
    plugin.event("on_request_started", {})
    assert len(plugin.settle()) == 1
    plugin.wait_stderr("^in a hook$")
    lines = plugin.stderr()
    for text in ("at import", "by fd", "by a child", "\\udcff, by print"):
        assert text in lines
    assert "4" in lines  # the child of the plugin has 0, 1, 2 and ls' own: nothing of the wire


def test_stdout_may_be_a_file(host, tmp_path):
    with open(tmp_path / "out", "wb") as out:
        plugin = host("class Plugin:\n    def on_x(self, ctx):\n        print('printed')\n        raise ValueError\n",
                      options=["--protocol", "jsonrpc"], stdout=out)
        plugin.event("on_x", {})
        assert plugin.end() == 0
    assert plugin.stderr() == ["printed"]
    assert (tmp_path / "out").read_text().count("\n") == 1


def test_log_records_are_one_line_with_level_and_fields(host):
    plugin = host("""
        import logging, threading, warnings
        class Plugin:
            def setup(self, ctx):
                log = ctx.logger
                log.debug("hidden")
                log.warning("two\\nlines", extra={"text": "a b\\n\\"c\\"", "n": 1, "empty": "", "ru": "\\u044f"})
                log.error("with %s", "argument")
                log.critical("end")
                logging.getLogger("library").info("too")
                warnings.warn("careful")
                log.info("broken %d", "x")
                try: 1 / 0
                except ZeroDivisionError: log.exception("caught")
                thread = threading.Thread(target=lambda: 1 / 0, name="side"); thread.start(); thread.join()
    """, env={"LOG_LEVEL": "info"}).ready()
    plugin.wait_stderr(r"^<3>thread side ended by an exception\\nTraceback.*ZeroDivisionError")
    lines = plugin.stderr()
    assert '<4>two\\nlines text="a b\\n\\"c\\"" n=1 empty="" ru=\u044f' in lines
    assert "<3>with argument" in lines and "<2>end" in lines and "<6>too" in lines
    assert not any("hidden" in line for line in lines)
    assert any(line.startswith("<4>") and "careful" in line for line in lines)
    assert any("cannot be shown" in line for line in lines)
    assert any(line.startswith("<3>caught\\nTraceback") for line in lines)
    assert all(line.startswith("<") for line in lines)


@pytest.mark.parametrize("prefix", ["", "async "])
@pytest.mark.parametrize("how", ["eof", "SIGTERM", "SIGINT"])
def test_eof_and_signals_end_in_teardown_and_status_0(host, prefix, how):
    plugin = host(f"""
        class Plugin:
            {prefix}def setup(self, ctx): pass
            {prefix}def teardown(self, ctx): print("torn down")
    """).ready()
    if how == "eof":
        status = plugin.end()
    else:
        plugin.process.send_signal(getattr(signal, how))
        status = plugin.wait()
    assert status == 0
    assert plugin.stderr() == ["torn down"]


@pytest.mark.parametrize("prefix", ["", "async "])
def test_sigterm_finishes_the_event_in_hand_and_tells_what_was_left(host, prefix):
    wait = "await asyncio.sleep(0)" if prefix else "pass"
    plugin = host(f"""
        import asyncio, os, signal
        class Plugin:
            {prefix}def on_request_started(self, ctx):
                os.kill(os.getpid(), signal.SIGTERM)
                {wait}
                print("finished", ctx.seq)
            def teardown(self, ctx): print("torn down")
    """).ready()
    plugin.write(b"".join(plugin.event_line("on_request_started", {}) for _ in range(3)))
    assert plugin.wait() == 0
    assert plugin.stderr() == ["finished 1", "<4>2 events were read but not handled", "torn down"]


def test_an_async_handler_that_never_ends_is_cancelled_after_sigterm(host):
    plugin = host("""
        import asyncio
        import hookcast.pump
        hookcast.pump.HANDLER_GRACE = 0.05
        class Plugin:
            async def on_request_started(self, ctx):
                print("waiting")
                await asyncio.Event().wait()
            async def teardown(self, ctx): print("torn down")
    """).ready()
    plugin.event("on_request_started", {})
    plugin.wait_stderr("waiting")
    plugin.process.terminate()
    assert plugin.wait() == 0
    assert plugin.next()["params"]["error"]["type"] == "CancelledError"
    assert plugin.stderr()[-1] == "torn down"


def test_a_daemon_that_is_gone_ends_the_plugin_in_good_order(host):
    read_end, write_end = os.pipe()
    os.close(read_end)
    plugin = host("""
        class Plugin:
            def on_request_started(self, ctx): raise ValueError
            def teardown(self, ctx): print("torn down")
    """, options=["--protocol", "jsonrpc"], stdout=write_end)
    os.close(write_end)
    plugin.event("on_request_started", {})
    assert plugin.wait() == 0
    assert "torn down" in plugin.stderr()


def test_a_line_cut_short_at_eof_is_not_an_event(host):
    plugin = host("class Plugin:\n    def on_request_started(self, ctx): print('called')\n").ready()
    plugin.write(plugin.event_line("on_request_started", {})[:-2])
    assert plugin.end() == 0
    assert plugin.stderr() == [f"<4>the daemon's last line was cut short ({len(plugin.event_line('on_request_started', {})) - 2} bytes)"]


@pytest.mark.parametrize("prefix", ["", "async "])
@pytest.mark.parametrize("body, released", [("pass", True), ("return False", False), ("raise ValueError('x')", False)])
def test_teardown_answers_whether_it_released_and_happens_once(host, prefix, body, released):
    plugin = host(f"""
        class Plugin:
            {prefix}def teardown(self, ctx):
                print("torn down")
                {body}
            def on_request_started(self, ctx): print("late")
    """).ready()
    answer, _ = plugin.call("hooks/teardown")
    assert answer["result"]["released"] is released
    plugin.event("on_request_started", {})
    assert "not set up" in plugin.failures()[0][2]
    assert plugin.call("hooks/teardown")[0]["result"]["released"] is True
    assert plugin.end() == 0
    assert plugin.stderr().count("torn down") == 1 and "late" not in plugin.stderr()


def test_teardown_before_setup_is_harmless(host):
    plugin = host("class Plugin:\n    def teardown(self, ctx): print('torn down')\n")
    assert plugin.call("hooks/teardown")[0]["result"]["released"] is True
    assert plugin.end() == 0
    assert plugin.stderr() == []


@pytest.mark.parametrize("prefix", ["", "async "])
def test_a_failed_setup_is_an_error_answer_and_may_be_tried_again(host, prefix):
    plugin = host(f"""
        from hookcast import PluginError
        class Plugin:
            tries = 0
            {prefix}def setup(self, ctx):
                self.tries += 1
                if self.tries == 1: raise PluginError("the database is away")
                if self.tries == 2: raise KeyError("k")
    """)
    answer = plugin.setup()
    assert answer["error"]["message"] == "the database is away"
    assert answer["error"]["code"] > -32000
    assert plugin.setup()["error"]["message"] == "KeyError: 'k'"
    assert plugin.call("hooks/health")[0]["result"]["status"] == "degraded"
    assert "result" in plugin.setup()
    assert "already" in plugin.setup()["error"]["message"]


@pytest.mark.parametrize(
    "source, message",
    [
        ("import no_such_module_x", "cannot import subject: ModuleNotFoundError: No module named 'no_such_module_x'"),
        ("class Plugin(:", "cannot import subject: SyntaxError"),
        ("raise SystemExit(2)", "cannot import subject: SystemExit: 2"),
        ("class Other: pass", "module subject has no Plugin"),
        ("class Plugin:\n    def __init__(self): raise ValueError('no')", "cannot make a Plugin: ValueError: no"),
        ("class Plugin:\n    def on_x(self): pass", "on_x() must take ctx as its first argument"),
        ("class Plugin:\n    def on_x(self, ctx, a, /): pass", "'a' is positional-only"),
    ],
)
def test_a_plugin_that_cannot_be_loaded_says_why_at_setup(host, source, message):
    plugin = host(source)
    assert message in plugin.setup()["error"]["message"]
    assert plugin.end() == 0


@pytest.mark.parametrize("prefix", ["", "async "])
@pytest.mark.parametrize(
    "body, expected",
    [
        ("pass", {"status": "ok"}),
        ("return True", {"status": "ok"}),
        ("return False", {"status": "degraded"}),
        ("return 'disk full'", {"status": "degraded", "detail": "disk full"}),
        ("return {'status': 'ok', 'detail': 'busy'}", {"status": "ok", "detail": "busy"}),
        ("raise OSError('away')", {"status": "degraded", "detail": "OSError: away"}),
    ],
)
def test_health_verdicts(host, prefix, body, expected):
    plugin = host(f"class Plugin:\n    {prefix}def health(self, ctx):\n        {body}\n").ready()
    result = plugin.call("hooks/health")[0]["result"]
    assert {key: result[key] for key in result if key in ("status", "detail")} == expected


def test_asyncio_is_imported_only_for_coroutines(host):
    plugin = host("""
        import sys
        class Plugin:
            def setup(self, ctx):
                heavy = {"asyncio", "argparse", "socket", "http"} & set(sys.modules)
                assert not heavy, heavy
    """)
    assert "result" in plugin.setup()


@pytest.mark.parametrize("words", [[], ["module"], ["a:b", "c:d"], ["--what", "a:b"], ["--protocol", "x", "a:b"]])
def test_usage_errors_exit_64(words):
    env = {"PYTHONPATH": PLUGINS, "PYTHONDONTWRITEBYTECODE": "1", "PATH": "/usr/bin:/bin"}
    run = subprocess.run(
        ["/usr/bin/python3", "-m", "hookcast.plugin", *words], env=env, capture_output=True, text=True, timeout=10
    )
    assert run.returncode == 64 and "MODULE:CLASS" in run.stderr and run.stdout == ""


def test_a_thousand_parallel_senders_are_one_wire(tmp_path):
    """`send` is safe from threads: lines come out whole, also when the pipe takes them in parts."""
    import json
    import threading

    from hookcast.stdio import LineSplitter, Stdio

    read_end, write_end = os.pipe()
    wire = Stdio(os.open(os.devnull, os.O_RDONLY), write_end)
    threads = [threading.Thread(target=lambda n=n: [wire.send([n, "x" * 9000])] * 3) for n in range(100)]
    for thread in threads:
        thread.start()
    splitter, lines = LineSplitter(), []
    while len(lines) < 100:
        lines += splitter.feed(os.read(read_end, 65536))
    for thread in threads:
        thread.join()
    assert sorted(json.loads(line)[0] for line in lines) == list(range(100))
    wire.close()
    os.close(read_end)
    wire.send("nobody is there")
    assert wire.gone
