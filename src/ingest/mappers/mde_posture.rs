//! State of devices and their protection: DeviceInfo, DeviceNetworkInfo, secure configuration (Tvm), antivirus scans,
//! audit policy, cleared logs.
//!
//! Verbs: `snapshot` (rows that state, rather than report a change), `change`, `clear`, `stop`, `scan`.

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::json_fields::{list, member, object};
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::posture;

/// State of devices.
pub struct MdePosture;

static FIELDS: FieldMap = FieldMap::new(&[
    ("ConfigurationId", posture::SETTING, Dec::Text),
    ("IsCompliant", posture::COMPLIANT, Dec::Bool),
    ("IsApplicable", posture::APPLICABLE, Dec::Bool),
    ("OSPlatform", posture::OS, Dec::Text),
    ("OSBuild", posture::OS_BUILD, Dec::Text),
    ("OnboardingStatus", posture::ONBOARDING, Dec::Text),
    ("NetworkAdapterName", posture::SETTING, Dec::Text),
]);

impl Mapper for MdePosture {
    fn id(&self) -> &'static str {
        "mde_posture"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::POSTURE), Claim::Log(kind::TVM)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &posture::TABLE, raw, cx);
        row.fields(&FIELDS);
        match row.peek("ActionType") {
            Some(action) => event(&mut row, action),
            None if raw.kind == kind::TVM => {
                row.action("snapshot");
                row.cells.text(posture::KIND, "tvm");
                if let Some(mode) = antivirus_mode(&row) {
                    row.cells.text(posture::NEW, &mode);
                }
            }
            None => device(&mut row),
        }
        actor(&mut row, posture::PID, posture::PROC_START, posture::IMAGE);
        row.finish();
    }
}

/// The antivirus mode of configuration `scid-2010`: the first item of the first list in `Context`. Three published hunting
/// queries agree on 0 active, 1 passive, 4 EDR block mode. No context means "not evaluated", not "off".
fn antivirus_mode(row: &Row<'_, '_>) -> Option<String> {
    if row.peek("ConfigurationId") != Some("scid-2010") {
        return None;
    }
    let outer = list(row.peek("Context")?)?;
    let inner = list(outer.first()?.text()?)?;
    let mode = inner.first()?.text()?;
    Some(match mode {
        "0" => "active".into(),
        "1" => "passive".into(),
        "4" => "edr_block".into(),
        other => other.to_owned(),
    })
}

fn device(row: &mut Row<'_, '_>) {
    row.action("snapshot");
    row.cells.text(posture::KIND, "device_info");
    if let Some(addresses) = row.peek("IPAddresses").and_then(list) {
        let objects: Vec<_> = addresses.iter().filter_map(|v| object(v.text()?)).collect();
        row.cells
            .list(posture::IPS, objects.iter().filter_map(|o| member(o, "IPAddress")));
    } else if let Some(ip) = row.peek("PublicIP") {
        row.cells.list(posture::IPS, [ip]);
    }
}

fn event(row: &mut Row<'_, '_>, action: &str) {
    let more = Additional::of(row);
    match action {
        "AuditPolicyModification" => {
            row.action("change");
            row.cells.text(posture::KIND, "audit_policy");
            more.text(row, "SubcategoryGuid", posture::SETTING);
            more.text(row, "AuditPolicyChanges", posture::NEW);
        }
        "SecurityLogCleared" => {
            row.action("clear");
            row.cells.text(posture::KIND, "log_cleared");
            row.cells.text(posture::SETTING, "Security");
        }
        "FirewallServiceStopped" => {
            row.action("stop");
            row.cells.text(posture::KIND, "fw_change");
            row.cells.text(posture::SETTING, "mpssvc");
        }
        _ => {
            row.action(if action.starts_with("AntivirusScan") {
                "scan"
            } else {
                "change"
            });
            row.cells.text(posture::KIND, "av_state");
            row.cells.text(posture::SETTING, action);
            more.text(row, "ScanTypeIndex", posture::NEW);
        }
    }
}
