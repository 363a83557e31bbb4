//! NET-05: where a host's traffic goes is changed by hand.
//!
//! Sees: a proxy or a proxy script set for the user (WinINet 5600), and the hosts file written by a program that is not Windows' own.
//! Why: whoever sets the way can read and change what passes, or keep updates and security services away.
//! Benign causes: policies that set one proxy everywhere (the fleet makes it common), developers and VPN clients that write the hosts file.
//! Sources: the manifest of Microsoft-Windows-WinINet-Config; MITRE ATT&CK T1090, T1565.001.

use super::deeds::{Folded, actor};
use super::event_fields::{self, events};
use super::meta::{Key, Level, Meta, Reads};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::{base_name, stem};
use crate::lake::frame::Row;
use crate::schema::{common, event, file};

/// See the module.
pub struct Net05;

static META: Meta = Meta {
    id: "NET-05",
    title: "Proxy or hosts file changed",
    sees: "A proxy or proxy script is set, or the hosts file is written by a program that is not Windows' own (medium by a console, script or a program of a user's folder).",
    why: "Whoever sets the way can read what passes or keep updates away.",
    techniques: &["T1090", "T1565.001"],
    stage: "command-and-control",
    family: "periodicity",
    key: Key::Host,
    reads: &[
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
        Reads {
            table: &file::TABLE,
            columns: &[common::ACTION, common::USER, file::PATH, file::NAME, file::IMAGE],
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[],
    benign: &["policies that set one proxy everywhere", "developers", "VPN clients"],
};

/// Programs of Windows that service the file.
const SERVICING: &[&str] = &["msmpeng", "svchost", "system", "tiworker", "trustedinstaller"];

impl Signal for Net05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for (row, fields) in events(rows.table(&event::TABLE), "wininet-config", &[5600]) {
            for (name, what) in [("pwszProxy", "proxy"), ("pwszAutoConfigUrl", "proxy script")] {
                let value = fields.get(name);
                if !value.is_empty() {
                    let explain = format!("The {what} {} was set", quote(value));
                    let mut hit =
                        Hit::at(&META, row, format!("{what}|{}", value.to_lowercase()), explain).techniques(&["T1090"]);
                    if value.contains("://") {
                        hit.iocs.push(Ioc::Url(value.to_owned()));
                    }
                    found.add(hit);
                }
            }
        }
        for row in rows.table(&file::TABLE).iter().filter(|r| r.str(file::NAME) == "hosts") {
            hosts(row).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

fn hosts(row: Row<'_>) -> Option<Hit> {
    let path = row.str(file::PATH).to_lowercase();
    let written = matches!(row.str(common::ACTION), "create" | "write" | "modify" | "rename");
    let program = stem(base_name(row.str(file::IMAGE))).to_lowercase();
    if !written
        || !path.ends_with("\\drivers\\etc\\hosts")
        || program.is_empty()
        || SERVICING.contains(&program.as_str())
    {
        return None;
    }
    let explain = format!(
        "{} wrote the hosts file with {}",
        actor(row),
        quote(row.str(file::IMAGE))
    );
    let image = row.str(file::IMAGE);
    let odd =
        super::registry_changes::is_scripted_writer(&program) || crate::rules::paths::user_writable(image).is_some();
    Some(
        Hit::at(&META, row, format!("hosts|{program}"), explain)
            .level(if odd { Level::Medium } else { META.level })
            .techniques(&["T1565.001"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    #[test]
    fn a_proxy_counts_when_it_is_set() {
        let run = |proxy: &str| {
            let mut sample = Sample::default();
            sample.row(&event::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 5600);
                b.text(common::PROVIDER, "Microsoft-Windows-WinINet-Config");
                b.text(
                    common::EXTRA,
                    &serde_json::json!({ "pwszProxy": proxy, "pwszAutoConfigUrl": "" }).to_string(),
                );
            });
            sample.hits(&Net05).len()
        };
        assert_eq!((run("http://203.0.113.9:8080"), run("")), (1, 0));
    }

    #[test]
    fn the_hosts_file_counts_by_its_writer() {
        let run = |image: &str, path: &str| {
            let mut sample = Sample::default();
            sample.row(&file::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.text(common::ACTION, "create");
                b.text(file::PATH, path);
                b.text(file::NAME, "hosts");
                b.text(file::IMAGE, image);
            });
            sample.hits(&Net05).len()
        };
        let hosts = r"C:\Windows\System32\drivers\etc\hosts";
        assert_eq!(run(r"C:\tools\ed.exe", hosts), 1);
        assert_eq!(run(r"C:\Windows\System32\svchost.exe", hosts), 0);
        assert_eq!(run(r"C:\tools\ed.exe", r"C:\backup\hosts"), 0);
    }
}
