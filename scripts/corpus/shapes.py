"""How collectors write a Windows event. The record is built once per kind by the sample's own writers, with marks where
values belong, and becomes a text template; after that an event costs one `%`."""

import json
import random
import re
from operator import itemgetter

import make_sample as sample
from .kinds import KINDS, POWERSHELL, SYSMON

T = sample.at("2001-02-03T04:05:06") + 7089  # a time whose texts appear nowhere else
RECORD, THREAD = 9007199254740881, 9007199254740773
TIMES = {  # name of the slot: its text in a record of time T
    "local": sample.stamp(T + sample.TOKYO), "received": sample.stamp(T + sample.TOKYO + 2 * sample.SEC),
    "collected": sample.millis(T + 2_400_000, "T"), "iso": sample.millis(T, "T"), "iso3": sample.millis(T + 3000, "T"),
    "created": sample.millis(T + 1_700_000, "T"),
         "micro": f"{sample.stamp(T, '%Y-%m-%dT%H:%M:%S')}.{T % sample.SEC:06d}",
}
META = ("Fqdn", "fqdn", "Short", "record", "thread", "t0", "t1", "t2")
CLOCKS = {"nxlog": ("local", "received", "collected"), "winlogbeat": ("iso", "iso3", "created"),
          "evtx_dump": ("micro", "micro", "micro")}
NUMBERS = {  # fields that evtx_dump prints without quotes, by channel
    SYSMON: "ProcessId ParentProcessId TerminalSessionId SourcePort DestinationPort SourceProcessId SourceThreadId "
            "TargetProcessId NewThreadId Initiated SourceIsIpv6 DestinationIsIpv6 IsExecutable Archived",
    "Security": "LogonType KeyLength ProcessId ProcessID SourcePort DestPort Protocol",
    POWERSHELL: "MessageNumber MessageTotal"}
HEXADECIMAL = (4624, 4625, 4648, 4656, 4658, 4663, 4673, 4688, 4689)  # their ProcessId is text: 0x2f4


def mark(name):
    return f"\ue000{name}\ue001"


class Stand:
    """Stands for a host while a template is made."""
    name, fqdn = mark("Short"), mark("Fqdn")


def record(shape, kind):
    data = {name: mark(name) if text is None else text for name, text in kind.fields.items()}
    row = (T, Stand, kind.channel, kind.code, data, kind.provider, RECORD)
    event = getattr(sample, shape)(row)
    message = kind.message(lambda name: data[name])
    if shape == "nxlog":
        event |= {"Message": message, "ThreadID": THREAD, "tags": ["corpus"], "host": "wec01." + sample.DOMAIN,
                  "port": 61340}
        if kind.channel == "Security":
            event["Opcode"] = "Info"
        else:
            event |= {"AccountName": "SYSTEM", "Domain": "NT AUTHORITY", "UserID": "S-1-5-18", "AccountType": "User"}
        names = sorted(event)  # collectors keep such records in hash maps: the order is any, but the same for a kind
        random.Random(f"{kind.channel} {kind.code}").shuffle(names)
        return {name: event[name] for name in names}
    if shape == "winlogbeat":
        event["winlog"]["process"]["thread"]["id"] = THREAD
        return event | {"message": message.replace("\r\n", "\n")}
    event["Event"]["System"]["Execution"]["#attributes"]["ThreadID"] = THREAD
    return event


class Shape:
    """`line(kind, host, t, record id, values)` is one record of this shape, without the line's end."""

    def __init__(self, name, clock):
        self.name, self.clock, self.templates = name, clock, {}
        for key, kind in KINDS.items():
            self.templates[key] = self.template(kind)

    def template(self, kind):
        text = json.dumps(record(self.name, kind), ensure_ascii=False, separators=(",", ":"))
        for slot, known in TIMES.items():
            if slot in CLOCKS[self.name]:
                text = text.replace(known, mark(f"t{CLOCKS[self.name].index(slot)}"))
        text = text.replace(str(RECORD), mark("record")).replace(str(THREAD), mark("thread"))
        if self.name == "evtx_dump":
            names = set(NUMBERS.get(kind.channel, "").split()) - ({"ProcessId"} if kind.code in HEXADECIMAL else set())
            text = re.sub(r'"(\w+)":"(\ue000\1\ue001|true|false|\d+)"', unquoted(names), text)
        parts = re.split("\ue000([^\ue001]*)\ue001", text)
        slots = [(META + kind.open).index(name) for name in parts[1::2]]
        form = "%s".join(part.replace("%", "%%") for part in parts[0::2])
        return form, itemgetter(*slots)

    def line(self, key, host, t, number, thread, values):
        form, slots = self.templates[key]
        return form % slots((host.fqdn, host.fqdn.lower(), host.name, number, thread) + self.clock(t) + values)


def unquoted(names):
    """evtx_dump prints what is a number or a boolean in the binary record without quotes."""
    return lambda m: f'"{m.group(1)}":{m.group(2)}' if m.group(1) in names else m.group(0)


class Clock:
    """Texts of times, from tables: UTC microseconds to `2026-03-02 01:02:03`."""

    def __init__(self):
        self.seconds = [f"{s // 3600:02}:{s // 60 % 60:02}:{s % 60:02}" for s in range(86400)]
        self.days = {}

    def parts(self, t):
        day, rest = divmod(t, sample.DAY)
        if day not in self.days:
            self.days[day] = sample.stamp(day * sample.DAY, "%Y-%m-%d")
        return self.days[day], self.seconds[rest // 1_000_000], rest % 1_000_000

    def utc(self, t):
        """As Sysmon writes it."""
        day, clock, rest = self.parts(t)
        return f"{day} {clock}.{rest // 1000:03}"

    def iso(self, t):
        day, clock, rest = self.parts(t)
        return f"{day}T{clock}.{rest // 1000:03}"

    def nxlog(self, t):
        day, clock, _ = self.parts(t + sample.TOKYO)
        later, clock2, _ = self.parts(t + sample.TOKYO + 2_000_000)
        return f"{day} {clock}", f"{later} {clock2}", self.iso(t + 2_400_000)

    def winlogbeat(self, t):
        return self.iso(t), self.iso(t + 3000), self.iso(t + 1_700_000)

    def evtx_dump(self, t):
        day, clock, rest = self.parts(t)
        text = f"{day}T{clock}.{rest:06}"
        return text, text, text
