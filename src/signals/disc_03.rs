//! DISC-03: a program that lies where downloads and temporary files lie has its host and its user described to it.
//!
//! Sees: discovery commands (who am I, which host, which processes, which network) beneath one program that runs from a folder that
//! ordinary users may write to, up to four generations down, the shells between them shown too.
//! Why: the first thing typed into a fresh foothold are two or three questions; a burst of five in one session (DISC-01) comes
//! later or never.
//! Benign causes: support tools that collect facts, installers unpacked in a temp folder.
//! Sources: MITRE ATT&CK T1059.003, T1082, T1033, T1057; the numbers are judgement.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, Lineage, names, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::{SHELLS, base_name};
use crate::lake::frame::Row;
use crate::rules::discovery::question;
use crate::rules::paths;
use crate::schema::process as t;

/// See the module.
pub struct Disc03;

const QUESTIONS: f64 = 2.0;
const QUESTIONS_SETTLED: f64 = 3.0;
const WINDOW_S: f64 = 600.0;
/// Generations between the program and the question: shell in shell, and the program that `cmd /c` starts.
const GENERATIONS: usize = 4;
/// Rows that are shown.
const SHOWN: usize = 20;

static META: Meta = Meta {
    id: "DISC-03",
    title: "Questions from a stray program",
    sees: "Two or more different discovery commands within ten minutes beneath one program that runs from a download, temp, desktop, \
           document or public folder; three for AppData, ProgramData and shares, where software settles.",
    why: "The first thing typed into a fresh foothold are two or three questions about host and user.",
    techniques: &["T1082", "T1033", "T1057", "T1016", "T1049", "T1087.001", "T1018"],
    stage: "discovery",
    family: "discovery",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "questions",
            value: QUESTIONS,
            unit: "commands",
            source: "[J] one question is asked by many tools, two different ones by few",
        },
        Threshold {
            name: "questions_settled",
            value: QUESTIONS_SETTLED,
            unit: "commands",
            source: "[J] terminals and per-user software lie in AppData",
        },
        Threshold {
            name: "window_seconds",
            value: WINDOW_S,
            unit: "s",
            source: "[J]",
        },
    ],
    benign: &[
        "support tools that collect facts",
        "installers unpacked in a temp folder",
        "terminals of one user",
    ],
};

impl Signal for Disc03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let all = starts(rows.table(&t::TABLE));
        let lineage = Lineage::new(&all);
        let mut by_program: BTreeMap<Stray<'_>, Vec<Asked<'_>>> = BTreeMap::new();
        for row in &all {
            let (image, original) = names(*row);
            let line = row.str(t::CMDLINE);
            let Some(asked) = question(&image, line).or_else(|| question(&original, line)) else {
                continue;
            };
            if let Some((stray, shells)) = stray(&lineage, *row) {
                by_program.entry(stray).or_default().push(Asked {
                    row: *row,
                    name: asked.name,
                    techniques: asked.techniques,
                    shells,
                });
            }
        }
        for (stray, asked) in by_program {
            hits.extend(hit(cx, &stray, &asked));
        }
    }
}

/// A stray program: one start of it, or all of one path where its start is not logged.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Stray<'a> {
    path: &'a str,
    start: Option<u32>,
}

struct Asked<'a> {
    row: Row<'a>,
    name: String,
    techniques: &'static [&'static str],
    /// Starts of the shells between the program and the question, the nearest first.
    shells: Vec<Row<'a>>,
}

/// The nearest program above a start that runs from a folder users may write to, with nothing but shells between.
fn stray<'a>(lineage: &Lineage<'a>, row: Row<'a>) -> Option<(Stray<'a>, Vec<Row<'a>>)> {
    let mut shells = Vec::new();
    let mut child = row;
    for _ in 0..GENERATIONS {
        let path = child.str(t::PARENT_IMAGE);
        let parent = lineage.parent(child);
        let path = if path.is_empty() { parent?.str(t::IMAGE) } else { path };
        if paths::user_writable(path).is_some() {
            let start = parent.map(|p| p.at());
            return Some((Stray { path, start }, shells));
        }
        child = parent.filter(|p| starts::is_one_of(*p, SHELLS))?;
        shells.push(child);
    }
    None
}

fn hit(cx: &Cx<'_>, stray: &Stray<'_>, asked: &[Asked<'_>]) -> Option<Hit> {
    let place = paths::user_writable(stray.path)?;
    let settled = matches!(place, "AppData" | "ProgramData" | "a network share");
    let least = if settled {
        cx.number(&META, "questions_settled")
    } else {
        cx.number(&META, "questions")
    };
    let window = (cx.number(&META, "window_seconds") * 1e6) as i64;
    let enough = |first: &Asked<'_>| {
        let within = asked
            .iter()
            .filter(|a| (0..=window).contains(&(a.row.ts() - first.row.ts())));
        within.map(|a| a.name.as_str()).collect::<BTreeSet<_>>().len() as f64 >= least
    };
    let from = asked.iter().position(enough)?;
    let burst = asked.get(from..)?;
    let (first, last) = (burst.first()?, burst.last()?);
    let names: BTreeSet<&str> = burst.iter().map(|a| a.name.as_str()).collect();
    let list: Vec<&str> = names.into_iter().collect();
    let explain = format!(
        "{}, which runs from {place}, asked {} questions about host and user: {}",
        quote(stray.path),
        list.len(),
        list.join(", ")
    );
    let mut hit = Hit::at(&META, first.row, base_name(stray.path).to_lowercase(), explain);
    hit.techniques.clear();
    for id in burst.iter().flat_map(|a| a.techniques) {
        if !hit.techniques.iter().any(|t| t == id) {
            hit.techniques.push(Cow::Borrowed(*id));
        }
    }
    (hit.last, hit.count) = (last.row.ts(), burst.len() as u64);
    let mut shown = vec![first.row.at()];
    for row in burst
        .iter()
        .flat_map(|a| std::iter::once(a.row).chain(a.shells.iter().copied()))
    {
        if shown.len() < SHOWN && !shown.contains(&row.at()) {
            shown.push(row.at());
            hit.add_row(row);
        }
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::common;
    use crate::signals::testing::Sample;

    const SHELL: &str = r"C:\Windows\System32\cmd.exe";

    fn start(s: &mut Sample, second: i64, (guid, image): (&str, &str), parent: (&str, &str)) {
        let line = base_name(image).replace(".exe", "");
        s.row_us(&t::TABLE, "ws01", 1_772_442_000_000_000 + second * 1_000_000, |b| {
            b.text(common::ACTION, "start");
            b.text(t::PROC_GUID, guid);
            b.text(t::IMAGE, image);
            b.text(t::IMAGE_NAME, base_name(image));
            b.text(t::CMDLINE, &line);
            b.text(t::PARENT_GUID, parent.0);
            b.text(t::PARENT_IMAGE, parent.1);
            b.text(t::PARENT_NAME, base_name(parent.1));
        });
    }

    fn asked(program: &str, questions: &[&str]) -> Vec<Hit> {
        let mut s = Sample::default();
        start(&mut s, 0, ("{1}", program), ("{0}", r"C:\Windows\explorer.exe"));
        start(&mut s, 5, ("{2}", SHELL), ("{1}", program));
        for (i, q) in questions.iter().enumerate() {
            let image = format!(r"C:\Windows\System32\{q}.exe");
            start(&mut s, 10 + i as i64, (&format!("{{q{i}}}"), &image), ("{2}", SHELL));
        }
        s.hits(&Disc03)
    }

    #[test]
    fn a_download_that_asks_twice_is_shown_with_its_shell() {
        let hits = asked(r"C:\Users\ann\Downloads\tool.exe", &["systeminfo", "whoami", "whoami"]);
        assert_eq!(hits.len(), 1);
        assert_eq!((hits[0].key.as_str(), hits[0].rows.len()), ("tool.exe", 4));
        assert_eq!(hits[0].techniques, ["T1082", "T1033"]);
    }

    #[test]
    fn one_question_and_settled_software_stay_quiet() {
        assert!(asked(r"C:\Users\ann\Downloads\tool.exe", &["whoami", "whoami"]).is_empty());
        assert!(asked(r"C:\Users\ann\AppData\Local\hyper\hyper.exe", &["whoami", "ipconfig"]).is_empty());
        assert!(asked(r"C:\Program Files\Tool\tool.exe", &["whoami", "ipconfig", "systeminfo"]).is_empty());
        assert_eq!(
            asked(
                r"C:\Users\ann\AppData\Roaming\a.exe",
                &["whoami", "ipconfig", "systeminfo"]
            )
            .len(),
            1
        );
    }
}
