//! FILE-11: a file whose hash is on the user's list of known-bad hashes.
//!
//! Sees: a listed SHA-256, SHA-1 or MD5 of a started program or loaded library or driver (critical), or of a file that was only
//! written, downloaded, or blocked by the antivirus (medium).
//! Why: somebody already knows the file to be bad.
//! Benign causes: feeds list common libraries by mistake; the hash of the empty file is never used.
//! Sources: the user's list; MITRE ATT&CK T1204.002 where the list names no technique.

use std::borrow::Cow;
use std::collections::HashMap;

use ahash::RandomState;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts;
use super::{Cx, Hit, Ioc, KeyRows, Prevalence, Signal};
use crate::entity::lists::Lists;
use crate::lake::frame::Row;
use crate::schema::{Col, Table, alert, common, file, image_load, process as t};

/// See the module.
pub struct File11;

const QUALITY_MD5: f64 = 0.8;
const QUARANTINE_S: f64 = 60.0;

static META: Meta = Meta {
    id: "FILE-11",
    title: "Known-bad hash executed",
    sees: "The hash of a started program or a loaded library or driver is on the list of known-bad hashes; files that \
           were only written or blocked count less.",
    why: "Somebody already knows the file to be bad.",
    techniques: &["T1204.002"],
    stage: "execution",
    family: "files",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &image_load::TABLE,
            columns: &[
                common::USER,
                image_load::PATH,
                image_load::SHA256,
                image_load::SHA1,
                image_load::MD5,
                image_load::KIND,
            ],
        },
        Reads {
            table: &file::TABLE,
            columns: &[
                common::USER,
                file::PATH,
                file::SHA256,
                file::SHA1,
                file::MD5,
                file::IMAGE,
            ],
        },
        Reads {
            table: &alert::TABLE,
            columns: &[
                common::USER,
                alert::OBJECT,
                alert::SHA256,
                alert::SHA1,
                alert::ACTION_TAKEN,
            ],
        },
    ],
    level: Level::Critical,
    decisive: true,
    thresholds: &[
        Threshold {
            name: "md5_quality",
            value: QUALITY_MD5,
            unit: "quality",
            source: "[J] MD5 collides on purpose",
        },
        Threshold {
            name: "quarantine_seconds",
            value: QUARANTINE_S,
            unit: "s",
            source: "detection.md FILE-11 [J]",
        },
    ],
    benign: &[
        "lists that hold common libraries by mistake",
        "malware research on a machine made for it",
    ],
};

/// A table with hashes and how it shows the file.
struct Source {
    table: &'static Table,
    hashes: [Option<Col>; 3],
    path: Col,
    ran: bool,
    words: &'static str,
}

static SOURCES: &[Source] = &[
    Source {
        table: &t::TABLE,
        hashes: [Some(t::SHA256), Some(t::SHA1), Some(t::MD5)],
        path: t::IMAGE,
        ran: true,
        words: "was started",
    },
    Source {
        table: &image_load::TABLE,
        hashes: [Some(image_load::SHA256), Some(image_load::SHA1), Some(image_load::MD5)],
        path: image_load::PATH,
        ran: true,
        words: "was loaded",
    },
    Source {
        table: &file::TABLE,
        hashes: [Some(file::SHA256), Some(file::SHA1), Some(file::MD5)],
        path: file::PATH,
        ran: false,
        words: "was written",
    },
    Source {
        table: &alert::TABLE,
        hashes: [Some(alert::SHA256), Some(alert::SHA1), None],
        path: alert::OBJECT,
        ran: false,
        words: "was detected",
    },
];

impl Signal for File11 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        if !cx.lists.has_hashes() {
            return;
        }
        let quarantined: Vec<Row<'_>> = rows
            .table(&alert::TABLE)
            .iter()
            .filter(|r| is_removal(r.str(alert::ACTION_TAKEN)))
            .collect();
        // One hit per hash and kind of sighting; repeats are counted.
        let mut place: HashMap<(String, &'static str), usize, RandomState> = HashMap::default();
        for source in SOURCES {
            for row in rows.table(source.table).iter() {
                if source.table.ix() == t::TABLE.ix() && row.text(common::ACTION) == Some("end") {
                    continue;
                }
                let Some((hash, quality, note)) = listed(cx.lists, source, row) else {
                    continue;
                };
                if let Some(first) = place
                    .get(&(hash.to_owned(), source.words))
                    .and_then(|at| hits.get_mut(*at))
                {
                    first.count += 1;
                    first.last = row.ts();
                    if first.rows.len() < 20 {
                        first.add_row(row);
                    }
                    continue;
                }
                place.insert((hash.to_owned(), source.words), hits.len());
                let removed = quarantined.iter().find(|q| was_removed(**q, row, source, hash));
                hits.push(hit(source, row, hash, quality, note, removed.copied()));
            }
        }
    }
}

/// The hash of a row that is listed, what it is worth, and the list's note.
fn listed<'a>(lists: &'a Lists, source: &Source, row: Row<'a>) -> Option<(&'a str, f64, &'a str)> {
    let [sha256, sha1, md5] = source.hashes.map(|c| c.and_then(|c| row.text(c)));
    let strong = [sha256, sha1]
        .into_iter()
        .flatten()
        .find_map(|h| Some((h, 1.0, lists.bad_hash(h)?)));
    strong.or_else(|| md5.and_then(|h| Some((h, QUALITY_MD5, lists.bad_hash(h)?))))
}

fn is_removal(action: &str) -> bool {
    let lower = action.to_ascii_lowercase();
    ["quarantine", "remove", "clean", "delete", "block"]
        .iter()
        .any(|w| lower.contains(w))
}

/// Whether the antivirus took the same file away just before.
fn was_removed(alert_row: Row<'_>, row: Row<'_>, source: &Source, hash: &str) -> bool {
    let before = row.ts() - alert_row.ts();
    let path = row.str(source.path).to_lowercase();
    let same_hash = [alert::SHA256, alert::SHA1]
        .iter()
        .any(|c| alert_row.text(*c) == Some(hash));
    let same_path = !path.is_empty() && alert_row.str(alert::OBJECT).to_lowercase().contains(&path);
    (0..=(QUARANTINE_S * 1e6) as i64).contains(&before) && (same_hash || same_path)
}

fn hit(source: &Source, row: Row<'_>, hash: &str, quality: f64, note: &str, removed: Option<Row<'_>>) -> Hit {
    let path = row.text(source.path).unwrap_or("a file without path");
    let known = if note.is_empty() {
        String::new()
    } else {
        format!(" as {}", starts::quote(note))
    };
    let ran = source.ran && removed.is_none();
    let after = if removed.is_some() {
        " just after the antivirus took it away"
    } else {
        ""
    };
    let explain = format!("{path} {}{after}; its hash {hash} is listed{known}", source.words);
    let mut hit = Hit::at(&META, row, hash, explain)
        .quality(quality)
        .prevalence(Prevalence::Neutral)
        .ioc(Ioc::File(path.to_owned()));
    if hash.len() == 64 {
        hit.iocs.push(Ioc::Sha256(hash.to_owned()));
    }
    if !ran {
        hit = hit.level(Level::Medium).decisive(false);
    }
    if let Some(id) = technique_in(note) {
        hit.techniques = vec![Cow::Owned(id)];
    }
    if let Some(alert_row) = removed {
        hit.add_row(alert_row);
    }
    hit
}

/// An ATT&CK id in a list's note.
fn technique_in(note: &str) -> Option<String> {
    let words = note.split(|c: char| !(c.is_ascii_alphanumeric() || c == '.'));
    words
        .map(|w| w.trim_matches('.'))
        .find(|w| is_technique(w))
        .map(str::to_owned)
}

fn is_technique(word: &str) -> bool {
    let Some(rest) = word.strip_prefix('T') else {
        return false;
    };
    let (main, sub) = rest.split_once('.').map_or((rest, None), |(m, s)| (m, Some(s)));
    let digits = |s: &str, n: usize| s.len() == n && s.bytes().all(|b| b.is_ascii_digit());
    digits(main, 4) && sub.is_none_or(|s| digits(s, 3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const SHA256: [u8; 32] = [0xab; 32];
    const MD5: [u8; 16] = [0xcd; 16];

    fn sample(note: &str) -> Sample {
        let mut sample = Sample::default();
        sample.lists.add_hash(&"AB".repeat(32), note);
        sample.lists.add_hash(&"cd".repeat(16), note);
        sample
    }

    #[test]
    fn a_listed_program_that_runs_is_critical_and_counted_once() {
        let mut s = sample("Loader T1055.012");
        for time in ["2026-03-02T09:00:00Z", "2026-03-02T09:05:00Z"] {
            s.row(&t::TABLE, "ws01", time, |b| {
                b.text(t::IMAGE, r"C:\Users\a\x.exe");
                b.fixed(t::SHA256, &SHA256);
            });
        }
        let found = s.hits(&File11);
        assert_eq!(
            (found.len(), found[0].level, found[0].decisive, found[0].count),
            (1, Level::Critical, true, 2)
        );
        assert_eq!(found[0].techniques, ["T1055.012"]);
    }

    #[test]
    fn drivers_count_and_md5_alone_counts_less() {
        let mut s = sample("");
        s.row(&image_load::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.fixed(image_load::MD5, &MD5)
        });
        let found = s.hits(&File11);
        assert_eq!((found[0].level, found[0].quality), (Level::Critical, QUALITY_MD5));
        assert_eq!(found[0].techniques, ["T1204.002"]);
    }

    #[test]
    fn what_was_only_written_or_taken_away_is_not_critical() {
        let mut s = sample("");
        s.row(&file::TABLE, "ws01", "2026-03-02T08:00:00Z", |b| {
            b.fixed(file::SHA256, &SHA256)
        });
        s.row(&alert::TABLE, "ws02", "2026-03-02T09:00:00Z", |b| {
            b.text(alert::ACTION_TAKEN, "Quarantine");
            b.text(alert::OBJECT, r"file:_C:\Users\a\x.exe");
        });
        s.row(&t::TABLE, "ws02", "2026-03-02T09:00:30Z", |b| {
            b.text(t::IMAGE, r"C:\Users\a\x.exe");
            b.fixed(t::SHA256, &SHA256);
        });
        let found = s.hits(&File11);
        assert_eq!(found.len(), 2);
        assert!(found.iter().all(|h| h.level == Level::Medium && !h.decisive));
    }

    #[test]
    fn a_hash_in_a_text_is_no_file() {
        let mut s = sample("");
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(t::CMDLINE, &"ab".repeat(32))
        });
        assert!(s.hits(&File11).is_empty());
    }

    #[test]
    fn techniques_are_read_from_notes() {
        assert_eq!(technique_in("x,T1059.001)").as_deref(), Some("T1059.001"));
        assert_eq!(technique_in("T12345 Txyz T10591").as_deref(), None);
    }
}
