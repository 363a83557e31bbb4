//! FILE-01, mass encryption: one actor rewrites many files under a new extension and leaves notes.
//!
//! Sees: by one process, or by one client and user on a share: a hundred files with one strange extension in five folders
//! within a minute; fifty originals replaced by a file of the same name with a strange ending within ten minutes; the same
//! ransom note in ten folders; an extension of a known ransomware family; or a volume far above the host's own history
//! that destroys files of many kinds (high).
//! Why: it is the last step, and minutes count.
//! Benign: backup, synchronisation, unpacking, compilers and installers write many files, but with ordinary extensions and
//! without removing the originals; encryption by the organisation itself.
//! Sources: Splunk (ransomware notes, common extensions, spike in writes), Elastic (notes over SMB), detection notes
//! family 6 \[J\].

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::LazyLock;

use regex::Regex;

use super::contacts::spread_out;
use super::file_events::{self, Change, Event, by_actor, extension, split};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Prevalence, Reads, Signal, Threshold};
use crate::base::text::basename;
use crate::base::time::{SECOND, format_rfc3339};
use crate::lake::frame::Row;
use crate::schema::{common, file};

/// The signal.
pub struct File01;

const MINUTE_US: i64 = 60 * SECOND;
const TEN_MINUTES_US: i64 = 600 * SECOND;
const WRITES: usize = 100;
const FOLDERS: usize = 5;
const ONE_EXTENSION: f64 = 0.8;
const TOP_EXTENSIONS: usize = 50;
const PAIRS: usize = 50;
const NOTE_FOLDERS: usize = 10;
const KNOWN_FILES: usize = 20;
const HISTORY_MINUTES: usize = 20;
const SIGMAS: f64 = 4.0;
const TYPES: usize = 5;
const EVIDENCE: usize = 15;

static META: Meta = Meta {
    id: "FILE-01",
    title: "Ransomware-like mass write",
    sees: "many files rewritten under one strange extension, originals replaced by same-named files, or one ransom note \
           in many folders, by one process or one client of a share",
    why: "encryption is the last step of an intrusion; minutes count",
    techniques: &["T1486", "T1021.002"],
    stage: "impact",
    family: "mass files",
    key: Key::Host,
    reads: &[Reads {
        table: &file::TABLE,
        columns: file_events::COLUMNS,
    }],
    level: Level::Critical,
    decisive: true,
    thresholds: &[
        Threshold {
            name: "writes",
            value: WRITES as f64,
            unit: "different files in 60 s",
            source: "[J]",
        },
        Threshold {
            name: "folders",
            value: FOLDERS as f64,
            unit: "folders",
            source: "[J]",
        },
        Threshold {
            name: "one_extension",
            value: ONE_EXTENSION,
            unit: "share of the commonest extension",
            source: "[J]",
        },
        Threshold {
            name: "top_extensions",
            value: TOP_EXTENSIONS as f64,
            unit: "the host's own commonest extensions do not count",
            source: "[J]",
        },
        Threshold {
            name: "pairs",
            value: PAIRS as f64,
            unit: "originals replaced in 10 min",
            source: "[J]",
        },
        Threshold {
            name: "note_folders",
            value: NOTE_FOLDERS as f64,
            unit: "folders in 10 min",
            source: "[J] between Elastic (3 in 1 min) and Splunk (15)",
        },
        Threshold {
            name: "known_files",
            value: KNOWN_FILES as f64,
            unit: "files (more than), or two folders, with a known extension",
            source: "Splunk common ransomware extensions",
        },
        Threshold {
            name: "history",
            value: HISTORY_MINUTES as f64,
            unit: "earlier minutes with writes for a volume to count",
            source: "Splunk spike in file writes",
        },
        Threshold {
            name: "sigmas",
            value: SIGMAS,
            unit: "standard deviations above the mean",
            source: "Splunk spike in file writes",
        },
        Threshold {
            name: "types",
            value: TYPES as f64,
            unit: "kinds of files destroyed for a volume to count",
            source: "[J]",
        },
    ],
    benign: &[
        "backup and synchronisation",
        "unpacking, compiling, installing",
        "antivirus quarantine",
        "encryption by the organisation",
    ],
};

/// Extensions of ordinary files: documents, media, programs, sources, data, temporary files. A file that gets one of these
/// is not encrypted by ransomware. Sorted.
#[rustfmt::skip]
static ORDINARY: &[&str] = &[
    "", "7z", "a", "accdb", "ai", "avi", "bak", "bat", "bin", "bkf", "bmp", "bz2", "c", "cab", "cache", "cat", "cfg",
    "chm", "class", "cmd", "conf", "config", "cpp", "crdownload", "crt", "cs", "css", "csv", "d", "dat", "db",
    "db-journal", "db-wal", "dcm", "dll", "doc", "docm", "docx", "download", "dwg", "dxf", "emf", "eml", "etl",
    "evtx", "exe", "flac", "gif", "go", "gz", "h", "heic", "hpp", "htm", "html", "ico", "idb", "ilk", "inf", "ini",
    "ipynb", "iso", "jar", "java", "jpeg", "jpg", "js", "json", "jtd", "key", "ldb", "lib", "lnk", "lock", "log",
    "m4a", "manifest", "map", "md", "mdb", "mkv", "mov", "mp3", "mp4", "mpg", "msg", "msi", "mui", "nupkg", "o",
    "obj", "odt", "old", "one", "ost", "part", "partial", "pb", "pcapng", "pch", "pdb", "pdf", "pem", "pf", "php",
    "pnf", "png", "ppt", "pptx", "ps1", "psd", "pst", "pub", "py", "pyc", "pyd", "rar", "rb", "rdb", "rlib", "rmeta",
    "rs", "rtf", "sln", "so", "sql", "sqlite", "svg", "swp", "sys", "tar", "tif", "tiff", "tlog", "tmp", "toml", "ts",
    "tsx", "ttf", "txt", "url", "vbs", "vhd", "vhdx", "vmdk", "vsd", "vsdx", "wav", "webm", "webp", "wmf", "wmv",
    "woff", "woff2", "xls", "xlsm", "xlsx", "xml", "xps", "xz", "yaml", "yml", "zip", "zst",
];

/// Extensions that only ransomware families give, as published by their analysts. Sorted.
#[rustfmt::skip]
static KNOWN: &[&str] = &[
    "akira", "avos", "avos2", "babyk", "basta", "cerber", "cerber3", "ci0p", "cl0p", "clop", "conti", "cryptolocker",
    "crypz", "dharma", "gandcrab", "krab", "lockbit", "lockedfile", "locky", "makop", "medusalocker", "nwcry",
    "osiris", "phobos", "revil", "rhysida", "ryk", "ryuk", "wcry", "wncry", "wncryt", "wnry",
    "zepto",
];

/// Words of ransom notes; two of them, or one of the first three, make a note by themselves.
static NOTE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"decrypt|ransom|unlock|readme|read[_ -]?me|recover|restore|how[_ -]?to|locked|(?:^|[^a-z])lock(?:[^a-z]|$)",
    )
    .ok()
});
static NOTE_EXTENSIONS: &[&str] = &["hta", "htm", "html", "txt"];

impl Signal for File01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let actors = by_actor(rows.table(&file::TABLE));
        let mut extensions: BTreeMap<&str, usize> = BTreeMap::new();
        for e in actors.values().flatten().filter(|e| e.change != Change::Delete) {
            *extensions.entry(e.extension()).or_insert(0) += 1;
        }
        for (actor, events) in &actors {
            let usual = usual_extensions(cx, &extensions, events);
            let strange = |ext: &str| ORDINARY.binary_search(&ext).is_err() && !is_number(ext) && !usual.contains(ext);
            let found = [
                one_extension(cx, events, &strange),
                replaced(cx, events, &strange),
                notes(cx, events, &strange),
                known(cx, events),
            ];
            let mut found: Vec<Finding> = found.into_iter().flatten().collect();
            if found.is_empty() {
                found.extend(volume(cx, &actors, events));
            }
            hits.extend(hit(actor, events, &found));
        }
    }
}

struct Finding {
    first: i64,
    last: i64,
    count: usize,
    key: String,
    why: String,
    volume_only: bool,
}

fn is_number(ext: &str) -> bool {
    ext.bytes().all(|b| b.is_ascii_digit())
}

/// The commonest extensions of the host without this actor's own files.
fn usual_extensions<'e>(cx: &Cx<'_>, all: &BTreeMap<&'e str, usize>, events: &[Event<'_>]) -> BTreeSet<&'e str> {
    let mut own: HashMap<&str, usize> = HashMap::new();
    for e in events.iter().filter(|e| e.change != Change::Delete) {
        *own.entry(e.extension()).or_insert(0) += 1;
    }
    let rest = all
        .iter()
        .map(|(ext, n)| (n - own.get(ext).copied().unwrap_or(0).min(*n), *ext));
    let mut rest: Vec<(usize, &str)> = rest.filter(|(n, _)| *n > 0).collect();
    rest.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(b.1)));
    rest.into_iter()
        .take(cx.number(&META, "top_extensions") as usize)
        .map(|(_, ext)| ext)
        .collect()
}

/// A window that slides over events: how often each value lies in it.
#[derive(Default)]
struct Tally<'a>(HashMap<&'a str, usize>);

impl<'a> Tally<'a> {
    fn total(&self) -> f64 {
        self.0.values().sum::<usize>() as f64
    }

    fn add(&mut self, value: &'a str) {
        *self.0.entry(value).or_insert(0) += 1;
    }

    fn remove(&mut self, value: &'a str) {
        if let Some(n) = self.0.get_mut(value) {
            *n -= 1;
            if *n == 0 {
                self.0.remove(value);
            }
        }
    }
}

/// (a) A hundred files with one strange extension in five folders within a minute.
fn one_extension(cx: &Cx<'_>, events: &[Event<'_>], strange: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let writes: Vec<&Event<'_>> = events.iter().filter(|e| e.change != Change::Delete).collect();
    let (mut from, mut found) = (0, None::<(i64, String)>);
    let (mut paths, mut folders, mut kinds) = (Tally::default(), Tally::default(), Tally::default());
    for e in &writes {
        while let Some(old) = writes.get(from).filter(|o| e.ts - o.ts > MINUTE_US) {
            paths.remove(&old.path);
            folders.remove(old.folder());
            kinds.remove(old.extension());
            from += 1;
        }
        paths.add(&e.path);
        folders.add(e.folder());
        kinds.add(e.extension());
        if paths.0.len() < (cx.number(&META, "writes") as usize)
            || folders.0.len() < (cx.number(&META, "folders") as usize)
        {
            continue;
        }
        let (ext, n) = kinds
            .0
            .iter()
            .map(|(ext, n)| (*ext, *n))
            .max_by_key(|(ext, n)| (*n, *ext))?;
        if strange(ext) && n as f64 >= cx.number(&META, "one_extension") * kinds.total() {
            found = Some((writes.get(from)?.ts, ext.to_owned()));
            break;
        }
    }
    let (first, ext) = found?;
    let of: Vec<&&Event<'_>> = writes
        .iter()
        .filter(|e| e.ts >= first && e.extension() == ext)
        .collect();
    let folders: BTreeSet<&str> = of.iter().map(|e| e.folder()).collect();
    Some(Finding {
        first,
        last: of.last()?.ts,
        count: of.len(),
        key: format!("ext:{ext}"),
        why: format!(
            "{} files in {} folders got the extension .{ext}, {} or more within a minute",
            of.len(),
            folders.len(),
            (cx.number(&META, "writes") as usize)
        ),
        volume_only: false,
    })
}

/// (b) Fifty originals replaced: `x.docx` removed or renamed, `x.docx.strange` or `x.strange` written.
fn replaced(cx: &Cx<'_>, events: &[Event<'_>], strange: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let mut removed: HashMap<String, i64> = HashMap::new();
    let mut written: HashMap<String, (i64, &str)> = HashMap::new();
    let mut pairs: Vec<(i64, &str)> = Vec::new();
    for e in events {
        let stems = |path: &str| [path.to_owned(), stem(path).to_owned()];
        match e.change {
            Change::Rename => {
                let Some(before) = &e.before else { continue };
                let same = split(before).1;
                if strange(e.extension()) && extension(before) != e.extension() && e.name().starts_with(stem(same)) {
                    pairs.push((e.ts, e.extension()));
                }
            }
            Change::Write if strange(e.extension()) => {
                let original = stem(&e.path);
                if removed.remove(original).is_some_and(|t| e.ts - t <= TEN_MINUTES_US) {
                    pairs.push((e.ts, e.extension()));
                } else {
                    written.insert(original.to_owned(), (e.ts, e.extension()));
                }
            }
            Change::Write => {}
            Change::Delete if strange(e.extension()) => {}
            Change::Delete => {
                let matching = stems(&e.path).into_iter().find_map(|s| written.remove(&s));
                if let Some((_, ext)) = matching.filter(|(t, _)| e.ts - t <= TEN_MINUTES_US) {
                    pairs.push((e.ts, ext));
                } else {
                    for s in stems(&e.path) {
                        removed.insert(s, e.ts);
                    }
                }
            }
        }
    }
    let first = *pairs
        .iter()
        .zip(
            pairs
                .iter()
                .skip((cx.number(&META, "pairs") as usize).saturating_sub(1)),
        )
        .find(|(a, b)| b.0 - a.0 <= TEN_MINUTES_US)?
        .0;
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, ext) in pairs.iter().filter(|p| p.0 >= first.0) {
        *kinds.entry(ext).or_insert(0) += 1;
    }
    let count = kinds.values().sum();
    let (ext, _) = kinds.into_iter().max_by_key(|(_, n)| *n)?;
    Some(Finding {
        first: first.0,
        last: pairs.last()?.0,
        count,
        key: format!("ext:{ext}"),
        why: format!("{count} originals were replaced by files of the same name ending in .{ext}"),
        volume_only: false,
    })
}

/// A path without its extension.
fn stem(path: &str) -> &str {
    let ext = extension(path);
    match ext.is_empty() {
        true => path,
        false => path.get(..path.len() - ext.len() - 1).unwrap_or(path),
    }
}

/// (c) One note in ten folders within ten minutes.
fn notes(cx: &Cx<'_>, events: &[Event<'_>], strange: &dyn Fn(&str) -> bool) -> Option<Finding> {
    let pattern = NOTE.as_ref()?;
    let mut by_name: BTreeMap<&str, Vec<&Event<'_>>> = BTreeMap::new();
    for e in events
        .iter()
        .filter(|e| e.change == Change::Write && NOTE_EXTENSIONS.contains(&e.extension()))
    {
        if pattern.is_match(e.name()) {
            by_name.entry(e.name()).or_default().push(e);
        }
    }
    for (name, of) in by_name {
        let (mut from, mut folders) = (0, Tally::default());
        for e in &of {
            while let Some(old) = of.get(from).filter(|o| e.ts - o.ts > TEN_MINUTES_US) {
                folders.remove(old.folder());
                from += 1;
            }
            folders.add(e.folder());
            if folders.0.len() < (cx.number(&META, "note_folders") as usize) {
                continue;
            }
            let first = of.get(from)?.ts;
            let near: Vec<&Event<'_>> = events
                .iter()
                .filter(|x| (first - TEN_MINUTES_US..=e.ts + TEN_MINUTES_US).contains(&x.ts))
                .collect();
            if !is_clear(name, pattern) && !destroys(cx, &near, name, strange) {
                break;
            }
            let all: BTreeSet<&str> = of.iter().map(|e| e.folder()).collect();
            return Some(Finding {
                first,
                last: of.last()?.ts,
                count: of.len(),
                key: format!("note:{name}"),
                why: format!("the note {name} was written to {} folders", all.len()),
                volume_only: false,
            });
        }
    }
    None
}

/// Whether the name alone says it: `readme.txt` or `restore.html` comes with ordinary software too.
fn is_clear(name: &str, pattern: &Regex) -> bool {
    name.contains("decrypt") || name.contains("ransom") || pattern.find_iter(stem(name)).count() >= 2
}

/// Whether the same actor removed, renamed or rewrote files in a strange way at that time; unpacking only adds.
fn destroys(cx: &Cx<'_>, near: &[&Event<'_>], note: &str, strange: &dyn Fn(&str) -> bool) -> bool {
    let hurt = near
        .iter()
        .filter(|e| e.name() != note && (e.change != Change::Write || strange(e.extension())))
        .count();
    hurt >= (cx.number(&META, "note_folders") as usize)
}

/// (e) An extension of a known family.
fn known(cx: &Cx<'_>, events: &[Event<'_>]) -> Option<Finding> {
    let of: Vec<&Event<'_>> = events
        .iter()
        .filter(|e| e.change != Change::Delete && KNOWN.binary_search(&e.extension()).is_ok())
        .collect();
    let folders: BTreeSet<&str> = of.iter().map(|e| e.folder()).collect();
    if folders.len() < 2 && of.len() <= (cx.number(&META, "known_files") as usize) {
        return None;
    }
    let ext = of.first()?.extension();
    Some(Finding {
        first: of.first()?.ts,
        last: of.last()?.ts,
        count: of.len(),
        key: format!("ext:{ext}"),
        why: format!(
            "{} files in {} folders got .{ext}, an extension of a known ransomware family",
            of.len(),
            folders.len()
        ),
        volume_only: false,
    })
}

/// Only volume: a minute far above the host's history in which files of many kinds are destroyed.
fn volume(cx: &Cx<'_>, actors: &BTreeMap<String, Vec<Event<'_>>>, events: &[Event<'_>]) -> Option<Finding> {
    let minute = |e: &Event<'_>| e.ts.div_euclid(MINUTE_US);
    let mut own: BTreeMap<i64, Vec<&Event<'_>>> = BTreeMap::new();
    for e in events {
        own.entry(minute(e)).or_default().push(e);
    }
    let (_, worst) = own.iter().max_by_key(|(m, of)| (of.len(), -**m))?;
    let first = worst.first()?.ts;
    let written: BTreeSet<&str> = worst
        .iter()
        .filter(|e| e.change != Change::Delete)
        .map(|e| e.path.as_str())
        .collect();
    let destroyed = worst.iter().filter_map(|e| match e.change {
        Change::Delete => Some(e.path.as_str()),
        Change::Rename => e.before.as_deref(),
        Change::Write => None,
    });
    let destroyed: BTreeSet<&str> = destroyed.collect();
    let kinds: BTreeSet<&str> = destroyed.iter().map(|p| extension(p)).collect();
    if written.len() < (cx.number(&META, "writes") as usize)
        || destroyed.len() < (cx.number(&META, "writes") as usize) / 2
        || kinds.len() < (cx.number(&META, "types") as usize)
    {
        return None;
    }
    let mut history: BTreeMap<i64, usize> = BTreeMap::new();
    for e in actors
        .values()
        .flatten()
        .filter(|e| e.change != Change::Delete && minute(e) < first.div_euclid(MINUTE_US))
    {
        *history.entry(minute(e)).or_insert(0) += 1;
    }
    if history.len() < (cx.number(&META, "history") as usize) {
        return None;
    }
    let n = history.len() as f64;
    let mean = history.values().sum::<usize>() as f64 / n;
    let deviation = (history.values().map(|c| (*c as f64 - mean).powi(2)).sum::<f64>() / n).sqrt();
    let limit = mean + cx.number(&META, "sigmas") * deviation;
    (written.len() as f64 >= limit).then(|| Finding {
        first,
        last: worst.last().map_or(first, |e| e.ts),
        count: written.len(),
        key: "volume".to_owned(),
        why: format!(
            "{} files written and {} of {} kinds destroyed within a minute; this host writes {mean:.0} a minute (limit {limit:.0})",
            written.len(), destroyed.len(), kinds.len(),
        ),
        volume_only: true,
    })
}

fn hit(actor: &str, events: &[Event<'_>], found: &[Finding]) -> Option<Hit> {
    let lead = found.first()?;
    let first = found.iter().map(|f| f.first).min()?;
    let last = found.iter().map(|f| f.last).max()?;
    let within: Vec<Row<'_>> = events
        .iter()
        .filter(|e| (first..=last).contains(&e.ts))
        .map(|e| e.row)
        .collect();
    let rows = spread_out(&within, EVIDENCE);
    let row = *rows.first()?;
    let who = row.text(file::IMAGE).map_or_else(
        || actor.to_owned(),
        |i| format!("{} as {}", basename(i), row.text(common::USER).unwrap_or("somebody")),
    );
    let why: Vec<&str> = found.iter().map(|f| f.why.as_str()).collect();
    let explain = format!(
        "{who}, from {} to {}: {}",
        format_rfc3339(first),
        format_rfc3339(last),
        why.join("; ")
    );
    let mut hit = Hit::at(&META, row, lead.key.clone(), explain).prevalence(Prevalence::Neutral);
    if lead.volume_only {
        hit = hit.level(Level::High).decisive(false).prevalence(Prevalence::OfHits);
    }
    let over_smb = row.ip(file::CLIENT_IP).is_some();
    hit.techniques = vec![Cow::Borrowed("T1486")];
    if over_smb {
        hit.techniques.push(Cow::Borrowed("T1021.002"));
    }
    (hit.time, hit.last) = (first, last);
    hit.count = found.iter().map(|f| f.count).max().unwrap_or(1) as u64;
    if let Some(image) = row.text(file::IMAGE) {
        hit.iocs.push(Ioc::File(image.to_owned()));
    }
    for note in found.iter().filter_map(|f| f.key.strip_prefix("note:")) {
        hit.iocs.push(Ioc::File(note.to_owned()));
    }
    for row in rows.iter().skip(1) {
        hit.add_row(*row);
    }
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn change(s: &mut Sample, ms: i64, action: &str, path: &str) {
        s.row_us(&file::TABLE, "ws01", T0 + ms * 1_000, |b| {
            b.text(common::ACTION, action);
            b.text(file::KIND, "file");
            b.text(file::PATH, path);
            // One process per folder of the disk.
            b.text(file::PROC_GUID, path.split('\\').nth(1).unwrap());
            b.text(file::IMAGE, r"C:\ProgramData\lk.exe");
        });
    }

    fn share(s: &mut Sample, ms: i64, mask: i64, path: &str) {
        s.row_us(&file::TABLE, "fs01", T0 + ms * 1_000, |b| {
            b.text(common::ACTION, "share_access");
            b.text(file::KIND, "file");
            b.text(file::SHARE, r"\\*\HR");
            b.text(file::PATH, path);
            b.int(file::ACCESS_MASK, mask);
            b.ip(file::CLIENT_IP, &ip::parse("10.0.5.31").unwrap());
            b.text(common::USER, "ann");
        });
    }

    #[test]
    fn the_lists_are_sorted() {
        assert!(ORDINARY.is_sorted() && KNOWN.is_sorted());
    }

    #[test]
    fn two_hundred_files_with_a_new_extension_are_critical() {
        let mut s = Sample::default();
        for i in 0..200 {
            change(&mut s, i * 250, "create", &format!(r"C:\d\{}\f{i}.docx.lockd", i % 40));
            change(&mut s, i * 250 + 20, "delete", &format!(r"C:\d\{}\f{i}.docx", i % 40));
        }
        let hits = s.hits(&File01);
        assert_eq!(
            (hits.len(), hits[0].level, hits[0].decisive, hits[0].key.as_str()),
            (1, Level::Critical, true, "ext:lockd")
        );
        assert!(
            hits[0].explain.contains("200 originals were replaced"),
            "{}",
            hits[0].explain
        );
    }

    #[test]
    fn notes_in_many_folders_and_pairs_over_smb_fire() {
        let mut s = Sample::default();
        for i in 0..12 {
            change(&mut s, i * 20_000, "create", &format!(r"C:\d\{i}\README_DECRYPT.txt"));
        }
        for i in 0..60 {
            share(&mut s, i * 5_000, 0x2, &format!(r"g{}\f{i}.takelock", i % 3));
            share(&mut s, i * 5_000 + 100, 0x1_0000, &format!(r"g{}\f{i}.xlsx", i % 3));
        }
        let hits = s.hits(&File01);
        let seen: Vec<_> = hits.iter().map(|h| (h.key.as_str(), h.techniques.len())).collect();
        assert_eq!(seen, [("ext:takelock", 2), ("note:readme_decrypt.txt", 1)]);
    }

    #[test]
    fn copying_unpacking_compiling_and_manuals_stay_quiet() {
        let mut s = Sample::default();
        for i in 0..2_000 {
            change(
                &mut s,
                i * 100,
                "create",
                &format!(
                    r"C:\copy\{}\f{i}.{}",
                    i % 300,
                    ["docx", "xlsx", "pdf"][(i % 3) as usize]
                ),
            );
            change(&mut s, i * 100, "create", &format!(r"C:\build\{}\f{i}.obj", i % 9));
            change(&mut s, i * 30, "create", &format!(r"C:\unzipped\f{i}.strange"));
        }
        for i in 0..30 {
            for name in ["restore.html", "index.html", "readme.txt"] {
                change(&mut s, i * 100, "create", &format!(r"C:\manual\{i}\{name}"));
            }
        }
        let hits = s.hits(&File01);
        assert!(hits.is_empty(), "{hits:?}");
    }

    #[test]
    fn a_volume_above_the_history_that_destroys_many_kinds_is_high() {
        let mut s = Sample::default();
        for m in 0..30 {
            change(&mut s, m * 60_000, "create", &format!(r"C:\w\{m}.docx"));
        }
        for i in 0..150 {
            let ext = ["docx", "xlsx", "pdf", "jpg", "txt", "csv"][(i % 6) as usize];
            change(&mut s, 3_600_000 + i * 300, "create", &format!(r"C:\w\{i}.{i:05x}q"));
            change(
                &mut s,
                3_600_000 + i * 300 + 5,
                "delete",
                &format!(r"C:\w\other{i}.{ext}"),
            );
        }
        let hits = s.hits(&File01);
        assert_eq!((hits.len(), hits[0].level, hits[0].decisive), (1, Level::High, false));
    }
}
