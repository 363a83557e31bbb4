//! Sysmon file and pipe events. Verbs: `modify_time` (2), `create` (11, 27 blocked, 29 an executable), `stream` (15),
//! `pipe_create` (17), `pipe_connect` (18), `delete` (23, 26, 28 blocked shredding).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{context_value, file_names, set, sysmon_fields, verb};
use crate::schema::builder::TableSet;
use crate::schema::{common, file as t};

/// Files, streams and pipes as Sysmon sees them.
pub struct SysmonFile;

static FIELDS: FieldMap = sysmon_fields!(t;
    ("TargetFilename", t::PATH, Dec::Text),
    ("TargetFileName", t::PATH, Dec::Text),
    ("PipeName", t::PATH, Dec::Text),
    ("CreationUtcTime", t::CREATION_TS, Dec::Time),
    ("PreviousCreationUtcTime", t::PREV_CREATION_TS, Dec::Time),
    ("Hashes", t::SHA1, Dec::Hashes),
    ("Hash", t::SHA1, Dec::Hashes),
    ("Contents", t::CONTENTS, Dec::Text),
);

const VERBS: &[(i32, &str)] = &[
    (2, "modify_time"),
    (11, "create"),
    (15, "stream"),
    (17, "pipe_create"),
    (18, "pipe_connect"),
    (23, "delete"),
    (26, "delete"),
    (27, "create"),
    (28, "delete"),
    (29, "create"),
];

impl Mapper for SysmonFile {
    fn id(&self) -> &'static str {
        "sysmon_file"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Sysmon, &[2, 11, 15, 17, 18, 23, 26, 27, 28, 29])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        row.action(verb(VERBS, raw));
        row.cells.text(
            t::KIND,
            match raw.code {
                Some(15) => "stream",
                Some(17 | 18) => "pipe",
                _ => "file",
            },
        );
        if matches!(raw.code, Some(27 | 28)) {
            row.cells.text(common::OUTCOME, "blocked");
        }
        file_names(&mut row);
        if let Some(zone) = row.peek("Contents") {
            set(&mut row, t::ORIGIN_URL, zone_value(zone, "HostUrl"));
            set(&mut row, t::REFERRER_URL, zone_value(zone, "ReferrerUrl"));
        }
        row.finish();
    }
}

/// A value of a Zone.Identifier stream. Sysmon writes its lines with and without line ends between them; a key's
/// value then runs up to the next key.
fn zone_value<'t>(text: &'t str, key: &str) -> &'t str {
    if let Some(v) = context_value(text, key) {
        return v;
    }
    let Some((_, rest)) = text.split_once(key).filter(|(_, r)| r.starts_with('=')) else {
        return "";
    };
    let rest = rest.trim_start_matches('=').lines().next().unwrap_or("");
    let end = [
        "HostUrl=",
        "ReferrerUrl=",
        "ZoneId=",
        "HostIpAddress=",
        "LastWriterPackageFamilyName=",
    ]
    .iter()
    .filter_map(|k| rest.find(k))
    .min()
    .unwrap_or(rest.len());
    rest.get(..end).unwrap_or(rest).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::sysmon;

    #[test]
    fn a_stream_names_its_file_and_where_it_came_from() {
        let s = sysmon(
            15,
            &[
                (
                    "TargetFilename",
                    "C:\\Users\\ann\\Downloads\\Invoice.EXE:Zone.Identifier",
                ),
                (
                    "Hash",
                    "SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
                ),
                (
                    "Contents",
                    "[ZoneTransfer]  ZoneId=3  ReferrerUrl=https://a.example/ HostUrl=https://b.example/x  ",
                ),
            ],
        );
        assert_eq!((s.action(), s.text(t::KIND)), ("stream", "stream"));
        assert_eq!(
            (s.text(t::NAME), s.text(t::EXT)),
            ("invoice.exe:zone.identifier", "exe")
        );
        assert_eq!(s.text(t::ORIGIN_URL), "https://b.example/x");
        assert_eq!(s.text(t::REFERRER_URL), "https://a.example/");
        assert!(!s.is_null(t::SHA256));
    }

    #[test]
    fn a_changed_creation_time_keeps_both_times() {
        let s = sysmon(
            2,
            &[
                ("TargetFilename", "C:\\a.ps1"),
                ("CreationUtcTime", "2020-01-01 00:00:00.000"),
                ("PreviousCreationUtcTime", "2025-03-22 10:14:55.300"),
            ],
        );
        assert_eq!(s.action(), "modify_time");
        assert_eq!(s.int(t::CREATION_TS), Some(1_577_836_800_000_000));
        assert_eq!(s.int(t::PREV_CREATION_TS), Some(1_742_638_495_300_000));
    }

    #[test]
    fn pipes_are_paths_and_blocked_files_are_blocked() {
        let s = sysmon(17, &[("PipeName", "\\msagent_f3a1"), ("EventType", "CreatePipe")]);
        assert_eq!(
            (s.action(), s.text(t::PATH), s.text(t::KIND)),
            ("pipe_create", "\\msagent_f3a1", "pipe")
        );
        let s = sysmon(27, &[("TargetFilename", "C:\\x.exe")]);
        assert_eq!((s.action(), s.outcome()), ("create", "blocked"));
    }
}
