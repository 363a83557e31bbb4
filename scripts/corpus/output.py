"""Chunks of lines to files or standard output, made by several workers in a fixed order.

A chunk is the unit of work: its text depends on the seed and its number only, never on the worker. The last chunk is cut
at the end of a line when the wanted size is reached.
"""

import collections
import contextlib
import gzip
import io
import multiprocessing
import os
import shutil
import subprocess
import sys

AHEAD = 4  # chunks that wait for the reader of a pipe: bounds the memory of a long stream


class Target:
    """What is wanted: `total` bytes or rows, in `files` files under `folder` (None: standard output)."""

    def __init__(self, folder, total, unit, files=1, packed=None):
        self.folder, self.total, self.unit, self.files, self.packed = folder, total, unit, files, packed


def chunks(make, setup, workers):
    """The texts of chunks 0, 1, 2, … for ever, in order; `make(number)` runs in workers prepared by `setup`."""
    if workers < 2:
        setup[0](*setup[1])
        number = 0
        while True:
            yield make(number)
            number += 1
    with multiprocessing.Pool(workers, *setup) as pool:
        waiting, number = collections.deque(), 0
        while True:
            while len(waiting) < AHEAD:
                waiting.append(pool.apply_async(make, (number,)))
                number += 1
            yield waiting.popleft().get()


def write(parts, target, name, head=b"", tail=b""):
    """Writes `parts` (bytes of whole lines) until the target is reached; returns (bytes, rows, paths)."""
    done, rows, paths = 0, 0, []
    share = -(-target.total // target.files)
    part, stem = b"", name.split(".", 1)
    for k in range(target.files):
        goal = min(share * (k + 1), target.total)
        path = None
        if target.folder is not None:
            os.makedirs(target.folder, exist_ok=True)
            path = os.path.join(target.folder, name if target.files == 1 else f"{stem[0]}-{k:04}.{stem[1]}")
        with opened(path, target.packed) as out:
            out.write(head)
            done += len(head) if target.unit == "bytes" else 0
            while done < goal:
                part = part or next(parts)
                piece, part = cut(part, goal - done, target.unit)
                lines = piece.count(b"\n")
                out.write(piece)
                rows += lines
                done += lines if target.unit == "rows" else len(piece)
            out.write(tail)
        if path:
            paths.append(path + (f".{target.packed}" if target.packed else ""))
    return done, rows, paths


def cut(part, wanted, unit):
    """Whole lines up to the wanted amount, at least one, and the rest."""
    if unit == "bytes":
        if len(part) <= wanted:
            return part, b""
        end = part.find(b"\n", max(wanted - 1, 0)) + 1
    else:
        end = -1
        for _ in range(wanted):
            following = part.find(b"\n", end + 1)
            if following < 0:
                return part, b""
            end = following
        end += 1
    return part[:end], part[end:]


@contextlib.contextmanager
def opened(path, packed):
    """A file or standard output to write bytes to, packed with gzip or the zstd program."""
    raw = sys.stdout.buffer if path is None else open(path + (f".{packed}" if packed else ""), "wb")
    try:
        if packed == "gz":
            with gzip.GzipFile("", "wb", 6, raw, mtime=0) as out, io.BufferedWriter(out, 1 << 20) as buffered:
                yield buffered
        elif packed == "zst":
            child = subprocess.Popen(["zstd", "-q", "-3", "-c"], stdin=subprocess.PIPE, stdout=raw)
            yield child.stdin
            child.stdin.close()
            if child.wait() != 0:
                sys.exit("zstd failed")
        else:
            yield raw
        raw.flush()
    finally:
        if path is not None:
            raw.close()


def can_pack(packed):
    return packed != "zst" or shutil.which("zstd") is not None
