#!/usr/bin/env python3
"""Holds the exports of a hunt against what their readers publish: run it beside the tests when an export changes.

    python3 -m venv venv && venv/bin/pip install mitreattack-python ocsf-json-schema jsonschema timesketch-import-client six
    npm install --prefix ecs typescript @elastic/ecs        # Elastic's own types of ECS; optional
    venv/bin/python scripts/validate_exports.py OUT [--ecs ecs]

attack-navigator.json  read and written again by MITRE's library (mitreattack-python)
ocsf.jsonl             the JSON schema that ocsf-json-schema makes of OCSF's published classes
timesketch.jsonl       Timesketch's import client, and the columns that its server demands
ecs.jsonl              the TypeScript compiler over the types of @elastic/ecs: an unknown field or a wrong type is an error

What is not installed is skipped, loudly. Ends with 1 where something is wrong.
"""

import argparse
import collections
import contextlib
import datetime
import json
import logging
import subprocess
import sys
from pathlib import Path


def lines(path):
    with open(path, encoding="utf-8") as f:
        return [json.loads(line) for line in f]


def navigator(path):
    from mitreattack.navlayers import Layer
    layer = Layer(name="x", domain="enterprise-attack")
    with contextlib.redirect_stdout(sys.stderr):
        layer.from_file(str(path))
    if layer.layer is None:
        return ["the library refuses the layer"]
    ours, theirs = json.loads(path.read_text(encoding="utf-8")), layer.to_dict()
    wrong = [f"{k}: lost" for k in ours if k not in theirs and ours[k] not in ([], {}, "")]
    if len(ours["techniques"]) != len(theirs["techniques"]):
        wrong.append("techniques: lost")
    for a, b in zip(ours["techniques"], theirs["techniques"]):
        # The library cuts scores to whole numbers; the format takes any number.
        wrong += [f"technique {a['techniqueID']}: {k}" for k in a if k != "score" and a[k] != b.get(k)]
    return wrong


def ocsf(path):
    import jsonschema
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema
    wrong, known = collections.Counter(), {}
    for event in lines(path):
        version, profiles = event["metadata"]["version"], tuple(event["metadata"].get("profiles", ()))
        key = (version, event["class_name"].lower().replace(" ", "_"), profiles)
        if key not in known:
            made = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=version))
            known[key] = jsonschema.Draft202012Validator(made.get_class_schema(class_name=key[1], profiles=list(profiles)))
        for error in known[key].iter_errors(event):
            place = "/".join("[]" if isinstance(p, int) else p for p in error.absolute_path)
            wrong[f"{key[1]}/{place}: {error.message[:160]}"] += 1
    return [f"{n} x {what}" for what, n in wrong.most_common()]


def instant(value):
    """A time as such, however it is written; anything else as it is."""
    try:
        return datetime.datetime.fromisoformat(value.replace("Z", "+00:00"))
    except (AttributeError, ValueError):
        return value


def timesketch(path):
    logging.disable(logging.WARNING)
    from timesketch_import_client import importer
    stream, wrong = importer.ImportStreamer(), collections.Counter()
    for event in lines(path):
        as_sent = dict(event)
        stream._fix_dict(as_sent)
        for column in ("message", "datetime", "timestamp", "timestamp_desc"):
            if not as_sent.get(column):
                wrong[f"{column} is missing"] += 1
            elif instant(as_sent[column]) != instant(event.get(column)):
                wrong[f"{column} is changed on the way"] += 1
        if not isinstance(event.get("tag", []), list):
            wrong["tag is no list"] += 1
    return [f"{n} x {what}" for what, n in wrong.most_common()]


def ecs(path, folder):
    """Every line as a literal of the type `Ecs`; our own part has no type there."""
    types = folder / "node_modules" / "@elastic" / "ecs" / "generated"
    version = (types / "ecs.ts").read_text(encoding="utf-8").split("version: '")[1].split("'")[0]
    text = ["import type { Ecs } from '@elastic/ecs/generated';"]
    for n, event in enumerate(lines(path)):
        event.pop("coldtrail", None)
        event["ecs"]["version"] = version  # the type is of exactly one version
        text.append(f"export const line{n}: Ecs = {json.dumps(event)};")
    check = folder / "check.ts"
    check.write_text("\n".join(text) + "\n", encoding="utf-8")
    run = subprocess.run(["npx", "tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "esnext", "--moduleResolution", "bundler",
                          "--target", "es2020", check.name], cwd=folder, capture_output=True, text=True)
    wrong = collections.Counter(line.split("error ", 1)[1][:200] for line in run.stdout.splitlines() if "error " in line)
    return [f"{n} x {what}" for what, n in wrong.most_common()]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--ecs", type=Path, metavar="FOLDER", help="where npm installed typescript and @elastic/ecs")
    args = parser.parse_args()
    failed = False
    for name, check in (("attack-navigator.json", navigator), ("ocsf.jsonl", ocsf), ("timesketch.jsonl", timesketch),
                        ("ecs.jsonl", lambda path: ecs(path, args.ecs))):
        if name == "ecs.jsonl" and not args.ecs:
            print(f"SKIPPED {name}: no --ecs", file=sys.stderr)
            continue
        try:
            wrong = check(args.out / name)
        except ImportError as e:
            print(f"SKIPPED {name}: {e}", file=sys.stderr)
            continue
        print(f"{name}: {'as published' if not wrong else 'WRONG'}")
        for what in wrong[:20]:
            print(f"  {what}")
        failed |= bool(wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
