"""mcpserver.py — an MCP server of any revision: it behaves, unless told otherwise.

Every byte it reads goes to wire.ndjson, and to life-N.ndjson of its N-th process, before it is acted on; what becomes of
it ("eof", "term", and what `note` says) goes to ends.txt. ACT (JSON in the environment) says what it is; a list has one
for each of its lives, the last for all further ones:

  revision    what it speaks: one of the four legacy ones (2025-11-25), or 2026-07-28
  native      "extensions" | "experimental": where it advertises io.hookcast/hooks
  advertise   the list of hooks it advertises with it
  tools       names, or whole tools; `page` of them on a page of tools/list
  listen      it declares tools.listChanged (a modern one answers subscriptions/listen)
  linger      it stays at the end of its input, until SIGTERM
  start       steps (below) done before anything is read
  on          {method: steps, or a list of steps for each time}: instead of the usual answer

An event does what its payload says under "do"; without it, it is answered as usual. Steps are a list of:

  "usual"  "silent"        answer as a server does; do not
  "hold"  "release"  "release_reversed"    keep the request; answer all that are kept, as usual
  {"result": …}  {"error": {…}}            answer this (`id` beside it: under that id)
  {"say": …}               write a message (text: as it is, latin-1); {"times": n} beside it: n times, in one go
  {"tools": […]}           have other tools from now on, and tell
  {"fail": message}        notifications/hooks/failed for this event
  {"stderr": text}  {"note": word}  {"exit": code}  {"close": fd}  {"wait": path}
  {"when": path, "do": steps}              go on; do the steps once the file is there
"""

import json
import os
import signal
import threading
import time

MODERN = "2026-07-28"
EVENT = "io.hookcast/event"
OUT = threading.Lock()


def note(word):
    with open("ends.txt", "a") as f:
        f.write(word + "\n")


def say(message, times=1):
    data = message.encode("latin-1") if isinstance(message, str) else json.dumps(message).encode() + b"\n"
    data *= times
    with OUT:
        while data:
            data = data[os.write(1, data):]


def which_life():
    with open("lives.txt", "a") as f:
        f.write(f"{os.getpid()}\n")
    with open("lives.txt") as f:
        return len(f.readlines())


class Server:
    def __init__(self, act, life):
        self.act, self.life = act, life
        self.revision = act.get("revision", "2025-11-25")
        self.modern = self.revision == MODERN
        self.tools = act.get("tools", [])
        self.held, self.times, self.subscription = [], {}, None

    # -- answers -------------------------------------------------------------------------------------------------

    def answer(self, m, result=None, error=None, id=None):
        body = {"error": error} if error else {"result": result}
        say({"jsonrpc": "2.0", "id": m["id"] if id is None else id, **body})

    def complete(self, m, result):
        self.answer(m, dict({"resultType": "complete"}, **result) if self.modern else result)

    def capabilities(self):
        caps = {"tools": {"listChanged": True} if self.act.get("listen") else {}}
        if self.act.get("native"):
            settings = {"hooks": self.act["advertise"]} if "advertise" in self.act else {}
            caps[self.act["native"]] = {"io.hookcast/hooks": settings}
        return caps

    def discover(self, m):
        self.complete(m, {"supportedVersions": [MODERN], "capabilities": self.capabilities(), "ttlMs": 0,
                          "cacheScope": "private",
                          "_meta": {"io.modelcontextprotocol/serverInfo": {"name": "mcpserver", "version": "1"}}})

    def initialize(self, m):
        self.answer(m, {"protocolVersion": self.revision, "capabilities": self.capabilities(),
                        "serverInfo": {"name": "mcpserver", "version": "1"}})

    def list(self, m):
        """Pages by an opaque cursor that has to come back as it was given."""
        size, at = self.act.get("page", 1000), int(m["params"].get("cursor", 'a"\u00e9/0').rsplit("/", 1)[1])
        tools = [t if isinstance(t, dict) else {"name": t, "inputSchema": {"type": "object"}}
                 for t in self.tools[at:at + size]]
        more = {"nextCursor": f'a"\u00e9/{at + size}'} if at + size < len(self.tools) else {}
        fresh = {"ttlMs": 0, "cacheScope": "private"} if self.modern else {}
        self.complete(m, {"tools": tools, **more, **fresh})

    def listen(self, m):
        self.subscription = m["id"]
        say({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged",
             "params": {"notifications": m["params"]["notifications"], "_meta": self.mark()}})

    def mark(self):
        return {"io.modelcontextprotocol/subscriptionId": self.subscription} if self.subscription else {}

    def call(self, m):
        self.complete(m, {"content": [{"type": "text", "text": "done"}]})

    def usual(self, m):
        known = {"tools/list": self.list, "tools/call": self.call}
        known.update({"server/discover": self.discover, "subscriptions/listen": self.listen} if self.modern else
                     {"initialize": self.initialize, "ping": lambda m: self.answer(m, {})})
        if self.act.get("native"):
            known.update({"hooks/setup": lambda m: self.complete(m, {}),
                          "hooks/health": lambda m: self.complete(m, {"status": "ok"}),
                          "hooks/teardown": lambda m: self.complete(m, {"released": True})})
        if m.get("method") in known and "id" in m:
            known[m["method"]](m)
        elif "id" in m and "method" in m:
            self.answer(m, error={"code": -32601, "message": f"Method not found: {m['method']}"})

    # -- steps ---------------------------------------------------------------------------------------------------

    def release(self, requests):
        self.held = []
        for m in requests:
            self.usual(m)

    def later(self, m, step):
        while not os.path.exists(step["when"]):
            time.sleep(0.005)
        self.perform(m, step["do"])

    def perform(self, m, steps):
        for step in steps if isinstance(steps, list) else [steps]:
            if step == "usual":
                self.usual(m)
            elif step == "hold":
                self.held.append(m)
            elif step == "release":
                self.release(self.held)
            elif step == "release_reversed":
                self.release(self.held[::-1])
            elif step != "silent":
                self.obey(m, step)

    def obey(self, m, step):
        if "result" in step or "error" in step:
            self.answer(m, step.get("result"), step.get("error"), step.get("id"))
        elif "say" in step:
            say(step["say"], step.get("times", 1))
        elif "tools" in step:
            self.tools = step["tools"]
            say({"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {"_meta": self.mark()}})
        elif "fail" in step:
            say({"jsonrpc": "2.0", "method": "notifications/hooks/failed",
                 "params": {"hook": m["method"], "seq": m["params"]["_meta"][EVENT]["seq"],
                            "error": {"message": step["fail"]}}})
        elif "stderr" in step:
            os.write(2, step["stderr"].encode("latin-1"))
        elif "note" in step:
            note(step["note"])
        elif "close" in step:
            os.close(step["close"])
        elif "exit" in step:
            os._exit(step["exit"])
        elif "wait" in step:
            while not os.path.exists(step["wait"]):
                time.sleep(0.005)
        elif "when" in step:
            threading.Thread(target=self.later, args=(m, step), daemon=True).start()

    def take(self, m):
        method = m.get("method")
        params = m.get("params", {})
        steps = params.get("arguments", params).get("do") if EVENT in params.get("_meta", {}) else None
        if steps is None:
            steps = self.act.get("on", {}).get(method, "usual")
            if isinstance(steps, list) and steps and isinstance(steps[0], list):
                turn = self.times[method] = self.times.get(method, 0) + 1
                steps = steps[min(turn, len(steps)) - 1]
        self.perform(m, steps)

    def run(self):
        out = [os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
               for name in ("wire.ndjson", f"life-{self.life}.ndjson")]
        self.perform(None, self.act.get("start", []))
        rest = b""
        while data := os.read(0, 65536):
            for fd in out:
                os.write(fd, data)
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                self.take(json.loads(line))
        note("eof")
        while self.act.get("linger"):
            time.sleep(60)


def on_term(signum, frame):
    note("term")
    os._exit(0)


def main():
    signal.signal(signal.SIGTERM, on_term)
    life, acts = which_life(), json.loads(os.environ.get("ACT", "{}"))
    acts = acts if isinstance(acts, list) else [acts]
    Server(acts[min(life, len(acts)) - 1], life).run()


main()
