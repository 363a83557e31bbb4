//! Detections and blocks of Defender: antivirus, ASR, exploit guard, SmartScreen, tampering; AlertInfo, AlertEvidence.
//!
//! Verbs: `alert` (AlertInfo), `evidence` (AlertEvidence), `detection` (all others).

use super::{Claim, Mapper};
use crate::ingest::decode::Dec;
use crate::ingest::json_fields::{member, object};
use crate::ingest::mde::kind;
use crate::ingest::mde_row::{Additional, actor, join};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row, canonical_host};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{alert, common};

/// Alerts.
pub struct MdeAlert;

static FIELDS: FieldMap = FieldMap::new(&[
    ("Title", alert::TITLE, Dec::Text),
    ("Severity", alert::SEVERITY, Dec::Text),
    ("Category", alert::CATEGORY, Dec::Text),
    ("Categories", alert::CATEGORY, Dec::Text),
    ("ServiceSource", alert::PRODUCT, Dec::Text),
    ("AlertId", alert::DETECTION_ID, Dec::Text),
    ("ThreatFamily", alert::THREAT, Dec::Text),
    ("EntityType", alert::EVIDENCE, Dec::Text),
    ("SHA1", alert::SHA1, Dec::Hash),
    ("SHA256", alert::SHA256, Dec::Hash),
]);

impl Mapper for MdeAlert {
    fn id(&self) -> &'static str {
        "mde_alert"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log(kind::ALERT)]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &alert::TABLE, raw, cx);
        let more = Additional::of(&row);
        row.fields(&FIELDS);
        match (row.peek("ActionType"), row.peek("EntityType")) {
            (Some(action), _) => detection(&mut row, &more, action),
            (None, Some(_)) => evidence(&mut row, &more),
            (None, None) => row.action("alert"),
        }
        let techniques = row.peek("AttackTechniques").map(techniques).unwrap_or_default();
        if !techniques.is_empty() {
            row.cells.list(alert::TECHNIQUES, techniques);
        }
        concerned(&mut row);
        actor(&mut row, alert::PID, alert::PROC_START, alert::IMAGE);
        row.finish();
    }
}

fn detection(row: &mut Row<'_, '_>, more: &Additional<'_>, action: &str) {
    row.action("detection");
    row.cells.text(alert::PRODUCT, "Microsoft Defender for Endpoint");
    row.cells.text(alert::TITLE, action);
    more.text(row, "ThreatName", alert::THREAT);
    more.text(row, "RuleId", alert::RULE);
    more.text(row, "Action", alert::ACTION_TAKEN);
    if action.ends_with("Blocked") {
        row.cells.text(alert::ACTION_TAKEN, "blocked");
        row.cells.text(common::OUTCOME, "blocked");
    } else if action.ends_with("Audited") {
        row.cells.text(alert::ACTION_TAKEN, "audited");
    }
}

fn evidence(row: &mut Row<'_, '_>, more: &Additional<'_>) {
    row.action("evidence");
    for (name, col) in [
        ("AccountName", common::USER),
        ("AccountDomain", common::USER_DOMAIN),
        ("AccountSid", common::USER_SID),
    ] {
        row.field(name, col, Dec::Text);
    }
    // Rows without DeviceName describe their device in the entity, or are that device.
    let host = more.get("Host").and_then(object);
    let name = host
        .as_ref()
        .and_then(|h| member(h, "HostName"))
        .or_else(|| more.get("HostName"));
    if let Some(name) = name.filter(|n| !n.is_empty() && !row.cells.is_set(common::HOST)) {
        row.cells.text(common::HOST, &canonical_host(name));
        row.cells.text(common::HOST_RAW, name);
    }
}

/// What the alert is about: a path, URL, address, registry key or account, in this order.
fn concerned(row: &mut Row<'_, '_>) {
    let path = join(row.peek("FolderPath"), row.peek("FileName"));
    let other = ["RemoteUrl", "RemoteIP", "RegistryKey", "AccountUpn", "EmailSubject"];
    let text = path.or_else(|| other.into_iter().find_map(|n| row.peek(n)).map(str::to_owned));
    if let Some(t) = text {
        row.cells.text(alert::OBJECT, &t);
    }
}

/// The ATT&CK ids in `["Masquerading (T1036)", …]`.
fn techniques(text: &str) -> Vec<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '.')
        .filter(|t| is_technique(t))
        .collect()
}

fn is_technique(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('T') else {
        return false;
    };
    let (number, sub) = rest.split_once('.').unwrap_or((rest, "000"));
    let digits = |t: &str, n: usize| t.len() == n && t.bytes().all(|b| b.is_ascii_digit());
    digits(number, 4) && digits(sub, 3)
}

#[cfg(test)]
mod tests {
    use super::techniques;

    #[test]
    fn technique_ids_are_picked_out_of_their_names() {
        let text = r#"["Masquerading (T1036)","Spearphishing Link (T1566.002)","Thing (TX)","T12345"]"#;
        assert_eq!(techniques(text), ["T1036", "T1566.002"]);
    }
}
