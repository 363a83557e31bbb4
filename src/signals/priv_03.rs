//! PRIV-03: a driver that should not run in the kernel.
//!
//! Sees: a driver loaded from a folder that users may write to, or without a valid signature (Sysmon 6); a kernel service whose file lies in
//! such a folder; a driver of the list of known-bad hashes (vulnerable drivers can be listed so).
//! Why: a vulnerable or unsigned driver gives the kernel to whoever loads it, and ends the protection that runs above.
//! Benign causes: hardware and monitoring tools that unpack a driver while they run (CPU-Z, process explorers), test signing.
//! Sources: ATT&CK T1068, T1543.003; the published list of vulnerable drivers for names of folders; judgement.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, Ioc, KeyRows, Prevalence, Signal};
use crate::entity::fleet::Thing;
use crate::knowledge::programs::base_name;
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::{common, image_load as t, persist};

/// See the module.
pub struct Priv03;

/// Drivers that give the kernel to any caller, by the file names under which they are brought along; many of them belong to
/// honest tools, so the name alone is worth a look only. Source: published intrusions. Sorted.
#[rustfmt::skip]
const VULNERABLE: &[&str] = &[
    "aswarpot.sys", "asrdrv101.sys", "capcom.sys", "dbutil_2_3.sys", "dbutildrv2.sys", "echo_driver.sys", "elby_driver.sys",
    "gdrv.sys", "gmer64.sys", "hw.sys", "iqvw64e.sys", "kprocesshacker.sys", "mhyprot2.sys", "mhyprot3.sys", "nvflash.sys",
    "physmem.sys", "procexp152.sys", "rentdrv2.sys", "rtcore64.sys", "rwdrv.sys", "speedfan.sys", "truesight.sys",
    "viragt64.sys", "vboxdrv.sys.old", "winio64.sys", "winring0x64.sys", "zam64.sys", "zamguard64.sys",
];

static META: Meta = Meta {
    id: "PRIV-03",
    title: "Untrusted driver",
    sees: "A driver loaded from a folder that users may write to, without a valid signature or under the name of a vulnerable one; a kernel service whose file lies in such a \
           folder; a driver of a list of known-bad hashes.",
    why: "The kernel belongs to whoever loads a vulnerable driver.",
    techniques: &["T1068", "T1543.003"],
    stage: "privilege-escalation",
    family: "drivers",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::USER,
                common::OUTCOME,
                t::PATH,
                t::NAME,
                t::SHA256,
                t::SHA1,
                t::MD5,
                t::SIGNED,
                t::SIG_STATUS,
                t::SIGNER,
                t::KIND,
                t::PID,
            ],
        },
        Reads {
            table: &persist::TABLE,
            columns: &[
                common::ACTION,
                common::USER,
                common::LOGON_ID,
                persist::KIND,
                persist::NAME,
                persist::COMMAND,
            ],
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "placed_quality",
        value: 0.6,
        unit: "quality of a signed driver in a user's folder",
        source: "[J] tools unpack their drivers so",
    }],
    benign: &["hardware and monitoring tools that unpack a driver", "test signing"],
};

impl Signal for Priv03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter().filter(|r| r.str(t::KIND) == "driver") {
            if let Some(hit) = loaded(cx, row) {
                found.add(hit);
            }
        }
        for row in rows.table(&persist::TABLE).iter() {
            let kernel = row.str(persist::KIND) == "driver_service" && row.str(common::ACTION) == "create";
            if let Some(hit) = kernel.then(|| installed(row)).flatten() {
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
    }
}

fn loaded(cx: &Cx<'_>, row: Row<'_>) -> Option<Hit> {
    let path = row.str(t::PATH);
    let hash = [t::SHA256, t::SHA1, t::MD5].into_iter().find_map(|c| row.text(c));
    let listed = hash.and_then(|h| cx.lists.bad_hash(h));
    let place = paths::user_writable(path);
    let status = row.str(t::SIG_STATUS).to_lowercase();
    let signed = row.int(t::SIGNED) != Some(0) && matches!(status.as_str(), "" | "valid");
    let known = VULNERABLE.contains(&base_name(path).to_lowercase().as_str());
    if listed.is_none() && place.is_none() && signed && !known {
        return None;
    }
    let mut reasons = Vec::new();
    if let Some(name) = listed {
        reasons.push(format!("its hash is listed ({name})"));
    }
    if let Some(place) = place {
        reasons.push(format!("it lies in {place}"));
    }
    if known {
        reasons.push("its name is that of a driver which gives the kernel to any caller".to_owned());
    }
    if !signed {
        let state = if status.is_empty() { "unsigned" } else { status.as_str() };
        reasons.push(format!("its signature is {state}"));
    }
    let level = match (listed, reasons.len()) {
        (Some(_), _) | (None, 2..) => Level::High,
        _ => META.level,
    };
    let population = cx.facts.hosts_with(&t::TABLE).max(1);
    let hosts = hash.map_or(1, |h| cx.facts.seen(Thing::Hash, h).hosts).max(1);
    let explain = format!("The driver {path} was loaded: {}", reasons.join("; "));
    let mut hit = Hit::at(&META, row, base_name(path).to_lowercase(), explain)
        .level(level)
        .quality(if signed && listed.is_none() {
            cx.number(&META, "placed_quality")
        } else {
            1.0
        })
        .techniques(&["T1068"])
        .prevalence(Prevalence::Hosts {
            hosts,
            population: population.max(hosts),
        })
        .ioc(Ioc::File(path.to_owned()));
    hit.iocs.extend(row.text(t::SHA256).map(|h| Ioc::Sha256(h.to_owned())));
    Some(hit)
}

fn installed(row: Row<'_>) -> Option<Hit> {
    let command = row.str(persist::COMMAND);
    // Service managers write `\??\C:\…` before the path.
    let place = paths::user_writable(command.trim_start_matches("\\??\\"))?;
    let name = row.str(persist::NAME);
    let protection =
        name.to_lowercase().starts_with("mpksl") || command.to_lowercase().contains("\\windows defender\\");
    if protection {
        return None;
    }
    let explain = format!("A kernel service {name} was created whose file lies in {place}: {command}");
    Some(
        Hit::at(&META, row, base_name(command).to_lowercase(), explain)
            .level(Level::High)
            .techniques(&["T1068", "T1543.003"])
            .ioc(Ioc::File(command.trim_start_matches("\\??\\").to_owned())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn load(path: &str, signed: bool) -> Option<Level> {
        let mut s = Sample::default();
        s.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(t::KIND, "driver");
            b.text(t::PATH, path);
            b.int(t::SIGNED, i64::from(signed));
            b.text(t::SIG_STATUS, if signed { "Valid" } else { "Unavailable" });
        });
        s.hits(&Priv03).first().map(|h| h.level)
    }

    fn install(command: &str) -> usize {
        let mut s = Sample::default();
        s.row(&persist::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.text(common::ACTION, "create");
            b.text(persist::KIND, "driver_service");
            b.text(persist::NAME, "kd");
            b.text(persist::COMMAND, command);
        });
        s.hits(&Priv03).len()
    }

    #[test]
    fn drivers_of_users_and_unsigned_ones_fire() {
        assert_eq!(load(r"C:\Users\a\x.sys", false), Some(Level::Medium));
        assert_eq!(load(r"C:\Users\a\AppData\Local\Temp\x.sys", false), Some(Level::High));
        assert_eq!(install(r"\??\C:\Users\a\AppData\Local\Temp\y.sys"), 1);
    }

    #[test]
    fn a_vulnerable_driver_is_medium_wherever_it_lies() {
        assert_eq!(
            load(r"C:\Windows\System32\drivers\RwDrv.sys", true),
            Some(Level::Medium)
        );
    }

    #[test]
    fn drivers_of_the_system_stay_quiet() {
        assert_eq!(load(r"C:\Windows\System32\drivers\tcpip.sys", true), None);
        assert_eq!(install(r"\SystemRoot\System32\drivers\vendor.sys"), 0);
    }
}
