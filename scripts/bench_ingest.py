#!/usr/bin/env python3
"""Measures `coldtrail ingest` and its peers on the same inputs, in turn, in one run; prints a Markdown table.

    scripts/bench_ingest.py [--only flat,evtx] [--size 1G] [--runs 3] [--bin target/release/coldtrail]
                            [--corpus DIR] [--peers-venv DIR] [--peer-bin evtx_dump=PATH] [--install-peers] [--memory]

Inputs come from make_corpus.py and stay in --corpus for the next time; a folder that is there is taken as it is. DuckDB,
polars and zlib-ng are installed from their registry into the virtual environment --peers-venv, which is made when it is
missing; `--no-peers` measures only us. evtx_dump is built with cargo when --install-peers asks for it. Whole commands are
measured (start of the interpreter included), with a warm page cache; the table holds medians. Nothing here judges: numbers
of one machine and one hour are to be read as ratios. `--memory` streams 1, 5 and 10 GB through a pipe; that takes long
(`--only '' --memory` for that alone).
Standard library only (Unix: resource usage of children; peak memory on Linux only).
"""

import argparse
import datetime
import os
import platform
import subprocess
import sys
import tempfile

from bench import contenders, inputs, measure, memory
from make_corpus import size

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "coldtrail-bench")
TITLES = {
    "flat": "flat NDJSON, 1 day in time order", "flat90": "flat NDJSON, 90 days shuffled",
    "winlogbeat": "nested NDJSON, Winlogbeat",
    "evtx_dump": "nested NDJSON, evtx_dump", "evtx": "EVTX, one large file", "evtx_small": "EVTX, 1,000 small files",
    "zeek": "Zeek dns.log (TSV)",
    "squid": "Squid access.log", "w3c": "W3C extended (proxy)", "bind": "BIND query log", "gz": "flat NDJSON, gzip",
    "zst": "flat NDJSON, zstd",
    "tiny": "1,000 tiny NDJSON files"}
PACKED = ("gz", "zst")


def main():
    a = arguments()
    wanted = [path for path in a.only.split(",") if path] if a.only is not None else list(TITLES)
    for path in wanted:
        if path not in TITLES:
            sys.exit(f"--only {path}: there is {', '.join(TITLES)}")
    binaries = dict(text.split("=", 1) for text in a.peer_bin)
    peers = None if a.no_peers or not wanted else contenders.Peers(a.peers_venv, binaries, a.install_peers)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=a.work) as work:
        if wanted:
            print(machine(a, peers))
            report(a, wanted, peers, work)
        if a.memory:
            print("\n" + memory.table(a.bin, a.memory_sizes.split(","), a.memory_limits.split(","), os.path.join(work, "lake")))


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "coldtrail"))
    parser.add_argument("--only", help=f"some of {','.join(TITLES)}, with commas; empty for none")
    parser.add_argument("--size", type=size, default=10**9, metavar="SIZE",
                        help="of the flat input; the others have a share of it")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--corpus", default=os.path.join(CACHE, "corpus"), metavar="DIR")
    parser.add_argument("--cases", default=os.path.join(ROOT, "..", "shared", "data", "cases"), metavar="DIR",
                        help="real captures, for EVTX")
    parser.add_argument("--work", metavar="DIR", help="where lakes and Parquet files go for a moment")
    parser.add_argument("--peers-venv", default=os.path.join(CACHE, "venv"), metavar="DIR")
    parser.add_argument("--no-peers", action="store_true")
    parser.add_argument("--peer-bin", action="append", default=[], metavar="NAME=PATH",
                        help="evtx_dump, gzip, pigz, zstd")
    parser.add_argument("--install-peers", action="store_true", help=f"build evtx_dump {contenders.EVTX} with cargo")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--memory-sizes", default="1G,5G,10G", metavar="LIST")
    parser.add_argument("--memory-limits", default="default,256MiB", metavar="LIST")
    a = parser.parse_args()
    if not os.path.isfile(a.bin):
        sys.exit(f"{a.bin}: no such file; build it, or say --bin PATH")
    a.bin = os.path.abspath(a.bin)
    return a


def machine(a, peers):
    model = platform.processor() or "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            model = next((line.split(":", 1)[1].strip() for line in info if line.startswith("model name")), model)
    except OSError:
        pass
    version = subprocess.run([a.bin, "--version"], capture_output=True, text=True).stdout.strip()
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else "unknown"
    return (f"{datetime.date.today()}, {version}, {os.cpu_count()} cores {model}, {platform.system()} "
            f"{platform.release()}; "
            f"load before: {load}; {'; '.join(peers.notes) if peers else 'no peers'}; medians of {a.runs} runs in "
            f"turn, warm cache\n")


def report(a, wanted, peers, work):
    print("| input | who | MB | wall s | CPU s | MB/s | MB per CPU s | peak anonymous MiB | output MB | we are "
          "faster, wall | CPU |\n"
          "|---|---|---|---|---|---|---|---|---|---|---|", flush=True)
    rates, notes = {}, []
    for path in wanted:
        folder = inputs.prepare(path, a.corpus, a.size, a.cases)
        if folder is None:
            continue
        everyone = [contenders.ours(a.bin)] + (peers.of(path) if peers else [])
        results = contest(everyone, folder, a.runs, work)
        amount = text_size(path, folder, a.corpus)
        us = results.get("coldtrail")
        if us:
            rates[path] = amount / us.wall, amount / us.cpu
        for one in everyone:
            if one.name in results:
                print(row(TITLES[path], one.name, amount, results[one.name], us), flush=True)
                if one.note and f"{one.name}: {one.note}" not in notes:
                    notes.append(f"{one.name}: {one.note}")
    for path in ("winlogbeat", "evtx_dump"):
        if path in rates and "flat" in rates:
            print(f"\n{TITLES[path]} runs at {rates[path][0] / rates['flat'][0]:.0%} of the flat rate by wall time, "
                  f"{rates[path][1] / rates['flat'][1]:.0%} by CPU time.")
    print("\n" + "\n".join(f"- {note}" for note in notes))


def contest(everyone, folder, runs, work):
    """Medians by name; one after the other, so that a busy minute hits all alike."""
    measure.warm(folder)
    seen = {one.name: [] for one in everyone}
    for _ in range(runs):
        for one in everyone:
            if seen[one.name] is None:
                continue
            output = os.path.join(work, "lake" if one.name == "coldtrail" else "out.parquet")
            result = measure.run(one.command(folder, inputs.only_file(folder), output), output, fine=one.fine)
            if result is None:
                seen[one.name] = None
            else:
                seen[one.name].append(result)
                if result.code != 0:
                    print(f"{folder}: {one.name} ended with {result.code}: part of the input was rejected", file=sys.stderr)
    return {name: measure.median(results) for name, results in seen.items() if results}


def text_size(path, folder, corpus):
    """MB read; of packed inputs the text that comes out of them, when the plain one lies beside it."""
    plain = os.path.join(corpus, inputs.RECIPES["flat"][0])
    return measure.tree_size(plain if path in PACKED and os.path.isdir(plain) else folder) / 1e6


def row(title, name, amount, r, us):
    ratio = [f"{r.wall / us.wall:.2f}x", f"{r.cpu / us.cpu:.2f}x"] if us and r is not us else ["", ""]
    anon = "not measured" if r.anon is None else f"{r.anon / 2**20:.0f}"
    output = f"{r.output / 1e6:.1f}" if r.output else "-"
    return (f"| {title} | {name} | {amount:.0f} | {r.wall:.2f} | {r.cpu:.2f} | {amount / r.wall:.0f} | "
            f"{amount / r.cpu:.0f} | {anon} | {output} "
            f"| {ratio[0]} | {ratio[1]} |")


if __name__ == "__main__":
    main()
