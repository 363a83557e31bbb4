//! RMM-02: a remote-management tool starts a shell that asks, hides or steals.
//!
//! Sees: a program of the table of remote-management tools, approved or not, that starts an interpreter whose command line is encoded,
//! downloads or runs code, asks about users and hosts, or uses a system tool for something else.
//! Why: approved tools are the intruder's too, once he has the console.
//! Benign causes: patch and inventory scripts of the tool (common over the fleet), helpdesk.
//! Sources: published intrusions through ScreenConnect, Atera and MeshAgent; ATT&CK T1219.002, T1059.

use super::lolbin_starts;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, Lineage, command, names, technique_of};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{INTERPRETERS, SHELLS, base_name};
use crate::knowledge::rmm::Note;
use crate::lake::frame::Row;
use crate::rules::content;
use crate::rules::discovery::question;
use crate::rules::encoded::encoded_command;
use crate::rules::launch::folded;
use crate::rules::lolbins::Purpose;
use crate::schema::process as t;

/// See the module.
pub struct Rmm02;

static META: Meta = Meta {
    id: "RMM-02",
    title: "RMM tool starts a telling shell",
    sees: "A remote-management tool, approved or not, starts an interpreter or system tool whose command line is encoded, downloads or runs \
           code, asks about users and hosts, or proxies execution.",
    why: "Whoever holds the console of the tool holds every host under it.",
    techniques: &["T1219.002", "T1059.001", "T1059.003", "T1033"],
    stage: "command-and-control",
    family: "rmm",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "question_quality",
        value: 0.6,
        unit: "quality of one question about users or hosts",
        source: "[J] inventories ask too",
    }],
    benign: &["patch and inventory scripts of the tool", "helpdesk"],
};

impl Signal for Rmm02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let starts = starts::starts(rows.table(&t::TABLE));
        let lineage = Lineage::new(&starts);
        for row in &starts {
            let Some(tool) = tool_above(cx, &lineage, *row) else {
                continue;
            };
            let Some((reason, quality)) = reason(cx, *row) else {
                continue;
            };
            let (image, _) = names(*row);
            let explain = format!("{tool} started {}: {reason}", command(*row));
            let mut techniques = vec!["T1219.002"];
            techniques.extend(technique_of(&image, row.str(t::CMDLINE)));
            let key = format!("{}|{}", tool.to_lowercase(), folded(row.str(t::CMDLINE)));
            let mut hit = Hit::at(&META, *row, key, explain)
                .quality(quality)
                .techniques(&techniques);
            hit.iocs = starts::iocs(*row);
            hits.push(hit);
        }
    }
}

/// The remote-management tool that started a program, itself or through a shell.
fn tool_above<'a>(cx: &Cx<'a>, lineage: &Lineage<'a>, row: Row<'a>) -> Option<&'a str> {
    let tool = |name: &str| {
        let found = cx.knowledge.rmm.binary(&base_name(name).to_lowercase())?;
        (found.note == Note::None).then_some(found.tool)
    };
    let parent = lineage.parent_name(row);
    if let Some(found) = tool(parent) {
        return Some(found);
    }
    let shell = lineage.parent(row).filter(|p| starts::is_one_of(*p, SHELLS))?;
    tool(lineage.parent_name(shell))
}

fn reason(cx: &Cx<'_>, row: Row<'_>) -> Option<(String, f64)> {
    let line = row.str(t::CMDLINE);
    let (image, original) = names(row);
    let asks = [&image, &original].into_iter().find_map(|name| question(name, line));
    if let Some(asked) = &asks {
        return Some((
            format!("it asks ({})", asked.name),
            cx.number(&META, "question_quality"),
        ));
    }
    if !starts::is_one_of(row, INTERPRETERS) {
        return None;
    }
    if encoded_command(line, row.str(t::IMAGE_NAME)).is_some() {
        return Some(("its command is encoded".to_owned(), 1.0));
    }
    if let Some((_, used, _)) = lolbin_starts::used(row, Purpose::Proxy).or(lolbin_starts::used(row, Purpose::Fetch)) {
        return Some((
            format!(
                "it uses a system tool for something else ({})",
                used.techniques.first().copied().unwrap_or("T1218")
            ),
            1.0,
        ));
    }
    if line.to_lowercase().contains("comsvcs") {
        return Some(("it writes a process's memory to a file".to_owned(), 1.0));
    }
    let inner = image == "cmd"
        && line.split(['&', '|']).any(|part| {
            let words = part.trim().trim_start_matches('"');
            let words = words.split_once("/c ").map_or(words, |(_, rest)| rest).trim();
            let first = words.split_whitespace().next().unwrap_or("");
            question(crate::knowledge::programs::stem(base_name(first)), words).is_some()
        });
    if inner {
        return Some((
            "it asks about users or hosts".to_owned(),
            cx.number(&META, "question_quality"),
        ));
    }
    let found = content::classes(line);
    (found.count() >= 2).then(|| ("its command downloads, runs or hides code".to_owned(), 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;

    fn hits(parent: &str, image: &str, line: &str) -> usize {
        hits_of(&Rmm02, image, parent, line).len()
    }

    #[test]
    fn shells_that_ask_hide_or_steal_fire() {
        assert_eq!(
            hits(
                "screenconnect.clientservice.exe",
                "cmd.exe",
                "cmd /c whoami & nltest /dclist:"
            ),
            1
        );
        let encoded = "powershell -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQAKQA=";
        assert_eq!(hits("ateraagent.exe", "powershell.exe", encoded), 1);
        assert_eq!(
            hits(
                "meshagent.exe",
                "rundll32.exe",
                "rundll32 comsvcs.dll MiniDump 612 x.dmp full"
            ),
            1
        );
    }

    #[test]
    fn patch_scripts_updates_and_own_windows_stay_quiet() {
        assert_eq!(
            hits("ateraagent.exe", "powershell.exe", "powershell -File patch.ps1"),
            0
        );
        assert_eq!(
            hits("teamviewer.exe", "teamviewer_desktop.exe", "teamviewer_desktop.exe"),
            0
        );
        assert_eq!(hits("anydesk.exe", "anydesk.exe", "anydesk.exe --update"), 0);
        assert_eq!(hits("explorer.exe", "cmd.exe", "cmd /c whoami"), 0);
    }
}
