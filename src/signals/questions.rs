//! What the DNS signals share: which names count, which are popular, and which row speaks for a group.

use std::collections::HashSet;

use super::{Cx, KeyRows, Prevalence};
use crate::entity::fleet::Thing;
use crate::knowledge::domains;
use crate::lake::frame::{Row, StrId};
use crate::schema::{Col, common, dns, process};

/// Columns of `dns` that the signals read.
pub const DNS: &[Col] = &[
    common::USER,
    common::HOST_RAW,
    common::OUTCOME,
    dns::QNAME,
    dns::QTYPE,
    dns::RCODE,
    dns::ANSWERS,
    dns::TTL_MIN,
    dns::PID,
    dns::PROC_GUID,
    dns::IMAGE,
];

/// Columns of `process` that tell the host's own domain.
pub const PROCESS: &[Col] = &[common::HOST_RAW];

/// Share of hosts from which a domain is popular here. [J: detection notes, e2LD with hosts > 5 % is a hub]
pub const POPULAR_SHARE: f64 = 0.05;
/// Fewest hosts that make a domain popular: 5 % of a small fleet is one host. \[J\]
pub const POPULAR_HOSTS: u32 = 3;

/// Whether a name ends in a suffix that exists on the internet, by the Public Suffix List: what lies under `.lan` or
/// `.corp` is somebody's own. The reserved names of documentation (RFC 2606) count as existing.
pub fn on_internet(name: &str) -> bool {
    let reserved = name
        .rsplit('.')
        .next()
        .is_some_and(|tld| matches!(tld, "example" | "test" | "invalid"));
    reserved || psl::suffix(name.as_bytes()).is_some_and(|s| s.is_known())
}

/// Whether many hosts of the fleet ask for a registrable domain.
pub fn is_popular(cx: &Cx<'_>, e2ld: &str) -> bool {
    let hosts = cx.facts.seen(Thing::Domain, e2ld).hosts;
    hosts >= POPULAR_HOSTS && f64::from(hosts) >= POPULAR_SHARE * f64::from(population(cx))
}

/// Hosts whose questions are known.
pub fn population(cx: &Cx<'_>) -> u32 {
    cx.facts.hosts_with(&dns::TABLE).max(1)
}

/// How widely a registrable domain is known here.
pub fn prevalence(cx: &Cx<'_>, e2ld: &str) -> Prevalence {
    let hosts = cx.facts.seen(Thing::Domain, e2ld).hosts.max(1);
    Prevalence::Hosts {
        hosts,
        population: population(cx).max(hosts),
    }
}

/// The domains the host itself belongs to, by its full name.
pub fn own_domains(rows: &KeyRows<'_>) -> HashSet<String> {
    let mut seen: HashSet<StrId> = HashSet::new();
    let mut own = HashSet::new();
    for table in [&dns::TABLE, &process::TABLE] {
        for row in rows.table(table).iter().filter(|r| seen.insert(r.id(common::HOST_RAW))) {
            let name = row.str(common::HOST_RAW).to_ascii_lowercase();
            own.extend(domains::registrable(&name).map(str::to_owned));
        }
    }
    own
}

/// The rows with the one that names its process first, where there is one: it anchors a hit in the process tree.
pub fn process_first<'a>(mut rows: Vec<Row<'a>>) -> Vec<Row<'a>> {
    if let Some(at) = rows.iter().position(|r| r.text(dns::IMAGE).is_some()) {
        let row = rows.remove(at);
        rows.insert(0, row);
    }
    rows
}
