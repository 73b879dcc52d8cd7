"""Moves lines from the wire into a host until it is told to end.

Two pumps: a plain one, and one on asyncio for plugins with `async` methods,
whose background tasks then run between events. Both end at EOF, SIGTERM or
SIGINT: the event in hand is finished, what was read behind it is counted and
left, the plugin is torn down.
"""

import logging
import os
import select
import signal

from . import stdio

_log = logging.getLogger("hookcast.host")
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
HANDLER_GRACE = 3.0  # seconds an async handler gets after SIGTERM before it is cancelled


def run(host, wire, begin=None):
    """Pump until the end. `begin()` (may return an awaitable, False: stop at once) runs first."""
    if host.is_async:
        import asyncio

        asyncio.run(_run_async(host, wire, begin))
    else:
        _run_sync(host, wire, begin)


def _report_left(splitter, left, stopped):
    if left:
        _log.warning("%d events were read but not handled", left)
    if splitter.pending and not stopped:
        _log.warning("the daemon's last line was cut short (%d bytes)", splitter.pending)


# --- plain ---


class _StopFlag:
    """Set by a signal; its pipe wakes the poll."""

    def __init__(self):
        self.requested = False
        self.fd, self._wake = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        for number in STOP_SIGNALS:
            signal.signal(number, self._request)

    def _request(self, number, frame):
        self.requested = True

    def drain(self):
        """Forget wake-ups of signals that are the plugin's own."""
        try:
            while os.read(self.fd, 512):
                pass
        except BlockingIOError:
            pass


def _run_sync(host, wire, begin):
    stop = _StopFlag()
    splitter = stdio.LineSplitter()
    left = 0
    if begin is None or begin() is not False:
        left = _pump_sync(host, wire, stop, splitter)
    _report_left(splitter, left, stop.requested)
    host.finish()


def _pump_sync(host, wire, stop, splitter):
    """Until EOF or stop; returns how many whole lines were read and left."""
    poller = select.poll()
    poller.register(wire.in_fd, select.POLLIN)
    poller.register(stop.fd, select.POLLIN)
    while not stop.requested and not wire.gone:
        readable = [fd for fd, _ in poller.poll()]
        if stop.fd in readable:
            stop.drain()
            continue
        chunk = os.read(wire.in_fd, stdio.READ_SIZE)
        if not chunk:
            break
        lines = splitter.feed(chunk)
        for number, line in enumerate(lines, 1):
            host.handle(line)
            if stop.requested:
                host.batch_end()
                return len(lines) - number
        host.batch_end()
    return 0


# --- asyncio ---


class _Waiter:
    """Wakes one coroutine when the wire is readable or the end was asked for."""

    def __init__(self, loop, fd):
        self.stopping = False
        self._loop = loop
        self._fd = fd
        self._future = None

    def stop(self, pump):
        """From a signal: end after the present event, which gets a bounded time more.

        The flag is seen at once, also between handlers that never yield to the loop.
        """
        if not self.stopping:
            self.stopping = True
            self._loop.call_soon_threadsafe(self._loop.call_later, HANDLER_GRACE, pump.cancel)
        self._loop.call_soon_threadsafe(self._wake)

    def _wake(self):
        if self._future is not None and not self._future.done():
            self._future.set_result(None)

    async def readable(self):
        self._future = self._loop.create_future()
        try:
            self._loop.add_reader(self._fd, self._wake)
        except PermissionError:  # a regular file: always readable
            self._future = None
            return
        try:
            if not self.stopping:
                await self._future
        finally:
            self._loop.remove_reader(self._fd)
            self._future = None


async def _run_async(host, wire, begin):
    import asyncio

    loop = asyncio.get_running_loop()
    waiter = _Waiter(loop, wire.in_fd)
    splitter = stdio.LineSplitter()
    pump = asyncio.ensure_future(_pump_async(host, wire, waiter, splitter, begin))
    for number in STOP_SIGNALS:
        signal.signal(number, lambda *_: waiter.stop(pump))
    try:
        left = await pump
    except asyncio.CancelledError:
        left = 0
    _report_left(splitter, left, waiter.stopping)
    await _settle(host.finish())


async def _settle(pending):
    if pending is not None:
        await pending


async def _pump_async(host, wire, waiter, splitter, begin):
    """Until EOF or stop; returns how many whole lines were read and left."""
    import asyncio

    if begin is not None and await _begun(begin()) is False:
        return 0
    while not waiter.stopping and not wire.gone:
        await waiter.readable()
        if waiter.stopping:
            break
        chunk = os.read(wire.in_fd, stdio.READ_SIZE)
        if not chunk:
            break
        lines = splitter.feed(chunk)
        for number, line in enumerate(lines, 1):
            pending = host.handle(line)
            if pending is not None:
                await pending
            if waiter.stopping:
                await _settle(host.batch_end())
                return len(lines) - number
        await _settle(host.batch_end())
        await asyncio.sleep(0)  # the plugin's own tasks get their turn
    return 0


async def _begun(started):
    return await started if hasattr(started, "__await__") else started
