//! Accounts and groups of a device, as Defender for Endpoint sees them.
//!
//! Verbs: `create`, `delete`, `attr_change`, `group_add`, `group_remove`, `pw_change`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::account;
use crate::schema::builder::TableSet;

/// UserAccount*, SecurityGroup*.
pub struct MdeAccount;

static FIELDS: FieldMap = FieldMap::new(&[
    ("AccountName", account::TARGET_USER, Dec::Text),
    ("AccountDomain", account::TARGET_DOMAIN, Dec::Text),
    ("AccountSid", account::TARGET_SID, Dec::Text),
]);

impl Mapper for MdeAccount {
    fn id(&self) -> &'static str {
        "mde_account"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::ACCOUNT)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &account::TABLE, raw, cx);
        row.action(verb(row.peek("ActionType").unwrap_or("")));
        row.fields(&FIELDS);
        let more = Additional::of(&row);
        more.text(&mut row, "GroupName", account::GROUP);
        more.text(&mut row, "GroupSid", account::GROUP_SID);
        if row.peek("ActionType").is_some_and(|a| a.contains("LocalGroup")) {
            for (name, col) in [("AccountName", account::MEMBER), ("AccountSid", account::MEMBER_SID)] {
                if let Some(text) = row.peek(name) {
                    row.cells.text(col, text);
                }
            }
        }
        actor(&mut row, account::PID, account::PROC_START, account::IMAGE);
        row.finish();
    }
}

fn verb(action: &str) -> &'static str {
    match action {
        _ if action.contains("AddedTo") => "group_add",
        _ if action.contains("RemovedFrom") => "group_remove",
        _ if action.contains("Created") => "create",
        _ if action.contains("Deleted") => "delete",
        _ if action.starts_with("Password") => "pw_change",
        _ => "attr_change",
    }
}
