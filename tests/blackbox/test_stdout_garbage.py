"""DESIGN §5: whatever a plugin prints, it costs that line: nobody dies, the log gets at most one line a second."""

import json
import time

import pytest

from harness import ASAN, SCALE, STARTED, wait_for

KINDS = {
    "words": "this is not JSON\n",
    "half": '{"jsonrpc":"2.0",\n',
    "crlf": '{"jsonrpc":"2.0","method":"x/y"}\r\nnot json\r\n',
    "bom": '\xef\xbb\xbf{"jsonrpc":"2.0","method":"x/y"}\n',
    "blank": "\n\n\r\n   \n",
    "batch": '[{"jsonrpc":"2.0","id":1,"result":{}},{"jsonrpc":"2.0","method":"x"}]\n',
    "empty-batch": "[]\n",
    "not-utf8": '{"jsonrpc":"2.0","method":"\xff\xfe"}\n',
    "nul": 'a\0b\0\0\n',
    "deep": "[" * 5000 + "]" * 5000 + "\n",
    "duplicates": '{"jsonrpc":"2.0","method":"a","method":"b"}\n',
    "number": "1" * 100000 + "\n",
    "scalar": '"text"\n5\nnull\ntrue\n',
    "foreign-answer": '{"jsonrpc":"2.0","id":"h999999","result":{}}\n'
                      '{"jsonrpc":"2.0","id":4,"error":{"code":1,"message":"x"}}\n',
    "bad-ids": '{"jsonrpc":"2.0","id":{},"result":{}}\n'
               '{"jsonrpc":"2.0","id":null,"result":{}}\n'
               '{"jsonrpc":"2.0","id":"","result":5}\n',
    "request": '{"jsonrpc":"2.0","id":9,"method":"roots/list"}\n',
    "foreign-notification": '{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"x"}}\n',
    "bad-failed": '{"jsonrpc":"2.0","method":"notifications/hooks/failed"}\n'
                  '{"jsonrpc":"2.0","method":"notifications/hooks/failed","params":[]}\n'
                  '{"jsonrpc":"2.0","method":"notifications/hooks/failed","params":{"hook":5,"seq":"x","error":7}}\n'
                  '{"jsonrpc":"2.0","method":"notifications/hooks/failed","params":{"hook":"on_x","seq":-1,"error":{}}}\n',
    "escapes": "\x1b[2J\x1b]0;title\x07 level=error msg=forged\n",
}


@pytest.mark.parametrize("kind", KINDS)
def test_garbage_costs_its_line(hc, kind):
    plugin, other = hc.puppet("noisy"), hc.recorder("other")
    hc.start()
    hc.publish(payload={"do": [["print", KINDS[kind], 3], ["fail", "said after the garbage"]]})
    hc.wait_log(plugin="^noisy$", error="said after the garbage")
    assert hc.publish()["queued"] == 2
    plugin.wait_events(2)
    other.wait_events(2)
    row = plugin.row()
    assert row["state"] == "ready" and row["restarts"] == 0, row


def test_the_first_120_bytes_are_logged_and_no_more(hc):
    plugin = hc.puppet("noisy")
    hc.start()
    hc.publish(payload={"do": [["print", "A" * 110 + "B" * 10 + "C" * 500 + "\n"], ["fail", "done"]]})
    hc.wait_log(plugin="^noisy$", error="^done$")
    records = [json.dumps(r) for r in hc.log(plugin="^noisy$") if "AAAA" in json.dumps(r)]
    assert len(records) == 1
    assert "A" * 110 + "B" * 10 in records[0] and "BC" not in records[0]
    assert plugin.row()["state"] == "ready"


def test_an_endless_line_is_bounded_and_the_next_one_is_understood(hc):
    hc.configure(limits={"event_max_size": "64KiB"})
    plugin = hc.puppet("noisy")
    hc.start()
    hc.publish()
    plugin.wait_events(1)
    idle = hc.proc_status("VmRSS")
    hc.publish(payload={"do": [["print", "x" * 32768, 600], ["print", "\n"], ["fail", "after 19 MiB"]]})
    hc.wait_log(timeout=20, plugin="^noisy$", error="after 19 MiB")
    if not ASAN:
        assert hc.proc_status("VmHWM") - idle < 4096, "KiB for one line"
    assert plugin.row()["state"] == "ready"


def test_a_flood_of_garbage_is_a_line_a_second_and_delays_nobody(hc):
    noisy, other = hc.puppet("noisy"), hc.recorder("other")
    hc.start()
    began = time.monotonic()
    hc.publish(payload={"do": [["print", "rubbish rubbish rubbish\n" * 400, 500], ["fail", "flood over"]]})
    hc.publish_many(500)
    other.wait_events(501)
    hc.wait_log(timeout=30, plugin="^noisy$", error="flood over")
    elapsed = time.monotonic() - began
    lines = [r for r in hc.log(plugin="^noisy$") if "rubbish" in json.dumps(r)]
    assert 1 <= len(lines) <= elapsed + 2, (len(lines), elapsed)
    assert elapsed < 20 * SCALE
    assert noisy.row()["state"] == "ready"


def test_what_the_gate_held_back_is_counted_in_a_later_line(hc):
    plugin = hc.puppet("noisy")
    hc.start()
    hc.publish(payload={"do": [["print", "rubbish\n", 50], ["fail", "done"]]})
    hc.wait_log(plugin="^noisy$", error="^done$")

    def counted():
        hc.publish(payload={"do": [["print", "rubbish\n"]]})
        return [r for r in hc.log(plugin="^noisy$") if "rubbish" in json.dumps(r) and int(r.get("suppressed", 0)) > 0]
    assert int(wait_for(counted, 5, "a line with suppressed=", interval=0.2)[0]["suppressed"]) >= 40
    assert plugin.row()["state"] == "ready"


def test_a_line_left_unfinished_at_exit_does_not_leak_into_the_next_life(hc):
    hc.allow_errors("noisy")
    plugin = hc.puppet("noisy")
    hc.start()
    hc.publish(payload={"do": [["print", '{"jsonrpc":"2.0","method":"notif'], ["exit", 0]]})
    plugin.wait_row(lambda r: r["restarts"] == 1, "a restart")
    plugin.wait_state("ready", timeout=8)
    hc.publish(STARTED, {"do": [["fail", "spoken by the second"]]})
    hc.wait_log(plugin="^noisy$", error="spoken by the second")


def test_a_stderr_flood_never_blocks_the_plugin(hc):
    plugin = hc.puppet("noisy")
    hc.start()
    hc.publish(payload={"do": [["stderr", "e" * 200 + "\n", 5000], ["fail", "still here"]]})
    hc.wait_log(timeout=15, plugin="^noisy$", error="still here")
    hc.publish(payload={"do": [["stderr", "x" * 60000, 100], ["stderr", "\n"], ["fail", "after one long line"]]})
    hc.wait_log(timeout=15, plugin="^noisy$", error="after one long line")
    assert max(len(line) for line in hc.log_text().splitlines()) < 8192
    assert plugin.row()["state"] == "ready"
