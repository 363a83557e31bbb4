//! Indicators of compromise: what threat reports name, from values, lists and STIX bundles, in one spelling.
//!
//! A hunt scores with the kinds that it knows (`--iocs`), scoping (`coldtrail scope`) searches for all of them. Values may be
//! defanged (`hxxp://evil[.]example`). What a text is, its shape decides; `kind:value` says it outright.

mod guess;
mod list;
mod stix;

pub use guess::{guess, parse_as};
pub use list::{Found, read, value};

/// What an indicator is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// MD5 or import hash of a file.
    Md5,
    /// SHA-1 of a file.
    Sha1,
    /// SHA-256 of a file.
    Sha256,
    /// One address.
    Address,
    /// A network (CIDR).
    Network,
    /// A domain and all names under it.
    Domain,
    /// A URL with host and path; longer ones that begin like it count.
    Url,
    /// A part of a URL: path or query.
    UrlPart,
    /// File name, path or glob.
    File,
    /// Registry key, perhaps with a value's name.
    Registry,
    /// Account: name, `DOMAIN\name` or SID.
    Account,
    /// Mail address.
    Mail,
}

impl Kind {
    /// Every kind in the order of outputs.
    pub const ALL: [Kind; 12] = [
        Kind::Md5,
        Kind::Sha1,
        Kind::Sha256,
        Kind::Address,
        Kind::Network,
        Kind::Domain,
        Kind::Url,
        Kind::UrlPart,
        Kind::File,
        Kind::Registry,
        Kind::Account,
        Kind::Mail,
    ];

    /// Name in outputs and before the colon of `kind:value`.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Md5 => "md5",
            Kind::Sha1 => "sha1",
            Kind::Sha256 => "sha256",
            Kind::Address => "address",
            Kind::Network => "network",
            Kind::Domain => "domain",
            Kind::Url => "url",
            Kind::UrlPart => "url-part",
            Kind::File => "file",
            Kind::Registry => "registry",
            Kind::Account => "account",
            Kind::Mail => "mail",
        }
    }
}

/// One indicator.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Indicator {
    /// What it is.
    pub kind: Kind,
    /// Its one spelling: lower case, without defanging. Registry keys as `hklm\…`, `hkcu\…` or without hive.
    pub value: String,
    /// What the list says about it.
    pub note: String,
    /// Where it was given: `file:line`, the id of a STIX object, or `command line`.
    pub source: String,
}

/// Hashes that are in many feeds by mistake: of the empty file.
const EMPTY_FILE: &[&str] = &[
    "d41d8cd98f00b204e9800998ecf8427e",
    "da39a3ee5e6b4b0d3255bfef95601890afd80709",
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
];

/// Whether a hash (lower case) is that of the empty file, which every corpus holds.
pub fn is_empty_file(hash: &str) -> bool {
    EMPTY_FILE.contains(&hash)
}

/// Sorts, and keeps the first of equal ones with all notes of the others.
pub fn tidy(mut all: Vec<Indicator>) -> Vec<Indicator> {
    all.sort();
    let mut out: Vec<Indicator> = Vec::with_capacity(all.len());
    for i in all {
        match out.last_mut() {
            Some(last) if (last.kind, &last.value) == (i.kind, &i.value) => {
                if last.note.is_empty() {
                    last.note = i.note;
                }
            }
            _ => out.push(i),
        }
    }
    out
}
