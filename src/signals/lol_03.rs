//! LOL-03, a background transfer (BITS) of code from an odd place.
//!
//! Sees: a BITS job whose address is a bare IP address, or that fetches a program or script from a host outside the
//! vendors' update services, or that PowerShell or bitsadmin created for such a host. A lone odd address is `low`; two
//! reasons make `medium`.
//! Why: BITS downloads for any user, survives reboots, and is done by a service, so no odd process talks to the network.
//! Benign: software distribution from the organisation's own servers (inside the network only code from a bare address counts).
//! Sources: MITRE ATT&CK T1197; Microsoft's BITS-Client events 3, 59, 60.

use std::collections::BTreeMap;

use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::ip;
use crate::base::text::basename;
use crate::knowledge::domains;
use crate::lake::frame::Row;
use crate::schema::{common, persist};

/// The signal.
pub struct Lol03;

/// Registrable domains whose transfers are updates.
const UPDATES: &[&str] = &[
    "adobe.com",
    "dell.com",
    "google.com",
    "googleapis.com",
    "gvt1.com",
    "hp.com",
    "intel.com",
    "lenovo.com",
    "live.com",
    "microsoft.com",
    "mozilla.org",
    "msedge.net",
    "msn.com",
    "nvidia.com",
    "office.com",
    "office.net",
    "office365.com",
    "skype.com",
    "windows.com",
    "windows.net",
    "windowsupdate.com",
];
const CODE: &[&str] = &[
    "bat", "cmd", "dll", "exe", "hta", "js", "msi", "ps1", "scr", "vbs", "xsl",
];

static META: Meta = Meta {
    id: "LOL-03",
    title: "Background transfer from an odd place",
    sees: "BITS job to a bare address, or of code from outside the vendors' update services",
    why: "the service downloads for the attacker and keeps trying after reboots",
    techniques: &["T1197"],
    stage: "command-and-control",
    family: "lolbins",
    key: Key::Host,
    reads: &[Reads {
        table: &persist::TABLE,
        columns: &[
            persist::KIND,
            persist::NAME,
            persist::CONTENT,
            persist::ARGS,
            persist::IMAGE,
            persist::PID,
            common::USER,
        ],
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[Threshold {
        name: "reasons",
        value: 2.0,
        unit: "reasons that make medium",
        source: "[J]",
    }],
    benign: &["software distribution of the organisation's own"],
};

impl Signal for Lol03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut jobs: BTreeMap<String, Hit> = BTreeMap::new();
        for row in rows
            .table(&persist::TABLE)
            .iter()
            .filter(|r| r.str(persist::KIND) == "bits")
        {
            let Some(url) = row.text(persist::CONTENT) else {
                continue;
            };
            let (host, file) = parts(url);
            let reasons = reasons(row, &host, &file);
            if reasons.is_empty() {
                continue;
            }
            let key = format!("{host}/{file}");
            if let Some(known) = jobs.get_mut(&key) {
                known.count += 1;
                known.last = row.ts();
                continue;
            }
            let explain = format!(
                "BITS job '{}' transferred {url}: {}",
                row.str(persist::NAME),
                reasons.join(", ")
            );
            let outside = reasons.contains(&"a bare address") && !ip::parse(&host).is_some_and(|a| ip::is_internal(&a));
            let level = if reasons.len() as f64 >= cx.number(&META, "reasons") || outside {
                Level::Medium
            } else {
                Level::Low
            };
            let mut techniques = vec!["T1197"];
            if CODE.contains(&extension(&file)) {
                techniques.push("T1105");
            }
            let hit = Hit::at(&META, row, key.clone(), explain)
                .level(level)
                .techniques(&techniques);
            jobs.insert(key, hit.ioc(Ioc::Url(url.to_owned())));
        }
        hits.extend(jobs.into_values());
    }
}

fn reasons(row: Row<'_>, host: &str, file: &str) -> Vec<&'static str> {
    let mut out = Vec::new();
    let address = ip::parse(host);
    let code = CODE.contains(&extension(file));
    let inside = address.is_some_and(|a| ip::is_internal(&a));
    // Inside the network only code from a bare address is odd; distribution points have names.
    if host.is_empty() || (inside && !code) || !(host.contains('.') || address.is_some()) {
        return out;
    }
    let vendor = domains::registrable(host).is_some_and(|d| UPDATES.contains(&d));
    if vendor {
        return out;
    }
    if address.is_some() {
        out.push("a bare address");
    }
    if code && !inside {
        out.push("code from outside the update services");
    }
    let by = basename(row.str(persist::IMAGE)).to_lowercase();
    if matches!(by.as_str(), "powershell.exe" | "pwsh.exe" | "bitsadmin.exe") {
        out.push("a job of a script host");
    }
    out
}

/// Lower-case host and file name of an address.
fn parts(url: &str) -> (String, String) {
    let rest = url.split_once("://").map_or(url, |(_, r)| r);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, h)| h);
    let host = match host.rsplit_once(':') {
        Some((h, port)) if port.bytes().all(|b| b.is_ascii_digit()) => h,
        _ => host,
    };
    let path = path.split(['?', '#']).next().unwrap_or("");
    (host.to_lowercase(), basename(path).to_lowercase())
}

fn extension(file: &str) -> &str {
    file.rsplit_once('.').map_or("", |(_, e)| e)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn job(url: &str) -> Vec<Hit> {
        let mut s = Sample::default();
        s.row(&persist::TABLE, "ws1", "2026-03-02T09:00:00Z", |b| {
            b.text(persist::KIND, "bits");
            b.text(persist::NAME, "upd");
            b.text(persist::CONTENT, url);
        });
        s.hits(&Lol03)
    }

    #[test]
    fn updates_and_internal_transfers_are_quiet() {
        assert!(job("https://download.windowsupdate.com/c/msdownload/update.exe").is_empty());
        assert!(job("http://10.0.0.5/list.xml").is_empty());
        assert_eq!(job("http://10.0.0.5/calc.exe")[0].level, Level::Low);
        assert!(job("https://cdn.vendor.example/list.json").is_empty());
    }

    #[test]
    fn code_from_a_bare_address_is_medium() {
        let hits = job("http://198.51.100.7:8080/a/b.exe?x=1");
        assert_eq!(hits.len(), 1);
        assert_eq!(hits[0].level, Level::Medium);
        assert_eq!(hits[0].techniques, ["T1197", "T1105"]);
    }
}
