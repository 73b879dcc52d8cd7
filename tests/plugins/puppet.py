"""puppet.py — a native plugin on strings: it behaves, unless told otherwise.

How it starts and stops is said by ACT (JSON in the environment):
  banner         text printed before anything is answered
  stderr         text written to stderr at start
  advertise      the list of hooks it declares; absent: settings without "hooks"
  extension      false: does not declare io.hookcast/hooks
  setup          "ok" | "error" | "silent" | the path of a file to wait for before answering
  health         "ok" | "silent" | "degraded" | "error"
  teardown       "ok" | "silent"
  double         every answer is sent twice
  ignore_term    SIGTERM is ignored, and so is end of file
  exit_at_start  exit code, before anything is read
  fail           {hook: message}: reports every event of that hook as failed

What it does in between is said by the payload of an event, under "do" (bytes as latin-1 text):
  ["print", text, times]   ["stderr", text, times]   ["exit", code]   ["kill", signal]   ["fail", message]
  ["grandchild"]           ["close", fd]      ["touch", path]
"""

import json
import os
import signal
import time

import wire

ACT = json.loads(os.environ.get("ACT", "{}"))


def answer(request, result):
    for _ in range(2 if ACT.get("double") else 1):
        wire.reply(request, result)


def on_discover(m):
    if ACT.get("banner"):
        wire.say(ACT["banner"].encode("latin-1"))
    extension = None if ACT.get("extension") is False else {}
    if extension is not None and "advertise" in ACT:
        extension["hooks"] = ACT["advertise"]
    answer(m, wire.discover_result(extension))


def on_setup(m):
    mode = ACT.get("setup", "ok")
    if mode == "error":
        wire.refuse(m, -32000, "no database today")
    elif mode != "silent":
        while mode != "ok" and not os.path.exists(mode):
            time.sleep(0.005)
        answer(m, {})


def on_health(m):
    mode = ACT.get("health", "ok")
    if mode == "error":
        wire.refuse(m, -32601, "no such method")
    elif mode == "degraded":
        answer(m, {"status": "degraded", "detail": "disk nearly full"})
    elif mode == "ok":
        answer(m, {"status": "ok"})


def on_teardown(m):
    with open("teardown.ns", "w") as f:
        f.write(str(time.monotonic_ns()))
    if ACT.get("teardown", "ok") == "ok":
        answer(m, {"released": True})


def grandchild():
    if os.fork() == 0:
        with open("grandchild.pid.new", "w") as f:
            f.write(str(os.getpid()))
        os.rename("grandchild.pid.new", "grandchild.pid")
        while True:
            time.sleep(60)


def obey(order, hook, seq):
    verb, *rest = order
    if verb == "print":
        wire.say(rest[0].encode("latin-1") * (rest[1] if len(rest) > 1 else 1))
    elif verb == "stderr":
        for _ in range(rest[1] if len(rest) > 1 else 1):
            os.write(2, rest[0].encode("latin-1"))
    elif verb == "exit":
        os._exit(rest[0])
    elif verb == "kill":
        os.kill(os.getpid(), rest[0])
    elif verb == "fail":
        wire.failed(hook, seq, rest[0])
    elif verb == "grandchild":
        grandchild()
    elif verb == "close":
        os.close(rest[0])
    elif verb == "touch":
        open(rest[0], "w").close()


def on_event(m):
    event = m["params"]["_meta"]["io.hookcast/event"]
    if m["method"] in ACT.get("fail", {}):
        wire.failed(m["method"], event["seq"], ACT["fail"][m["method"]])
    for order in m["params"].get("do", []):
        obey(order, m["method"], event["seq"])


REQUESTS = {"server/discover": on_discover, "hooks/setup": on_setup, "hooks/health": on_health,
            "hooks/teardown": on_teardown}


def main():
    if ACT.get("ignore_term"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if ACT.get("stderr"):
        os.write(2, ACT["stderr"].encode("latin-1"))
    if "exit_at_start" in ACT:
        os._exit(ACT["exit_at_start"])
    for line in wire.lines():
        m = json.loads(line)
        if m.get("method") in REQUESTS:
            REQUESTS[m["method"]](m)
        elif "io.hookcast/event" in m.get("params", {}).get("_meta", {}):
            on_event(m)
    while ACT.get("ignore_term"):
        time.sleep(60)


main()
