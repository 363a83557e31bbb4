//! CRED-08: records that say by themselves that the directory or the LSASS process was opened.
//!
//! Sees: the database engine creating or attaching a copy of `ntds.dit` outside its folder (ESENT 216, 325 to 327); the exit monitor
//! reporting that another program "ended" LSASS (3001), which writes its memory; libraries set to be loaded into LSASS by the directory's or
//! LSA's extension points; libraries without a signature that LSASS loads.
//! Why: each is a way to all passwords of a domain or a host that leaves no process or access record.
//! Benign causes: backup of the directory by media creation; password filters of the organisation.
//! Sources: Microsoft's documentation of ntdsutil and of silent process exit; Sigma (ntdsutil abuse, DirectoryServiceExtPt: high);
//! ATT&CK T1003.003, T1003.001, T1546.012, T1547.008.

use super::deeds::Folded;
use super::event_fields::{self, Fields, events};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::registry_changes::{self, changes};
use super::starts::quote;
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::knowledge::programs::base_name;
use crate::lake::frame::Row;
use crate::rules::paths;
use crate::schema::{event, image_load, registry};

/// See the module.
pub struct Cred08;

/// Values below which LSASS looks for libraries.
const EXTENSIONS: &[(&str, &str)] = &[
    ("\\services\\ntds", "directoryserviceextpt"),
    ("\\services\\ntds", "lsadbextpt"),
    ("\\control\\lsasrv", "interfacerestrictions"),
];

static META: Meta = Meta {
    id: "CRED-08",
    title: "Directory or LSASS opened",
    sees: "The database engine attaches or creates a copy of ntds.dit outside its folder; the exit monitor reports LSASS ended by another \
           program; a library is set to be loaded into LSASS; LSASS loads one that is not signed (medium; high from a share or a user's folder).",
    why: "It is a way to all passwords without a process or access record.",
    techniques: &["T1003.003", "T1003.001", "T1546.012", "T1547.008"],
    stage: "credential-access",
    family: "lsass and directory",
    key: Key::Host,
    reads: &[
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
        Reads {
            table: &image_load::TABLE,
            columns: &[
                image_load::PATH,
                image_load::SIGNED,
                image_load::IMAGE,
                image_load::PID,
                image_load::PROC_GUID,
            ],
        },
        Reads {
            table: &registry::TABLE,
            columns: registry_changes::COLUMNS,
        },
    ],
    level: Level::High,
    decisive: false,
    thresholds: &[Threshold {
        name: "snapshot_quality",
        value: 0.6,
        unit: "quality of a snapshot that is only read",
        source: "[J] backup products mount snapshots",
    }],
    benign: &[
        "media creation and backup of the directory",
        "password filters of the organisation",
    ],
};

impl Signal for Cred08 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for (row, fields) in events(rows.table(&event::TABLE), "", &[216, 325, 326, 327, 3001]) {
            let hit = if row.code() == 3001 {
                exit_monitor(row, &fields)
            } else {
                database(cx, row, &fields)
            };
            hit.into_iter().for_each(|h| found.add(h));
        }
        for change in changes(rows.table(&registry::TABLE), |key| {
            EXTENSIONS.iter().any(|(k, _)| key.to_lowercase().ends_with(k))
        }) {
            let named = EXTENSIONS.iter().any(|(_, value)| *value == change.value);
            if change.is_set() && named && !change.data.is_empty() {
                let explain = format!(
                    "{} set a library to be loaded into LSASS: {}",
                    change.writer(),
                    quote(change.data)
                );
                let hit = Hit::at(&META, change.row, format!("extension|{}", change.value), explain);
                found.add(
                    hit.techniques(&["T1003.001", "T1547.008"])
                        .ioc(Ioc::File(change.data.to_owned())),
                );
            }
        }
        for row in rows.table(&image_load::TABLE).iter() {
            into_lsass(row).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

/// A library without a valid signature that LSASS loads.
fn into_lsass(row: Row<'_>) -> Option<Hit> {
    if !base_name(row.str(image_load::IMAGE)).eq_ignore_ascii_case("lsass.exe")
        || row.int(image_load::SIGNED) != Some(0)
    {
        return None;
    }
    let path = row.str(image_load::PATH);
    let odd = paths::user_writable(path).is_some();
    let explain = format!("LSASS loaded {}, which is not signed", quote(path));
    Some(
        Hit::at(&META, row, base_name(path).to_lowercase(), explain)
            .level(if odd { Level::High } else { Level::Medium })
            .techniques(&["T1003.001", "T1547.008"])
            .ioc(Ioc::File(path.to_owned())),
    )
}

/// The values of an event whose fields have no names of their own.
fn values(fields: &Fields) -> impl Iterator<Item = &str> {
    [
        "Data_1", "Data_2", "Data_3", "Data_4", "Data_5", "Data_6", "Data_7", "Data_8", "param1", "param2",
    ]
    .into_iter()
    .map(|n| fields.get(n))
}

fn database(cx: &Cx<'_>, row: Row<'_>, fields: &Fields) -> Option<Hit> {
    let path = values(fields).find(|v| v.to_lowercase().ends_with("\\ntds.dit"))?;
    let lower = path.to_lowercase();
    if lower.ends_with(":\\windows\\ntds\\ntds.dit") && !lower.contains("$snap_") {
        return None;
    }
    let snapshot = lower.contains("$snap_") || lower.contains("harddiskvolumeshadowcopy");
    let done = if row.code() == 325 { "created" } else { "opened" };
    let explain = format!("The database engine {done} a copy of the directory at {}", quote(path));
    Some(
        Hit::at(&META, row, "ntds.dit copy", explain)
            .quality(if snapshot {
                cx.number(&META, "snapshot_quality")
            } else {
                1.0
            })
            .techniques(&["T1003.003"])
            .ioc(Ioc::File(path.to_owned())),
    )
}

fn exit_monitor(row: Row<'_>, fields: &Fields) -> Option<Hit> {
    if fields.get("EventSourceName") != "Process Exit Monitor"
        && !fields.get("EventData_Name").contains("PROCESSTERMINATION")
    {
        return None;
    }
    let (ended, by) = (fields.get("param1"), fields.get("param2"));
    if !base_name(ended).eq_ignore_ascii_case("lsass.exe") {
        return None;
    }
    let explain = format!(
        "{} made Windows treat LSASS as ended, which writes its memory to a file",
        quote(by)
    );
    Some(
        Hit::at(&META, row, format!("exit|{}", base_name(by).to_lowercase()), explain)
            .techniques(&["T1003.001", "T1546.012"])
            .ioc(Ioc::File(by.to_owned())),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::common;
    use crate::signals::testing::Sample;

    fn hits(code: i64, extra: &str) -> Vec<Hit> {
        let mut s = Sample::default();
        s.row(&event::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
            b.int(common::EVENT_CODE, code);
            b.text(common::CHANNEL, "Application");
            b.text(common::EXTRA, extra);
        });
        s.hits(&Cred08)
    }

    #[test]
    fn copies_of_the_directory_and_ended_lsass_fire() {
        let found = hits(325, r#"{"Data_1":"NTDS","Data_5":"C:\\Users\\bob\\x\\ntds.dit"}"#);
        assert_eq!((found.len(), found[0].quality), (1, 1.0));
        let exit = r#"{"EventSourceName":"Process Exit Monitor","param1":"C:\\Windows\\System32\\lsass.exe","param2":"C:\\a.exe"}"#;
        assert_eq!(hits(3001, exit)[0].techniques, ["T1003.001", "T1546.012"]);
    }

    #[test]
    fn the_directory_itself_and_other_programs_stay_quiet() {
        assert!(hits(326, r#"{"Data_5":"C:\\Windows\\NTDS\\ntds.dit"}"#).is_empty());
        assert!(
            hits(
                3001,
                r#"{"EventSourceName":"Process Exit Monitor","param1":"C:\\x.exe","param2":"C:\\a.exe"}"#
            )
            .is_empty()
        );
        assert!(hits(326, r#"{"Data_5":"C:\\Windows\\edb.dat"}"#).is_empty());
    }
}
