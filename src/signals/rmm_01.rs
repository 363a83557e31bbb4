//! RMM-01: a remote-management tool that is not approved.
//!
//! Sees: programs, services, pipes, user agents and host names of the known remote-management tools; one hit per tool and
//! host. Values that also belong to other software never count alone.
//! Why: intruders and fraudsters install legitimate remote-management tools, which no antivirus stops.
//! Benign causes: the helpdesk's own tool (put it on the allowlist), shadow IT.
//! Sources: LOLRMM and RMM_SummaryNetworkURI (the table); Elastic multiple_rmm_vendors; the raisers are the project
//! brief's and judgement. Off-hours are not judged here: the log does not say the user's time zone.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use ahash::RandomState;
use regex::Regex;

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::entity::fleet::Thing;
use crate::entity::lists::Asset;
use crate::knowledge::programs::{BROWSERS, DOCUMENT_APPLICATIONS, SCRIPT_HOSTS, base_name, contains};
use crate::knowledge::rmm::{Match, Note, RmmTable};
use crate::lake::frame::{NO_STR, Row, StrId};
use crate::rules::paths;
use crate::schema::{Col, Table, dns, file, http, image_load, network, persist, process as t};

/// See the module.
pub struct Rmm01;

const QUALITY_BOTH: f64 = 1.0;
const QUALITY_RESOURCE: f64 = 0.8;
const QUALITY_NAME: f64 = 0.6;
const QUALITY_DOMAIN: f64 = 0.5;
const RARE_HOSTS: f64 = 2.0;
const MIN_FLEET: f64 = 20.0;
const RAISERS: f64 = 2.0;
const PRECURSOR_S: f64 = 7200.0;

static META: Meta = Meta {
    id: "RMM-01",
    title: "RMM tool not approved",
    sees: "A program, service, pipe, user agent or host name of a known remote-management tool. High when two \
           circumstances speak against it: its folder, its parent, silent installation, a false name, rarity, a \
           server, a second tool on the host, Quick Assist just before.",
    why: "Intruders and fraudsters use legitimate remote-management tools, which no antivirus stops.",
    techniques: &["T1219.002", "T1219.001"],
    stage: "command-and-control",
    family: "rmm",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &image_load::TABLE,
            columns: &[image_load::PATH, image_load::SIGNER],
        },
        Reads {
            table: &persist::TABLE,
            columns: &[persist::KIND, persist::NAME, persist::DISPLAY_NAME, persist::COMMAND],
        },
        Reads {
            table: &dns::TABLE,
            columns: &[dns::QNAME],
        },
        Reads {
            table: &http::TABLE,
            columns: &[http::URL_HOST, http::UA],
        },
        Reads {
            table: &network::TABLE,
            columns: &[network::TLS_SNI, network::DST_HOST, network::IMAGE],
        },
        Reads {
            table: &file::TABLE,
            columns: &[file::KIND, file::PATH],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "both_quality",
            value: QUALITY_BOTH,
            unit: "quality",
            source: "detection.md RMM-01: program and network [J]",
        },
        Threshold {
            name: "resource_quality",
            value: QUALITY_RESOURCE,
            unit: "quality",
            source: "detection.md RMM-01: signer or OriginalFileName [J]",
        },
        Threshold {
            name: "name_quality",
            value: QUALITY_NAME,
            unit: "quality",
            source: "detection.md RMM-01: name only [J]",
        },
        Threshold {
            name: "domain_quality",
            value: QUALITY_DOMAIN,
            unit: "quality",
            source: "detection.md RMM-01: domain only [J]",
        },
        Threshold {
            name: "rare_hosts",
            value: RARE_HOSTS,
            unit: "hosts",
            source: "[J] a tool of the organisation is on more",
        },
        Threshold {
            name: "fleet",
            value: MIN_FLEET,
            unit: "hosts",
            source: "[J] below it nothing is rare",
        },
        Threshold {
            name: "raisers",
            value: RAISERS,
            unit: "circumstances",
            source: "detection.md RMM-01: any two [J]",
        },
        Threshold {
            name: "precursor_seconds",
            value: PRECURSOR_S,
            unit: "s",
            source: "[J] a call that begins with Quick Assist",
        },
    ],
    benign: &[
        "the helpdesk's own tool (allow it with its relay servers)",
        "shadow IT",
        "a supplier's support session",
    ],
};

impl Signal for Rmm01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let table = &*cx.knowledge.rmm;
        let mut tools: BTreeMap<&str, Tool<'_>> = BTreeMap::new();
        programs(table, rows, &mut tools);
        for look in LOOKS {
            let mut known: HashMap<StrId, Option<Match<'_>>, RandomState> = HashMap::default();
            for row in rows.table(look.table).iter() {
                for col in look.columns {
                    let id = row.id(*col);
                    let Some(text) = row.text(*col).filter(|_| id != NO_STR && (look.applies)(row)) else {
                        continue;
                    };
                    if let Some(m) = *known.entry(id).or_insert_with(|| (look.find)(table, text)) {
                        tools.entry(m.tool).or_default().add(look.kind, m.note, row, text);
                    }
                }
            }
        }
        tools.retain(|_, tool| tool.strong);
        let many = tools.len() > 1;
        let quick_assist = starts::starts(rows.table(&t::TABLE))
            .into_iter()
            .filter(|r| r.str(t::IMAGE_NAME) == "quickassist.exe");
        let quick_assist: Vec<i64> = quick_assist.map(|r| r.ts()).collect();
        hits.extend(
            tools
                .iter()
                .filter_map(|(name, tool)| tool.hit(cx, name, many, &quick_assist)),
        );
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Name of a program.
    Name,
    /// OriginalFileName or signer.
    Resource,
    Service,
    Pipe,
    Agent,
    Domain,
}

/// A column with values of the table, beside programs.
struct Look {
    kind: Kind,
    table: &'static Table,
    columns: &'static [Col],
    applies: fn(Row<'_>) -> bool,
    find: for<'a> fn(&'a RmmTable, &str) -> Option<Match<'a>>,
}

static LOOKS: &[Look] = &[
    Look {
        kind: Kind::Resource,
        table: &image_load::TABLE,
        columns: &[image_load::SIGNER],
        applies: |r| r.str(image_load::PATH).to_ascii_lowercase().ends_with(".exe"),
        find: |table, text| table.signer(text),
    },
    Look {
        kind: Kind::Service,
        table: &persist::TABLE,
        columns: &[persist::NAME, persist::DISPLAY_NAME],
        applies: |r| r.str(persist::KIND) == "service",
        find: |table, text| table.service(text),
    },
    Look {
        kind: Kind::Pipe,
        table: &file::TABLE,
        columns: &[file::PATH],
        applies: |r| r.str(file::KIND) == "pipe",
        find: |table, text| table.pipe(text),
    },
    Look {
        kind: Kind::Agent,
        table: &http::TABLE,
        columns: &[http::UA],
        applies: |_| true,
        find: |table, text| table.user_agent(text),
    },
    Look {
        kind: Kind::Domain,
        table: &http::TABLE,
        columns: &[http::URL_HOST],
        applies: |_| true,
        find: domain,
    },
    Look {
        kind: Kind::Domain,
        table: &dns::TABLE,
        columns: &[dns::QNAME],
        applies: |_| true,
        find: domain,
    },
    Look {
        kind: Kind::Domain,
        table: &network::TABLE,
        columns: &[network::TLS_SNI, network::DST_HOST],
        applies: |_| true,
        find: domain,
    },
];

fn domain<'a>(table: &'a RmmTable, name: &str) -> Option<Match<'a>> {
    table.domain(&name.to_ascii_lowercase())
}

fn programs<'a>(table: &'a RmmTable, rows: &KeyRows<'a>, tools: &mut BTreeMap<&'a str, Tool<'a>>) {
    let mut names: HashMap<StrId, Option<Match<'_>>, RandomState> = HashMap::default();
    let mut originals: HashMap<StrId, Option<Match<'_>>, RandomState> = HashMap::default();
    let mut signers: HashMap<StrId, Option<Match<'_>>, RandomState> = HashMap::default();
    for row in starts::starts(rows.table(&t::TABLE)) {
        let look = |col: Col,
                    known: &mut HashMap<StrId, Option<Match<'a>>, RandomState>,
                    find: fn(&'a RmmTable, &str) -> Option<Match<'a>>| {
            let text = row.text(col)?;
            *known.entry(row.id(col)).or_insert_with(|| find(table, text))
        };
        let found = [
            (
                Kind::Name,
                look(t::IMAGE_NAME, &mut names, RmmTable::binary),
                t::IMAGE_NAME,
            ),
            (
                Kind::Resource,
                look(t::ORIG_NAME, &mut originals, RmmTable::original_file_name),
                t::ORIG_NAME,
            ),
            (
                Kind::Resource,
                look(t::SIGNER, &mut signers, RmmTable::signer),
                t::SIGNER,
            ),
        ];
        for (kind, m, col) in found {
            if let Some(m) = m {
                tools.entry(m.tool).or_default().add(kind, m.note, row, row.str(col));
            }
        }
    }
}

/// What was seen of one tool on the host.
#[derive(Default)]
struct Tool<'a> {
    /// First row and text per kind, and how many.
    seen: BTreeMap<Kind, (Row<'a>, &'a str, u64)>,
    starts: Vec<Row<'a>>,
    /// Whether a value was seen that is the tool's alone.
    strong: bool,
    first: i64,
    last: i64,
}

/// Starts that are looked at for circumstances: the first ones tell how the tool came.
const MAX_STARTS: usize = 10;

impl<'a> Tool<'a> {
    fn add(&mut self, kind: Kind, note: Note, row: Row<'a>, text: &'a str) {
        if self.seen.is_empty() {
            (self.first, self.last) = (row.ts(), row.ts());
        }
        (self.first, self.last) = (self.first.min(row.ts()), self.last.max(row.ts()));
        self.strong |= note == Note::None;
        self.seen.entry(kind).and_modify(|s| s.2 += 1).or_insert((row, text, 1));
        let new = self.starts.last().is_none_or(|s| s.at() != row.at());
        if row.table().ix() == t::TABLE.ix() && new && self.starts.len() < MAX_STARTS {
            self.starts.push(row);
        }
    }

    fn quality(&self) -> f64 {
        let has = |k| self.seen.contains_key(&k);
        let program = has(Kind::Name) || has(Kind::Resource) || has(Kind::Service);
        match () {
            () if program && has(Kind::Domain) => QUALITY_BOTH,
            () if has(Kind::Resource) => QUALITY_RESOURCE,
            () if program || has(Kind::Pipe) || has(Kind::Agent) => QUALITY_NAME,
            () => QUALITY_DOMAIN,
        }
    }

    fn hit(&self, cx: &Cx<'_>, name: &str, many: bool, quick_assist: &[i64]) -> Option<Hit> {
        let anchor = self
            .starts
            .first()
            .copied()
            .or_else(|| self.seen.values().map(|s| s.0).min_by_key(|r| r.ts()))?;
        let mut reasons = self.circumstances(cx, name, anchor);
        if many {
            reasons.push("another remote-management tool is on the host".to_owned());
        }
        let called = |q: &i64| (0..=(cx.number(&META, "precursor_seconds") * 1e6) as i64).contains(&(self.first - q));
        if name != "Microsoft Quick Assist" && quick_assist.iter().any(called) {
            reasons.push("Quick Assist ran just before".to_owned());
        }
        let what: Vec<String> = self
            .seen
            .iter()
            .map(|(k, (_, text, _))| format!("{} {}", word(*k), starts::quote(text)))
            .collect();
        let mut explain = format!("{name} was seen: {}", what.join(", "));
        if !reasons.is_empty() {
            explain.push_str(&format!("; {}", reasons.join("; ")));
        }
        let mut hit = Hit::at(&META, anchor, name.to_lowercase(), explain).quality(self.quality());
        let high = reasons.len() as f64 >= cx.number(&META, "raisers");
        hit = hit.level(if high { Level::High } else { META.level });
        let tunnel = name.contains("Dev Tunnel") || name.contains("Visual Studio") || name.contains("VS Code");
        hit = hit.techniques(if tunnel { &["T1219.001"] } else { &["T1219.002"] });
        (hit.time, hit.last) = (self.first, self.last);
        hit.count = self.seen.values().map(|s| s.2).sum();
        let others = self.seen.values().map(|s| s.0).chain(self.starts.iter().copied());
        for row in others {
            let known = hit
                .rows
                .iter()
                .any(|r| r.table.ix() == row.table().ix() && r.at == row.at());
            if !known {
                hit.add_row(row);
            }
        }
        hit.iocs = starts::iocs(anchor);
        if let Some((_, domain, _)) = self.seen.get(&Kind::Domain) {
            hit.iocs.push(Ioc::Domain(domain.to_ascii_lowercase()));
        }
        Some(hit)
    }

    /// What speaks against the tool.
    fn circumstances(&self, cx: &Cx<'_>, name: &str, anchor: Row<'_>) -> Vec<String> {
        let mut out = Vec::new();
        let mut say = |text: Option<String>| out.extend(text);
        say(self
            .starts
            .iter()
            .find_map(|r| Some(format!("started from {}", paths::user_writable(r.str(t::IMAGE))?))));
        say(self.starts.iter().find_map(|r| by_user_program(*r)));
        say(self
            .starts
            .iter()
            .find(|r| is_silent(r.str(t::CMDLINE)))
            .map(|_| "with switches for silent use".to_owned()));
        say(self.starts.iter().find_map(|r| false_name(cx, *r, name)));
        let fleet = f64::from(cx.facts.hosts_with(&t::TABLE)) >= cx.number(&META, "fleet");
        let rare = |r: &Row<'_>| {
            f64::from(cx.facts.seen(Thing::Image, r.str(t::IMAGE_NAME)).hosts) <= cx.number(&META, "rare_hosts")
        };
        say(self
            .starts
            .first()
            .filter(|r| fleet && rare(r))
            .map(|_| "on at most two hosts".to_owned()));
        say((cx.lists.asset(anchor.host()) >= Asset::Server).then(|| "on a server".to_owned()));
        out
    }
}

fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Name => "program",
        Kind::Resource => "version resource or signer",
        Kind::Service => "service",
        Kind::Pipe => "pipe",
        Kind::Agent => "user agent",
        Kind::Domain => "server",
    }
}

/// A browser, document, script or a package from a download folder started it.
fn by_user_program(row: Row<'_>) -> Option<String> {
    let parent = row.str(t::PARENT_NAME);
    let telling = [BROWSERS, DOCUMENT_APPLICATIONS, SCRIPT_HOSTS]
        .iter()
        .any(|set| contains(set, parent));
    let line = row.str(t::PARENT_CMDLINE);
    let package =
        parent == "msiexec.exe" && line.to_ascii_lowercase().contains(".msi") && paths::user_writable(line).is_some();
    (telling || package).then(|| format!("started by {parent}"))
}

fn is_silent(line: &str) -> bool {
    static SILENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)(?:^|\s)(?:--?silent|--?install|--set-password|--start-with-win|-{1,2}password|/s|/quiet|/qn|/verysilent|/silent|--unattended|-fullinstall)(?:[\s=]|$)").ok()
    });
    SILENT.as_ref().is_some_and(|r| r.is_match(line))
}

/// A program that is the tool by its resource or signer and carries a name that has nothing of it.
fn false_name(cx: &Cx<'_>, row: Row<'_>, tool: &str) -> Option<String> {
    let base = row.str(t::IMAGE_NAME);
    let word = tool.split([' ', '-', '(']).next().unwrap_or(tool).to_lowercase();
    let by_name = cx.knowledge.rmm.binary(base).is_some() || base.contains(&word);
    let original = row.str(t::ORIG_NAME).to_lowercase();
    let renamed = !by_name && base_name(&original) != base;
    renamed.then(|| format!("under the name {base}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::{hits_of, start};
    use crate::signals::testing::Sample;

    #[test]
    fn program_and_server_together_are_certain_and_circumstances_raise() {
        let mut sample = Sample::default();
        start(
            &mut sample,
            "2026-03-02T02:00:00Z",
            r"C:\Users\a\Downloads\anydesk.exe",
            r"C:\g\chrome.exe",
            "anydesk.exe",
        );
        sample.row(&dns::TABLE, "ws01", "2026-03-02T02:00:05Z", |b| {
            b.text(dns::QNAME, "relay-0a1b2c3d.net.anydesk.com")
        });
        let found = sample.hits(&Rmm01);
        assert_eq!((found.len(), found[0].quality, found[0].level), (1, 1.0, Level::High));
        assert_eq!(found[0].rows.len(), 2);
        assert_eq!(found[0].key, "anydesk");
        assert!(found[0].explain.contains("relay-0a1b2c3d"));
    }

    #[test]
    fn a_false_name_is_told_by_the_signer() {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(t::IMAGE, r"C:\Users\Public\svchost1.exe");
            b.text(t::IMAGE_NAME, "svchost1.exe");
            b.text(t::SIGNER, "AnyDesk Software GmbH");
        });
        let found = sample.hits(&Rmm01);
        assert_eq!((found[0].quality, found[0].level), (QUALITY_RESOURCE, Level::High));
        assert!(found[0].explain.contains("svchost1.exe"));
    }

    #[test]
    fn an_installed_tool_alone_is_medium() {
        let found = hits_of(
            &Rmm01,
            r"C:\Program Files\ATERA Networks\AteraAgent\ateraagent.exe",
            "services.exe",
            "",
        );
        assert_eq!(
            (found.len(), found[0].level, found[0].quality),
            (1, Level::Medium, QUALITY_NAME)
        );
    }

    #[test]
    fn values_of_other_software_never_count_alone() {
        assert!(hits_of(&Rmm01, r"C:\t\setup.exe", "explorer.exe", "").is_empty());
        assert!(hits_of(&Rmm01, r"C:\Windows\System32\mstsc.exe", "explorer.exe", "").is_empty());
        let mut sample = Sample::default();
        sample.row(&dns::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(dns::QNAME, "github.com")
        });
        assert!(sample.hits(&Rmm01).is_empty());
    }
}
