//! FILE-12: a program that hardly any other host has, in a folder that users may write to.
//!
//! Sees: in fleets of at least twenty hosts, a started program whose hash is on at most two of them, that is not known to
//! be signed and lies in a user-writable folder. Medium when a browser, document or script wrote it within a day before, or
//! when it talked to the internet within a day of its first sighting.
//! Why: malware is built or packed per target; software that an organisation uses is on many hosts.
//! Benign causes: developers' build outputs (a host with many such programs counts a fifth), self-updating tools.
//! Sources: Splunk's rule on rare executables (under ten hosts); two hosts is the project brief's number.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use ahash::RandomState;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts;
use super::{Cx, Hit, KeyRows, Prevalence, Signal};
use crate::base::ip;
use crate::base::time::DAY;
use crate::entity::fleet::{Seen, Thing};
use crate::knowledge::programs::{BROWSERS, DOCUMENT_APPLICATIONS, SCRIPT_HOSTS, base_name, contains};
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::rules::paths;
use crate::schema::{common, file, image_load, network, process as t};

/// See the module.
pub struct File12;

const MAX_HOSTS: f64 = 2.0;
const MIN_FLEET: f64 = 20.0;
const BUILDS_PER_DAY: f64 = 20.0;
const QUALITY_BUILDS: f64 = 0.2;

static META: Meta = Meta {
    id: "FILE-12",
    title: "Low-prevalence executable",
    sees: "A program on at most two hosts of a fleet of twenty or more, not known to be signed, started from a folder \
           that users may write to.",
    why: "Malware is built or packed per target; an organisation's software is on many hosts.",
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
            columns: &[image_load::PATH, image_load::SIGNED, image_load::SIG_STATUS],
        },
        Reads {
            table: &file::TABLE,
            columns: &[common::ACTION, file::PATH, file::IMAGE],
        },
        Reads {
            table: &network::TABLE,
            columns: &[network::IMAGE, network::DST_IP, network::DIRECTION],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "hosts",
            value: MAX_HOSTS,
            unit: "hosts",
            source: "project brief: one or two devices; Splunk uses fewer than ten",
        },
        Threshold {
            name: "fleet",
            value: MIN_FLEET,
            unit: "hosts",
            source: "[J] below it nothing is rare",
        },
        Threshold {
            name: "builds_per_day",
            value: BUILDS_PER_DAY,
            unit: "programs",
            source: "[J] more new programs a day on one host are a developer's",
        },
        Threshold {
            name: "builds_quality",
            value: QUALITY_BUILDS,
            unit: "quality",
            source: "[J]",
        },
    ],
    benign: &[
        "build outputs of developers",
        "self-updating tools of one user",
        "installers downloaded once",
    ],
};

impl Signal for File12 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let population = cx.facts.hosts_with(&t::TABLE);
        if f64::from(population) < cx.number(&META, "fleet") {
            return;
        }
        let rare = rare_programs(cx, rows);
        if rare.is_empty() {
            return;
        }
        let context = Context::new(rows, &rare);
        let mut per_day: BTreeMap<i64, BTreeSet<&str>> = BTreeMap::new();
        for (key, first, _) in &rare {
            per_day.entry(first.ts().div_euclid(DAY)).or_default().insert(key);
        }
        for (key, first, seen) in &rare {
            let path = first.str(t::IMAGE);
            if context.signed.contains(&path.to_lowercase()) {
                continue;
            }
            let builds = per_day.get(&first.ts().div_euclid(DAY)).map_or(0, BTreeSet::len);
            let place = paths::user_writable(path).unwrap_or("an unusual place");
            let mut explain = format!("{path}, in {place}, is on {} of {population} hosts", seen.hosts.max(1));
            let mut hit = Hit::at(&META, *first, key.clone(), "").prevalence(Prevalence::Hosts {
                hosts: seen.hosts.max(1),
                population,
            });
            if let Some((reason, row)) = context.raised_by(*first) {
                explain.push_str(&format!("; {reason}"));
                hit = hit.level(Level::Medium);
                hit.add_row(row);
            }
            if builds as f64 > cx.number(&META, "builds_per_day") {
                hit = hit.quality(cx.number(&META, "builds_quality"));
            }
            hit.explain = explain;
            hit.iocs = starts::iocs(*first);
            hits.push(hit);
        }
    }
}

/// Key, first start and spread of each rare program of the host.
fn rare_programs<'a>(cx: &Cx<'a>, rows: &KeyRows<'a>) -> Vec<(String, Row<'a>, Seen)> {
    let mut looked: HashSet<String, RandomState> = HashSet::default();
    let mut writable: HashMap<StrId, bool, RandomState> = HashMap::default();
    let mut out = Vec::new();
    for row in starts::starts(rows.table(&t::TABLE)) {
        let Some(path) = row.text(t::IMAGE) else {
            continue;
        };
        let suspect = *writable
            .entry(row.id(t::IMAGE))
            .or_insert_with(|| paths::user_writable(path).is_some());
        if !suspect || is_signed(row.str(t::SIG_STATUS), row.text(t::SIGNER)) {
            continue;
        }
        let hash = [t::SHA256, t::SHA1, t::MD5].into_iter().find_map(|c| row.text(c));
        let (thing, key) = match hash {
            Some(hash) => (Thing::Hash, hash),
            None => (Thing::Image, row.str(t::IMAGE_NAME)),
        };
        if key.is_empty() || !looked.insert(key.to_owned()) {
            continue;
        }
        let seen = cx.facts.seen(thing, key);
        if f64::from(seen.hosts) <= cx.number(&META, "hosts") {
            out.push((key.to_owned(), row, seen));
        }
    }
    out
}

fn is_signed(status: &str, signer: Option<&str>) -> bool {
    let status = status.to_ascii_lowercase();
    status == "valid" || (status.is_empty() && signer.is_some())
}

/// What the other tables say about the rare programs, by lower-case path.
struct Context<'a> {
    signed: HashSet<String, RandomState>,
    written: HashMap<String, Vec<Row<'a>>, RandomState>,
    connected: HashMap<String, Vec<Row<'a>>, RandomState>,
}

impl<'a> Context<'a> {
    fn new(rows: &KeyRows<'a>, rare: &[(String, Row<'a>, Seen)]) -> Self {
        let rare: HashSet<String, RandomState> = rare.iter().map(|(_, r, _)| r.str(t::IMAGE).to_lowercase()).collect();
        let mut known: HashMap<StrId, bool, RandomState> = HashMap::default();
        let mut wanted = |id: StrId, text: &str| {
            id != NO_STR && *known.entry(id).or_insert_with(|| rare.contains(&text.to_lowercase()))
        };
        let mut out = Self {
            signed: HashSet::default(),
            written: HashMap::default(),
            connected: HashMap::default(),
        };
        for row in rows.table(&image_load::TABLE).iter() {
            let path = row.str(image_load::PATH);
            if wanted(row.id(image_load::PATH), path)
                && row.int(image_load::SIGNED) == Some(1)
                && matches!(
                    row.str(image_load::SIG_STATUS).to_ascii_lowercase().as_str(),
                    "valid" | ""
                )
            {
                out.signed.insert(path.to_lowercase());
            }
        }
        for row in rows.table(&file::TABLE).iter() {
            if wanted(row.id(file::PATH), row.str(file::PATH)) {
                out.written
                    .entry(row.str(file::PATH).to_lowercase())
                    .or_default()
                    .push(row);
            }
        }
        for row in rows.table(&network::TABLE).iter() {
            let outside =
                row.ip(network::DST_IP).is_some_and(|a| !ip::is_internal(&a)) && row.str(network::DIRECTION) != "in";
            if outside && wanted(row.id(network::IMAGE), row.str(network::IMAGE)) {
                out.connected
                    .entry(row.str(network::IMAGE).to_lowercase())
                    .or_default()
                    .push(row);
            }
        }
        out
    }

    /// Why a program counts more, and the row that shows it.
    fn raised_by(&self, start: Row<'a>) -> Option<(String, Row<'a>)> {
        let path = start.str(t::IMAGE).to_lowercase();
        let dropper = |r: &&Row<'a>| {
            let writer = base_name(r.str(file::IMAGE));
            let telling = [BROWSERS, DOCUMENT_APPLICATIONS, SCRIPT_HOSTS]
                .iter()
                .any(|set| contains(set, writer));
            telling && (0..=DAY).contains(&(start.ts() - r.ts()))
        };
        if let Some(row) = self.written.get(&path).and_then(|rows| rows.iter().find(dropper)) {
            return Some((
                format!("{} wrote it", base_name(row.str(file::IMAGE)).to_lowercase()),
                *row,
            ));
        }
        let soon = |r: &&Row<'a>| (0..=DAY).contains(&(r.ts() - start.ts()));
        let row = self.connected.get(&path).and_then(|rows| rows.iter().find(soon))?;
        let address = row.ip(network::DST_IP).map(|a| ip::display(&a)).unwrap_or_default();
        Some((format!("it connected to {address}"), *row))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    /// `having` of `fleet` hosts start the program; the others start something common.
    fn sample(having: usize, fleet: usize, path: &str, status: &str) -> Sample {
        let mut sample = Sample::default();
        for n in 0..fleet {
            let rare = n < having;
            sample.row(&t::TABLE, &format!("ws{n:03}"), "2026-03-02T09:00:00Z", |b| {
                let path = if rare { path } else { r"C:\Windows\System32\cmd.exe" };
                b.text(t::IMAGE, path);
                b.text(t::IMAGE_NAME, &base_name(path).to_lowercase());
                b.fixed(t::SHA256, &[u8::from(rare); 32]);
                b.text(t::SIG_STATUS, if rare { status } else { "" });
            });
        }
        sample
    }

    fn hits(having: usize, fleet: usize, path: &str, status: &str) -> usize {
        sample(having, fleet, path, status).hits(&File12).len()
    }

    #[test]
    fn rare_unsigned_programs_of_writable_folders_are_reported() {
        assert_eq!(hits(1, 200, r"C:\Users\a\AppData\Roaming\a.exe", ""), 1);
        assert_eq!(hits(2, 200, r"C:\Users\Public\b.exe", "Unsigned"), 2);
        assert_eq!(hits(1, 50, r"C:\$Recycle.Bin\c.exe", ""), 1);
    }

    #[test]
    fn common_signed_and_installed_programs_and_small_fleets_are_quiet() {
        assert_eq!(hits(1, 200, r"C:\Program Files\v\d.exe", ""), 0);
        assert_eq!(hits(1, 200, r"C:\Users\a\AppData\Roaming\a.exe", "Valid"), 0);
        assert_eq!(hits(1, 5, r"C:\Users\a\AppData\Local\Temp\a.exe", ""), 0);
        assert_eq!(hits(150, 200, r"C:\Users\a\AppData\Roaming\a.exe", ""), 0);
    }

    #[test]
    fn a_dropped_program_is_medium() {
        let path = r"C:\Users\a\Downloads\a.exe";
        let mut s = sample(1, 30, path, "");
        s.row(&file::TABLE, "ws000", "2026-03-02T08:59:00Z", |b| {
            b.text(file::PATH, path);
            b.text(file::IMAGE, r"C:\Program Files\Google\Chrome\Application\chrome.exe");
        });
        let found = s.hits(&File12);
        assert_eq!(found[0].level, Level::Medium);
        assert_eq!(found[0].rows.len(), 2);
    }
}
