#!/usr/bin/env python3
"""Writes large log corpora of an invented fleet, for benchmarks: thousands of hosts, users, command lines.

    scripts/make_corpus.py --shape nxlog --bytes 1G --out corpus/flat          one file, one day, in time order
    scripts/make_corpus.py --shape nxlog --bytes 300M --days 90 --order shuffled --files 8 --out corpus/old
    scripts/make_corpus.py --shape nxlog --bytes 10G --out - | coldtrail ingest - --lake lake
    scripts/make_corpus.py --shape all --bytes 1G --out corpus/mixed           Windows, Zeek, proxies, DNS, DHCP
    scripts/make_corpus.py --multiply ../shared/data/cases --shape evtx --bytes 300M --out corpus/evtx

The same options and seed give the same bytes, whatever the number of workers. Windows events (nxlog, winlogbeat,
evtx_dump) share one story: processes that start, connect, resolve names, write; users that log on. The text logs are those
of the network. Addresses are of 10.0.0.0/8 and of 198.18.0.0/15 (benchmarks, RFC 2544), names of the reserved domains.
`--multiply` takes real captures instead: records of NDJSON cases under new host names, chunks of EVTX files in one file.
Standard library only.
"""

import argparse
import os
import random
import sys
import time

import make_sample as sample
from corpus import multiply, network, output
from corpus.activity import Activity
from corpus.fleet import Fleet
from corpus.programs import Programs
from corpus.shapes import Clock, Shape

WINDOWS = ("nxlog", "winlogbeat", "evtx_dump")
ALL = {  # what `all` writes, in parts of a hundred of the bytes
    "nxlog": 60, "zeek_dns": 9, "zeek_conn": 9, "squid": 8, "w3c": 6, "bind": 4, "dhcp": 4}  # `mail` (Exchange tracking) joins when a format reads it
RECORDS = 4000  # of a chunk of Windows events; text logs have more, shorter lines
LINES = 30_000
START = sample.at("2026-03-02T00:00:00")

worker = {}


def setup(options):
    """Prepares a worker: the fleet and the writer of its shape."""
    shape = options["shape"]
    fleet, clock = Fleet(options["seed"], options["hosts"], options["users"]), Clock()
    if shape in WINDOWS:
        worker["maker"] = Activity(fleet, Programs(options["seed"]), Shape(shape, getattr(clock, shape)), clock)
    else:
        worker["maker"] = network.Lines(fleet, clock)
    worker["options"] = options


def moment(options, number, size):
    """The time of the i-th record of a chunk."""
    span = options["days"] * sample.DAY
    if options["order"] == "shuffled":
        return lambda i, rnd: START + int(rnd() * span)
    count = max(options["chunks"], 1)
    begin, step = START + span * number // count, span / count / size
    if number >= count:  # the estimate of the size was a little short: the last minutes are denser
        begin, step = START + span - sample.MIN, sample.MIN / size
    return lambda i, rnd: begin + int((i + rnd()) * step)


def make(number):
    """The text of a chunk, as bytes."""
    options, maker = worker["options"], worker["maker"]
    if options["shape"] in WINDOWS:
        lines = maker.chunk(options["seed"], number, RECORDS, moment(options, number, RECORDS))
    else:
        r = random.Random(f"lines {options['seed']} {options['shape']} {number}")
        maker.begin(r)
        line, when, rnd = getattr(maker, options["shape"]), moment(options, number, LINES), r.random
        lines = [line(when(i, rnd)) for i in range(LINES)]
    lines.append("")
    return "\n".join(lines).encode()


def generate(a, shape, folder, total):
    options = {"shape": shape, "seed": a.seed, "days": a.days, "order": a.order, "hosts": a.hosts, "users": a.users,
               "chunks": 1}
    setup(options)
    probe = make(0)
    per = len(probe) if a.unit == "bytes" else probe.count(b"\n")
    options["chunks"] = -(-total // per)
    name = network.NAMES.get(shape, f"{shape}.ndjson")
    parts = output.chunks(make, (setup, (options,)), a.workers if options["chunks"] > 4 else 1)
    target = output.Target(folder, total, a.unit, a.files, a.packed)
    return output.write(parts, target, name, network.HEADS.get(shape, "").encode(),
                        network.TAILS.get(shape, "").encode())


def size(text):
    for suffix, factor in (("K", 10**3), ("M", 10**6), ("G", 10**9)):
        if text.upper().rstrip("B").endswith(suffix):
            return int(float(text.upper().rstrip("B")[:-1]) * factor)
    return int(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, metavar="DIR", help="a folder, or - for standard output")
    parser.add_argument("--shape", default="nxlog", choices=[*WINDOWS, *network.NAMES, "all", "evtx"])
    parser.add_argument("--bytes", type=size, metavar="SIZE", help="1G, 300M: of the text, before packing")
    parser.add_argument("--rows", type=int, metavar="N")
    parser.add_argument("--days", type=int, default=1)
    parser.add_argument("--order", choices=("time", "shuffled"), default="time")
    parser.add_argument("--hosts", type=int, default=2000)
    parser.add_argument("--users", type=int, default=3000)
    parser.add_argument("--files", type=int, default=1, metavar="N")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gz", dest="packed", action="store_const", const="gz")
    parser.add_argument("--zst", dest="packed", action="store_const", const="zst")
    parser.add_argument("--multiply", metavar="CASES", help="folder of labelled cases: multiply real captures instead")
    a = parser.parse_args()
    if (a.bytes is None) == (a.rows is None):
        parser.error("one of --bytes and --rows says how much")
    if not output.can_pack(a.packed):
        print("SKIPPED: there is no `zstd` program here, nothing was written", file=sys.stderr)
        return 3
    a.unit, total = ("bytes", a.bytes) if a.rows is None else ("rows", a.rows)
    folder = None if a.out == "-" else a.out
    if folder is None and (a.files > 1 or a.shape in ("all", "evtx")):
        parser.error("several files do not fit standard output")
    begin = time.monotonic()
    try:
        if a.multiply:
            done = multiply.run(a, folder, total)
        elif a.shape == "evtx":
            parser.error("EVTX comes of real captures only: --multiply CASES")
        elif a.shape == "all":
            done = [generate(a, shape, os.path.join(folder, shape), total * part // 100) for shape, part in ALL.items()]
            done = tuple(map(sum, zip(*((amount, rows) for amount, rows,
                                        _ in done)))) + ([p for *_, paths in done for p in paths],)
        else:
            done = generate(a, a.shape, folder, total)
    except BrokenPipeError:  # the reader has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    amount, rows, paths = done
    written = sum(map(os.path.getsize, paths))
    where = f"{len(paths)} files, {written} bytes" if paths else "standard output"
    print(f"{where}: {rows} records in {time.monotonic() - begin:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
