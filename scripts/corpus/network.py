"""The text logs of the network: Zeek, proxies, name servers, DHCP, mail. A shape is a head, a line, and a file name."""

import json

import make_sample as sample
from .fleet import WORDS

ALPHABET = "abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
AGENTS = [f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/{n}.0.0.0 "
          f"Safari/537.36{tail}"
          for n in range(128, 141) for tail in ("", f" Edg/{n}.0.0.0")] + ["Microsoft BITS/7.8", "git/2.51.0",
                                                                           "SoraAgent/7.4", "python-requests/2.32.4"]
TYPES = ("text/html", "application/json", "application/javascript", "image/webp", "image/png", "text/css",
         "font/woff2", "application/octet-stream")
COMMON = [("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"), ("id.resp_h", "addr"),
          ("id.resp_p", "port"), ("proto", "enum")]
DNS = COMMON + [
    ("trans_id", "count"), ("rtt", "interval"), ("query", "string"), ("qclass", "count"), ("qclass_name", "string"),
    ("qtype", "count"),
    ("qtype_name", "string"), ("rcode", "count"), ("rcode_name", "string"), ("AA", "bool"), ("TC", "bool"),
    ("RD", "bool"), ("RA", "bool"),
    ("Z", "count"), ("answers", "vector[string]"), ("TTLs", "vector[interval]"), ("rejected", "bool")]
CONN = COMMON + [
    ("service", "string"), ("duration", "interval"), ("orig_bytes", "count"), ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("local_orig", "bool"), ("local_resp", "bool"), ("missed_bytes", "count"), ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"), ("resp_pkts", "count"), ("resp_ip_bytes", "count"), ("tunnel_parents", "set[string]")]
STATES = (("SF", "ShADadFf"), ("SF", "ShADadfF"), ("SF", "ShADadFfr"), ("S0", "S"), ("REJ", "Sr"), ("RSTO", "ShADaR"),
          ("S1", "ShADad"))
W3C_FIELDS = ("date time time-taken c-ip cs-username cs-auth-group x-exception-id sc-filter-result cs-categories "
              "cs(Referer) sc-status s-action "
              "cs-method rs(Content-Type) cs-uri-scheme cs-host cs-uri-port cs-uri-path cs-uri-query cs-uri-extension "
              "cs(User-Agent) s-ip "
              "sc-bytes cs-bytes x-virus-id")
MAIL_FIELDS = ("date-time,client-ip,client-hostname,server-ip,server-hostname,source-context,connector-id,source,"
               "event-id,internal-message-id,"
               "message-id,network-message-id,recipient-address,recipient-status,total-bytes,recipient-count,"
               "related-recipient-address,reference,"
               "message-subject,sender-address,return-path,message-info,directionality,tenant-id,original-client-ip,"
               "original-server-ip,custom-data,"
               "transport-traffic-type,log-id,schema-version")
MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def zeek_head(path, fields):
    return "\n".join(["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-",
                      f"#path\t{path}",
                      "#open\t2026-03-02-00-00-00", "#fields\t" + "\t".join(f for f, _ in fields),
                      "#types\t" + "\t".join(k for _, k in fields)]) + "\n"


class Lines:
    """One method per shape: the line of a moment."""

    def __init__(self, fleet, clock):
        self.fleet, self.clock = fleet, clock

    def begin(self, r):
        self.r, self.rnd = r, r.random

    def one(self, items):
        return items[int(self.rnd() * len(items))]

    def uid(self):
        return "C" + "".join(self.r.choices(ALPHABET, k=16))

    def client(self):
        return self.fleet.pick_host(self.r)

    def port(self):
        return 49152 + int(self.rnd() * 16000)

    def question(self):
        """(name, type number, type name, code, code name, answers, TTLs)"""
        x, fleet = self.rnd(), self.fleet
        if x < 0.72:
            name = fleet.pick_name(self.r)
            answers = fleet.addresses[name]
            if x < 0.25:
                answers = [f"edge-{name}", *answers]
            return name, 1, "A", 0, "NOERROR", answers, [f"{int(self.rnd() * 300)}.000000"] * len(answers)
        if x < 0.84:
            name = fleet.pick_name(self.r)
            return (name, 28, "AAAA", 0, "NOERROR", [], []) if x < 0.8 else (name, 65, "HTTPS", 0, "NOERROR", [], [])
        if x < 0.93:
            host = self.one(fleet.hosts)
            return host.fqdn, 1, "A", 0, "NOERROR", [host.ip], ["1200.000000"]
        if x < 0.97:
            host = self.one(fleet.hosts)
            back = ".".join(reversed(host.ip.split("."))) + ".in-addr.arpa"
            return back, 12, "PTR", 0, "NOERROR", [host.fqdn], ["1200.000000"]
        return f"{self.one(WORDS)}{int(self.rnd() * 9999)}.{sample.DOMAIN}", 1, "A", 3, "NXDOMAIN", [], []

    def zeek_dns(self, t):
        name, number, kind, code, code_name, answers, ttls = self.question()
        return (f"{t // 1_000_000}."
                f"{t % 1_000_000:06}\t{self.uid()}\t{self.client().ip}\t{self.port()}\t{self.one(self.fleet.resolvers)}\t53\tudp\t"
                f"{int(self.rnd() * 65536)}\t{self.rnd() ** 3:.6f}\t{name}\t1\tC_INTERNET"
                f"\t{number}\t{kind}\t{code}\t{code_name}\tF\tF\tT\tT\t0\t"
                f"{','.join(answers) or '-'}\t{','.join(ttls) or '-'}\tF")

    def zeek_json(self, t):
        name, number, kind, code, code_name, answers, ttls = self.question()
        row = {"_path": "dns", "ts": t / 1e6, "uid": self.uid(), "id.orig_h": self.client().ip,
               "id.orig_p": self.port(),
               "id.resp_h": self.one(self.fleet.resolvers), "id.resp_p": 53, "proto": "udp",
               "trans_id": int(self.rnd() * 65536),
               "rtt": round(self.rnd() ** 3, 6), "query": name, "qclass": 1, "qclass_name": "C_INTERNET",
               "qtype": number, "qtype_name": kind,
               "rcode": code, "rcode_name": code_name, "AA": False, "TC": False, "RD": True, "RA": True, "Z": 0}
        if answers:
            row |= {"answers": answers, "TTLs": [float(ttl) for ttl in ttls]}
        return json.dumps(row | {"rejected": False}, separators=(",", ":"))

    def zeek_conn(self, t):
        x, fleet, r = self.rnd(), self.fleet, self.r
        if x < 0.45:
            name = fleet.pick_name(r)
            ip, port, proto, service = self.one(fleet.addresses[name]), 443, "tcp", "ssl"
        elif x < 0.7:
            ip, port, proto, service = self.one(fleet.resolvers), 53, "udp", "dns"
        elif x < 0.78:
            ip, port, proto, service = self.one(fleet.addresses[fleet.pick_name(r)]), 80, "tcp", "http"
        else:
            port, service = self.one(((445, "gssapi,smb"), (88, "krb_tcp"), (389, "ldap_tcp"), (135, "dce_rpc"),
                                      (3389, "rdp"), (8443, "-"), (9100, "-")))
            ip, proto = self.one(fleet.servers).ip, "tcp"
        state, history = STATES[int(self.rnd() ** 3 * len(STATES))] if proto == "tcp" else ("SF", "Dd")
        up, down = int(self.rnd() ** 4 * 40_000) + 60, int(self.rnd() ** 5 * 4_000_000) + 90
        numbers = f"{self.rnd() ** 4 * 120:.6f}\t{up}\t{down}" if len(history) > 2 or proto == "udp" else "-\t-\t-"
        return (f"{t // 1_000_000}."
                f"{t % 1_000_000:06}\t{self.uid()}\t{self.client().ip}\t{self.port()}\t{ip}\t{port}\t{proto}\t{service}\t{numbers}\t"
                f"{state}\tT\t{'T' if ip.startswith('10.') else 'F'}\t0"
                f"\t{history}\t{up // 700 + 1}\t{up + 80}\t{down // 1300 + 1}\t{down + 120}\t-")

    def visit(self):
        """(host, name, address, https, path, query, type, status, size)"""
        name = self.fleet.pick_name(self.r)
        path = f"/{self.one(WORDS)}/{self.one(WORDS)}/{int(self.rnd() * 99999)}"
        query = f"?id={self.r.getrandbits(40):x}&lang=ja" if self.rnd() < 0.4 else ""
        return (self.client(), name, self.one(self.fleet.addresses[name]), self.rnd() < 0.8, path, query,
                self.one(TYPES),
                ("200", "200", "200", "200", "304", "302", "404", "503")[int(self.rnd() ** 1.5 * 8)],
                int(self.rnd() ** 5 * 3_000_000) + 300)

    def squid(self, t):
        host, name, ip, tls, path, query, kind, status, size = self.visit()
        target, method = (f"{name}:443", "CONNECT") if tls else (f"http://{name}{path}{query}",
                                                                 "GET" if self.rnd() < 0.9 else "POST")
        user = host.users[0].name if self.rnd() < 0.6 else "-"
        return (f"{t // 1_000_000}.{t // 1000 % 1000:03} {int(self.rnd() ** 3 * 60_000):6} {host.ip} "
                f"{'TCP_TUNNEL/200' if tls else 'TCP_MISS/' + status} "
                f"{size} {method} {target} {user} HIER_DIRECT/{ip} {'-' if tls else kind}")

    def w3c(self, t):
        host, name, ip, tls, path, query, kind, status, size = self.visit()
        day, clock, _ = self.clock.parts(t)
        user = host.users[0].name if self.rnd() < 0.7 else "-"
        method = "CONNECT" if tls and self.rnd() < 0.5 else "GET" if self.rnd() < 0.9 else "POST"
        uri = f"tcp {name} 443 / - -" if method == "CONNECT" else f"{'https' if tls else 'http'} {name} {443 if tls else 80} {path} {query or '-'} -"
        return (f"{day} {clock} {int(self.rnd() ** 3 * 9000)} {host.ip} {user} - - "
                f"{'OBSERVED' if status != '503' else 'DENIED'} "
                f"\"{self.one(('Technology/Internet', 'Business/Economy', 'Web Ads/Analytics', 'News/Media', 'Content Servers'))}\" "
                f"- {status} {'TCP_TUNNELED' if method == 'CONNECT' else 'TCP_NC_MISS'} {method} {kind} {uri} "
                f"\"{self.one(AGENTS)}\" 10.20.0.80 {size} {int(self.rnd() ** 3 * 4000) + 200} -")

    def bind(self, t):
        name, _, kind, *_ = self.question()
        day, clock, rest = self.clock.parts(t)
        return (f"{day[8:]}-{MONTHS[int(day[5:7]) - 1]}-{day[:4]} {clock}.{rest // 1000:03} queries: info: client "
                f"@0x7f{self.r.getrandbits(36):09x}8 "
                f"{self.client().ip}#{self.port()} ({name}): query: {name} IN {kind} +E(0)K "
                f"({self.fleet.resolvers[0]})")

    def syslog(self, t):
        """BIND's queries as a central syslog server keeps them."""
        name, _, kind, *_ = self.question()
        day, clock, rest = self.clock.parts(t)
        return (f"{MONTHS[int(day[5:7]) - 1]} {int(day[8:]):2} {clock} ns{int(self.rnd() * 4) + 1} "
                f"named[{2000 + int(self.rnd() * 3)}]: client @0x7f{self.r.getrandbits(36):09x}8 "
                f"{self.client().ip}#{self.port()} ({name}): query: {name} IN {kind} +E(0)K "
                f"({self.fleet.resolvers[0]})")

    def dhcp(self, t):
        day, clock, _ = self.clock.parts(t + sample.TOKYO)
        host = self.one(self.fleet.workstations)
        code, what = ((10, "Assign"), (11, "Renew"), (11, "Renew"), (12, "Release"))[int(self.rnd() * 4)]
        return (f"{code},{day[5:7]}/{day[8:]}/{day[2:4]},{clock},{what},{host.ip},{host.fqdn},{host.mac},,"
                f"{self.r.getrandbits(32)},0,,,,0x4D53465420352E30,MSFT 5.0,,,,0")

    def mail(self, t):
        sender, to = self.fleet.pick_user(self.r), self.fleet.pick_user(self.r)
        outside = f"{self.one(WORDS)}.{self.one(WORDS)}@{self.fleet.pick_name(self.r)}"
        coming = self.rnd() < 0.4
        a, b = (outside, f"{to.name}@{sample.DOMAIN}") if coming else (f"{sender.name}@{sample.DOMAIN}",
                                                                       f"{to.name}@{sample.DOMAIN}" if self.rnd() < 0.6 else outside)
        bits, client = self.r.getrandbits, self.client()
        server = self.fleet.servers[-1]
        return (f"{self.clock.iso(t)}Z,{client.ip},{client.fqdn},{server.ip},{server.name},{bits(64):016X};"
                f"{self.clock.iso(t)}Z;0,{server.name}\\Default {server.name},SMTP,RECEIVE,"
                f"{bits(46)},<{bits(80):020x}@{a.split('@')[1]}>,"
                f"{bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-9{bits(12):03x}-{bits(48):012x},{b},,"
                f"{int(self.rnd() ** 4 * 5e6) + 900},1,,,"
                f"{self.one(WORDS).title()} {self.one(WORDS)} {int(self.rnd() * 999)},{a},{a},0cA: "
                f",{'Incoming' if coming else 'Originating'},,{client.ip},{server.ip},S:DeliveryPriority=Normal,Email,"
                f"{bits(32):08x}-{bits(16):04x}-4{bits(12):03x}-9{bits(12):03x}-{bits(48):012x},15.02.1544.011")


HEADS = {
    "zeek_dns": zeek_head("dns", DNS), "zeek_conn": zeek_head("conn", CONN),
    "w3c": f"#Software: SGOS 7.3.14.1\n#Version: 1.0\n#Date: 2026-03-02 00:00:00\n#Fields: {W3C_FIELDS}\n",
    "dhcp": "\ufeff" + sample.DHCP_HEAD,
    "mail": f"#Software: Microsoft Exchange Server\n#Version: 15.02.1544.011\n#Log-type: Message Tracking Log\n#Date: "
            f"2026-03-02T00:00:00.000Z\n#Fields: {MAIL_FIELDS}\n",
}
TAILS = {"zeek_dns": "#close\t2026-03-03-00-00-00\n", "zeek_conn": "#close\t2026-03-03-00-00-00\n"}
NAMES = {"zeek_dns": "dns.log", "zeek_conn": "conn.log", "zeek_json": "dns.json", "squid": "access.log",
         "w3c": "proxy.log", "bind": "query.log",
         "syslog": "named.syslog", "dhcp": "DhcpSrvLog-Mon.log", "mail": "MSGTRK.LOG"}
