#!/usr/bin/env python3
"""Measure `coldtrail ingest` on one large NDJSON file and, if given, on a folder of EVTX files.

    scripts/bench.py [--bin target/release/coldtrail] [--mb 500] [--evtx DIR] [--runs 3]

The NDJSON is the sample's Sysmon (Winlogbeat shape), repeated under new host names and record ids until it has the size.
Prints a Markdown table: wall and CPU (user+sys) seconds, MB/s, rows/s, peak resident memory, size of the lake; medians.
Standard library only (Unix: resource usage of the child).
"""
import argparse, gzip, json, os, shutil, statistics, subprocess, sys, tempfile, time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def big_ndjson(path, megabytes):
    """The sample's Sysmon under as many host names as it takes. Returns (bytes, records)."""
    folder = os.path.join(ROOT, "sample_data", "office", "winlogbeat")
    lines = []
    for name in sorted(os.listdir(folder)):
        if name.startswith("sysmon"):
            with gzip.open(os.path.join(folder, name), "rt", encoding="utf-8") as f:
                lines += [json.loads(line) for line in f]
    written, records, copy = 0, 0, 0
    with open(path, "w", encoding="utf-8") as out:
        while written < megabytes * 1_000_000:
            for event in lines:
                log = event["winlog"]
                name = log["computer_name"].split(".", 1)
                renamed = {**event, "winlog": {**log, "computer_name": f"{name[0]}-{copy:04}.{name[-1]}"}}
                text = json.dumps(renamed, ensure_ascii=False, separators=(",", ":")) + "\n"
                written += len(text.encode())
                records += 1
                out.write(text)
            copy += 1
    return os.path.getsize(path), records


def size(folder):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, fs in os.walk(folder) for f in fs)


def measure(binary, source, runs):
    rows = []
    for _ in range(runs + 1):  # the first warms the cache
        lake = tempfile.mkdtemp(prefix="bench-lake-")
        begin = time.monotonic()
        child = subprocess.Popen([binary, "ingest", source, "--lake", lake, "--quiet"])
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - begin
        if os.waitstatus_to_exitcode(status) not in (0, 4):
            sys.exit(f"{binary} failed on {source}")
        catalogue = json.load(open(os.path.join(lake, "_coldtrail", "catalogue.json")))
        stored = sum(f["rows"] for f in catalogue["files"])
        rows.append((wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024, size(lake), stored))
        shutil.rmtree(lake)
    return [statistics.median(column) for column in zip(*rows[1:])]


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "coldtrail"))
    ap.add_argument("--mb", type=int, default=500)
    ap.add_argument("--evtx")
    ap.add_argument("--runs", type=int, default=3)
    a = ap.parse_args()
    tmp = tempfile.mkdtemp(prefix="bench-")
    try:
        big = os.path.join(tmp, "sysmon.ndjson")
        big_ndjson(big, a.mb)
        print("| input | MB | rows | wall s | CPU s | MB/s | rows/s | peak RSS MB | lake MB |\n|---|---|---|---|---|---|---|---|---|")
        for name, source in [("one NDJSON (Winlogbeat)", big)] + ([("folder of EVTX", a.evtx)] if a.evtx else []):
            total = os.path.getsize(source) if os.path.isfile(source) else size(source)
            wall, cpu, rss, lake, stored = measure(a.bin, source, a.runs)
            print(f"| {name} | {total / 1e6:.0f} | {stored:.0f} | {wall:.2f} | {cpu:.2f} | {total / 1e6 / wall:.0f} "
                  f"| {stored / wall:.0f} | {rss / 1e6:.0f} | {lake / 1e6:.1f} |")
    finally:
        shutil.rmtree(tmp, ignore_errors=True)


if __name__ == "__main__":
    main()
