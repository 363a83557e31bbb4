#!/usr/bin/env python3
"""Writes the logs of a larger office: the sample's three attacks among 200 hosts and 35 days of ordinary life.

    python3 scripts/make_fleet.py --out DIR [--hosts 200] [--days 35] [--seed 1]

Made of the parts of `make_sample.py`; the attacks are its stories, on PC-TAKEDA, PC-HAYASHI with APP01 and FS01, and
PC-YAMADA, in the last two days. One seed gives the same bytes. Thresholds are tuned on seed 1 and reported on others.

Confounders, fixed before anything was tuned with them:

    management agent     an encoded PowerShell script as SYSTEM on every host every day (of the sample), a second one every
                         Monday that is written to ProgramData and run hidden with the execution policy bypassed
    updaters             one vendor polled every 3,600 s and one every 300 s to the second by every host, a licence server
                         every 60 s to the second by four hosts only, a dashboard every 30 s by six
    AV look-ups by DNS   twenty to forty names a host and day with 32 hex digits under the vendor's zone, TXT and A
    backup account       svc-backup on every server and C$ of ten hosts a night, with hundreds of files; Robocopy on FS01
    scanner account      svc-scan from SCAN01 at every host each Sunday: port checks, failed logons, IPC$ with samr, lsarpc,
                         svcctl, srvsvc
    roll-outs            on day 12 and 26 a new program with service, task, Run key and new hashes on every host within two
                         days, on day 20 a pilot on five hosts
    logon scripts        net use, whoami /groups, gpresult, ipconfig at every logon
    travelling users     six people sign in from another country for a week, three use a VPN whose exit is abroad while their
                         telephone stays at home
    developers' builds   eight hosts: MSBuild, cl, node and git, unsigned programs that were never seen before from the source
                         folder, PowerShell build scripts with the policy bypassed, shells from the editor in AppData
    administrators       two hosts: remote PowerShell, net group /domain, nltest, sc on servers, Process Explorer from Downloads
    helpdesk             a remote-support program (approved nowhere) on one host for an hour, once in the 35 days
    ordinary mistakes    mistyped passwords, an expired service password, mobile phones that lock accounts, a service that
                         crashes, downloads that are run (viewer, drawing tool) by ten people
"""

import argparse
import random
from datetime import datetime, timedelta
from pathlib import Path

import make_sample as m
from make_sample import DAY, HOUR, MIN, POSH, SEC, SYS32, NETBIOS, compact, digest, encoded, stamp

LAST = datetime(2025, 9, 20)  # the stories' day
SURNAMES = ["abe", "aoki", "arai", "baba", "chiba", "doi", "endo", "fujii", "goto", "hara", "honda", "ikeda", "imai", "ishii",
            "kudo", "kubo", "maeda", "mori", "nagai", "noda", "oda", "ono", "saito", "sakai", "shima", "toda", "ueda", "wada"]
COUNTRIES = {"US": ("Seattle", "Washington", 47.6062, -122.3321), "DE": ("Berlin", "Berlin", 52.52, 13.405),
             "SG": ("Singapore", "Singapore", 1.3521, 103.8198), "NL": ("Amsterdam", "Noord-Holland", 52.3676, 4.9041)}
VIEWERS = ["pdf-viewer-setup.exe", "drawing-tool-portable.exe", "label-designer.exe"]
SHARE_SCRIPT = "Get-PSDrive C | Select-Object Used,Free | ConvertTo-Json | Out-File C:\\ProgramData\\Sora\\disk.json"
EDITOR = "AppData\\Local\\Programs\\Microsoft VS Code\\Code.exe"


class Seeded:
    """Stands for the module `random` in make_sample: the same streams, another seed."""

    def __init__(self, seed):
        self.seed = seed

    def Random(self, name):
        return random.Random(f"{self.seed} {name}")


def people(count):
    """The sample's people first: the stories are theirs."""
    out = list(m.PEOPLE)
    while len(out) < count:
        n = len(out)
        out.append((f"{chr(97 + n % 26)}.{SURNAMES[n % len(SURNAMES)]}{n:03d}", n))
    return out[:count]


def prepare(count, seed):
    """Makes make_sample's tables those of the larger office."""
    m.random, m.PEOPLE, m.NXLOG_HOSTS = Seeded(seed), people(count), set()
    m.SERVERS = m.SERVERS | {"SCAN01": "10.0.1.60"}
    m.CITIES = m.CITIES | COUNTRIES
    number = {m.pc(user): n for n, (user, _) in enumerate(m.PEOPLE)}
    octets = {m.pc(user): octet for user, octet in m.PEOPLE[:19]}
    moved = m.tokyo_day("2025-09-20")

    def address(host, t):
        if host in m.SERVERS:
            return m.SERVERS[host]
        if t >= moved and host in ("PC-TAKEDA", "PC-SATO"):
            return {"PC-TAKEDA": "10.0.5.21", "PC-SATO": "10.0.5.38"}[host]
        n = number[host]
        return f"10.0.5.{octets[host]}" if host in octets else f"10.0.{16 + n // 200}.{20 + n % 200}"

    m.address = address
    m.home_ip = lambda user: f"192.0.2.{20 + number[m.pc(user)] % 200}"


# ------------------------------------------------------------------------------------------- the confounders

def agent_script(office, host, t):
    agent, path = host.named["agent"], "C:\\ProgramData\\Sora\\scripts\\disk.ps1"
    office.write(t, agent, path)
    office.run(t + SEC, agent, POSH, f"powershell.exe -NoProfile -WindowStyle Hidden -ExecutionPolicy Bypass -File {path}", 4,
               session=host.system, level="System")
    office.script(t + 2 * SEC, host, SHARE_SCRIPT, path)


def poll(office, host, begin, end, name, every, size, phase):
    t = begin + phase % every
    while t < end:
        office.visit(t, host, name, size=size, elapsed=120, ttl=300)
        t += every


def updaters(office, host, begin, end, n):
    poll(office, host, begin, end, "feed.print-vendor.example", HOUR, 2210, n * 7 * SEC)
    poll(office, host, begin, end, "push.meeting-room.example", 30 * MIN, 830, n * 11 * SEC)
    if 40 <= n < 44:
        poll(office, host, begin, end, "licence.cad-tool.example", MIN, 640, n * SEC)
    if 50 <= n < 56:
        poll(office, host, begin, end, "dashboard.sales-board.example", 2 * MIN, 5120, n * SEC)


def av_lookups(office, host, begin, end, rng):
    for _ in range(rng.randrange(20, 40)):
        t = begin + rng.randrange(end - begin)
        name = digest(f"{host.name}{t}", 32) + ".a1.lookup.shield-av.example"
        office.query(t, host, name, rng.choice(["A", "TXT"]), ttl=1, ip="127.0.0.4", code=rng.choice(["NOERROR", "NXDOMAIN"]))


def logon_script(office, host, t):
    explorer = host.named["explorer"]
    shell = office.start(t, explorer, SYS32 + "cmd.exe", f"cmd.exe /c \\\\{m.DOMAIN}\\netlogon\\logon.cmd")
    for n, line in enumerate(["net use S: \\\\FS01\\Sales", "whoami /groups", "gpresult /r", "ipconfig /all", "hostname"]):
        office.run(t + (n + 1) * 400_000, shell, SYS32 + line.split()[0] + ".exe", line, 1)
    office.stop(t + 4 * SEC, shell)


def rollout(office, host, t, name):
    """A program comes to a host: package, service, task, Run key."""
    folder, services = f"C:\\Program Files\\{name}", host.named["services"]
    package = f"C:\\Windows\\ccmcache\\{digest(name, 2)}\\{name}.msi"
    setup = office.start(t, services, SYS32 + "msiexec.exe", f'msiexec.exe /i "{package}" /qn', session=host.system, level="System")
    for n, file in enumerate((f"{name}.exe", f"{name}svc.exe", "core.dll")):
        office.write(t + n * 300_000, setup, f"{folder}\\{file}")
    office.service(t + SEC, host, f"{name}Service", f'"{folder}\\{name}svc.exe"')
    office.set_value(t + 2 * SEC, setup, f"HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run\\{name}",
                     f'"{folder}\\{name}.exe" /tray')
    office.task(t + 2 * SEC, host, "SYSTEM", "0x3e7", f"\\{name} Update", f"{folder}\\{name}.exe", "/update", name, "S-1-5-18",
                "<CalendarTrigger><ScheduleByDay><DaysInterval>1</DaysInterval></ScheduleByDay></CalendarTrigger>")
    office.run(t + 3 * SEC, services, f"{folder}\\{name}svc.exe", f'"{folder}\\{name}svc.exe"', 30, session=host.system, level="System")
    office.stop(t + 5 * SEC, setup)


def build(office, host, begin, end, day, rng):
    """A developer's day: the editor's terminal, compilers, own programs with hashes of their own."""
    user, explorer = host.user, host.named["explorer"]
    profile = f"C:\\Users\\{user}"
    editor = office.start(begin, explorer, f"{profile}\\{EDITOR}")
    shell = office.start(begin + MIN, editor, POSH, f'"{POSH}" -noexit -command "try {{ . shellIntegration.ps1 }} catch {{}}"')
    tools = "C:\\Program Files\\Microsoft Visual Studio\\2022\\Professional\\"
    for n in range(rng.randrange(10, 20)):
        t = begin + 2 * MIN + rng.randrange(max(end - begin - HOUR, HOUR))
        project = f"{profile}\\source\\repos\\app{rng.randrange(4)}"
        office.run(t, shell, "C:\\Program Files\\Git\\cmd\\git.exe", "git.exe pull --rebase", 2, folder=project)
        office.run(t + 2 * SEC, shell, POSH, "powershell.exe -NoProfile -ExecutionPolicy Bypass -File .\\build.ps1", 60, folder=project)
        office.script(t + 3 * SEC, host, "dotnet build -c Debug; if ($LASTEXITCODE) { exit 1 }", f"{project}\\build.ps1")
        make = office.start(t + 4 * SEC, shell, tools + "MSBuild\\Current\\Bin\\MSBuild.exe", f"MSBuild.exe {project}\\app.sln /m")
        for k in range(6):
            office.run(t + (5 + k) * SEC, make, tools + "VC\\Tools\\MSVC\\14.40\\bin\\Hostx64\\x64\\cl.exe", f"cl.exe /c src\\part{k}.cpp", 1)
        program = f"{project}\\x64\\Debug\\app{digest(day + user + str(n), 4)}.exe"
        office.write(t + 12 * SEC, make, program)
        office.stop(t + 12 * SEC, make)
        office.run(t + 15 * SEC, shell, program, f"{program} --test", 10)
    if rng.random() < 0.3:
        office.run(begin + HOUR, shell, SYS32 + "curl.exe", "curl.exe -LO https://github.com/acme/tool/releases/download/v1/tool.zip", 5)
    if rng.random() < 0.2:
        for n, line in enumerate(["whoami", "ipconfig /all", "netstat -ano"]):
            office.run(begin + 2 * HOUR + n * 20 * SEC, shell, SYS32 + line.split()[0] + ".exe", line, 1)


def administer(office, host, begin, rng):
    explorer, target = host.named["explorer"], office.hosts[rng.choice(["FS01", "APP01", "MAIL01"])]
    shell = office.start(begin, explorer, POSH, f'"{POSH}"')
    for n, line in enumerate(['net group "Domain Admins" /domain', "nltest /dclist:" + m.DOMAIN, f"sc \\\\{target.name} query spooler"]):
        office.run(begin + (n + 1) * 3 * MIN, shell, SYS32 + line.split()[0] + ".exe", line, 1)
    office.script(begin + 12 * MIN, host, f"Enter-PSSession {target.name}; Get-EventLog -LogName System -Newest 20; Restart-Service Spooler")
    logon = office.logon(begin + 12 * MIN, target, host.user, 3, m.address(host.name, begin), "-")
    office.special(begin + 12 * MIN + 1000, target, host.user, logon)
    service = office.start(begin + 12 * MIN + SEC, target.named["svchost"], SYS32 + "wsmprovhost.exe", SYS32 + "wsmprovhost.exe -Embedding")
    office.stop(begin + 20 * MIN, service)
    if rng.random() < 0.2:
        viewer = f"C:\\Users\\{host.user}\\Downloads\\procexp64.exe"
        office.run(begin + 30 * MIN, explorer, viewer, f'"{viewer}"', 600)


def download(office, host, t, rng):
    """Something is fetched with the browser and run, without any harm."""
    chrome, name = host.named["chrome"], rng.choice(VIEWERS)
    path = f"C:\\Users\\{host.user}\\Downloads\\{name}"
    office.write(t, chrome, path)
    office.sysmon(t + 20_000, host, 15, {
        **office.actor(chrome), "TargetFilename": path + ":Zone.Identifier", "CreationUtcTime": m.millis(t),
        "Hash": f"SHA256={digest(name).upper()}", "Contents": f"[ZoneTransfer]  ZoneId=3 HostUrl=https://www.tool-portal.example/{name}",
        "User": f"{NETBIOS}\\{host.user}"})
    office.run(t + 20 * SEC, host.named["explorer"], path, f'"{path}"', 90)


def helpdesk(office, host, t):
    path = f"C:\\Users\\{host.user}\\Downloads\\AnyDesk.exe"
    office.write(t, host.named["chrome"], path)
    tool = office.start(t + 10 * SEC, host.named["explorer"], path, f'"{path}"')
    for n, name in enumerate(("boot.net.anydesk.com", "relay-3c1d.net.anydesk.com")):
        office.visit(t + (15 + n) * SEC, host, name, size=90_000, elapsed=900_000)
        office.connect(t + (15 + n) * SEC, tool, m.public_ip(name), 443, name)
    office.stop(t + HOUR, tool)


def backup_hosts(office, midnight, rng):
    names = sorted(office.hosts)
    for name in [*m.SERVERS, *rng.sample(names, min(10, len(names)))]:
        host, t = office.hosts[name], midnight + 2 * HOUR + rng.randrange(HOUR)
        logon = office.logon(t, host, "svc-backup", 3, m.SERVERS["BKP01"], "BKP01")
        office.special(t + 1000, host, "svc-backup", logon)
        for n in range(60):
            office.share(t + (n + 1) * 200_000, host, "svc-backup", logon, m.SERVERS["BKP01"], "C$",
                         f"Users\\Public\\Documents\\{rng.choice(m.STEMS)}-{rng.randrange(999)}.{rng.choice(m.KINDS)}")


def scan(office, midnight, rng):
    for n, name in enumerate(sorted(office.hosts)):
        host, t = office.hosts[name], midnight + 13 * HOUR + n * 20 * SEC
        office.logon_failed(t, host, "administrator", m.SERVERS["SCAN01"], "SCAN01", "0xc0000064")
        logon = office.logon(t + SEC, host, "svc-scan", 3, m.SERVERS["SCAN01"], "SCAN01", "NTLM")
        office.special(t + SEC + 1000, host, "svc-scan", logon)
        for k, pipe in enumerate(("samr", "lsarpc", "svcctl", "srvsvc", "winreg")):
            office.share(t + 2 * SEC + k * 50_000, host, "svc-scan", logon, m.SERVERS["SCAN01"], "IPC$", pipe, "0x12019f")
        office.share(t + 3 * SEC, host, "svc-scan", logon, m.SERVERS["SCAN01"], "ADMIN$")


def sign_ins(office, users, midnight, index, rng):
    for n, user in enumerate(users):
        t = midnight + 9 * HOUR + rng.randrange(8 * HOUR)
        away = {3: "US", 31: "DE", 62: "SG", 93: "US", 124: "SG", 155: "DE"}.get(n)
        begins = 5 + n % 17
        if away and begins <= index < begins + 7:
            m.sign_in(office, t + 6 * HOUR, user, f"198.51.100.{20 + n % 180}", away)
            continue
        m.sign_in(office, t, user, m.home_ip(user), "JP")
        if n in (71, 101, 131):  # the laptop's VPN ends in the Netherlands, the telephone's does not
            m.sign_in(office, t + 20 * MIN, user, f"203.0.113.{80 + n % 40}", "NL")
        if rng.random() < 0.02:
            m.sign_in(office, t - 2 * MIN, user, m.home_ip(user), "JP", "50126")


# ------------------------------------------------------------------------------------------------- the days

def working(user, day, index, rng):
    text = day.strftime("%Y-%m-%d")
    if day.date() >= datetime(2025, 9, 18).date() and user in {u for u, _ in m.PEOPLE[:19]}:
        return m.working_hours(user, text)
    if day.weekday() >= 5 and rng.random() > 0.04:
        return None
    if rng.random() < 0.06:
        return None
    midnight = m.tokyo_day(text)
    begin = midnight + 8 * HOUR + 20 * MIN + rng.randrange(70 * MIN)
    return begin, midnight + 17 * HOUR + 30 * MIN + rng.randrange(2 * HOUR)


def host_day(office, n, user, day, index, rng):
    hours = working(user, day, index, rng)
    if hours is None:
        return
    host, (begin, end) = office.hosts[m.pc(user)], hours
    m.lease(office, host, begin, end)
    m.workday(office, host, begin, end, random.Random(rng.random()))
    logon_script(office, host, begin + 2 * MIN)
    updaters(office, host, begin, end, n)
    av_lookups(office, host, begin, end, rng)
    if day.weekday() == 0:
        agent_script(office, host, begin + 25 * MIN + rng.randrange(20 * MIN))
    for name, first, hosts in (("LabelPrint", 12, 10_000), ("QuotePilot", 20, 5), ("SoraShield", 26, 10_000)):
        if (n - 60 if hosts < 100 else n) in range(hosts) and index == first + n % 2:
            rollout(office, host, begin + HOUR + rng.randrange(HOUR), name)
    if 100 <= n < 108:
        build(office, host, begin + 10 * MIN, end, day.strftime("%m%d"), rng)
    if n in (18, 110):
        administer(office, host, begin + 90 * MIN, rng)
    if n % 20 == 7 and index % 11 == n // 20:
        download(office, host, begin + 2 * HOUR, rng)
    if n == 77 and index == 9:
        helpdesk(office, host, begin + 3 * HOUR)
    if rng.random() < 0.05:
        for k in range(rng.randrange(1, 4)):
            office.logon_failed(begin + 40 * SEC + k * 9 * SEC, office.hosts["DC01"], user, m.address(host.name, begin), host.name)


def servers(office, day, index, rng):
    text = day.strftime("%Y-%m-%d")
    m.servers_day(office, text)
    midnight = m.tokyo_day(text)
    backup_hosts(office, midnight, rng)
    if day.weekday() == 6:
        scan(office, midnight, rng)


class Days:
    """Writes what the office holds, a folder for each kind and a file for each day, and empties it."""

    def __init__(self, root):
        self.root, self.records, self.counters = root, 0, {}

    def file(self, name):
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return open(path, "w", encoding="utf-8", newline="\n")

    def flush(self, office, text):
        self.records += sum(map(len, (office.events, office.dns, office.msdns, office.web, office.leases, office.cloud)))
        with self.file(f"winlogbeat/{text}.ndjson") as out:
            for t, _, host, channel, event_id, data, provider in sorted(office.events, key=lambda e: e[:2]):
                key = (host.name, channel)
                self.counters[key] = self.counters.get(key, 10_000) + 1
                row = (t, host, channel, event_id, data, provider or m.PROVIDERS[channel][0], self.counters[key])
                out.write(compact(m.winlogbeat(row)) + "\n")
        with self.file(f"squid/{text}.log") as out:
            for t, _, elapsed, client, method, target, size, ip, mime, _ in sorted(office.web, key=lambda row: row[:2]):
                how = "TCP_TUNNEL" if method == "CONNECT" else "TCP_MISS"
                out.write(f"{t // SEC}.{t // 1000 % 1000:03d} {elapsed:6d} {client} {how}/200 {size} {method} {target} - "
                          f"HIER_DIRECT/{ip} {mime}\n")
        with self.file(f"bind/{text}.log") as out:
            for t, n, client, name, kind, *_ in sorted(office.dns, key=lambda row: row[:2]):
                out.write(f"{stamp(t, '%d-%b-%Y %H:%M:%S')}.{t // 1000 % 1000:03d} queries: info: client @0x7f41c8012b68 "
                          f"{client}#{49152 + n % 16000} ({name}): query: {name} IN {kind} +E(0)K ({m.NAME_SERVER})\n")
        if office.leases:
            m.write_dhcp(office, m.Writer(self.root / "dhcp" / text))
        if office.cloud:
            m.write_identity(office, m.Writer(self.root / "entra" / text))
        for rows in (office.events, office.dns, office.msdns, office.web, office.leases, office.cloud):
            rows.clear()


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="DIR")
    parser.add_argument("--hosts", type=int, default=200, help="workstations, at least 19")
    parser.add_argument("--days", type=int, default=35, help="days up to and with the incident's, at least 3")
    parser.add_argument("--seed", default="1")
    parser.add_argument("--quiet-only", action="store_true", help="leave the attacks out")
    options = parser.parse_args()
    prepare(max(options.hosts, 19), options.seed)
    office, days = m.Office(), Days(options.out)
    begin = LAST - timedelta(days=max(options.days, 3) - 1)
    for index in range((LAST - begin).days + 1):
        day = begin + timedelta(days=index)
        text = day.strftime("%Y-%m-%d")
        for n, (user, _) in enumerate(m.PEOPLE):
            rng = random.Random(f"{options.seed} day {user} {text}")
            host_day(office, n, user, day, index, rng)
        rng = random.Random(f"{options.seed} servers {text}")
        servers(office, day, index, rng)
        if day.weekday() < 5:
            sign_ins(office, [user for user, _ in m.PEOPLE], m.tokyo_day(text), index, rng)
        if day < LAST - timedelta(days=2):
            days.flush(office, text)
    if not options.quiet_only:
        for story in (m.story_document, m.story_ransomware, m.story_insider):
            story(office)
    days.flush(office, "last")
    m.write_lists(options.out.parent / f"{options.out.name}-lists")
    print(f"{options.out}: {days.records} records")


if __name__ == "__main__":
    main()
