"""The inputs of the paths: made with make_corpus.py where they are missing, kept for the next time."""

import os
import shutil
import subprocess
import sys

SCRIPTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RECIPES = {  # path: folder under the corpus, share of --size (or options), options of make_corpus.py
    "flat": ("flat", 1.0, ["--shape", "nxlog"]), "flat90": ("flat90", 0.3, ["--shape", "nxlog", "--days", "90",
                                                                            "--order", "shuffled"]),
    "winlogbeat": ("winlogbeat", 0.5, ["--shape", "winlogbeat"]), "evtx_dump": ("evtx_dump", 0.3,
                                                                                ["--shape", "evtx_dump"]),
    "evtx": ("evtx", 0.3, ["--shape", "evtx"]), "evtx_small": ("evtx_small", 0.06, ["--shape", "evtx", "--files",
                                                                                    "1000"]),
    "zeek": ("zeek", 0.25, ["--shape", "zeek_dns"]), "squid": ("squid", 0.2, ["--shape", "squid"]),
           "w3c": ("w3c", 0.2, ["--shape", "w3c"]),
    "bind": ("bind", 0.1, ["--shape", "bind"]), "gz": ("packed_gz", 1.0, ["--shape", "nxlog", "--gz"]),
    "zst": ("packed_zst", 1.0, ["--shape", "nxlog", "--zst"]), "tiny": ("tiny", None, ["--shape", "nxlog", "--files",
                                                                                       "1000", "--rows", "20000"]),
}


def prepare(path, corpus, size, cases):
    """The folder with the input of a path, or None when it cannot be made (said on standard error)."""
    name, share, options = RECIPES[path]
    folder = os.path.join(corpus, name)
    if os.path.isdir(folder) and os.listdir(folder):
        return folder
    command = [sys.executable, os.path.join(SCRIPTS, "make_corpus.py"), "--out", folder + ".part", *options]
    command += ["--bytes", str(int(size * share))] if share else []
    if "evtx" in options:
        if not os.path.isfile(os.path.join(cases, "cases.jsonl")):
            print(f"SKIPPED {path}: no captures in {cases} to multiply (--cases DIR)", file=sys.stderr)
            return None
        command += ["--multiply", cases]
    print(f"making {folder}", file=sys.stderr)
    shutil.rmtree(folder + ".part", ignore_errors=True)
    code = subprocess.run(command).returncode
    if code != 0:
        print(f"SKIPPED {path}: make_corpus.py ended with {code}", file=sys.stderr)
        return None
    os.rename(folder + ".part", folder)
    return folder


def only_file(folder):
    """The one file of a folder, for peers that read one."""
    return os.path.join(folder, sorted(os.listdir(folder))[0])
