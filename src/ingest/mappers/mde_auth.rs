//! Logons of Defender: DeviceLogonEvents (on devices) and IdentityLogonEvents (domain controllers, cloud applications).
//!
//! Verb: `logon`. An attempt has no outcome.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::mde::kind;
use crate::ingest::mde_row::actor;
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{auth, common};

/// DeviceLogonEvents and IdentityLogonEvents.
pub struct MdeAuth;

static FIELDS: FieldMap = FieldMap::new(&[
    ("AccountName", auth::TARGET_USER, Dec::Text),
    ("AccountDomain", auth::TARGET_DOMAIN, Dec::Text),
    ("AccountSid", auth::TARGET_SID, Dec::Text),
    ("LogonId", auth::TARGET_LOGON_ID, Dec::Int),
    ("RemoteIP", auth::SRC_IP, Dec::Ip),
    ("RemotePort", auth::SRC_PORT, Dec::Int),
    ("RemoteDeviceName", auth::SRC_HOST, Dec::Text),
    ("Protocol", auth::AUTH_PKG, Dec::Text),
    ("FailureReason", auth::FAIL_REASON, Dec::Text),
]);

static IDENTITY: FieldMap = FieldMap::new(&[
    ("IPAddress", auth::SRC_IP, Dec::Ip),
    ("Port", auth::SRC_PORT, Dec::Int),
    ("DeviceName", auth::SRC_HOST, Dec::Text),
    ("TargetDeviceName", auth::TARGET_SERVER, Dec::Text),
    ("Application", auth::APP, Dec::Text),
    ("Location", auth::COUNTRY, Dec::Text),
]);

impl Mapper for MdeAuth {
    fn id(&self) -> &'static str {
        "mde_auth"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::LOGON), Claim::Log(kind::IDENTITY)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &auth::TABLE, raw, cx);
        row.action("logon");
        let action = row.peek("ActionType").unwrap_or("");
        if action.starts_with("LogonSuccess") {
            row.cells.text(common::OUTCOME, "success");
        } else if action.starts_with("LogonFailed") {
            row.cells.text(common::OUTCOME, "failure");
        }
        row.fields(&FIELDS);
        if raw.kind == kind::IDENTITY {
            row.fields(&IDENTITY);
        }
        if let Some(n) = row.peek("LogonType").and_then(logon_type) {
            row.cells.int(auth::LOGON_TYPE, n);
        }
        actor(&mut row, auth::PID, auth::PROC_START, auth::IMAGE);
        row.finish();
    }
}

/// The Windows number of a logon type's name; OAuth and SAML sign-ins to cloud applications are 100.
fn logon_type(name: &str) -> Option<i64> {
    Some(match name {
        "Interactive" => 2,
        "Network" => 3,
        "Batch" => 4,
        "Service" => 5,
        "Unlock" => 7,
        "NetworkCleartext" | "NetworkClearText" => 8,
        "NewCredentials" => 9,
        "RemoteInteractive" | "Remote interactive (RDP) logons" => 10,
        "CachedInteractive" => 11,
        "CachedRemoteInteractive" => 12,
        "CachedUnlock" => 13,
        _ if name.starts_with("OAuth2") || name.starts_with("Saml") || name.starts_with("Login:") => 100,
        _ => return None,
    })
}
