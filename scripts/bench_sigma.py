#!/usr/bin/env python3
"""Measures Sigma rules beside other engines, in turns, and prints the ratios.

    scripts/bench_sigma.py --rules DIR [--evtx DIR] [--lake LAKE [--exclude-rule ID]] [--events FILE.ndjson] [--runs 3]
                           [--bin target/release/coldtrail] [--before OTHER/coldtrail]
                           [--peer-bin chainsaw=PATH --chainsaw-mapping FILE] [--peer-bin hayabusa=PATH] [--peer-bin rsigma=PATH]

--evtx: a folder of EVTX is read and matched. Ours as `ingest` and `rules cost`, which is what the peers do, and as a whole `hunt`
with its own signals, chains and outputs; every run makes a new lake. Chainsaw and Hayabusa are in no registry: they take part
where --peer-bin names them, with the commands of their manuals. How many rules each loads stands in what it says: state it
beside a ratio.
--lake: rows a second of `rules cost` over a lake that is there; --exclude-rule leaves rules out.
--events: a flat file of events, one JSON object a line, through `ingest` and `rules cost`, and through rsigma's engine.
--before: another coldtrail, measured in turn with this one. Standard library only.
"""

import argparse
import os
import subprocess
import sys
import tempfile

from bench import measure

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
REJECTS = (0, 4)  # exit codes of an ingest: some record of a capture may be damaged


def main():
    a = arguments()
    print("| what | who | wall s | CPU s | a CPU second | wall divided by ours | CPU divided by ours |\n|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory(prefix="bench-sigma-", dir=a.work) as work:
        if a.evtx:
            contest(a, "EVTX: read and match", read_and_match(a, a.evtx, work) + evtx_peers(a, work), None)
            contest(a, "EVTX: hunt", [(name, hunt(binary, a, work)) for name, binary in a.ours], None)
        if a.lake:
            rows, without = count_rows(a), [word for rule in a.exclude_rule for word in ("--exclude-rule", rule)]
            contest(a, f"lake of {rows:,} rows", [(n, lambda b=b: step([b, "rules", "cost", a.rules, "--lake", a.lake, *without], None))
                                                  for n, b in a.ours], rows)
        if a.events:
            with open(a.events, "rb") as lines:
                events = sum(1 for _ in lines)
            rsigma = a.peers.get("rsigma")
            peers = [("rsigma", lambda: step([rsigma, "--output-format", "ndjson", "engine", "eval", "-r", a.rules,
                                              "-e", "@" + a.events], None, (0, 1)))] if rsigma else []
            contest(a, f"{events:,} events: read and match", read_and_match(a, a.events, work) + peers, events)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", required=True, metavar="DIR")
    parser.add_argument("--evtx", metavar="DIR")
    parser.add_argument("--lake", metavar="LAKE")
    parser.add_argument("--exclude-rule", action="append", default=[], metavar="WORD", help="not over the lake")
    parser.add_argument("--events", metavar="FILE")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "coldtrail"))
    parser.add_argument("--before", metavar="PATH")
    parser.add_argument("--peer-bin", action="append", default=[], metavar="NAME=PATH", help="chainsaw, hayabusa, rsigma")
    parser.add_argument("--chainsaw-mapping", metavar="FILE", help="its sigma-event-logs-all.yml")
    parser.add_argument("--work", metavar="DIR", help="where lakes and outputs go for a moment")
    a = parser.parse_args()
    a.peers = dict(text.split("=", 1) for text in a.peer_bin)
    for path in [a.bin, *filter(None, [a.before]), *a.peers.values()]:
        if not os.path.isfile(path):
            sys.exit(f"{path}: no such file")
    unknown = set(a.peers) - {"chainsaw", "hayabusa", "rsigma"}
    if unknown:
        sys.exit(f"--peer-bin {unknown.pop()}: there is chainsaw, hayabusa, rsigma")
    if "chainsaw" in a.peers and not a.chainsaw_mapping:
        sys.exit("--peer-bin chainsaw needs --chainsaw-mapping: it tells which events a rule is about")
    a.ours = [("coldtrail", os.path.abspath(a.bin))] + ([("coldtrail before", os.path.abspath(a.before))] if a.before else [])
    return a


def step(command, output, fine=(0,)):
    return measure.run(command, output, fine=fine)


def read_and_match(a, path, work):
    def both(binary):
        lake = new_folder(work)
        read = step([binary, "ingest", path, "--lake", lake, "--quiet"], None, REJECTS)
        match = step([binary, "rules", "cost", a.rules, "--lake", lake], None)
        return read and match and measure.Result(read.wall + match.wall, read.cpu + match.cpu, None, 0, 0)
    return [(name, lambda b=binary: both(b)) for name, binary in a.ours]


def hunt(binary, a, work):
    def run():
        places = ["--lake", new_folder(work), "--out", new_folder(work)]
        return step([binary, "hunt", a.evtx, "--sigma", a.rules, *places, "--quiet"], None, REJECTS)
    return run


def new_folder(work):
    """A place where nothing is. What lies in others stays to the end: a file system that gives freed places out again is slow."""
    return os.path.join(tempfile.mkdtemp(dir=work), "new")


def evtx_peers(a, work):
    out = os.path.join(work, "peer-output")
    commands = {
        "chainsaw": ["hunt", a.evtx, "-s", a.rules, "--mapping", a.chainsaw_mapping, "--jsonl", "-o", out, "--skip-errors"],
        "hayabusa": ["csv-timeline", "-d", a.evtx, "-r", a.rules, "-o", out, "-w", "-q", "-C"],
    }
    return [(name, lambda n=name: step([a.peers[n], *commands[n]], out)) for name in commands if name in a.peers]


def count_rows(a):
    said = subprocess.run([a.bin, "lake", "status", "--lake", a.lake], capture_output=True, text=True, check=True).stdout
    tables = said.split("TABLE", 1)[1].split("\n\n", 1)[0].splitlines()[1:]
    return sum(int(line.split()[1]) for line in tables)


def contest(a, title, everyone, amount):
    """Medians, one after the other, so that a busy minute hits all alike."""
    seen = {name: [] for name, _ in everyone}
    for _ in range(a.runs):
        for name, run in everyone:
            result = run() if seen[name] is not None else None
            seen[name] = seen[name] + [result] if result else None
    medians = {name: measure.median(results) for name, results in seen.items() if results}
    us = medians.get("coldtrail")
    for name, r in medians.items():
        rate = f"{amount / r.cpu:,.0f}" if amount else ""
        ratio = [f"{r.wall / us.wall:.1f}", f"{r.cpu / us.cpu:.1f}"] if us and r is not us else ["", ""]
        print(f"| {title} | {name} | {r.wall:.2f} | {r.cpu:.2f} | {rate} | {ratio[0]} | {ratio[1]} |", flush=True)


if __name__ == "__main__":
    main()
