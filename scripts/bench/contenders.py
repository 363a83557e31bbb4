"""Who reads an input: our binary and the peers, as commands. Each says in its name what it does."""

import os
import shutil
import subprocess
import sys

EVTX = "0.15.1"
PACKAGES = ("duckdb", "polars", "zlib-ng")
COLUMNS = ("EventTime Hostname EventID Channel RecordNumber SourceName @timestamp UtcTime ProcessGuid ProcessId Image "
           "CommandLine ParentImage "
           "ParentCommandLine User Hashes TargetFilename TargetObject Details QueryName DestinationIp DestinationPort "
           "SourceIp TargetUserName IpAddress").split()
DUCKDB = """import duckdb, sys
file, out = sys.argv[1:]
columns = %s
duckdb.sql(f"COPY (SELECT * FROM %s) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")"""
TYPES = {name: "BIGINT" if name in ("EventID", "RecordNumber") else "VARCHAR" for name in COLUMNS}
DUCKDB_ALL = DUCKDB % ("None", "read_json_auto('{file}', format='newline_delimited')")
DUCKDB_25 = DUCKDB % (TYPES, "read_json('{file}', format='newline_delimited', columns={columns})")
DUCKDB_ZEEK = DUCKDB % (
    "next(line for line in open(file) if line.startswith('#fields')).rstrip('\\n').split('\\t')[1:]",
    "read_csv('{file}', delim='\\t', header=false, comment='#', quote='', escape='', nullstr='-', names={columns})")
POLARS_25 = f"""import polars as pl, sys
schema = {{name: pl.String for name in {COLUMNS!r}}} | {{"EventID": pl.Int64, "RecordNumber": pl.Int64}}
pl.scan_ndjson(sys.argv[1], schema=schema).sink_parquet(sys.argv[2], compression="zstd")"""
ZLIB_NG = """import sys
from zlib_ng import zlib_ng
d = zlib_ng.decompressobj(31)
with open(sys.argv[1], "rb") as f:
    while part := f.read(1 << 20):
        d.decompress(part)"""


class Contender:
    """`command(input folder, input file, output)` is what is run; `note` stands under the table."""

    def __init__(self, name, command, note="", fine=(0,)):
        self.name, self.command, self.note, self.fine = name, command, note, fine


class Peers:
    """Finds the peers, once; what is missing is said on standard error and left out."""

    def __init__(self, venv, binaries, install):
        self.binaries, self.python, self.notes = binaries, None, []
        if venv:
            self.python = self.environment(venv)
        if install and "evtx_dump" not in binaries:
            root = os.path.join(os.path.dirname(os.path.abspath(venv)), "evtx")
            print(f"installing evtx {EVTX} into {root}", file=sys.stderr)
            if subprocess.run(["cargo", "install", "evtx", "--version", EVTX, "--root", root,
                               "--locked"]).returncode == 0:
                binaries["evtx_dump"] = os.path.join(root, "bin", "evtx_dump")

    def environment(self, venv):
        python = os.path.join(venv, "Scripts" if os.name == "nt" else "bin", "python")
        if not os.path.exists(python):
            print(f"making {venv} with {', '.join(PACKAGES)} from their registry", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        for package in PACKAGES:
            module = package.replace("-", "_")
            if subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode != 0:
                if subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check",
                                   package]).returncode != 0:
                    print(f"SKIPPED {package}: it does not install here", file=sys.stderr)
        said = subprocess.run([python, "-m", "pip", "list", "--format", "freeze"], capture_output=True,
                              text=True).stdout.split()
        self.notes += [line.replace("==", " ") for line in said if line.split("==")[0].lower() in PACKAGES]
        return python

    def script(self, name, code, note=""):
        return [Contender(name, lambda folder, file, out: [self.python, "-c", code, file, out],
                          note)] if self.python else []

    def program(self, name, given, arguments, note=""):
        """A program of the system or of --peer-bin."""
        path = self.binaries.get(given) or shutil.which(given)
        if not path:
            print(f"SKIPPED peer {name}: no `{given}` here (--peer-bin {given}=PATH)", file=sys.stderr)
            return []
        return [Contender(name, lambda folder, file, out: [path, *(file if a == "@" else a for a in arguments)], note)]

    def each_file(self, name, given, arguments, note):
        path = self.binaries.get(given) or shutil.which(given)
        if not path:
            return self.program(name, given, arguments)
        loop = f'for f in "$1"/*; do "$0" {" ".join(arguments)} "$f"; done'
        return [Contender(name, lambda folder, file, out: ["sh", "-c", loop, path, folder], note)]

    def of(self, path):
        if path in ("flat", "flat90"):
            return (self.script("DuckDB, all fields", DUCKDB_ALL, "`read_json_auto` to Parquet (zstd)") +
                    self.script("DuckDB, 25 columns", DUCKDB_25,
                                "`read_json` with 25 given columns to Parquet (zstd)") +
                    self.script("polars, 25 columns", POLARS_25, "`scan_ndjson` with a schema of 25 columns, "
                                                                 "`sink_parquet` (zstd)"))
        if path == "zeek":
            return self.script("DuckDB, TSV", DUCKDB_ZEEK, "`read_csv` with tab and the names of `#fields` to Parquet "
                                                           "(zstd)")
        if path == "evtx":
            return self.program("evtx_dump", "evtx_dump", ["-o", "jsonl", "-t", "1", "@"],
                                "the `evtx` crate's JSON lines to nowhere, one thread: compare CPU")
        if path == "evtx_small":
            return self.each_file("evtx_dump", "evtx_dump", ["-o", "jsonl", "-t", "1"],
                                  "one start of evtx_dump a file, which counts against it")
        if path == "gz":
            pigz = self.program("pigz -dc", "pigz", ["-dc", "@"]) if shutil.which("pigz") or "pigz" in self.binaries else []
            return (self.script("zlib-ng, bare", ZLIB_NG, "decompressed with zlib-ng, blocks of 1 MiB, to nowhere") +
                    self.program("gzip -dc", "gzip", ["-dc", "@"]) + pigz)
        if path == "zst":
            return self.program("zstd -dc", "zstd", ["-q", "-dc", "@"])
        return []


def ours(binary, extra=()):
    """Exit code 4 is a finished run with rejects above the limit."""
    return Contender("coldtrail", lambda folder, file, out: [binary, "ingest", folder, "--lake", out, "--quiet",
                                                             *extra], fine=(0, 4))
