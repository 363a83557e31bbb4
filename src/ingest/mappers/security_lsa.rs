//! Security 4610, 4611, 4614, 4622: libraries and packages that the local security authority takes in (`load`).
//! The value is `C:\…\kerberos.DLL : Kerberos`, or (4611) the name of a logon process.

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{finish_security, first, security_row};
use crate::schema::builder::TableSet;
use crate::schema::image_load as t;

/// Packages of the local security authority.
pub struct SecurityLsa;

const FIELDS: &[&str] = &[
    "AuthenticationPackageName",
    "NotificationPackageName",
    "SecurityPackageName",
    "LogonProcessName",
];

impl Mapper for SecurityLsa {
    fn id(&self) -> &'static str {
        "security_lsa"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Security, &[4610, 4611, 4614, 4622])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = security_row(out, &t::TABLE, raw, cx);
        row.action("load");
        row.cells.text(t::KIND, "dll");
        if let Some(text) = first(&row, FIELDS) {
            let (path, package) = text.split_once(" : ").unwrap_or((text, ""));
            row.cells.text(t::PATH, path.trim());
            if !package.is_empty() {
                row.cells.text(t::DESCR, package.trim());
            }
            row.base_name(t::PATH, t::NAME);
        }
        finish_security(row, raw);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::security;

    #[test]
    fn a_package_is_split_from_its_library() {
        let s = security(
            4622,
            &[("SecurityPackageName", "C:\\Windows\\system32\\Evil.DLL : Evil")],
        );
        assert_eq!(
            (s.table, s.action(), s.text(t::NAME), s.text(t::DESCR)),
            ("image_load", "load", "evil.dll", "Evil")
        );
    }
}
