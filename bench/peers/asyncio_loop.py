#!/usr/bin/python3
"""asyncio_loop — the script one would write: lines from a Unix socket to every child's stdin, waiting for the slow.

    asyncio_loop.py N SOCKET COMMAND [ARGUMENT]...      every child gets -N child-<number> besides
"""
import asyncio
import ctypes
import signal
import sys


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


async def main(n, path, command):
    children = [await asyncio.create_subprocess_exec(*command, "-N", f"child-{i}", stdin=asyncio.subprocess.PIPE,
                                                     preexec_fn=die_with_parent) for i in range(n)]

    async def publisher(reader, writer):
        while line := await reader.readline():
            for child in children:
                child.stdin.write(line)
            for child in children:
                await child.stdin.drain()
        writer.close()

    server = await asyncio.start_unix_server(publisher, path)
    print("ready", flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3:]))
