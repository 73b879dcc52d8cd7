"""reads_a_byte.py — reads one byte each PAUSE seconds, until the file `hurry` exists; then it reads as others do."""

import os
import select

record = os.open("wire.ndjson", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
pause = float(os.environ.get("PAUSE", "1"))
while True:
    slow = not os.path.exists("hurry")
    data = os.read(0, 1 if slow else 65536)
    if not data:
        break
    os.write(record, data)
    if slow:
        select.select([], [], [], pause)
