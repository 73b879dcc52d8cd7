"""strangers.py DIRECTORY SECONDS COMMAND... — the first process of a pid namespace with few pids: runs COMMAND under strace
while processes of its own come and go through all pids, and judges every signal: none may hit one of those strangers.
"""

import os
import re
import signal
import subprocess
import sys
import time

directory, seconds, command = sys.argv[1], float(sys.argv[2]), sys.argv[3:]
with open("/proc/sys/kernel/pid_max", "w") as f:
    f.write("400\n")  # after the first wrap the kernel begins at 300
trace = os.path.join(directory, "signals")
log = open(os.path.join(directory, "log"), "wb")
daemon = subprocess.Popen(["strace", "-f", "-qq", "-o", trace, "-e", "trace=kill,tkill,tgkill,pidfd_send_signal", "-e", "signal=none",
                           *command], stdout=log, stderr=log)
strangers, lost, lived, wraps, before = {}, [], 0, 0, 0


def reap():
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in strangers:
            del strangers[pid]
            if os.WIFSIGNALED(status):
                lost.append((pid, os.WTERMSIG(status)))


end = time.monotonic() + 4 * seconds
while time.monotonic() < end and daemon.poll() is None and (wraps < 3 or time.monotonic() < end - 3 * seconds):
    try:
        pid = os.fork()
    except OSError:
        reap()
        time.sleep(0.002)
        continue
    if pid == 0:
        os.setsid()
        time.sleep(0.05)
        os._exit(0)
    strangers[pid] = True
    lived += 1
    wraps += pid < before
    before = pid
    reap()
    time.sleep(0.001)
alive = daemon.poll() is None
for pid in [p for p in map(int, filter(str.isdigit, os.listdir("/proc"))) if p != 1]:
    try:
        if os.readlink(f"/proc/{pid}/exe").endswith("hookcastd") and int(open(f"/proc/{pid}/stat").read().split()[3]) == daemon.pid:
            os.kill(pid, signal.SIGTERM)
    except OSError:
        pass
code = daemon.wait(20) if alive else daemon.returncode
text = open(trace).read()
signals = re.findall(r"kill\((-?\d+), (SIG\w+|0)", text)
low = [s for s in signals if -1 <= int(s[0]) <= 1]
print(f"{lived} strangers, {wraps} wraps, {len(signals)} signals, lost {lost[:5]}, to 0, 1 or -1: {low[:5]}, exit {code}")
sys.exit(0 if alive and not lost and not low and signals and wraps > 1 and code == 0 else 1)
