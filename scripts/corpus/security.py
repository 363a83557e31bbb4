"""The part of the activities that the Security log sees, and what services, PowerShell and Defender write."""

import make_sample as sample
from .fleet import WORDS
from .programs import escaped

NO_GUID = "{00000000-0000-0000-0000-000000000000}"
PRIVILEGES = escaped("\r\n\t\t\t".join(f"Se{name}Privilege" for name in (
    "Security", "Backup", "Restore", "TakeOwnership", "Debug", "SystemEnvironment", "Impersonate")))
WINDOWS_SERVICES = ("Windows Update", "Background Intelligent Transfer Service", "Software Protection",
                    "WinHTTP Web Proxy Auto-Discovery Service",
                    "Windows Modules Installer", "Network Connections", "Portable Device Enumerator Service",
                    "Device Setup Manager")


def hexadecimal(r, digits):
    return f"{int(r.random() * 16 ** digits):0{digits}x}"


class Security:
    """Activities that stand on `Activity`: its fleet, programs, random numbers and `emit`."""

    # logons --------------------------------------------------------------------------------------------

    def subject(self, live):
        p = self.some(live)
        return p.sid, p.account, p.domain, p.logon

    def remote(self, live):
        """(user, address, workstation, port) of somebody elsewhere who reaches this host."""
        r, fleet = self.r, self.fleet
        other = fleet.workstations[int(r.random() * len(fleet.workstations))]
        users = other.users
        return users[int(r.random() * len(users))], other, str(49152 + int(r.random() * 16000))

    def logon(self, live, t):
        r, host = self.r, live.host
        session = f"0x{int(r.random() * 0xFFFFFFF) + 0x100000:x}"
        guid = f"{{{hexadecimal(r, 8)}-{hexadecimal(r, 4)}-{hexadecimal(r, 4)}-{hexadecimal(r, 4)}-{hexadecimal(r, 12)}}}"
        x = r.random()
        if x < 0.6:
            user, other, port = self.remote(live)
            name, sid, kind = (user.name, user.sid, "3") if x < 0.35 else (other.name + "$",
                                                                           f"{sample.SID_BASE}-{20000 + other.ix}", "3")
            ntlm = r.random() < 0.15
            self.emit("logon", live, t, "S-1-0-0", "-", "-", "0x0", sid, name, sample.NETBIOS, session, kind,
                      "NtLmSsp " if ntlm else "Kerberos", "NTLM" if ntlm else "Kerberos", other.name if ntlm else "-",
                      NO_GUID if ntlm else guid, "NTLM V2" if ntlm else "-", "128" if ntlm else "0", "0x0", "-",
                      other.ip, port, "%%1842" if x < 0.05 else "%%1843")
        elif x < 0.85:
            name, sid, kind = "SYSTEM", "S-1-5-18", "5"
            self.emit("logon", live, t, "S-1-5-18", host.name + "$", sample.NETBIOS, "0x3e7", sid, name,
                      "NT AUTHORITY", "0x3e7", kind, "Advapi  ",
                      "Negotiate", "-", NO_GUID, "-", "0", "0x2f4", "C:\\\\Windows\\\\System32\\\\services.exe", "-",
                      "-", "%%1842")
        else:
            user = self.user_of(live)
            name, sid, kind = user.name, user.sid, ("2", "7", "10", "11")[int(r.random() * 4)]
            self.emit("logon", live, t, "S-1-5-18", host.name + "$", sample.NETBIOS, "0x3e7", sid, name,
                      sample.NETBIOS, session, kind, "User32 ",
                      "Negotiate", host.name, guid, "-", "0", "0x2f4", "C:\\\\Windows\\\\System32\\\\svchost.exe",
                      "127.0.0.1", "0", "%%1843")
        if kind == "5" or r.random() < 0.12:
            self.emit("special", live, t + 1000, sid, name, sample.NETBIOS, session, PRIVILEGES)
        elif r.random() < 0.7:
            self.emit("logoff", live, t + 90_000, sid, name, sample.NETBIOS, session, kind)

    def logon_failed(self, live, t):
        user, other, port = self.remote(live)
        status = "0xc000006a" if self.r.random() < 0.7 else "0xc0000064"
        self.emit("logon_failed", live, t, "S-1-0-0", "-", "-", "0x0", user.name, sample.NETBIOS, status, "3",
                  "NtLmSsp ", "NTLM", other.name,
                  "-", "0x0", "-", other.ip, port)

    def explicit(self, live, t):
        user, server = self.user_of(live), self.fleet.servers[int(self.r.random() * len(self.fleet.servers))]
        self.emit("explicit", live, t, *self.subject(live), NO_GUID, user.name, sample.NETBIOS, NO_GUID, server.fqdn,
                  server.fqdn, "0x2f4",
                  "C:\\\\Windows\\\\System32\\\\svchost.exe", "-", "-")

    def controller(self, live):
        """Kerberos and NTLM are seen on domain controllers only."""
        if live.host.ix < self.fleet.controllers:
            return live
        return self.at(self.fleet.hosts[int(self.r.random() * self.fleet.controllers)])

    def tgt(self, live, t):
        user, other, port = self.remote(live)
        self.emit("tgt", self.controller(live), t, user.name, sample.DOMAIN.upper(), user.sid, sample.SID_BASE + "-502",
                  "0x0" if self.r.random() < 0.96 else "0x18", f"::ffff:{other.ip}", port)

    def tgs(self, live, t):
        user, other, port = self.remote(live)
        server = self.fleet.servers[int(self.r.random() ** 2 * len(self.fleet.servers))]
        self.emit("tgs", self.controller(live), t, f"{user.name}@{sample.DOMAIN.upper()}", sample.DOMAIN.upper(),
                  server.name + "$",
                  f"{sample.SID_BASE}-{20000 + server.ix}", f"::ffff:{other.ip}", port, NO_GUID)

    def validate(self, live, t):
        user, other, _ = self.remote(live)
        self.emit("validate", self.controller(live), t, user.name, other.name,
                  "0x0" if self.r.random() < 0.9 else "0xc000006a")

    # the Security log's objects ------------------------------------------------------------------------

    def shared(self):
        folder = WORDS[int(self.r.random() ** 2 * len(WORDS))].title()
        return f"\\\\\\\\*\\\\{folder}", f"\\\\??\\\\D:\\\\Shares\\\\{folder}"

    def share(self, live, t):
        user, other, port = self.remote(live)
        self.emit("share", live, t, user.sid, user.name, sample.NETBIOS, f"0x{hexadecimal(self.r, 7)}", other.ip, port,
                  *self.shared(),
                  "%%4416\\r\\n\\t\\t\\t\\t")

    def share_file(self, live, t):
        user, other, port = self.remote(live)
        r = self.r
        name = f"{WORDS[int(r.random() * len(WORDS))]}\\\\{WORDS[int(r.random() * len(WORDS))]}-{int(r.random() * 9999)}.xlsx"
        read = r.random() < 0.8
        self.emit("share_file", live, t, user.sid, user.name, sample.NETBIOS, f"0x{hexadecimal(r, 7)}", other.ip, port,
                  *self.shared(), name,
                  "0x1" if read else "0x2", "%%4416\\r\\n\\t\\t\\t\\t" if read else "%%4417\\r\\n\\t\\t\\t\\t")

    def handle(self, live, t):
        p, handle = self.some(live), f"0x{hexadecimal(self.r, 4)}"
        who = (p.sid, p.account, p.domain, p.logon)
        self.emit("handle", live, t, *who, "Key",
                  "\\\\REGISTRY\\\\MACHINE\\\\SYSTEM\\\\ControlSet001\\\\Control\\\\Lsa", handle,
                  "%%1538\\r\\n\\t\\t\\t\\t%%4432\\r\\n\\t\\t\\t\\t", "0x20019", hex(int(p.pid)), p.image)
        self.emit("handle_closed", live, t + 600, *who, handle, hex(int(p.pid)), p.image)

    def object(self, live, t):
        p = self.some(live)
        self.emit("object", live, t, p.sid, p.account, p.domain, p.logon, "File", self.path(live, p),
                  f"0x{hexadecimal(self.r, 4)}",
                  "%%4416\\r\\n\\t\\t\\t\\t", "0x1", hex(int(p.pid)), p.image)

    def privilege(self, live, t):
        p = self.some(live)
        self.emit("privilege", live, t, p.sid, p.account, p.domain, p.logon, hex(int(p.pid)), p.image)

    def task_xml(self):
        r = self.r
        word = WORDS[int(r.random() * len(WORDS))]
        name = f"\\\\{word.title()} Systems\\\\Inventory {int(r.random() * 400)}"
        return name, escaped(
            '<?xml version="1.0" encoding="UTF-16"?>\r\n<Task version="1.3" '
            'xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">\r\n'
            f"  <RegistrationInfo>\r\n    <Author>{sample.SYSTEM_USER}</Author>\r\n  </RegistrationInfo>\r\n  "
            f"<Triggers>\r\n    <TimeTrigger>"
            f"<StartBoundary>2026-03-02T0{int(r.random() * 9)}:00:00</StartBoundary></TimeTrigger>\r\n  "
            f"</Triggers>\r\n  <Actions Context=\"Author\">\r\n"
            f"    <Exec>\r\n      <Command>C:\\ProgramData\\Monitor\\{word}.exe</Command>\r\n      <Arguments>--job "
            f"{hexadecimal(r, 8)}</Arguments>\r\n"
            "    </Exec>\r\n  </Actions>\r\n</Task>")

    def task(self, live, t):
        self.emit("task", live, t, *self.subject(live), *self.task_xml())

    def task_changed(self, live, t):
        self.emit("task_changed", live, t, *self.subject(live), *self.task_xml())

    def user_changed(self, live, t):
        user, by = self.fleet.pick_user(self.r), self.subject(live)
        self.emit("user_changed", self.controller(live), t, user.name, sample.NETBIOS, user.sid, *by, user.name,
                  user.name.title(), self.clock.utc(t)[:19])

    def member_added(self, live, t):
        user, by = self.fleet.pick_user(self.r), self.subject(live)
        group = f"GG-{WORDS[int(self.r.random() * len(WORDS))].title()}-Users"
        self.emit("member_added", self.controller(live), t, f"CN={user.name},OU=Users,DC=takeda,DC=example", user.sid,
                  group, sample.NETBIOS,
                  f"{sample.SID_BASE}-{5000 + len(group)}", *by)

    def audit(self, live, t):
        self.emit("audit", live, t, "S-1-5-18", live.host.name + "$", sample.NETBIOS, "0x3e7", "%%12544",
                  "{0CCE922B-69AE-11D9-BED3-505054503030}")

    # services, PowerShell, Defender and others ------------------------------------------------------------

    def service(self, live, t):
        word = WORDS[int(self.r.random() * len(WORDS))]
        self.emit("service", live, t, f"{word.title()} Update Service {int(self.r.random() * 50)}",
                  f"\\\"C:\\\\Program Files\\\\{word.title()}\\\\{word}svc.exe\\\" --service",
                  "auto start" if self.r.random() < 0.5 else "demand start")

    def service_state(self, live, t):
        self.emit("service_state", live, t, WINDOWS_SERVICES[int(self.r.random() * len(WINDOWS_SERVICES))],
                  "running" if self.r.random() < 0.5 else "stopped")

    def service_mode(self, live, t):
        modes = ("auto start", "demand start")[::1 if self.r.random() < 0.5 else -1]
        self.emit("service_mode", live, t, "Background Intelligent Transfer Service", *modes, "BITS")

    def block_id(self):
        r = self.r
        return f"{hexadecimal(r, 8)}-{hexadecimal(r, 4)}-4{hexadecimal(r, 3)}-a{hexadecimal(r, 3)}-{hexadecimal(r, 12)}"

    def script(self, live, t):
        r, blocks = self.r, self.programs.blocks
        word = WORDS[int(r.random() * len(WORDS))]
        path = f"C:\\\\ProgramData\\\\Inventory\\\\Get-{word}.ps1" if r.random() < 0.7 else ""
        self.emit("script", live, t, blocks[int(r.random() ** 2 * len(blocks))], self.block_id(), path)

    def module(self, live, t):
        r, user = self.r, self.user_of(live)
        word = WORDS[int(r.random() * len(WORDS))]
        application = self.command(live)
        context = (f"        Severity = Informational\\r\\n        Host Name = ConsoleHost\\r\\n        Host Version "
                   f"= 5.1.19041.4894\\r\\n        Host ID = {self.block_id()}"
                   f"\\r\\n        Host Application = {application}\\r\\n        Engine Version = "
                   f"5.1.19041.4894\\r\\n        Runspace ID = {self.block_id()}"
                   f"\\r\\n        Pipeline ID = {int(r.random() * 90)}\\r\\n        Command Name = "
                   f"Get-ItemProperty\\r\\n        Command Type = Cmdlet"
                   f"\\r\\n        Script Name = C:\\\\ProgramData\\\\Inventory\\\\Get-{word}.ps1\\r\\n        "
                   f"Command Path = \\r\\n        Sequence Number = {int(r.random() * 5000)}"
                   f"\\r\\n        User = {escaped(user.full)}\\r\\n        Connected User = \\r\\n        Shell ID = "
                   f"Microsoft.PowerShell\\r\\n")
        payload = "".join(f"ParameterBinding(Get-ItemProperty): name=\\\"Path\\\"; "
                          f"value=\\\"HKLM:\\\\SOFTWARE\\\\{WORDS[int(r.random() * len(WORDS))].title()}\\\"\\r\\n"
                          for _ in range(int(r.random() * 12) + 1))
        self.emit("module", live, t, context, payload)

    def command(self, live):
        return self.programs.started[int(self.r.random() * len(self.programs.started))].command.draw(self.r, live.host.users[0].name, "S-1-5-18")

    def pipeline(self, live, t):
        r, user = self.r, self.user_of(live)
        text = (f"Get-ItemProperty -Path "
                f"$path\\r\\n\\tDetailSequence=1\\r\\n\\tDetailTotal=1\\r\\n\\r\\n\\tSequenceNumber="
                f"{int(r.random() * 5000)}\\r\\n\\r\\n\\tUserId={escaped(user.full)}"
                f"\\r\\n\\tHostName=ConsoleHost\\r\\n\\tHostVersion=5.1.19041.4894\\r\\n\\tHostId={self.block_id()}\\r"
                f"\\n\\tHostApplication={self.command(live)}"
                f"\\r\\n\\tEngineVersion=5.1.19041.4894\\r\\n\\tRunspaceId={self.block_id()}\\r\\n\\tPipelineId="
                f"{int(r.random() * 90)}\\r\\n\\tScriptName=\\r\\n\\tCommandLine=Get-ItemProperty -Path $path")
        self.emit("pipeline", live, t, text)

    def threat(self, live, t):
        p, r = self.some(live), self.r
        path = self.path(live, p)
        self.emit("threat", live, t, f"{{{self.block_id().upper()}}}", self.clock.iso(t) + "Z",
                  str(2147700000 + int(r.random() * 90000)),
                  f"Trojan:Win32/{WORDS[int(r.random() * len(WORDS))].title()}.A!ml", p.image, p.user, "file:_" + path)

    def defender(self, live, t):
        key = "HKLM\\\\SOFTWARE\\\\Microsoft\\\\Windows Defender\\\\SpyNet\\\\SpyNetReportingLocation"
        self.emit("defender", live, t, f"{key} = 0x{int(self.r.random() * 3)}", f"{key} = 0x{int(self.r.random() * 3)}")

    def action(self, live, t):
        r = self.r
        word = WORDS[int(r.random() * len(WORDS))]
        self.emit("action", live, t, f"\\\\{word.title()} Systems\\\\Inventory {int(r.random() * 400)}",
                  f"C:\\\\ProgramData\\\\Monitor\\\\{word}.exe",
                  f"{{{self.block_id()}}}", str(int(r.random() * 5000) * 4))

    def wmi(self, live, t):
        self.emit("wmi", live, t, ("CIMWin32", "WmiPerfInst", "MSVDS__PROVIDER", "RegProv")[int(self.r.random() * 4)],
                  str(int(self.r.random() * 5000) * 4),
                  "%systemroot%\\\\system32\\\\wbem\\\\cimwin32.dll")

    def session(self, live, t):
        user, other, _ = self.remote(live)
        self.emit("session", live, t, escaped(user.full), str(int(self.r.random() * 6) + 1), other.ip)
