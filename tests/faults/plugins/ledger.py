"""ledger.py — reads stdin straight into a file, life.N, that it has mapped: what read() gave is on record, whatever kills it."""

import mmap
import os

ROOM = 1 << 30  # sparse
n = sum(name.startswith("life.") for name in os.listdir("."))
fd = os.open(f"life.{n}", os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
os.ftruncate(fd, ROOM)
room, at = memoryview(mmap.mmap(fd, ROOM)), 0
while got := os.readv(0, [room[at:at + 65536]]):
    at += got
