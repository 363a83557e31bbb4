//! `--hosts` and `--sources`: which hosts and logs are meant, and what is said where none is.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::base::error::{Error, Result};
use crate::ingest::row::canonical_host;
use crate::lake::Lake;
use crate::lake::scan::TimeRange;
use crate::lake::seek;
use crate::rules::similar;
use crate::schema::{Col, TABLES, common};

/// Names offered where one was not found.
const OFFERED: usize = 5;

/// Globs over the keys of hosts. Hosts are keyed by their short name, addresses as `ip:ADDRESS`: a name with its domain and a
/// plain address are meant so, too.
///
/// # Errors
/// [`Error::Usage`] for a malformed pattern.
pub(super) fn globs(patterns: &[String]) -> Result<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for p in patterns {
        let glob = |text: &str| {
            let glob = GlobBuilder::new(text).case_insensitive(true).build();
            glob.map_err(|e| Error::Usage(format!("host pattern '{p}': {e}; write it like 'pc-*' or 'dc0[12]'")))
        };
        set.add(glob(p)?);
        let key = canonical_host(p);
        // `*.corp.example` says nothing of the short name.
        let key = Some(key).filter(|k| k.contains(char::is_alphanumeric));
        // A pattern that is right may be cut in two there.
        if let Some(key) = key.and_then(|k| glob(&k).ok()) {
            set.add(key);
        }
    }
    set.build().map_err(|e| Error::Usage(format!("host patterns: {e}")))
}

/// What an analyst should know of patterns and sources that match nothing in a lake.
///
/// # Errors
/// [`Error::Usage`] where the lake has rows and none can be meant: "no findings" would be no answer. Where a file of the lake
/// cannot be read.
pub(super) fn check(lake: &Lake, hosts: &[String], sources: &[String]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    if !hosts.is_empty() {
        let known = distinct(lake, common::HOST)?;
        let is_known = |pattern: &String| -> Result<bool> {
            let glob = globs(std::slice::from_ref(pattern))?;
            Ok(known.iter().any(|host| glob.is_match(host)))
        };
        warnings.extend(missing("--hosts", hosts, &known, is_known)?);
    }
    if !sources.is_empty() {
        let known = distinct(lake, common::SOURCE)?;
        warnings.extend(missing("--sources", sources, &known, |s| Ok(known.contains(s)))?);
    }
    Ok(warnings)
}

/// The distinct texts of a common column.
fn distinct(lake: &Lake, col: Col) -> Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for table in TABLES.iter().copied() {
        all.extend(seek::distinct(lake, table, col, TimeRange::default())?);
    }
    Ok(all)
}

/// A sentence for each name that matches nothing; an error if none matches anything.
fn missing(
    flag: &str,
    asked: &[String],
    known: &BTreeSet<String>,
    is_known: impl Fn(&String) -> Result<bool>,
) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for name in asked {
        if !is_known(name)? {
            out.push(format!(
                "{flag} {name}: nothing in this lake is called so; {}",
                nearest(name, known)
            ));
        }
    }
    match out.len() == asked.len() && !known.is_empty() {
        true => Err(Error::Usage(out.join("\n"))),
        false => Ok(out),
    }
}

/// The names that were probably meant, or some of those that there are.
pub(super) fn nearest(name: &str, known: &BTreeSet<String>) -> String {
    let name = name.to_lowercase();
    let mut near: Vec<(usize, &String)> = known
        .iter()
        .filter(|k| !k.starts_with("ip:"))
        .filter_map(|k| {
            let part = k.contains(&name) || name.contains(k.as_str());
            let far = similar::distance(&name, k, 4);
            if part { Some((0, k)) } else { far.map(|d| (d, k)) }
        })
        .collect();
    near.sort();
    let offered = |names: Vec<&str>| names.join(", ");
    match near.is_empty() {
        true => {
            let more = known.len().saturating_sub(OFFERED);
            let some = offered(known.iter().map(String::as_str).take(OFFERED).collect());
            match more {
                0 => format!("there is {some}"),
                more => format!("there is {some} and {more} more"),
            }
        }
        false => format!(
            "did you mean {}?",
            offered(near.iter().map(|(_, k)| k.as_str()).take(OFFERED).collect())
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, host: &str) -> bool {
        globs(&[pattern.to_owned()]).unwrap().is_match(host)
    }

    #[test]
    fn a_host_is_meant_by_its_full_name_and_by_its_address() {
        assert!(matches("PC-Takeda.takeda.example", "pc-takeda"));
        assert!(matches("pc-*.takeda.example", "pc-takeda"));
        assert!(matches("10.0.5.21", "ip:10.0.5.21"));
        assert!(!matches("*.takeda.example", "pc-takeda"));
        assert!(!matches("pc-takeda.takeda.example", "pc-takeda2"));
        assert!(globs(&["a[".to_owned()]).is_err());
    }

    #[test]
    fn names_that_nothing_has_are_named_and_none_at_all_is_an_error() {
        let known: BTreeSet<String> = ["sysmon", "squid", "security"].map(str::to_owned).into();
        let ask = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
            missing("--sources", &names, &known, |n| Ok(known.contains(n)))
        };
        assert_eq!(ask(&["sysmon"]).unwrap(), Vec::<String>::new());
        let said = ask(&["sysmonn", "squid"]).unwrap();
        assert!(
            said[0].contains("sysmonn") && said[0].contains("did you mean sysmon?"),
            "{said:?}"
        );
        assert!(matches!(ask(&["xyzzy"]), Err(Error::Usage(e)) if e.contains("there is security, squid, sysmon")));
        let empty = missing("--hosts", &["a".to_owned()], &BTreeSet::new(), |_| Ok(false));
        assert_eq!(empty.unwrap().len(), 1, "a lake without rows has nothing to tell");
    }
}
