"""Events: how a payload becomes a call, what a failure becomes, what ctx knows."""

import json

import pytest
from fakedaemon import request_meta

RECORDER = """
    class Plugin:
        def setup(self, ctx):
            self._log = ctx.logger
        def on_request_started(self, ctx, request_id, path="-", *, actor=None):
            self._log.info("started", extra={"id": request_id, "path": path, "actor": actor})
        def on_request_finished(self, ctx, request_id, duration_ms):
            self._log.info("finished", extra={"id": request_id})
        def on_request_failed(self, ctx, **payload):
            self._log.info("failed", extra={"keys": ",".join(payload)})
"""


def test_a_method_gets_only_the_keys_it_has_parameters_for(host):
    plugin = host(RECORDER).ready()
    plugin.event("on_request_started", {"request_id": "r1", "path": "/", "extra": [1], "ctx": 1, "self": 2})
    plugin.event("on_request_finished", {"duration_ms": 1, "request_id": "r1", "path": "/"})
    assert plugin.failures() == []
    plugin.wait_stderr(r"^<6>started id=r1 path=/ actor=None$")
    plugin.wait_stderr(r"^<6>finished id=r1$")


def test_a_method_with_kwargs_gets_every_key_that_python_can_pass(host):
    plugin = host(RECORDER).ready()
    plugin.event("on_request_failed", {"request_id": "r1", "not an identifier": 1, "ctx": 1, "self": 2})
    assert plugin.failures() == []
    plugin.wait_stderr(r'keys="?request_id,not an identifier"?$')


def test_a_missing_required_key_is_a_failed_event_that_names_it(host):
    plugin = host(RECORDER).ready()
    seq = plugin.event("on_request_finished", {"request_id": "r1", "path": "/"})
    [(hook, failed, message)] = plugin.failures()
    assert (hook, failed) == ("on_request_finished", seq)
    assert message == "on_request_finished() requires 'duration_ms', which the payload lacks (it has: path, request_id)"


@pytest.mark.parametrize("prefix", ["", "async "])
def test_an_exception_fails_one_event_and_never_ends_the_plugin(host, prefix):
    plugin = host(f"""
        import sys
        class Plugin:
            {prefix}def on_request_started(self, ctx, how):
                if how == "value": raise ValueError("bad \\udcff\\0 thing")
                if how == "exit": sys.exit(3)
                if how == "interrupt": raise KeyboardInterrupt
                if how == "own":
                    from hookcast import PluginError
                    raise PluginError("no more room")
                if how == "vicious":
                    class Vicious(Exception):
                        def __str__(self): raise RuntimeError
                    raise Vicious
    """).ready()
    for how in ("value", "exit", "fine", "interrupt", "own", "vicious"):
        plugin.event("on_request_started", {"how": how})
    failures = plugin.failures()
    assert [seq for _, seq, _ in failures] == [1, 2, 4, 5, 6]
    messages = [message for _, _, message in failures]
    assert messages[0] == "ValueError: bad ?\N{REPLACEMENT CHARACTER} thing"
    assert messages[1] == "SystemExit: 3"
    assert messages[3] == "no more room"
    assert plugin.process.poll() is None


def test_tracebacks_are_logged_at_debug_only(host):
    source = """
        class Plugin:
            def on_request_started(self, ctx): raise ValueError("boom")
    """
    quiet = host(source).ready()
    quiet.event("on_request_started", {})
    quiet.settle()
    assert quiet.stderr() == []
    loud = host(source, env={"LOG_LEVEL": "debug"}).ready()
    loud.event("on_request_started", {})
    loud.wait_stderr(r"^<7>Traceback.*boom.* hook=on_request_started seq=1$")


def test_async_handlers_run_in_order_and_see_their_own_event(host):
    plugin = host("""
        import asyncio
        class Plugin:
            async def setup(self, ctx):
                self.plain = ctx
                self.order = []
                self.background = asyncio.create_task(self.tick())
                self.ticks = 0
            async def tick(self):
                while True:
                    self.ticks += 1
                    await asyncio.sleep(0)
            async def on_request_started(self, ctx, request_id):
                before = dict(ctx.metadata)
                await asyncio.sleep(0.002 if ctx.seq % 2 else 0)
                assert ctx.metadata == before == {"n": ctx.seq}
                self.order.append(ctx.seq)
            def on_request_finished(self, ctx):
                assert self.order == sorted(self.order) and len(self.order) == 20, self.order
                assert self.plain.metadata == {} and self.ticks > 20
    """).ready()
    lines = [plugin.event_line("on_request_started", {"request_id": "r"}, {"n": n}) for n in range(1, 21)]
    plugin.write(b"".join(lines))
    plugin.event("on_request_finished", {})
    assert plugin.failures() == []


def test_ctx_knows_the_event_and_the_plugin(host):
    plugin = host("""
        class Plugin:
            def setup(self, ctx):
                assert ctx.config == {"a": [1]} and ctx.plugin == "subject" and ctx.kind == "lifecycle_listener"
                assert ctx.run == "abcdefghijkl" and ctx.metadata == {} and "on_request_started" in ctx.hooks
            def on_request_started(self, ctx, **payload):
                assert "_meta" not in payload
                assert (ctx.kind, ctx.hook, ctx.run) == ("lifecycle_listener", "on_request_started", "abcdefghijkl")
                assert (ctx.seq, ctx.uid, ctx.pid, ctx.plugin) == (1, 1000, 4242, "subject")
                assert ctx.time == "2026-11-23T18:30:00.123456Z"
                assert ctx.time_ns == 1795458600123456000
                assert ctx.metadata == {"actor": "u1"} and ctx.config == {"a": [1]}
                assert (ctx.traceparent, ctx.tracestate, ctx.baggage) == ("00-tp", "ts", None)
                assert ctx.resources is not None and ctx.logger is not None
    """).ready({"a": [1]})
    plugin.event("on_request_started", {"x": 1}, {"actor": "u1"}, traceparent="00-tp", tracestate="ts")
    assert plugin.failures() == []


def test_resources_by_attribute_and_by_get(host):
    plugin = host("""
        from hookcast import provide
        closed = []
        class Thing:
            def close(self): print("thing closed")
        provide("thing", lambda ctx: Thing())
        class Plugin:
            async def setup(self, ctx):
                counters = ctx.resources.metrics_counter
                assert counters is await ctx.resources.get("metrics_counter")
                counters.inc("a_total"); counters.inc("a_total", labels={"x": 1}, by=2)
                assert counters.value("a_total", {"x": "1"}) == 2
                assert ctx.resources.thing is await ctx.resources.get("thing")
                try:
                    ctx.resources.nothing
                except AttributeError as error:
                    assert "metrics_counter" in str(error)
                else:
                    raise AssertionError
    """).ready()
    assert plugin.end() == 0
    assert "thing closed" in plugin.stderr()


def test_numbers_beyond_python_and_large_payloads_arrive(host):
    plugin = host("""
        class Plugin:
            def on_request_started(self, ctx, number, text):
                assert number > 10 ** 300 and len(text) == 900_000
            def on_request_finished(self, ctx, text):
                assert text == "\\ud800"
    """).ready()
    text = "x" * 900_000
    meta = '"_meta":{"io.hookcast/event":{"seq":1}}'
    line = f'{{"jsonrpc":"2.0","method":"on_request_started","params":{{{meta},"number":{"9" * 5000},"text":"{text}"}}}}\n'
    plugin.write(line.encode())
    plugin.write(b'{"jsonrpc":"2.0","method":"on_request_finished","params":{"text":"\\ud800"}}\n')
    assert plugin.failures() == []


def test_lines_may_arrive_in_any_pieces(host):
    plugin = host("""
        class Plugin:
            def on_request_started(self, ctx, n):
                raise ValueError(n)
    """).ready()
    data = b"".join(plugin.event_line("on_request_started", {"n": n}) for n in range(5))
    for at in range(0, len(data), 7):
        plugin.write(data[at:at + 7])
    assert [message for _, _, message in plugin.failures()] == [f"ValueError: {n}" for n in range(5)]


def test_dropped_notices_reach_on_dropped_or_the_log(host):
    plain = host("class Plugin:\n    def on_request_started(self, ctx): pass\n").ready()
    plain.notify("notifications/hooks/dropped", {"count": 3, "first_seq": 7, "last_seq": 12})
    plain.wait_stderr(r"^<4>events were dropped count=3 first_seq=7 last_seq=12$")
    for prefix in ("", "async "):
        caring = host(f"""
            class Plugin:
                {prefix}def on_dropped(self, ctx, count, first_seq, last_seq):
                    ctx.logger.info("lost %d of %d-%d", count, first_seq, last_seq)
        """).ready()
        caring.notify("notifications/hooks/dropped", {"count": 3, "first_seq": 7, "last_seq": 12})
        caring.wait_stderr(r"^<6>lost 3 of 7-12$")


def test_flush_follows_each_batch_and_its_failure_is_the_last_events(host):
    plugin = host("""
        class Plugin:
            seen = 0
            def on_request_started(self, ctx):
                self.seen += 1
            def flush(self, ctx):
                assert self.seen
                seen, self.seen = self.seen, 0
                raise OSError(f"{seen} not written")
    """).ready()
    plugin.write(plugin.event_line("on_request_started", {}) + plugin.event_line("on_request_started", {}))
    failed = plugin.next()["params"]
    assert failed["seq"] == 2 and "2 not written" in failed["error"]["message"]
    assert plugin.failures() == []  # no flush where no event was


def test_a_hidden_coroutine_is_a_failed_event(host):
    plugin = host("""
        def hide(method):
            def wrapper(self, ctx, **payload):
                return method(self, ctx, **payload)
            return wrapper
        class Plugin:
            @hide
            async def on_request_started(self, ctx): pass
    """).ready()
    plugin.event("on_request_started", {})
    [(_, _, message)] = plugin.failures()
    assert "async def" in message and not any("never awaited" in line for line in plugin.stderr())


def test_jsonrpc_children_need_no_handshake(host, tmp_path):
    source = """
        class Plugin:
            {0}def setup(self, ctx):
                assert ctx.config == {{}} and ctx.plugin == "me" and ctx.run == "r1"
                print("set up")
            {0}def on_request_started(self, ctx, n): raise ValueError(n)
            def anything(self, ctx): raise ValueError("any hook")
            def teardown(self, ctx): print("torn down")
    """
    for prefix in ("", "async "):
        env = {"HOOKCAST_PLUGIN": "me", "HOOKCAST_KIND": "k", "HOOKCAST_RUN": "r1"}
        plugin = host(source.format(prefix), options=["--protocol", "jsonrpc"], env=env)
        plugin.wait_stderr("set up")
        seq = plugin.event("on_request_started", {"n": 5})
        failed = plugin.next()["params"]
        assert (failed["seq"], failed["error"]["message"]) == (seq, "ValueError: 5")
        plugin.event("anything", {})
        assert plugin.next()["params"]["hook"] == "anything"
        assert plugin.end() == 0
        assert plugin.stderr()[-1] == "torn down"


@pytest.mark.parametrize("prefix", ["", "async "])
def test_events_are_flushed_before_a_request_behind_them_is_answered(host, prefix):
    plugin = host(f"""
        class Plugin:
            flushed = 0
            def on_request_started(self, ctx): pass
            {prefix}def flush(self, ctx): self.flushed += 1
            def health(self, ctx): return f"flushed {{self.flushed}}"
    """).ready()
    health = {"jsonrpc": "2.0", "id": "q", "method": "hooks/health", "params": {"_meta": request_meta()}}
    plugin.write(plugin.event_line("on_request_started", {}) + json.dumps(health).encode() + b"\n")
    assert plugin.next()["result"]["detail"] == "flushed 1"


@pytest.mark.parametrize("prefix", ["", "async "])
def test_stdin_may_be_a_regular_file(host, tmp_path, prefix):
    events = tmp_path / "events.ndjson"
    line = {"jsonrpc": "2.0", "method": "on_request_started", "params": {"n": 1}}
    events.write_text((json.dumps(line) + "\n") * 1000)
    source = f"""
        class Plugin:
            count = 0
            {prefix}def on_request_started(self, ctx, n): self.count += n
            def teardown(self, ctx): print("count", self.count)
    """
    with open(events, "rb") as file:
        plugin = host(source, options=["--protocol=jsonrpc"], stdin=file)
        assert plugin.wait() == 0
    assert plugin.stderr()[-1] == "count 1000"


def test_a_failed_jsonrpc_setup_ends_the_process(host):
    plugin = host("class Plugin:\n    def setup(self, ctx): raise ValueError('no')\n", options=["--protocol", "jsonrpc"])
    assert plugin.wait() == 1
    assert any("setup failed: ValueError: no" in line for line in plugin.stderr())


def test_fifty_thousand_events_are_handled_in_time(host):
    plugin = host("""
        class Plugin:
            count = 0
            def on_request_started(self, ctx, request_id, path, actor): self.count += 1
            def health(self, ctx): return f"count {self.count}"
    """).ready()
    line = plugin.event_line("on_request_started", {"request_id": "r1", "path": "/", "actor": "u1"})
    for _ in range(50):
        plugin.write(line * 1000)
    assert plugin.call("hooks/health")[0]["result"]["detail"] == "count 50000"
