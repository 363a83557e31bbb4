//! AppLocker. What was blocked or would have been (audit) is an `alert` with the verbs `block` and `audit`; what was
//! allowed (8002, 8005, 8020, 8023) is an `image_load` with the verb `allow`, so that no alert is made of every start.
//! `FileHash` is the Authenticode hash, not that of the whole file, and stays in `extra`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::schema::builder::TableSet;
use crate::schema::{alert, common, image_load};

/// Decisions of AppLocker.
pub struct AppLocker;

static ALERT: FieldMap = FieldMap::new(&[
    ("FilePath", alert::OBJECT, Dec::Text),
    ("Package", alert::OBJECT, Dec::Text),
    ("RuleName", alert::RULE, Dec::Text),
    ("PolicyName", alert::CATEGORY, Dec::Text),
    ("PolicyNameBuffer", alert::CATEGORY, Dec::Text),
    ("Fqbn", alert::EVIDENCE, Dec::Text),
    ("TargetUser", common::USER_SID, Dec::Sid),
    ("TargetProcessId", alert::PID, Dec::Int),
    ("TargetLogonId", common::LOGON_ID, Dec::Session),
]);

static ALLOWED: FieldMap = FieldMap::new(&[
    ("FilePath", image_load::PATH, Dec::Text),
    ("Package", image_load::PATH, Dec::Text),
    ("Fqbn", image_load::SIGNER, Dec::Text),
    ("TargetUser", common::USER_SID, Dec::Sid),
    ("TargetProcessId", image_load::PID, Dec::Int),
    ("TargetLogonId", common::LOGON_ID, Dec::Session),
]);

impl Mapper for AppLocker {
    fn id(&self) -> &'static str {
        "applocker"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(
            Source::AppLocker,
            &[8002, 8003, 8004, 8005, 8006, 8007, 8020, 8021, 8022, 8023, 8024, 8025],
        )]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        match raw.code {
            Some(8002 | 8005 | 8020 | 8023) => allowed(raw, out, cx),
            Some(8003 | 8006 | 8021 | 8024) => hit(raw, out, cx, "audit"),
            _ => hit(raw, out, cx, "block"),
        }
    }
}

fn allowed(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
    let mut row = Row::begin(out, &image_load::TABLE, raw, cx);
    // The full path knows the drive where the other has a variable for it.
    row.field("FullFilePath", image_load::PATH, Dec::Text);
    row.fields(&ALLOWED);
    row.action("allow");
    row.cells.text(common::OUTCOME, "success");
    row.base_name(image_load::PATH, image_load::NAME);
    row.finish();
}

fn hit(raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>, verb: &'static str) {
    let mut row = Row::begin(out, &alert::TABLE, raw, cx);
    row.field("FullFilePath", alert::OBJECT, Dec::Text);
    row.fields(&ALERT);
    row.action(verb);
    row.cells.text(alert::PRODUCT, "AppLocker");
    row.cells.text(
        alert::TITLE,
        if verb == "block" {
            "Program blocked"
        } else {
            "Program would be blocked"
        },
    );
    if verb == "block" {
        row.cells.text(common::OUTCOME, "blocked");
    }
    row.finish();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn only_what_is_blocked_or_audited_is_an_alert() {
        let f = [
            ("FilePath", "%OSDRIVE%\\X.EXE"),
            ("FullFilePath", "C:\\X.EXE"),
            ("TargetUser", "S-1-5-21-1"),
        ];
        let e = |code| run(&event("Microsoft-Windows-AppLocker", "x/EXE and DLL", code, &f));
        let s = e(8004);
        assert_eq!(
            (s.table, s.action(), s.outcome(), s.text(alert::OBJECT)),
            ("alert", "block", "blocked", "C:\\X.EXE")
        );
        assert_eq!(s.extra("FilePath").as_deref(), Some("%OSDRIVE%\\X.EXE"));
        assert_eq!((e(8003).table, e(8003).action()), ("alert", "audit"));
        let s = e(8002);
        assert_eq!(
            (s.table, s.action(), s.text(image_load::NAME)),
            ("image_load", "allow", "x.exe")
        );
    }
}
