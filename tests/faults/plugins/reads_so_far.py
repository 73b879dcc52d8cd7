"""reads_so_far.py — one life reads exactly LIMITS[generation] bytes of stdin and then no more; the last one reads all.

Each life records in bytes.N. When it has read its share it makes `sated.N` and waits to be killed, or dies by itself
as END says (an exit code, or -SIGNAL).
"""

import os
import signal
import time

limits = [int(n) for n in os.environ["LIMITS"].split(",") if n]
generation = sum(name.startswith("bytes.") for name in os.listdir("."))
record = os.open(f"bytes.{generation}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
left = limits[generation] if generation < len(limits) else None
while left is None or left:
    data = os.read(0, 65536 if left is None else left)
    if not data:
        os._exit(0)
    os.write(record, data)
    if left is not None:
        left -= len(data)
open(f"sated.{generation}", "w").close()
end = os.environ.get("END")
while end and not os.path.exists(f"die.{generation}"):
    time.sleep(0.005)
if end and int(end) < 0:
    os.kill(os.getpid(), -int(end))
elif end:
    os._exit(int(end))
while True:
    signal.pause()
