"""What runs on the hosts: programs with their command lines, DLLs, files, registry keys.

All texts here are escaped for JSON once, as they are only ever put between quotes. A command line holds `%d` for a
number and `%x` for eight hexadecimal digits that change from start to start, so most of them are unique, as in reality.
"""

import json
import random

import make_sample as sample
from .fleet import WORDS

SYS, PF, PF86 = sample.SYS32, "C:\\Program Files\\", "C:\\Program Files (x86)\\"
HOME = "C:\\Users\\@USER\\"
EDGE = PF86 + "Microsoft\\Edge\\Application\\msedge.exe"
CODE = HOME + "AppData\\Local\\Programs\\Editor\\editor.exe"
TEAMS = PF + "WindowsApps\\MSTeams_25212.2204.3869.2204_x64__8wekyb3d8bbwe\\ms-teams.exe"
WEBVIEW = PF86 + "Microsoft\\EdgeWebView\\Application\\140.0.3485.54\\msedgewebview2.exe"
RENDERER = ("--type=renderer --field-trial-handle=%d,i,%d,%d,262144 --lang=ja --js-flags=--ms-user-locale=ja_JP "
            "--device-scale-factor=1.25 --num-raster-threads=4 --enable-main-frame-before-activation "
            "--renderer-client-id=%d --time-ticks-at-unix-epoch=-%d --launch-time-ticks=%d "
            "--mojo-platform-channel-handle=%d /prefetch:1")
UTILITY = ("--type=utility --utility-sub-type=network.mojom.NetworkService --lang=ja --service-sandbox-type=none "
           "--mojo-platform-channel-handle=%d --field-trial-handle=%d,i,%d,262144 --variations-seed-version "
           "/prefetch:3")
PROGRAMS = [  # weight, image, command line, parent image, runs as, version block
    (60, SYS + "svchost.exe", SYS + "svchost.exe -k netsvcs -p -s Schedule", SYS + "services.exe", "S", None),
    (50, SYS + "svchost.exe", SYS + "svchost.exe -k LocalServiceNetworkRestricted -p -s wscsvc", SYS + "services.exe",
     "S", None),
    (40, SYS + "svchost.exe", SYS + "svchost.exe -k wsappx -p -s AppXSvc", SYS + "services.exe", "S", None),
    (90, SYS + "conhost.exe", SYS + "conhost.exe 0x%x -ForceV1", SYS + "cmd.exe", "*", None),
    (70, SYS + "cmd.exe", SYS + "cmd.exe /c \"C:\\ProgramData\\Monitor\\checks\\check_%w.bat %d\"",
     SYS + "services.exe", "S", None),
    (40, SYS + "cmd.exe", SYS + "cmd.exe /d /s /c \"git rev-parse --short HEAD~%d\"", CODE, "U", None),
    (30, SYS + "wbem\\WmiPrvSE.exe", SYS + "wbem\\wmiprvse.exe -secured -Embedding", SYS + "svchost.exe", "S", None),
    (60, SYS + "taskhostw.exe", "taskhostw.exe -RegisterDevice -ProtectionStateChanged -FreeNetworkOnly",
     SYS + "svchost.exe", "S", None),
    (50, SYS + "RuntimeBroker.exe", SYS + "RuntimeBroker.exe -Embedding", SYS + "svchost.exe", "U", None),
    (60, SYS + "backgroundTaskHost.exe", "\"" + SYS + "backgroundTaskHost.exe\" -ServerName:App.AppX%x%x.mca",
     SYS + "svchost.exe", "U", None),
    (50, SYS + "SearchProtocolHost.exe", "\"" + SYS + "SearchProtocolHost.exe\" Global\\UsGthrFltPipeMssGthrPipe%d_ "
                                                      "Global\\UsGthrCtrlFltPipeMssGthrPipe%d 1 -2147483646 "
                                                      "\"Software\\Microsoft\\Windows Search\" \"Mozilla/4.0 "
                                                      "(compatible; MSIE 6.0; Windows NT; MS Search 4.0 Robot)\" "
                                                      "\"C:\\ProgramData\\Microsoft\\Search\\Data\\Temp\\usgthrsvc\" "
                                                      "\"DownLevelDaemon\"", SYS + "SearchIndexer.exe", "S", None),
    (30, SYS + "dllhost.exe", SYS + "DllHost.exe /Processid:{%x-%h-%h-%h-%x%h}", SYS + "svchost.exe", "U", None),
    (20, SYS + "rundll32.exe", "rundll32.exe AppXDeploymentExtensions.OneCore.dll,ShellRefresh %d",
     SYS + "svchost.exe", "U", None),
    (15, SYS + "consent.exe", "consent.exe %d 288 %x", SYS + "svchost.exe", "S", None),
    (8, SYS + "reg.exe", "reg query \"HKLM\\SOFTWARE\\%w Systems\\Agent\" /v Version_%d", SYS + "cmd.exe", "S", None),
    (10, SYS + "schtasks.exe", "schtasks /query /tn \"\\%w\\Inventory %d\" /fo csv", SYS + "cmd.exe", "S", None),
    (10, SYS + "net.exe", "net use \\\\FIL-TYO-012\\%w$ /persistent:no", SYS + "cmd.exe", "U", None),
    (8, SYS + "ipconfig.exe", "ipconfig /displaydns", SYS + "cmd.exe", "S", None),
    (12, SYS + "ping.exe", "ping -n 1 -w %d 10.20.%o.%o", SYS + "cmd.exe", "S", None),
    (4, SYS + "whoami.exe", "whoami /upn", SYS + "cmd.exe", "U", None),
    (25, sample.POSH, "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy RemoteSigned -File "
                      "\"C:\\ProgramData\\Inventory\\Get-%w%w.ps1\" -Run %d", SYS + "svchost.exe", "S", None),
    (12, sample.POSH, "\"" + sample.POSH + "\" -NoLogo -Command \"Get-ChildItem '" + HOME + "Documents\\%w' | "
     "Measure-Object | Out-File '" + HOME + "AppData\\Local\\Temp\\%x.txt'\"", SYS + "explorer.exe", "U", None),
    (110, sample.CHROME, "\"" + sample.CHROME + "\" " + RENDERER, sample.CHROME, "U", None),
    (40, sample.CHROME, "\"" + sample.CHROME + "\" " + UTILITY, sample.CHROME, "U", None),
    (12, sample.CHROME, "\"" + sample.CHROME + "\" --single-argument https://%w-%w.example/reports/%d",
     SYS + "explorer.exe", "U", None),
    (110, EDGE, "\"" + EDGE + "\" " + RENDERER, EDGE, "U", ("Microsoft Edge", "Microsoft Edge", sample.MS,
                                                            "msedge.exe", "140.0.3485.54")),
    (40, EDGE, "\"" + EDGE + "\" " + UTILITY, EDGE, "U", ("Microsoft Edge", "Microsoft Edge", sample.MS, "msedge.exe",
                                                          "140.0.3485.54")),
    (70, WEBVIEW, "\"" + WEBVIEW + "\" " + UTILITY, TEAMS, "U", ("Microsoft Edge WebView2", "Microsoft Edge WebView2",
                                                                 sample.MS, "msedgewebview2.exe", "140.0.3485.54")),
    (20, TEAMS, "\"" + TEAMS + "\" msteams:system-initiated", SYS + "sihost.exe", "U", sample.META["teams.exe"]),
    (25, sample.OFFICE16 + "WINWORD.EXE", "\"" + sample.OFFICE16 + "WINWORD.EXE\" /n \"" + HOME + "Documents\\%w\\%w "
     "%d.docx\" /o \"\"", SYS + "explorer.exe", "U", None),
    (30, sample.OFFICE16 + "EXCEL.EXE", "\"" + sample.OFFICE16 + "EXCEL.EXE\" \"\\\\FIL-OSA-020\\%w\\%w-%d.xlsx\"",
     SYS + "explorer.exe", "U", None),
    (20, sample.OFFICE16 + "OUTLOOK.EXE", "\"" + sample.OFFICE16 + "OUTLOOK.EXE\" /recycle", SYS + "explorer.exe", "U",
     None),
    (15, SYS + "splwow64.exe", SYS + "splwow64.exe %d", sample.OFFICE16 + "WINWORD.EXE", "U", None),
    (12, HOME + "AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe",
     "\"" + HOME + "AppData\\Local\\Microsoft\\OneDrive\\OneDrive.exe\" /background /setautostart",
     SYS + "explorer.exe", "U", None),
    (12, SYS + "notepad.exe", "\"" + SYS + "notepad.exe\" " + HOME + "Desktop\\%w.txt", SYS + "explorer.exe", "U",
     ("Notepad", sample.WIN, sample.MS, "NOTEPAD.EXE", "10.0.19041.4355")),
    (30, CODE, "\"" + CODE + "\" --type=extensionHost --inspect-port=%d --workspace=" + HOME + "src\\%w-%w", CODE, "U",
     ("Editor", "Editor", "Kumo Tools K.K.", "electron.exe", "1.104.1")),
    (40, PF + "Git\\cmd\\git.exe", "git.exe -c core.quotepath=false status -z -uall --find-renames=%d", CODE, "U",
     ("Git for Windows", "Git", "The Git Development Community", "git.exe", "2.51.0.1")),
    (25, PF + "nodejs\\node.exe", "node.exe --max-old-space-size=%d " + HOME + "src\\%w\\node_modules\\.bin\\build "
     "--watch", SYS + "cmd.exe", "U", ("Node.js JavaScript Runtime", "Node.js", "Node.js", "node.exe", "22.19.0")),
    (15, PF + "Python312\\python.exe", "python.exe -m %w.jobs.nightly --shard %d --token-file "
                                       "C:\\ProgramData\\jobs\\%x.tok", SYS + "svchost.exe", "S",
     ("Python", "Python", "Python Software Foundation", "python.exe", "3.12.11")),
    (20, sample.AGENT, "\"" + sample.AGENT + "\" --scan quick --job %x%x", SYS + "services.exe", "S", None),
    (25, sample.GUPDATER, "\"" + sample.GUPDATER + "\" --wake --system --session={%x-%h-%h-%h-%x%h}",
     SYS + "svchost.exe", "S", None),
    (25, PF86 + "Microsoft\\EdgeUpdate\\MicrosoftEdgeUpdate.exe",
     "\"" + PF86 + "Microsoft\\EdgeUpdate\\MicrosoftEdgeUpdate.exe\" /ua /installsource scheduler",
     SYS + "svchost.exe", "S", ("Microsoft Edge Update", "Microsoft Edge Update", sample.MS, "msedgeupdate.dll",
                                "1.3.195.65")),
    (20, SYS + "MpSigStub.exe", SYS + "MpSigStub.exe /stub 1.1.25080.1 /payload 1.437.%d.0 /MpWUStub /program "
                                      "C:\\Windows\\SoftwareDistribution\\Download\\Install\\AM_Delta.exe",
     "C:\\Windows\\SoftwareDistribution\\Download\\Install\\AM_Delta.exe", "S", None),
    (15, SYS + "msiexec.exe", SYS + "msiexec.exe /i C:\\Windows\\ccmcache\\%h\\%w-setup-%d.msi /qn "
                                    "REBOOT=ReallySuppress", "C:\\Windows\\CCM\\CcmExec.exe", "S", None),
    (15, "C:\\Windows\\CCM\\CcmExec.exe", "C:\\Windows\\CCM\\CcmExec.exe -eval %x", SYS + "services.exe", "S",
     ("Host Process for Configuration Manager", "Configuration Manager", sample.MS, "CcmExec.exe", "5.00.9132.1011")),
    (12, SYS + "w32tm.exe", "w32tm /query /status", SYS + "cmd.exe", "S", None),
    (10, SYS + "mmc.exe", "\"" + SYS + "mmc.exe\" \"" + SYS + "eventvwr.msc\" /s", SYS + "explorer.exe", "U", None),
]
LONG_LIVED = [  # on every host from boot on: image, command line, runs as
    (SYS + "services.exe", SYS + "services.exe", "S"), (SYS + "lsass.exe", SYS + "lsass.exe", "S"),
    (SYS + "svchost.exe", SYS + "svchost.exe -k NetworkService -p -s Dnscache", "N"),
    (SYS + "svchost.exe", SYS + "svchost.exe -k netsvcs -p -s Schedule", "S"),
    (SYS + "svchost.exe", SYS + "svchost.exe -k NetworkService -p -s CryptSvc", "N"),
    (SYS + "svchost.exe", SYS + "svchost.exe -k netsvcs -p -s Winmgmt", "S"),
    (SYS + "SearchIndexer.exe", SYS + "SearchIndexer.exe /Embedding", "S"), (SYS + "spoolsv.exe", SYS + "spoolsv.exe",
                                                                             "S"),
    (sample.AGENT, "\"" + sample.AGENT + "\" --service", "S"),
    ("C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.25070.5-0\\MsMpEng.exe",
     "\"C:\\ProgramData\\Microsoft\\Windows Defender\\Platform\\4.18.25070.5-0\\MsMpEng.exe\"", "S"),
    (SYS + "sihost.exe", "sihost.exe", "U"), ("C:\\Windows\\explorer.exe", "C:\\Windows\\Explorer.EXE", "U"),
    (sample.CHROME, "\"" + sample.CHROME + "\" --no-startup-window /prefetch:5", "U"),
    (EDGE, "\"" + EDGE + "\" --no-startup-window --win-session-start", "U"),
    (sample.OFFICE16 + "OUTLOOK.EXE", "\"" + sample.OFFICE16 + "OUTLOOK.EXE\"", "U"), (TEAMS, "\"" + TEAMS + "\"", "U"),
]
FILES = [  # where programs write; @ as above
    HOME + "AppData\\Local\\Temp\\%x.tmp", HOME + "AppData\\Local\\Google\\Chrome\\User "
                                                  "Data\\Default\\Cache\\Cache_Data\\f_%x",
    HOME + "AppData\\Local\\Microsoft\\Edge\\User Data\\Default\\Code Cache\\js\\%x%x_0",
         HOME + "Documents\\%w\\~$%w %d.docx",
    HOME + "Documents\\%w\\%w %d.xlsx", HOME + "Downloads\\%w-%w-%d.pdf", HOME + "Downloads\\setup-%w-%d.exe",
    HOME + "AppData\\Roaming\\Microsoft\\Windows\\Recent\\%w %d.lnk",
         HOME + "AppData\\Local\\Microsoft\\Outlook\\%w%d.ost.tmp",
    HOME + "src\\%w-%w\\target\\obj\\%x.o", "C:\\Windows\\Temp\\%x.tmp", "C:\\Windows\\Prefetch\\%W.EXE-%X.pf",
    "C:\\ProgramData\\Microsoft\\Windows\\WER\\Temp\\WER%x.tmp.xml",
         "C:\\Windows\\ServiceState\\EventLog\\Data\\lastalive%d.dat",
    "C:\\ProgramData\\Monitor\\spool\\%w-%d.json", "C:\\Windows\\SoftwareDistribution\\Download\\%x%x%x%x\\%w.cab",
    "C:\\Windows\\System32\\Tasks\\%w\\Inventory %d", "C:\\ProgramData\\Inventory\\out\\%w-%d.ps1",
         "D:\\Shares\\%w\\%w\\%w-%d.pptx",
    "C:\\Windows\\System32\\DriverStore\\Temp\\{%x-%h-%h-%h-%x%h}\\%w.dll",
]
KEYS = [
    "HKU\\@SID\\Software\\Microsoft\\Windows\\CurrentVersion\\Explorer\\RecentDocs\\.%w\\%d",
    "HKU\\@SID\\Software\\Microsoft\\Office\\16.0\\Word\\Reading Locations\\Document %d\\Datetime",
    "HKLM\\System\\CurrentControlSet\\Services\\bam\\State\\UserSettings\\@SID\\\\Device\\HarddiskVolume3\\Windows\\Sy"
    "stem32\\%w.exe",
    "HKLM\\SOFTWARE\\Microsoft\\Windows "
    "NT\\CurrentVersion\\Schedule\\TaskCache\\Tasks\\{%x-%h-%h-%h-%x%h}\\DynamicInfo",
    "HKLM\\System\\CurrentControlSet\\Services\\Tcpip\\Parameters\\Interfaces\\{%x-%h-%h-%h-%x%h}\\LeaseObtainedTime",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Installer\\UserData\\S-1-5-18\\Components\\%x%x%x%x\\%x",
    "HKU\\.DEFAULT\\Software\\Microsoft\\SystemCertificates\\CA\\Certificates\\%X%X%X%X%X\\Blob",
    "HKLM\\SOFTWARE\\%w Systems\\Agent\\LastRun%d", "HKU\\@SID\\Software\\Microsoft\\Windows\\CurrentVersion\\Run\\%w",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\WINEVT\\Channels\\%w/Operational\\Enabled",
    "HKLM\\System\\CurrentControlSet\\Services\\%wsvc%d\\Start",
    "HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Explorer\\FolderDescriptions\\{%x-%h-%h-%h-%x%h}",
]
DETAILS = ["DWORD (0x00000001)", "DWORD (0x00000004)", "Binary Data", "(Empty)", "QWORD (0x01dc2a41-0x7b9e40c0)",
           "C:\\Windows\\System32\\svchost.exe -k netsvcs -p", "%%SystemRoot%%\\System32\\drivers\\afd.sys"]
PATTERN = {"%d": "{0}", "%x": "{1}", "%X": "{2}", "%h": "{3}", "%o": "{4}", "%w": "{5}", "%W": "{6}"}


def escaped(text):
    """As it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


class Pattern:
    """A text with numbers and words that are drawn anew each time it is used."""

    __slots__ = ("form", "slots")

    def __init__(self, text):
        parts, slots, k = [], [], 0
        text = escaped(text)
        while k < len(text):
            two = text[k:k + 2]
            if two in PATTERN:
                parts.append("%s")
                slots.append(two[1])
                k += 2
            else:
                parts.append("%%" if text[k] == "%" else text[k])
                k += 1
        self.form, self.slots = "".join(parts), tuple(slots)

    def draw(self, r, user, sid):
        form = self.form
        text = form % tuple([DRAW[s](r.random()) for s in self.slots]) if self.slots else form % ()
        return text.replace("@USER", user).replace("@SID", sid) if "@" in text else text


DRAW = {"d": lambda x: str(int(x * x * 99_999)), "x": lambda x: f"{int(x * 4294967296):08x}",
        "X": lambda x: f"{int(x * 4294967296):08X}",
        "h": lambda x: f"{int(x * 65536):04x}", "o": lambda x: str(int(x * 254)),
        "w": lambda x: WORDS[int(x * x * len(WORDS))],
        "W": lambda x: WORDS[int(x * x * len(WORDS))].upper()}


def version_block(image, meta):
    """(FileVersion, Description, Product, Company, OriginalFileName), escaped."""
    base = sample.base_name(image)
    words = meta or sample.META.get(base.lower()) or (base.split(".")[0], sample.WIN, sample.MS, base,
                                                      "10.0.19041.4355")
    description, product, company, original, version = words
    if company == sample.MS and product == sample.WIN:
        version += " (WinBuild.160101.0800)"
    return tuple(map(escaped, (version, description, product, company, original)))


def hashes(text):
    return (f"SHA1={sample.digest(text, 40, 'sha1').upper()},MD5={sample.digest(text, 32, 'md5').upper()},"
            f"SHA256={sample.digest(text).upper()},IMPHASH={sample.digest('imp' + text, 32, 'md5').upper()}")


class Program:
    """One entry of PROGRAMS, ready for use; four builds of it are around in the fleet."""

    __slots__ = ("image", "versions", "hashes", "command", "parent", "level")

    def __init__(self, image, command, parent, level, meta):
        self.image, self.parent, self.level = escaped(image), parent and escaped(parent), level
        self.command = Pattern(command)
        self.versions = version_block(image, meta)
        self.hashes = [hashes(f"{image} build {k}") for k in range(4)]


class Programs:
    def __init__(self, seed):
        rng = random.Random(f"programs {seed}")
        self.started, self.resident = [], []
        for weight, image, command, parent, level, meta in PROGRAMS:
            self.started += [Program(image, command, parent, level, meta)] * weight
        for image, command, level in LONG_LIVED:
            self.resident.append(Program(image, command, None, level, None))
        self.files = [Pattern(text) for text in FILES]
        self.keys = [Pattern(text) for text in KEYS]
        self.details = [escaped(text) for text in DETAILS]
        self.modules = [module(k, rng) for k in range(2500)]
        self.traces = [trace(rng) for _ in range(4000)]
        self.blocks = [script_block(rng) for _ in range(3000)]


def module(k, rng):
    """A DLL: path, version block, hashes, signature."""
    stem = f"{rng.choice(WORDS)}{rng.choice(('core', 'api', 'ui', 'net', 'svc', 'base', 'ext', 'res'))}{k % 90 or ''}"
    if rng.random() < 0.75:
        path, words = f"{SYS}{stem}.dll", (f"{stem.title()} Library", sample.WIN, sample.MS, stem.upper() + ".DLL",
                                           f"10.0.19041.{rng.randrange(1, 4400)}")
        signed = ("true", "Microsoft Windows", "Valid")
    else:
        maker = rng.choice(WORDS).title() + " Software"
        path = f"{rng.choice((PF, PF86))}{maker}\\bin\\{stem}.dll"
        words = (f"{stem.title()} component", maker, maker + " K.K.", stem + ".dll",
                 f"{rng.randrange(1, 20)}.{rng.randrange(30)}.{rng.randrange(999)}.0")
        signed = ("true", maker, "Valid") if rng.random() < 0.9 else ("false", "-", "Unavailable")
    return (escaped(path),) + version_block(path, words) + (hashes(path),) + signed


def trace(rng):
    """The call stack of a process access, 8 to 30 frames."""
    frames = ["C:\\Windows\\SYSTEM32\\ntdll.dll+9d%03x" % rng.randrange(4096)]
    for _ in range(rng.randrange(8, 30)):
        frames.append(f"C:\\Windows\\System32"
                      f"\\{rng.choice(('KERNELBASE', 'RPCRT4', 'combase', 'sechost', 'KERNEL32', 'wbemcore', 'ole32', 'windows.storage'))}.dll+{rng.randrange(1 << 20):x}")
    return escaped("|".join(frames))


def script_block(rng):
    """An administrator's PowerShell of 5 to 60 lines."""
    lines = [f"function Get-{rng.choice(WORDS).title()}{rng.choice(WORDS).title()} {{",
             "    param([string]$Path, [int]$Depth = 3)"]
    for _ in range(rng.randrange(4, 58)):
        a, b = rng.choice(WORDS), rng.choice(WORDS)
        lines.append(rng.choice((
            f"    ${a} = Get-ItemProperty -Path \"HKLM:\\SOFTWARE\\{b.title()}\" -ErrorAction SilentlyContinue",
            f"    if (${a}.Count -gt {rng.randrange(500)}) {{ Write-Verbose \"{a} {b}: $(${a}.Count)\" }}",
            f"    foreach (${b} in ${a}) {{ $result += [pscustomobject]@{{ Name = ${b}.Name; Size = ${b}.Length; Day "
            f"= (Get-Date) }} }}",
            f"    # {a} first, then {b}; see the runbook of the {a}-{b} service",
            f"    Invoke-RestMethod -Uri \"https://{a}-{b}.example/api/v{rng.randrange(1, 4)}/inventory\" -Method "
            f"Post -Body ($result | ConvertTo-Json)")))
    return escaped("\r\n".join(lines + ["}"]))
