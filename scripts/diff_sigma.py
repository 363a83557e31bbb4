#!/usr/bin/env python3
"""Runs Sigma rules over the same events with `coldtrail` and with rsigma's engine, and lists every difference.

    scripts/diff_sigma.py --rules DIR --peer-bin rsigma=PATH [--bin target/release/coldtrail] [--cases DIR] [--json FILE]

Events are those of the flat JSON captures among --cases, by Sigma category (one Sysmon event id or log each), every record
once. A rule is compared where its logsource is just that category, so that neither side has to guess which events are meant;
deprecated and unsupported rules are left out. What is compared is the number of events that each rule matches. rsigma is
built with `cargo install rsigma --version 0.23.0 --locked --no-default-features --features rsigma-runtime,tokio`.
Exits with 1 where there is a difference. Standard library only.
"""

import argparse
import collections
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
CATEGORIES = {
    "process_creation": (SYSMON, {1}), "file_change": (SYSMON, {2}), "network_connection": (SYSMON, {3}),
    "driver_load": (SYSMON, {6}), "image_load": (SYSMON, {7}), "create_remote_thread": (SYSMON, {8}),
    "raw_access_thread": (SYSMON, {9}), "process_access": (SYSMON, {10}), "file_event": (SYSMON, {11}),
    "registry_set": (SYSMON, {13}), "registry_event": (SYSMON, {12, 13, 14}), "create_stream_hash": (SYSMON, {15}),
    "pipe_created": (SYSMON, {17, 18}), "wmi_event": (SYSMON, {19, 20, 21}), "dns_query": (SYSMON, {22}),
    "file_delete": (SYSMON, {23, 26}), "process_tampering": (SYSMON, {25}),
    "ps_script": (POWERSHELL, {4104}), "ps_module": (POWERSHELL, {4103}),
}


def main():
    a = arguments()
    events = collections.defaultdict(list)
    for event in read_cases(a.cases):
        for category, (channel, codes) in CATEGORIES.items():
            if event.get("EventID") in codes and str(event.get("Channel", "")).lower() == channel.lower():
                events[category].append(event)
    rules = read_rules(a.rules)
    results, differences = [], []
    for category in sorted(events):
        with tempfile.TemporaryDirectory(prefix="diff-sigma-") as work:
            result = compare(a, category, events[category], rules.get(category, []), work)
        results.append(result)
        differences += result["differences"]
        print("{category}: {events} events, {rules} rules; {agreed} rules match the same events, "
              "{differs} do not; CPU s: coldtrail {ours_cpu:.2f} (with reading), rsigma {peer_cpu:.2f}"
              .format(differs=len(result["differences"]), **result), flush=True)
    for d in differences:
        print("{category}: {id} {title}: coldtrail {ours}, rsigma {peer}".format(**d))
    if a.json:
        with open(a.json, "w", encoding="utf-8") as out:
            json.dump(results, out, indent=1)
    sys.exit(1 if differences else 0)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bin", default=os.path.join(ROOT, "target", "release", "coldtrail"))
    parser.add_argument("--rules", required=True, metavar="DIR")
    parser.add_argument("--cases", default=os.path.join(ROOT, "..", "shared", "data", "cases"), metavar="DIR")
    parser.add_argument("--peer-bin", required=True, metavar="rsigma=PATH")
    parser.add_argument("--json", metavar="FILE")
    a = parser.parse_args()
    name, _, a.peer = a.peer_bin.partition("=")
    if name != "rsigma" or not os.path.isfile(a.peer):
        parser.error("--peer-bin rsigma=PATH: the file must be there")
    return a


def read_cases(folder):
    """Every record of the flat JSON captures, once."""
    seen = set()
    for path in sorted(glob.glob(os.path.join(folder, "*", "*.zip"))):
        try:
            with zipfile.ZipFile(path) as archive:
                for member in sorted(archive.namelist()):
                    if member.endswith(".json"):
                        yield from records(archive.open(member), seen)
        except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as e:
            print(f"{path}: left out: {e}", file=sys.stderr)


def records(lines, seen):
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        # Sentinel packs the fields of an event into one text of XML, which only one side takes apart.
        if not isinstance(event, dict) or "EventID" not in event or "EventData" in event:
            continue
        names = ("Hostname", "Channel", "RecordNumber", "EventTime")
        key = tuple(str(event.get(n)) for n in names) if event.get("RecordNumber") else line
        if key not in seen:
            seen.add(key)
            yield event


def read_rules(folder):
    """Rule files by category: those whose logsource is a category of Windows and nothing else."""
    out = collections.defaultdict(list)
    for path in sorted(glob.glob(os.path.join(folder, "**", "*.yml"), recursive=True)):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        source = re.search(r"^logsource:\n((?:[ \t]+.*\n)+)", text, re.M)
        status = re.search(r"^status: *(\S+)", text, re.M)
        if not source or re.search(r"^---", text, re.M) or (status and status[1] in ("deprecated", "unsupported")):
            continue
        keys = dict(re.findall(r"^\s+(\w+): *['\"]?([\w-]+)", source[1], re.M))
        if set(keys) <= {"category", "product", "definition"} and keys.get("product") == "windows":
            out[keys.get("category")].append(path)
    return out


def compare(a, category, events, rules, work):
    listed = os.path.join(work, "events.json")
    with open(listed, "w", encoding="utf-8") as out:
        out.writelines(json.dumps(e) + "\n" for e in events)
    chosen = os.path.join(work, "rules")
    os.mkdir(chosen)
    titles = {}
    for n, path in enumerate(rules):
        with open(path, encoding="utf-8") as f:
            text = f.read()
        found = re.search(r"^id: *(\S+)", text, re.M)
        if found:
            titles[found[1]] = re.search(r"^title: *(.*)", text, re.M)[1]
            with open(os.path.join(chosen, f"{n}.yml"), "w", encoding="utf-8") as out:
                out.write(text)
    ours, ours_cpu = run_ours(a.bin, listed, chosen, work) if titles else ({}, 0.0)
    peer, peer_cpu = run_peer(a.peer, listed, chosen) if titles else ({}, 0.0)
    differences = [
        {"category": category, "id": i, "title": titles[i], "ours": ours.get(i, 0), "peer": peer.get(i, 0)}
        for i in sorted(titles) if ours.get(i, 0) != peer.get(i, 0)]
    agreed = sum(1 for i in titles if ours.get(i, 0) == peer.get(i, 0) > 0)
    return {"category": category, "events": len(events), "rules": len(titles), "agreed": agreed,
            "ours_cpu": ours_cpu, "peer_cpu": peer_cpu, "differences": differences}


def run_ours(program, events, rules, work):
    lake = os.path.join(work, "lake")
    _, reading = run([program, "ingest", events, "--lake", lake, "--quiet"])
    said, cpu = run([program, "rules", "cost", rules, "--lake", lake, "--top", "100000"])
    counts = {}
    for line in said.splitlines():
        cells = line.split()
        if len(cells) > 4 and cells[2].isdigit() and int(cells[2]):
            counts[cells[4]] = int(cells[2])
    return counts, reading + cpu


def run_peer(program, events, rules):
    said, cpu = run([program, "--output-format", "ndjson", "engine", "eval", "-r", rules, "-e", "@" + events])
    counts = collections.Counter()
    for line in said.splitlines():
        counts[json.loads(line).get("rule_id")] += 1
    return counts, cpu


def run(command):
    before = os.times()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = os.times()
    if done.returncode not in (0, 1, 4):
        sys.exit(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    spent = after.children_user - before.children_user + after.children_system - before.children_system
    return done.stdout, spent


if __name__ == "__main__":
    main()
