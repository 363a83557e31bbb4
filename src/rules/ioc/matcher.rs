//! All indicators of a search, compiled: one test per role of a column.

use std::borrow::Cow;
use std::collections::HashMap;

use ahash::RandomState;
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

use super::addresses::Addresses;
use super::columns::Role;
use super::globs::Globs;
use super::spelling::{account_domain, account_name, holds_key, is_hive, same_domain, unhex, url_host};
use super::text::{Edge, addresses, words};
use crate::base::error::{Error, Result};
use crate::base::ip::{self, Cidr, Ip};
use crate::base::text::lower_ascii;
use crate::entity::ioc::{Indicator, Kind};
use crate::rules::registry_path::canonical;
use crate::schema::Column;

/// Set in a number where the row must confirm the match.
pub const CANDIDATE: u32 = 1 << 31;

/// Components of a registry key that are looked at; Windows has no deeper keys.
const MAX_COMPONENTS: usize = 512;

/// Letters of all needles for which the automaton is a table: some 40 MB.
const MAX_TABLE: usize = 150_000;

type Map<K, V> = HashMap<K, V, RandomState>;

/// Compiled indicators; numbers are places in [`Matcher::indicators`].
pub struct Matcher {
    indicators: Vec<Indicator>,
    hashes: Map<Vec<u8>, u32>,
    addresses: Addresses,
    domains: Map<String, u32>,
    /// URLs by host: path and query that a request must begin with.
    urls: Map<String, Vec<u32>>,
    /// Parts of URLs that hold path and query: the path, and what the query must begin with is the row's business.
    parts: Vec<(String, u32)>,
    /// Registry keys, and those of which the last component may be a value's name by what is in front of it.
    keys: Map<String, Vec<u32>>,
    parents: Map<String, Vec<u32>>,
    key_globs: Globs,
    accounts: Map<String, Vec<u32>>,
    mails: Map<String, u32>,
    files: Globs,
    needles: Option<AhoCorasick>,
    /// Of each needle its edge and its indicator.
    needle_of: Vec<(Edge, u32)>,
}

impl Matcher {
    /// Compiles indicators.
    ///
    /// # Errors
    /// [`Error::Usage`] where a pattern with wildcards is malformed.
    pub fn new(indicators: Vec<Indicator>) -> Result<Self> {
        let mut m = Self {
            indicators: Vec::new(),
            hashes: Map::default(),
            addresses: Addresses::default(),
            domains: Map::default(),
            urls: Map::default(),
            parts: Vec::new(),
            keys: Map::default(),
            parents: Map::default(),
            key_globs: Globs::default(),
            accounts: Map::default(),
            mails: Map::default(),
            files: Globs::default(),
            needles: None,
            needle_of: Vec::new(),
        };
        let mut needles = Vec::new();
        let (mut files, mut keys) = (Vec::new(), Vec::new());
        for (n, i) in indicators.iter().enumerate() {
            let n = n as u32;
            match i.kind {
                Kind::Md5 | Kind::Sha1 | Kind::Sha256 => {
                    m.hashes.insert(unhex(&i.value), n);
                    needles.push((i.value.clone(), Edge::Hex, n));
                }
                Kind::Address => m.add_address(&i.value, n, &mut needles),
                Kind::Network => Cidr::parse(&i.value)
                    .into_iter()
                    .for_each(|net| m.addresses.add_network(net, n)),
                Kind::Domain => {
                    m.domains.insert(i.value.clone(), n);
                    needles.push((i.value.clone(), Edge::Domain, n));
                }
                Kind::Url => {
                    m.urls.entry(url_host(&i.value).to_owned()).or_default().push(n);
                    needles.push((i.value.clone(), Edge::Url, n));
                }
                Kind::UrlPart => {
                    m.parts.extend(i.value.contains('?').then(|| (i.value.clone(), n)));
                    needles.push((i.value.clone(), Edge::Part, n));
                }
                Kind::File if i.value.contains(['*', '?']) => files.push((i.value.replace('\\', "/"), n)),
                Kind::File => needles.extend(file_needles(&i.value, n)),
                Kind::Registry if i.value.contains(['*', '?']) => {
                    keys.push((canonical(&i.value).replace('\\', "/"), n));
                }
                Kind::Registry => m.add_key(&i.value, n, &mut needles),
                Kind::Account => m.accounts.entry(account_name(&i.value).to_owned()).or_default().push(n),
                Kind::Mail => {
                    m.mails.insert(i.value.clone(), n);
                    needles.push((i.value.clone(), Edge::Mail, n));
                }
            }
        }
        m.files = Globs::new(&files)?;
        m.key_globs = Globs::new(&keys)?;
        m.indicators = indicators;
        m.compile(needles)?;
        Ok(m)
    }

    fn compile(&mut self, needles: Vec<(String, Edge, u32)>) -> Result<()> {
        let needles: Vec<_> = needles.into_iter().filter(|(t, ..)| !t.is_empty()).collect();
        if needles.is_empty() {
            return Ok(());
        }
        let letters: usize = needles.iter().map(|(t, ..)| t.len()).sum();
        let found = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            // Every letter of every text is a step: the table that makes it one look-up is worth its memory.
            .kind((letters <= MAX_TABLE).then_some(AhoCorasickKind::DFA))
            .build(needles.iter().map(|(t, ..)| t));
        self.needles = Some(found.map_err(|e| Error::Usage(format!("too many indicators: {e}; split the list")))?);
        self.needle_of = needles.into_iter().map(|(_, edge, n)| (edge, n)).collect();
        Ok(())
    }

    fn add_address(&mut self, value: &str, n: u32, needles: &mut Vec<(String, Edge, u32)>) {
        if let Some(ip) = ip::parse(value) {
            self.addresses.add(ip, n);
            if value.contains(':') {
                needles.push((ip::display(&ip), Edge::Ip6, n));
            }
        }
    }

    fn add_key(&mut self, value: &str, n: u32, needles: &mut Vec<(String, Edge, u32)>) {
        let key = canonical(value);
        let tail = key
            .split_once('\\')
            .filter(|(hive, _)| is_hive(hive))
            .map_or(key.as_str(), |(_, t)| t);
        needles.push((tail.to_owned(), Edge::Key, n));
        if let Some((parent, _)) = key.rsplit_once('\\') {
            self.parents.entry(parent.to_owned()).or_default().push(n);
        }
        self.keys.entry(key).or_default().push(n);
    }

    /// The indicators, by their numbers.
    pub fn indicators(&self) -> &[Indicator] {
        &self.indicators
    }

    /// Whether any indicator can stand in a column of this role.
    pub fn asks(&self, role: Role, column: &Column) -> bool {
        let kinds = role.kinds();
        self.indicators.iter().any(|i| match role {
            Role::Hash => super::columns::holds_hash(column, i.kind),
            _ => kinds.contains(&i.kind),
        })
    }

    /// Sorted values that a cell of the column must be one of; `None` where a pattern decides.
    pub fn values(&self, role: Role, column: &Column) -> Option<Vec<Vec<u8>>> {
        let mut out: Vec<Vec<u8>> = match role {
            Role::Hash => {
                let width = column.kind.width()?;
                self.hashes.keys().filter(|h| h.len() == width).cloned().collect()
            }
            Role::Address => self.addresses.all_single()?.map(|a| a.to_vec()).collect(),
            _ => return None,
        };
        out.sort_unstable();
        Some(out)
    }

    /// Adds the numbers of the indicators that a stored value matches; with [`CANDIDATE`] where the row must confirm it.
    pub fn test(&self, role: Role, value: &[u8], out: &mut Vec<u32>) {
        match role {
            Role::Hash => out.extend(self.hashes.get(value)),
            Role::Address => {
                if let Ok(ip) = Ip::try_from(value) {
                    self.addresses.test(&ip, out);
                }
            }
            _ => {
                if let Ok(text) = std::str::from_utf8(value) {
                    self.text(role, &lower(text), out);
                }
            }
        }
        if out.len() > 1 {
            out.sort_unstable();
            out.dedup();
        }
    }

    fn text(&self, role: Role, text: &str, out: &mut Vec<u32>) {
        match role {
            Role::Hash | Role::Address => {}
            Role::Name => self.name(text, out),
            Role::UrlHost => {
                self.name(text, out);
                let host = before(text, b':');
                let urls = self.urls.get(host).into_iter().flatten();
                out.extend(urls.map(|n| n | CANDIDATE));
            }
            Role::UrlPart => self.url_part(text, out),
            Role::Path => {
                self.needles(text, out, |k| matches!(k, Kind::File | Kind::Domain));
                self.addresses_in(text, out);
                self.files.test(text, out);
            }
            Role::Registry => self.key(text, out),
            Role::Account => self.account(text, out),
            Role::Mail => {
                self.needles(text, out, |k| matches!(k, Kind::Mail | Kind::Domain));
                self.account(text, out);
            }
            Role::Text | Role::Extra => {
                let hashes = role == Role::Extra;
                self.needles(text, out, |k| {
                    hashes || !matches!(k, Kind::Md5 | Kind::Sha1 | Kind::Sha256)
                });
                self.addresses_in(text, out);
                if !self.files.is_empty() {
                    words(text).for_each(|w| self.files.test(w, out));
                }
            }
        }
    }

    fn addresses_in(&self, text: &str, out: &mut Vec<u32>) {
        if !self.addresses.is_empty() {
            addresses(text).for_each(|a| self.addresses.test(&a, out));
        }
    }

    fn name(&self, text: &str, out: &mut Vec<u32>) {
        if may_be_address(text)
            && let Some((ip, _)) = ip::parse_with_port(text)
        {
            return self.addresses.test(&ip, out);
        }
        if self.domains.is_empty() {
            return;
        }
        let name = before(text, b':').trim_end_matches('.');
        let mut rest = name.trim_start_matches("*.");
        loop {
            out.extend(self.domains.get(rest));
            let label = before(rest, b'.').len();
            match rest.get(label + 1..) {
                Some(parent) => rest = parent,
                None => return,
            }
        }
    }

    fn url_part(&self, text: &str, out: &mut Vec<u32>) {
        for (part, n) in &self.parts {
            match part.split_once('?') {
                Some(("", query)) if text.contains(query) => out.push(*n),
                Some((path, _)) if !path.is_empty() && text.ends_with(path) => out.push(n | CANDIDATE),
                _ => {}
            }
        }
        self.needles(text, out, |k| {
            matches!(k, Kind::Url | Kind::UrlPart | Kind::Domain | Kind::File)
        });
        if !self.files.is_empty() {
            self.files.test(text, out);
        }
    }

    fn key(&self, text: &str, out: &mut Vec<u32>) {
        let text = canonical(text);
        let inner = text.match_indices('\\').map(|(at, _)| at).take(MAX_COMPONENTS);
        let ends: Vec<usize> = inner.chain([text.len()]).collect();
        let starts = [0].into_iter().chain(ends.iter().map(|e| e + 1));
        for start in starts {
            for end in ends.iter().filter(|e| **e > start) {
                let part = text.get(start..*end).unwrap_or("");
                // A key with its hive begins where the key begins.
                if start > 0 && is_hive(part.split('\\').next().unwrap_or("")) {
                    continue;
                }
                out.extend(self.keys.get(part).into_iter().flatten());
                if *end == text.len() {
                    let below = self.parents.get(part).into_iter().flatten();
                    out.extend(below.map(|n| n | CANDIDATE));
                }
            }
        }
        if !self.key_globs.is_empty() {
            // The value's name may be what the pattern ends with: the row tells.
            out.extend(self.key_globs.numbers().map(|n| n | CANDIDATE));
        }
    }

    fn account(&self, text: &str, out: &mut Vec<u32>) {
        out.extend(self.mails.get(text));
        let asked = self.accounts.get(account_name(text)).into_iter().flatten();
        let whole = self.accounts.get(text).into_iter().flatten();
        for n in asked.chain(whole) {
            let value = self.indicators.get(*n as usize).map_or("", |i| i.value.as_str());
            match (account_domain(value), account_domain(text)) {
                (None, _) => out.push(*n),
                (Some(a), Some(b)) if same_domain(a, b) => out.push(*n),
                (Some(_), Some(_)) => {}
                (Some(_), None) => out.push(n | CANDIDATE),
            }
        }
    }

    fn needles(&self, text: &str, out: &mut Vec<u32>, wanted: impl Fn(Kind) -> bool) {
        let Some(needles) = &self.needles else { return };
        for found in needles.find_overlapping_iter(text) {
            let Some((edge, n)) = self.needle_of.get(found.pattern().as_usize()) else {
                continue;
            };
            let kind = self.indicators.get(*n as usize).map(|i| i.kind);
            if !out.contains(n) && kind.is_some_and(&wanted) && edge.fits(text, found.start(), found.end()) {
                out.push(*n);
            }
        }
    }

    /// Columns that [`Matcher::confirms`] may ask for.
    pub const CONFIRMING: &'static [&'static str] = &[
        "url_path",
        "url_query",
        "user_domain",
        "target_domain",
        "key",
        "value_name",
    ];

    /// Whether a row confirms a candidate that the named column showed; `cell` gives its texts.
    pub fn confirms(&self, what: u32, column: &str, cell: &dyn Fn(&str) -> Option<String>) -> bool {
        let Some(i) = self.indicators.get((what & !CANDIDATE) as usize) else {
            return false;
        };
        let lower = |name: &str| cell(name).unwrap_or_default().to_lowercase();
        match i.kind {
            Kind::Url => {
                let asked = i.value.get(url_host(&i.value).len()..).unwrap_or("");
                let (path, query) = (lower("url_path"), lower("url_query"));
                let all = if query.is_empty() {
                    path
                } else {
                    format!("{path}?{query}")
                };
                all.starts_with(asked)
            }
            Kind::UrlPart => {
                let query = i.value.split_once('?').map_or("", |(_, q)| q);
                lower("url_query").starts_with(query)
            }
            Kind::Account => {
                let logged = match column {
                    "user" => lower("user_domain"),
                    "target_user" => lower("target_domain"),
                    _ => String::new(),
                };
                let asked = account_domain(&i.value).unwrap_or("");
                logged.is_empty() || logged == "-" || same_domain(asked, &logged)
            }
            Kind::Registry => {
                let key = format!("{}\\{}", canonical(&lower(column)), lower("value_name"));
                match i.value.contains(['*', '?']) {
                    true => {
                        let mut out = Vec::new();
                        self.key_globs.test(key.trim_end_matches('\\'), &mut out);
                        out.contains(&(what & !CANDIDATE))
                    }
                    false => column == "key" && holds_key(&key, &canonical(&i.value)),
                }
            }
            _ => false,
        }
    }
}

/// What stands before the first of an ASCII letter; names are so short that looking at each byte is quickest.
fn before(text: &str, letter: u8) -> &str {
    let at = text.bytes().position(|b| b == letter);
    at.and_then(|at| text.get(..at)).unwrap_or(text)
}

/// In lower case; most values are already.
fn lower(text: &str) -> Cow<'_, str> {
    match text.is_ascii() {
        true => lower_ascii(text),
        false => Cow::Owned(text.to_lowercase()),
    }
}

/// Whether it is worth to read a name as an address: those end in a digit or hold a colon.
fn may_be_address(text: &str) -> bool {
    text.ends_with(|c: char| c.is_ascii_digit() || c == ']') || text.contains(':')
}

fn file_needles(value: &str, n: u32) -> Vec<(String, Edge, u32)> {
    if !value.contains('\\') {
        return vec![(value.to_owned(), Edge::File, n)];
    }
    let edge = match value.starts_with('\\') {
        true => Edge::PathTail,
        false if value.contains(":\\") => Edge::Path,
        false => Edge::File,
    };
    vec![(value.to_owned(), edge, n), (value.replace('\\', "/"), edge, n)]
}
