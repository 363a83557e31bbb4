//! From what was found to other hosts: who else ran the same program, met the same destination, came from the same source?

use std::collections::{BTreeMap, BTreeSet};

use super::{Scope, ScopeOptions, search};
use crate::base::error::Result;
use crate::base::ip;
use crate::entity::ioc::{self, Indicator, Kind};
use crate::lake::Lake;
use crate::lake::frame::Frames;
use crate::lake::scan::TimeRange;
use crate::lake::seek::{Probe, seek};
use crate::schema::{common, process};
use crate::score::finding::Evidence;

/// Values followed.
const MAX_VALUES: usize = 500;
/// Rows of each indicator that are looked at for values to follow.
pub(super) const ROWS: usize = 50;
/// More than this share of all hosts that were seen: everybody has it.
const COMMON_SHARE: f64 = 0.5;

/// A value that leads to other hosts.
#[derive(Debug, Clone, PartialEq)]
pub struct Pivot {
    /// The value, as an indicator of its own; its source says from which indicator it comes.
    pub indicator: Indicator,
    /// What it is: process hash, destination, logon source.
    pub what: &'static str,
    /// Hosts that met it, with events.
    pub hosts: Vec<(String, u64)>,
    /// Hosts among them that the indicators had not led to.
    pub new_hosts: Vec<String>,
    /// Whether so many hosts met it that it says little.
    pub common: bool,
}

/// What a value was in the row it came from.
type Values = BTreeMap<(Kind, String), (&'static str, String)>;

/// Follows the rows of all sightings; the pivots with the most new hosts first, and the bytes read.
pub(super) fn follow(lake: &Lake, found: &Scope, options: &ScopeOptions) -> Result<(Vec<Pivot>, u64)> {
    let given: Vec<Indicator> = found.sightings.iter().map(|s| s.indicator.clone()).collect();
    let again = ScopeOptions {
        samples: ROWS,
        fields_only: true,
        deep: false,
        pivot: false,
        ..options.clone()
    };
    let wide = search(lake, given.clone(), &again)?;
    let mut bytes = wide.bytes_read;
    let mut values = Values::new();
    let mut acting: BTreeMap<String, String> = BTreeMap::new();
    for s in &wide.sightings {
        for e in &s.samples {
            from_row(e, &s.indicator.value, &mut values);
            if let Some(guid) = e.fields.get("proc_guid").and_then(|v| v.as_str()) {
                acting.insert(guid.to_owned(), s.indicator.value.clone());
            }
        }
    }
    bytes += hashes_of(lake, &acting, options.range, &mut values)?;
    values.retain(|(kind, value), _| !given.iter().any(|g| g.kind == *kind && g.value == *value));
    let followed: Vec<Indicator> = values
        .iter()
        .take(MAX_VALUES)
        .map(|((kind, value), (what, from))| Indicator {
            kind: *kind,
            value: value.clone(),
            note: (*what).to_owned(),
            source: from.clone(),
        })
        .collect();
    if followed.is_empty() {
        return Ok((Vec::new(), bytes));
    }
    let no_rows = ScopeOptions { samples: 0, ..again };
    let answer = search(lake, followed, &no_rows)?;
    bytes += answer.bytes_read;
    let known: BTreeSet<&str> = found
        .sightings
        .iter()
        .flat_map(|s| &s.hosts)
        .map(|h| h.host.as_str())
        .collect();
    let fleet = fleet(lake);
    let mut out: Vec<Pivot> = answer
        .sightings
        .into_iter()
        .map(|s| {
            let what = values
                .get(&(s.indicator.kind, s.indicator.value.clone()))
                .map_or("", |(w, _)| w);
            let new_hosts = s.hosts.iter().filter(|h| !known.contains(h.host.as_str()));
            Pivot {
                what,
                new_hosts: new_hosts.map(|h| h.host.clone()).collect(),
                common: s.hosts.len() > 2 && s.hosts.len() as f64 > COMMON_SHARE * fleet as f64,
                hosts: s.hosts.into_iter().map(|h| (h.host, h.events)).collect(),
                indicator: s.indicator,
            }
        })
        .filter(|p| !p.hosts.is_empty())
        .collect();
    out.sort_by(|a, b| {
        let rank = |p: &Pivot| (p.common, std::cmp::Reverse(p.new_hosts.len()));
        rank(a).cmp(&rank(b)).then_with(|| a.indicator.cmp(&b.indicator))
    });
    Ok((out, bytes))
}

/// Hosts that inputs of the lake name.
fn fleet(lake: &Lake) -> usize {
    let hosts: BTreeSet<&String> = lake.catalogue().inputs.iter().flat_map(|i| &i.hosts).collect();
    hosts.len()
}

/// What of a row leads on.
fn from_row(e: &Evidence, from: &str, values: &mut Values) {
    let text = |name: &str| e.fields.get(name).and_then(|v| v.as_str());
    let mut add = |kind: Kind, value: &str, what: &'static str| {
        values
            .entry((kind, value.to_lowercase()))
            .or_insert_with(|| (what, from.to_owned()));
    };
    if let ("process", Some(hash)) = (e.table.as_str(), text("sha256").filter(|h| !ioc::is_empty_file(h))) {
        add(Kind::Sha256, hash, "process hash");
    } else if let ("process", Some(hash)) = (e.table.as_str(), text("md5").filter(|h| !ioc::is_empty_file(h))) {
        add(Kind::Md5, hash, "process hash");
    }
    if matches!(e.table.as_str(), "network" | "http" | "dns") {
        for name in ["dst_host", "url_host", "qname", "tls_sni"] {
            if let Some(host) = text(name).filter(|h| h.contains('.') && ip::parse(h).is_none()) {
                add(Kind::Domain, host, "destination");
            }
        }
        let address = text("dst_ip").and_then(|a| Some((a, ip::parse(a)?)));
        if let Some((a, _)) = address.filter(|(_, ip)| !ip::is_internal(ip)) {
            add(Kind::Address, a, "destination");
        }
    }
    if e.table == "auth" {
        let address = text("src_ip").and_then(|a| Some((a, ip::parse(a)?)));
        if let Some((a, _)) = address.filter(|(_, ip)| !ip::is_loopback(ip)) {
            add(Kind::Address, a, "logon source");
        }
        if let Some(host) = text("src_host").filter(|h| h.len() > 1) {
            add(Kind::Domain, host, "logon source");
        }
    }
}

/// Hashes of the programs that acted, by their Sysmon guids.
fn hashes_of(lake: &Lake, acting: &BTreeMap<String, String>, range: TimeRange, values: &mut Values) -> Result<u64> {
    if acting.is_empty() {
        return Ok(0);
    }
    let wanted: Vec<Vec<u8>> = acting.keys().map(|g| g.as_bytes().to_vec()).collect();
    let test = |v: &[u8], out: &mut Vec<u32>| {
        if let Ok(at) = wanted.binary_search_by(|w| w.as_slice().cmp(v)) {
            out.push(at as u32);
        }
    };
    let probe = Probe {
        col: process::PROC_GUID,
        values: Some(&wanted),
        test: &test,
    };
    // The program may have started long before it acted.
    let until = TimeRange { from: None, ..range };
    let found = seek(lake, &process::TABLE, &[probe], until, |group| {
        let columns = [common::TS, process::PROC_GUID, process::SHA256, process::MD5];
        let mut out = Vec::new();
        for batch in group.read(Some(&columns), &group.rows())? {
            let n = batch.num_rows() as u32;
            let frames = Frames::from_batches(&[(&process::TABLE, batch)]);
            for row in (0..n).map(|at| frames.row(&process::TABLE, at)) {
                let sha256 = row.text(process::SHA256).map(|h| (Kind::Sha256, h.to_owned()));
                let hash = sha256.or_else(|| Some((Kind::Md5, row.text(process::MD5)?.to_owned())));
                out.extend(hash.map(|h| (row.str(process::PROC_GUID).to_owned(), h)));
            }
        }
        Ok(out)
    })?;
    for (guid, (kind, hash)) in found.found.into_iter().flatten() {
        if let Some(from) = acting.get(&guid).filter(|_| !ioc::is_empty_file(&hash)) {
            values
                .entry((kind, hash))
                .or_insert_with(|| ("process hash", from.clone()));
        }
    }
    Ok(found.bytes_read)
}
