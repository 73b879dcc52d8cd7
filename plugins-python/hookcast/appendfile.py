"""A file that only grows, line by line, and never holds half a line of ours.

Every append is one O_APPEND write. When the disk fills in the middle of one,
what was written of it is taken back and the append fails. A file that was
renamed or removed (logrotate) is noticed by its inode before each append, and
the path is opened anew; `copytruncate` works too. With `rotate_size` the file
rotates itself: PATH.1 is the newest old one, PATH.<keep> the oldest.

Not for several processes when it rotates itself; else any number may append.
"""

import os
import stat

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOCTTY | os.O_NONBLOCK


class AppendFile:
    """Owns the fd. Not thread-safe. Every failure is an OSError that names the path."""

    def __init__(self, path, logger, rotate_size=0, keep=5, durable=False, mode=0o640):
        """Open for appending, creating the file and its directories. Raises OSError.

        `durable`: the owner calls `sync`, so a file left behind by a rotation is synced as well."""
        self.path = os.path.abspath(path)
        self._logger = logger
        self._rotate_size = rotate_size
        self._keep = keep
        self._durable = durable
        self._mode = mode
        self._fd = -1
        self._identity = None
        self._torn = False  # the file's end is half a line: the next append starts a new one
        self._dirty = False
        self._rotation_failed = False
        os.makedirs(os.path.dirname(self.path), mode=0o750, exist_ok=True)
        self._open()

    def _open(self):
        fd = os.open(self.path, _FLAGS, self._mode)
        try:
            status = os.fstat(fd)
            regular = stat.S_ISREG(status.st_mode)
            torn = regular and status.st_size > 0 and os.pread(fd, 1, status.st_size - 1) != b"\n"
        except OSError:
            os.close(fd)
            raise
        self._leave()
        self._fd = fd
        self._regular = regular
        self._identity = (status.st_dev, status.st_ino)
        self._torn = torn

    def append(self, line):
        """Append `line`, bytes that end with a newline: all of it, or nothing and an OSError."""
        size = self._follow()
        if self._rotate_size and size and self._regular and size + len(line) > self._rotate_size:
            size = self._rotate(size)
        if self._torn and size:
            line = b"\n" + line
        view = memoryview(line)
        written = 0
        try:
            while written < len(line):
                written += os.write(self._fd, view[written:])
        except OSError as error:
            if written:
                self._take_back(written)
            raise OSError(error.errno, error.strerror, self.path) from None
        self._torn = False
        self._dirty = True

    def _follow(self):
        """Open the path anew if it no longer names our file. Returns its size."""
        try:
            status = os.stat(self.path)
            if (status.st_dev, status.st_ino) == self._identity:
                return status.st_size
        except FileNotFoundError:
            pass
        self._open()
        return os.fstat(self._fd).st_size

    def _take_back(self, written):
        """Cut off a half-written line, or remember it where somebody appended behind it."""
        try:
            end = os.lseek(self._fd, 0, os.SEEK_CUR)
            if self._regular and os.fstat(self._fd).st_size == end:
                os.ftruncate(self._fd, end - written)
                return
        except OSError:
            pass
        self._torn = True

    def _rotate(self, size):
        """Shift the old files by one; returns the size now. A failure is logged once: the file then grows on."""
        try:
            for number in range(self._keep - 1, 0, -1):
                older = f"{self.path}.{number}"
                if os.path.lexists(older):
                    os.replace(older, f"{self.path}.{number + 1}")
            os.replace(self.path, self.path + ".1")
            self._open()
            self._rotation_failed = False
            return os.fstat(self._fd).st_size
        except OSError as error:
            if not self._rotation_failed:
                self._rotation_failed = True
                self._logger.warning("%s cannot be rotated: %s", self.path, error)
            return size

    def sync(self):
        """Force what was appended to the disk, if anything was. Raises OSError."""
        if self._dirty:
            os.fdatasync(self._fd)
            self._dirty = False

    def _leave(self):
        """Close the file that the path no longer names."""
        if self._fd >= 0 and self._durable:
            try:
                self.sync()
            except OSError as error:
                self._logger.error("the renamed %s was not synced: %s", self.path, error)
        self._dirty = False
        self._close_fd()

    def _close_fd(self):
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)

    def close(self):
        """Close; harmless when repeated."""
        self._close_fd()
