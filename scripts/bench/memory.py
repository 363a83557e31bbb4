"""Peak anonymous memory of `ingest -` for inputs that grow: the generator streams through a pipe, the disk stays free."""

import os
import subprocess
import sys

from . import measure
from .inputs import SCRIPTS


def table(binary, sizes, limits, output):
    rows = []
    for limit in limits:
        for text in sizes:
            maker = subprocess.Popen([sys.executable, os.path.join(SCRIPTS, "make_corpus.py"), "--shape", "nxlog",
                                      "--bytes", text, "--out", "-"],
                                     stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
            command = [binary, "ingest", "-", "--lake", output, "--quiet"]
            if limit != "default":
                command += ["--memory-limit", limit]
            result = measure.run(command, output, stdin=maker.stdout, fine=(0, 4))
            maker.stdout.close()
            maker.wait()
            if result:
                anon = "not measured" if result.anon is None else f"{result.anon / 2**20:.0f}"
                rows.append(f"| {text} | {limit} | {anon} | {result.wall:.0f} | {result.cpu:.0f} | "
                            f"{result.output / 1e6:.0f} |")
                print(rows[-1], file=sys.stderr)
    return "\n".join(["| input through a pipe | --memory-limit | peak anonymous MiB | wall s (with the generator "
                      "beside it) | CPU s | lake MB |",
                      "|---|---|---|---|---|---|", *rows])
