"""One run of a command: wall and CPU seconds, peak of its anonymous memory, what it left behind."""

import os
import shutil
import statistics
import subprocess
import sys
import threading
import time

SAMPLE = 0.02  # seconds between two looks at the memory


class Result:
    def __init__(self, wall, cpu, anon, output, code):
        self.wall, self.cpu, self.anon, self.output, self.code = wall, cpu, anon, output, code


def run(command, output, stdin=None, fine=(0,)):
    """Runs `command`, None where it failed; `output` is the file or folder that it writes: removed before, measured after."""
    remove(output)
    begin = time.monotonic()
    child = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.PIPE)
    watch = Watch(child.pid)
    watch.start()
    said = child.stderr.read()  # what it says is little; this ends when the command ends
    _, status, usage = os.wait4(child.pid, 0)
    wall = time.monotonic() - begin
    watch.done.set()
    watch.join()
    child.returncode = code = os.waitstatus_to_exitcode(status)
    size = tree_size(output)
    remove(output)
    if code not in fine:
        print(f"FAILED (exit {code}): {' '.join(command)[:200]}\n{said.decode(errors='replace')[-600:]}",
              file=sys.stderr)
        return None
    return Result(wall, usage.ru_utime + usage.ru_stime, watch.peak, size, code)


class Watch(threading.Thread):
    """Peak RssAnon of one process in bytes; None where the system does not tell (not Linux)."""

    def __init__(self, pid):
        super().__init__(daemon=True)
        self.path, self.peak, self.done = f"/proc/{pid}/status", None, threading.Event()

    def run(self):
        while True:
            try:
                with open(self.path, encoding="ascii", errors="replace") as status:
                    for line in status:
                        if line.startswith("RssAnon:"):
                            self.peak = max(self.peak or 0, int(line.split()[1]) * 1024)
            except OSError:
                return
            if self.done.wait(SAMPLE):
                return


def median(results):
    """Medians of several runs; the memory is the largest seen."""
    def of(name):
        return statistics.median(getattr(r, name) for r in results)
    anon = [r.anon for r in results if r.anon is not None]
    return Result(of("wall"), of("cpu"), max(anon) if anon else None, of("output"), results[0].code)


def tree_size(path):
    if not path or not os.path.exists(path):
        return 0
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(os.path.getsize(os.path.join(folder, name)) for folder, _, names in os.walk(path) for name in names)


def remove(path):
    if path and os.path.isdir(path):
        shutil.rmtree(path)
    elif path and os.path.exists(path):
        os.remove(path)


def warm(path):
    """Reads everything once, so that all contenders find it in the page cache."""
    names = [path] if os.path.isfile(path) else [os.path.join(d, n) for d, _, ns in os.walk(path) for n in ns]
    for name in names:
        with open(name, "rb") as data:
            while data.read(1 << 22):
                pass
