"""Real captures, many times over: NDJSON cases under new host names, whole chunks of EVTX files with new record ids.

The cases are those of `shared/data/cases` (cases.jsonl names the files, most of them packed); nothing of them enters the
repository.
"""

import gzip
import json
import os
import re
import struct
import sys
import tarfile
import zipfile
import zlib

from . import output

CHUNK, HEAD = 65536, 4096
FULL = 48 * 1024  # of a chunk in use: large logs of real machines consist of full chunks

cache = {}


def run(a, folder, total):
    if a.shape == "evtx":
        return evtx(a, folder, total)
    readable = (".json", ".ndjson", ".jsonl", ".zip", ".gz")
    members = [m for m in list_members(a.multiply) if m[2].startswith("ndjson") and m[1].lower().endswith(readable)]
    if not members:
        sys.exit(f"{a.multiply}: no NDJSON cases here")
    target = output.Target(folder, total, a.unit, a.files, a.packed)
    return output.write(output.chunks(renamed, (prepare, (a.multiply, members)), a.workers), target, "cases.ndjson")


def list_members(root):
    """(case, stored file, format, host names) of every stored file, in the order of the labels."""
    found = []
    with open(os.path.join(root, "cases.jsonl"), encoding="utf-8") as labels:
        for case in map(json.loads, labels):
            found += [(case["case"], name, case["format"], case.get("hosts", [])) for name in case["files"]]
    return found


def unpacked(path):
    """(name, bytes) of what a stored file holds."""
    low = path.lower()
    if low.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for item in archive.infolist():
                if not item.is_dir() and "__MACOSX" not in item.filename:
                    yield item.filename, archive.read(item)
    elif low.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path) as archive:
            for item in archive:
                if item.isfile():
                    yield item.name, archive.extractfile(item).read()
    else:
        with open(path, "rb") as plain:
            data = plain.read()
        yield os.path.basename(path), gzip.decompress(data) if low.endswith(".gz") else data


# NDJSON ------------------------------------------------------------------------------------------------

def prepare(root, members):
    cache["root"], cache["members"] = root, members


def renamed(number):
    """The records of one stored file; with copy 0 as they are, else under host names with the copy's number."""
    copy, k = divmod(number, len(cache["members"]))
    case, name, _, hosts = cache["members"][k]
    out = []
    for _, data in unpacked(os.path.join(cache["root"], case, name)):
        if data.lstrip()[:1] == b"{":
            lines = [line.rstrip(b"\r") for line in data.split(b"\n") if line.startswith(b"{")]
            out.append(b"\n".join(lines) + b"\n")
    text = b"".join(out)
    short = sorted({host.split(".")[0] for host in hosts if len(host.split(".")[0]) > 3})
    if copy and short:
        pattern = re.compile(rb"\b(" + b"|".join(re.escape(s.encode()) for s in short) + rb")(?=[.\"$\\])",
                             re.IGNORECASE)
        text = pattern.sub(rb"\1-%04d" % copy, text)
    return text


# EVTX --------------------------------------------------------------------------------------------------

def evtx(a, folder, total):
    """Full chunks of all EVTX cases one after the other, again and again, behind one header a file."""
    chunks = list(full_chunks(a.multiply))
    if not chunks:
        sys.exit(f"{a.multiply}: no EVTX cases here")
    each = CHUNK if a.unit == "bytes" else sum(n for _, n in chunks) // len(chunks)
    wanted = max(a.files, -(-total // each))
    os.makedirs(folder, exist_ok=True)
    paths, rows, done = [], 0, 0
    for k in range(a.files):
        last = wanted * (k + 1) // a.files
        path = os.path.join(folder, "multiplied.evtx" if a.files == 1 else f"multiplied-{k:04}.evtx")
        if last - done > 0xFFFF:
            sys.exit("one EVTX file holds 65,535 chunks (4 GB): ask for more files")
        with open(path, "wb") as out:
            out.write(file_header(last - done))
            while done < last:
                chunk, records = chunks[done % len(chunks)]
                out.write(renumbered(chunk, done // len(chunks)))
                rows, done = rows + records, done + 1
        paths.append(path)
    return done * CHUNK, rows, paths


def full_chunks(root):
    for case, name, form, _ in list_members(root):
        if not form.startswith("evtx"):
            continue
        for inner, data in unpacked(os.path.join(root, case, name)):
            if not inner.lower().endswith(".evtx"):
                continue
            for start in range(HEAD, len(data) - CHUNK + 1, CHUNK):
                chunk = data[start:start + CHUNK]
                if chunk[:8] == b"ElfChnk\0" and struct.unpack_from("<I", chunk, 48)[0] >= FULL:
                    records = list(records_of(chunk))
                    if sound(chunk, records):
                        yield chunk, len(records)


def sound(chunk, records):
    """Undamaged, and every record can get a new id: a copy would else be taken for a duplicate."""
    at, size = records[-1] if records else (0, 0)
    return at + size == struct.unpack_from("<I", chunk, 48)[0] and all(record_id_at(chunk, *r) for r in records)


def records_of(chunk):
    """(offset, size) of the records of a chunk."""
    free, at = struct.unpack_from("<I", chunk, 48)[0], 512
    while at + 28 <= free and chunk[at:at + 4] == b"**\0\0":
        size = struct.unpack_from("<I", chunk, at + 4)[0]
        if size < 28 or at + size > CHUNK:
            return
        yield at, size
        at += size


def record_id_at(chunk, at, size):
    """Where the record's EventRecordID lies: the eleventh value of the template that all Windows events use."""
    x = at + 24
    if chunk[x:x + 4] != b"\x0f\x01\x01\x00" or chunk[x + 4] != 0x0C:
        return None
    definition, values = struct.unpack_from("<I", chunk, x + 10)[0], x + 14
    if definition == values:  # the template itself stands here, before the values
        values += 24 + struct.unpack_from("<I", chunk, values + 20)[0]
    end = at + size
    if values + 4 > end:
        return None
    count = struct.unpack_from("<I", chunk, values)[0]
    if not 11 <= count <= 64 or values + 4 + 4 * count > end:
        return None
    sizes = [struct.unpack_from("<HB", chunk, values + 4 + 4 * k) for k in range(11)]
    place = values + 4 + 4 * count + sum(s for s, _ in sizes[:10])
    return place if sizes[10] == (8, 0x0A) and place + 8 <= end else None


def renumbered(chunk, copy):
    """The chunk with record ids of its own for each copy, and right checksums: no record is another's duplicate."""
    data, step = bytearray(chunk), copy * 1_000_000_000
    if step:
        for at, size in records_of(chunk):
            for place in (at + 8, record_id_at(chunk, at, size)):
                if place is not None:
                    struct.pack_into("<Q", data, place, struct.unpack_from("<Q", chunk, place)[0] + step)
        for place in (8, 16, 24, 32):
            struct.pack_into("<Q", data, place, struct.unpack_from("<Q", chunk, place)[0] + step)
    free = struct.unpack_from("<I", data, 48)[0]
    struct.pack_into("<I", data, 52, zlib.crc32(data[512:free]))
    struct.pack_into("<I", data, 124, zlib.crc32(data[:120] + data[128:512]))
    return bytes(data)


def file_header(chunks):
    head = bytearray(HEAD)
    struct.pack_into("<8sQQQIHHHH", head, 0, b"ElfFile\0", 0, chunks - 1, 1 << 40, 128, 1, 3, HEAD, chunks)
    struct.pack_into("<I", head, 124, zlib.crc32(head[:120]))
    return bytes(head)
