"""How the events happen: processes start on hosts and do things, users log on, servers answer.

Each function of `Activity` emits one or a few records of one host. All texts that go into records are escaped for JSON.
"""

import random

import make_sample as sample
from .fleet import WORDS
from .kinds import KINDS
from .programs import escaped
from .security import Security, hexadecimal

SHARES = {  # of all activities, in per mille; some emit several records
    "start": 62, "end": 40, "connect": 125, "query": 100, "write": 70, "retime": 6, "delete": 14, "remove": 8,
          "stream": 4,
    "set": 85, "key": 40, "load": 55, "access": 45, "thread": 1, "pipe": 12, "logon": 55, "logon_failed": 7,
          "explicit": 6,
    "tgt": 12, "tgs": 25, "validate": 8, "share": 10, "share_file": 16, "filter": 55, "bind": 14, "handle": 10,
          "object": 12,
    "privilege": 8, "task": 0.6, "task_changed": 1, "user_changed": 0.5, "member_added": 0.3, "audit": 0.2,
          "service": 0.6,
    "service_state": 7, "service_mode": 1, "script": 9, "module": 14, "pipeline": 9, "threat": 0.3, "defender": 0.8,
          "bits": 2,
    "action": 5, "wmi": 4, "session": 1.5,
}
SYSTEM = escaped(sample.SYSTEM_USER)
PORTS = ("443", "443", "443", "443", "443", "80", "445", "389", "88", "135", "5985", "8443", "3389", "53")
MASKS = ("0x1000", "0x1410", "0x1400", "0x1fffff", "0x40", "0x3200", "0x101541")


class Running:
    """A running process as the records name it."""
    __slots__ = ("guid", "pid", "program", "image", "command", "user", "sid", "account", "domain", "logon",
                 "logon_guid", "session", "level")


class Live:
    """A host within one chunk: its processes and the next record ids."""
    __slots__ = ("host", "running", "resident", "records")

    def __init__(self, host, running, records):
        self.host, self.running, self.resident, self.records = host, list(running), len(running), records


class Activity(Security):
    """Makes the records of one chunk after another; the same chunk always gives the same records."""

    def __init__(self, fleet, programs, shape, clock):
        self.fleet, self.programs, self.shape, self.clock = fleet, programs, shape, clock
        self.booted = {}
        self.acts = [getattr(self, name) for name, share in SHARES.items() for _ in range(int(share * 10))]
        self.ids = {key: kind.channel for key, kind in KINDS.items()}

    def chunk(self, seed, number, count, when):
        """At least `count` lines; `when(i, random)` is the time of the i-th in microseconds."""
        self.r = random.Random(f"chunk {seed} {number}")
        self.lines, self.live, self.number = [], {}, number
        rnd, acts, n = self.r.random, self.acts, len(self.acts)
        while len(self.lines) < count:
            live = self.at(self.fleet.pick_host(self.r))
            acts[int(rnd() * n)](live, when(len(self.lines), rnd))
        return self.lines

    def at(self, host):
        """The host as it is now, in this chunk."""
        live = self.live.get(host.ix)
        if live is None:
            live = self.live[host.ix] = Live(host, self.boot(host), {})
        return live

    def emit(self, key, live, t, *values):
        channel = self.ids[key]
        number = live.records.get(channel)
        if number is None:  # chunks of a busy host never reach the next chunk's numbers
            number = live.host.start + self.number * 1200
        live.records[channel] = number + 1
        self.lines.append(self.shape.line(key, live.host, t, number, int(self.r.random() * 6000) * 4, values))

    # processes -------------------------------------------------------------------------------------

    def boot(self, host):
        """The processes that a host has had since it was started, the same in every chunk."""
        if host.ix not in self.booted:
            r = random.Random(f"boot {host.ix}")
            user = host.users[0]
            self.booted[host.ix] = [self.process(r, host, program, user,
                                                 1_700_000_000 + host.ix) for program in self.programs.resident]
        return self.booted[host.ix]

    def process(self, r, host, program, user, seconds):
        p = Running()
        p.pid = str(int(r.random() * 5000) * 4 + 600)
        p.guid = f"{{{host.machine}-{seconds & 0xFFFF:04x}-{seconds >> 16 & 0xFFFF:04x}-{hexadecimal(r, 4)}-00000000{hexadecimal(r, 4)}}}"
        p.program = program
        if program.level == "U" or (program.level == "*" and r.random() < 0.5):
            p.user, p.sid, p.account, p.domain = escaped(user.full), user.sid, user.name, sample.NETBIOS
            p.logon = f"0x{(host.start * 31 + int(user.sid.rsplit('-', 1)[1]) * 977) % 0xFFFFFF:x}"
            p.session, p.level = "1", "Medium"
        elif program.level == "N":
            p.user, p.sid, p.account, p.domain = "NT AUTHORITY\\\\NETWORK SERVICE", "S-1-5-20", "NETWORK SERVICE", "NT AUTHORITY"
            p.logon, p.session, p.level = "0x3e4", "0", "System"
        else:
            p.user, p.sid, p.account, p.domain = SYSTEM, "S-1-5-18", host.name + "$", sample.NETBIOS
            p.logon, p.session, p.level = "0x3e7", "0", "System"
        p.logon_guid = f"{{{host.machine}-a0e2-5edf-{int(p.logon, 16) & 0xFFFF:04x}-{int(p.logon, 16) >> 16:012x}}}"
        p.image = program.image.replace("@USER", user.name)
        p.command = program.command.draw(r, user.name, user.sid)
        return p

    def some(self, live):
        """A process of this host, more often a young one."""
        x = self.r.random()
        return live.running[int((1 - x * x) * len(live.running))]

    def user_of(self, live):
        users = live.host.users
        return users[int(self.r.random() * len(users))]

    def actor(self, live, t):
        p = self.some(live)
        return p, (self.clock.utc(t), p.guid, p.pid, p.image)

    def start(self, live, t):
        r, programs = self.r, self.programs
        program = programs.started[int(r.random() * len(programs.started))]
        parent = self.some(live)
        p = self.process(r, live.host, program, self.user_of(live), t // sample.SEC)
        build = int(r.random() ** 3 * 4)
        folder = "C:\\\\Windows\\\\system32\\\\" if p.session == "0" else f"C:\\\\Users\\\\{p.account}\\\\"
        self.emit("start", live, t, self.clock.utc(t), p.guid, p.pid, p.image, *program.versions, p.command, folder,
                  p.user,
                  p.logon_guid, p.logon, p.session, p.level, program.hashes[build], parent.guid, parent.pid,
                  parent.image,
                  parent.command, parent.user)
        if r.random() < 0.6:
            self.emit("start4688", live, t + 2000, p.sid, p.account, p.domain, p.logon, hex(int(p.pid)), p.image,
                      "%%1936" if p.session == "0" else "%%1938", hex(int(parent.pid)), p.command, parent.image,
                      "S-1-16-16384" if p.session == "0" else "S-1-16-8192")
        for k in range(int(r.random() * 3)):
            self.loads(live, t + 4000 + 900 * k, p)
        if len(live.running) < 60:
            live.running.append(p)
        else:
            live.running[live.resident + int(r.random() * (60 - live.resident))] = p

    def end(self, live, t):
        if len(live.running) > live.resident:
            p = live.running.pop()
            self.emit("end", live, t, self.clock.utc(t), p.guid, p.pid, p.image, p.user)
            if self.r.random() < 0.6:
                self.emit("end4689", live, t + 1000, p.sid, p.account, p.domain, p.logon, "0x0", hex(int(p.pid)),
                          p.image)
        else:
            self.start(live, t)

    def loads(self, live, t, p):
        path, *rest = self.programs.modules[int(self.r.random() ** 2 * len(self.programs.modules))]
        self.emit("load", live, t, self.clock.utc(t), p.guid, p.pid, p.image, path, *rest, p.user)

    def load(self, live, t):
        self.loads(live, t, self.some(live))

    def access(self, live, t):
        r, a, b = self.r, self.some(live), self.some(live)
        traces = self.programs.traces
        self.emit("access", live, t, self.clock.utc(t), a.guid, a.pid, str(int(r.random() * 4000) * 4), a.image,
                  b.guid, b.pid, b.image,
                  MASKS[int(r.random() ** 2 * len(MASKS))], traces[int(r.random() ** 2 * len(traces))], a.user, b.user)

    def thread(self, live, t):
        r, a, b = self.r, self.some(live), self.some(live)
        self.emit("thread", live, t, self.clock.utc(t), a.guid, a.pid, a.image, b.guid, b.pid, b.image,
                  str(int(r.random() * 4000) * 4),
                  f"0x00007FF{hexadecimal(r, 9).upper()}", "C:\\\\Windows\\\\System32\\\\ntdll.dll", a.user, b.user)

    def pipe(self, live, t):
        p, r = self.some(live), self.r
        name = ("\\\\lsass", "\\\\wkssvc", "\\\\srvsvc",
                f"\\\\mojo.{p.pid}.{int(r.random() * 9999)}.{int(r.random() * 10 ** 17)}")[int(r.random() * 4)]
        self.emit("pipe", live, t, self.clock.utc(t), p.guid, p.pid, name, p.image, p.user)

    # network ---------------------------------------------------------------------------------------

    def peer(self, live):
        """Address, name and port of the other side."""
        r, fleet = self.r, self.fleet
        port = PORTS[int(r.random() * len(PORTS))]
        if port in ("443", "80", "8443"):
            name = fleet.pick_name(r)
            ips = fleet.addresses[name]
            return ips[int(r.random() * len(ips))], "-", port
        server = fleet.servers[int(r.random() ** 2 * len(fleet.servers))]
        return server.ip, server.fqdn, port

    def connect(self, live, t):
        p, head = self.actor(live, t)
        r = self.r
        ip, name, port = self.peer(live)
        own = str(49152 + int(r.random() * 16000))
        if live.host.server and r.random() < 0.6:  # accepted
            other = self.fleet.pick_host(r)
            self.emit("connect", live, t, *head, p.user, "tcp", "false", other.ip, other.fqdn, own, live.host.ip,
                      live.host.fqdn, port, "-")
        else:
            self.emit("connect", live, t, *head, p.user, "udp" if port == "53" else "tcp", "true", live.host.ip,
                      live.host.fqdn, own, ip, name,
                      port, {"443": "https", "80": "http", "445": "microsoft-ds"}.get(port, "-"))

    def filter(self, live, t):
        p, r = self.some(live), self.r
        ip, _, port = self.peer(live)
        device = p.image.replace("C:", "\\\\device\\\\harddiskvolume3", 1).lower()
        out = r.random() < 0.7
        own = str(49152 + int(r.random() * 16000))
        ends = (live.host.ip, own, ip, port) if out else (self.fleet.pick_host(r).ip, own, live.host.ip, port)
        self.emit("filter", live, t, p.pid, device, "%%14593" if out else "%%14592", *ends,
                  "17" if port == "53" else "6",
                  str(66000 + int(r.random() * 3000)), "%%14611" if out else "%%14610", "48" if out else "44")

    def bind(self, live, t):
        p, r = self.some(live), self.r
        device = p.image.replace("C:", "\\\\device\\\\harddiskvolume3", 1).lower()
        self.emit("bind", live, t, p.pid, device, str(49152 + int(r.random() * 16000)),
                  "17" if r.random() < 0.3 else "6")

    def query(self, live, t):
        p, r, fleet = self.some(live), self.r, self.fleet
        x = r.random()
        if x < 0.75:
            name = fleet.pick_name(r)
            status, results = "0", "".join(f"::ffff:{ip};" for ip in fleet.addresses[name])
            if x < 0.25:
                results = f"type:  5 edge-{name};" + results
        elif x < 0.95:
            host = fleet.servers[int(r.random() * len(fleet.servers))]
            name, status, results = host.fqdn, "0", f"::ffff:{host.ip};"
        else:
            name, status, results = f"{WORDS[int(r.random() * len(WORDS))]}{int(r.random() * 999)}.{sample.DOMAIN}", "9003", "-"
        self.emit("query", live, t, self.clock.utc(t), p.guid, p.pid, name, status, results, p.image, p.user)

    def bits(self, live, t):
        r = self.r
        size = str(int(r.random() ** 2 * 5e8))
        guid = f"{{{hexadecimal(r, 8)}-{hexadecimal(r, 4)}-4{hexadecimal(r, 3)}-9{hexadecimal(r, 3)}-{hexadecimal(r, 12)}}}"
        url = f"https://{self.fleet.pick_name(r)}/files/{hexadecimal(r, 12)}/update.cab?P1={int(r.random() * 1e9)}&P2=404&P3=2&P4={hexadecimal(r, 24)}"
        self.emit("bits", live, t, guid, "Component Updater", guid, url, size, size)

    # files and registry ------------------------------------------------------------------------------

    def path(self, live, p):
        user = p.account if p.session == "1" else live.host.users[0].name
        files = self.programs.files
        return files[int(self.r.random() ** 1.6 * len(files))].draw(self.r, user, p.sid)

    def write(self, live, t):
        p, head = self.actor(live, t)
        self.emit("write", live, t, *head, self.path(live, p), head[0], p.user)

    def retime(self, live, t):
        p, head = self.actor(live, t)
        self.emit("retime", live, t, *head, self.path(live, p), self.clock.utc(t - 5_000_000), head[0], p.user)

    def new_hashes(self):
        bits = self.r.getrandbits
        return f"SHA1={bits(160):040X},MD5={bits(128):032X},SHA256={bits(256):064X},IMPHASH={0:032X}"

    def delete(self, live, t):
        p = self.some(live)
        self.emit("delete", live, t, self.clock.utc(t), p.guid, p.pid, p.user, p.image, self.path(live, p),
                  self.new_hashes())

    def remove(self, live, t):
        p = self.some(live)
        self.emit("remove", live, t, self.clock.utc(t), p.guid, p.pid, p.user, p.image, self.path(live, p),
                  self.new_hashes())

    def stream(self, live, t):
        p, head = self.actor(live, t)
        zone = f"[ZoneTransfer]  ZoneId=3  HostUrl=https://{self.fleet.pick_name(self.r)}/download/{hexadecimal(self.r, 8)}  "
        self.emit("stream", live, t, *head, self.path(live, p) + ":Zone.Identifier", head[0], self.new_hashes(), zone,
                  p.user)

    def registry(self, live, p):
        keys = self.programs.keys
        return keys[int(self.r.random() ** 1.6 * len(keys))].draw(self.r, p.account, p.sid)

    def set(self, live, t):
        p, head = self.actor(live, t)
        details = self.programs.details
        self.emit("set", live, t, *head, self.registry(live, p), details[int(self.r.random() * len(details))], p.user)

    def key(self, live, t):
        p, head = self.actor(live, t)
        self.emit("key", live, t, "CreateKey" if self.r.random() < 0.8 else "DeleteKey", *head, self.registry(live, p),
                  p.user)
