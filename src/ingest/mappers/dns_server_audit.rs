//! The DNS server's audit log: zones, records and settings changed, in `account` like other directory changes. Verbs:
//! `create`, `delete`, `attr_change` by what the id is known to mean, else `dns_change`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::schema::account as t;
use crate::schema::builder::TableSet;

/// Changes of a DNS server.
pub struct DnsServerAudit;

/// The audit ids: 512 to 582 without a gap.
static IDS: [i32; 71] = ids();

static FIELDS: FieldMap = FieldMap::new(&[
    ("NAME", t::OBJECT, Dec::Text),
    ("Name", t::OBJECT, Dec::Text),
    ("Zone", t::GROUP, Dec::Text),
    ("RDATA", t::NEW, Dec::Text),
    ("Setting", t::ATTR, Dec::Text),
    ("PropertyKey", t::ATTR, Dec::Text),
    ("NewValue", t::NEW, Dec::Text),
]);

impl Mapper for DnsServerAudit {
    fn id(&self) -> &'static str {
        "dns_server_audit"
    }

    fn claims(&self) -> &'static [Claim] {
        static CLAIMS: [Claim; 1] = [Claim::Windows(Source::DnsServer, &IDS)];
        &CLAIMS
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.fields(&FIELDS);
        let (verb, kind) = match raw.code {
            Some(512) => ("create", "dns zone"),
            Some(513) => ("delete", "dns zone"),
            Some(514) => ("attr_change", "dns zone"),
            Some(515 | 519) => ("create", "dns record"),
            Some(516 | 520) => ("delete", "dns record"),
            // 541: the setting behind a server-level plug-in library, among others.
            Some(541) => ("attr_change", "dns server"),
            _ => ("dns_change", "dns server"),
        };
        row.action(verb);
        row.cells.text(t::OBJECT_TYPE, kind);
        row.finish();
    }
}

// Runs in the compiler only.
#[allow(clippy::indexing_slicing)]
const fn ids() -> [i32; 71] {
    let mut out = [0; 71];
    let mut i = 0;
    while i < 71 {
        out[i] = 512 + i as i32;
        i += 1;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_new_record_and_a_changed_setting_are_told_apart() {
        let provider = "Microsoft-Windows-DNSServer";
        let channel = "Microsoft-Windows-DNSServer/Audit";
        let f = [
            ("Type", "1"),
            ("NAME", "wpad"),
            ("Zone", "corp.example"),
            ("RDATA", "0x0A000005"),
        ];
        let s = run(&event(provider, channel, 515, &f));
        assert_eq!(
            (s.table, s.action(), s.text(t::OBJECT), s.text(t::GROUP)),
            ("account", "create", "wpad", "corp.example")
        );
        let f = [("Setting", "serverlevelplugindll"), ("NewValue", "\\\\10.0.0.5\\x.dll")];
        let s = run(&event(provider, channel, 541, &f));
        assert_eq!(
            (s.action(), s.text(t::ATTR), s.text(t::NEW)),
            ("attr_change", "serverlevelplugindll", "\\\\10.0.0.5\\x.dll")
        );
    }
}
