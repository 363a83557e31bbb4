//! MASK-01: a renamed or look-alike program.
//!
//! Sees: a watched tool under another name (its version resource tells), a name one letter or digit away from a core
//! process outside the system folders, a document's extension in front of a program's, characters that turn the
//! name round, blanks that hide its end.
//! Why: names are what people and simple rules look at.
//! Benign causes: vendors that ship a tool under their own name (curl, 7-Zip), preview builds.
//! Sources: MITRE ATT&CK T1036; Sigma's rules on renamed binaries.

use std::collections::HashMap;

use ahash::RandomState;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, quote};
use super::{Cx, Hit, KeyRows, Signal};
use crate::knowledge::programs::base_name;
use crate::lake::frame::{Row, StrId};
use crate::rules::paths;
use crate::rules::similar;
use crate::schema::process as t;

/// See the module.
pub struct Mask01;

const QUALITY_PROTECTED: f64 = 0.5;

static META: Meta = Meta {
    id: "MASK-01",
    title: "Renamed or look-alike binary",
    sees: "A watched tool under another name than its version resource gives, a name that imitates a core process, a \
           double extension, a right-to-left override or hidden blanks in the name of a started program.",
    why: "Names are what people and simple rules look at.",
    techniques: &["T1036.003", "T1036.005", "T1036.007", "T1036.002", "T1036.006"],
    stage: "stealth",
    family: "log tampering",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: starts::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "protected_quality",
        value: QUALITY_PROTECTED,
        unit: "quality",
        source: "[J] vendors rename tools in their own program folders",
    }],
    benign: &[
        "vendors that ship curl, 7-Zip or AutoIt under their own names",
        "preview builds",
    ],
};

impl Signal for Mask01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        // Comparing names is slow, and hosts start the same programs over and over.
        let mut known: HashMap<(StrId, StrId), Option<Disguise>, RandomState> = HashMap::default();
        for row in starts::starts(rows.table(&t::TABLE)) {
            let key = (row.id(t::IMAGE), row.id(t::ORIG_NAME));
            let found = known.entry(key).or_insert_with(|| {
                let image = row.text(t::IMAGE)?;
                disguise(cx, image, base_name(image), row.str(t::ORIG_NAME))
            });
            if let Some(found) = found {
                hits.push(hit(row, found));
            }
        }
    }
}

/// Key, technique, words and quality of a disguise.
type Disguise = (String, &'static str, String, f64);

fn hit(row: Row<'_>, (key, technique, what, quality): &Disguise) -> Hit {
    let mut hit = Hit::at(&META, row, key.clone(), format!("{} {what}", quote(row.str(t::IMAGE))))
        .techniques(&[*technique])
        .quality(*quality);
    hit.iocs = starts::iocs(row);
    hit
}

fn disguise(cx: &Cx<'_>, image: &str, base: &str, original: &str) -> Option<Disguise> {
    if similar::has_bidi_override(base) {
        let what = "turns its name round with a control character".to_owned();
        return Some(("bidi".to_owned(), "T1036.002", what, 1.0));
    }
    if let Some((document, program)) = similar::double_extension(base) {
        let what = format!("is a .{program} program that looks like a .{document} document");
        return Some((format!("double:{document}.{program}"), "T1036.007", what, 1.0));
    }
    if let Some(tool) = similar::renamed_tool(original, base) {
        let what = format!("is {tool} under another name (OriginalFileName {})", quote(original));
        let quality = if paths::is_protected(image) {
            cx.number(&META, "protected_quality")
        } else {
            1.0
        };
        return Some((
            format!("renamed:{tool}>{}", base.to_lowercase()),
            "T1036.003",
            what,
            quality,
        ));
    }
    if !paths::is_protected(image)
        && let Some(core) = similar::looks_like_core(base)
    {
        let what = format!("looks like the core process {core}");
        return Some((format!("like:{core}:{}", base.to_lowercase()), "T1036.005", what, 1.0));
    }
    if similar::has_hidden_blanks(base) {
        let what = "hides the end of its name behind blanks".to_owned();
        return Some(("blanks".to_owned(), "T1036.006", what, 1.0));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn technique(image: &str, original: &str) -> Option<String> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(t::IMAGE, image);
            b.text(t::IMAGE_NAME, &base_name(image).to_lowercase());
            b.text(t::ORIG_NAME, original);
        });
        sample.hits(&Mask01).first().map(|h| h.techniques[0].to_string())
    }

    #[test]
    fn each_disguise_has_its_technique() {
        for (image, original, expected) in [
            (r"C:\Users\a\svchost1.exe", "", "T1036.005"),
            (r"C:\Users\a\Downloads\invoice.pdf.exe", "", "T1036.007"),
            (r"C:\ProgramData\svchost.exe", "rclone.exe", "T1036.003"),
            ("C:\\Users\\a\\ann\u{202e}fdp.exe", "", "T1036.002"),
            (r"C:\Users\a\report .exe", "", "T1036.006"),
        ] {
            assert_eq!(technique(image, original).as_deref(), Some(expected), "{image}");
        }
    }

    #[test]
    fn ordinary_names_are_quiet() {
        for (image, original) in [
            (
                r"C:\Users\a\AppData\Local\Microsoft\OneDrive\OneDriveSetup.exe",
                "OneDriveSetup.exe",
            ),
            (r"C:\Windows\System32\cmd.EXE", "Cmd.Exe"),
            (r"C:\Windows\System32\rundll32.exe", "RUNDLL32.EXE.MUI"),
            (r"C:\Python\python3.exe", "python.exe"),
            (r"C:\t\PsExec64.exe", "psexec.c"),
            ("svchost.exe", "-"),
        ] {
            assert_eq!(technique(image, original), None, "{image}");
        }
    }
}
