//! Entra ID logs as JSON: diagnostic settings (Event Hub, storage), Microsoft Graph sign-ins, the SigninLogs table.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::time::{self, DateOrder, TimeQuality, Ts};
use crate::ingest::encoding::fallback;
use crate::ingest::framing::{Framing, JsonObjects, Piece};
use crate::ingest::json_fields::{member, object};
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::Sink;

/// Sign-ins; audit and risk records are kept as events.
pub struct EntraJson;

impl Format for EntraJson {
    fn id(&self) -> &'static str {
        "entra_json"
    }

    fn about(&self) -> &'static str {
        "Microsoft Entra ID sign-ins: diagnostic settings, Graph, SigninLogs"
    }

    fn framing(&self) -> Framing {
        Framing::Json
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        sniff(head.bytes)
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let page = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        for piece in JsonObjects::at(block.bytes, block.place) {
            match piece {
                Piece::Record(at, bytes) => {
                    let (text, _) = fallback(bytes, page);
                    let offset = block.offset + at as u64;
                    match object(&text) {
                        Some(fields) => sink.event(&record(fields, offset)),
                        None => sink.reject(offset, "no valid JSON object", bytes),
                    }
                }
                Piece::Damaged(at, bytes) => {
                    sink.reject(block.offset + at as u64, "no complete JSON object", bytes);
                }
            }
        }
    }
}

fn sniff(head: &[u8]) -> Sniff {
    let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    if !matches!(head.first(), Some(b'{' | b'[')) {
        return Sniff::No("no JSON");
    }
    let head = head.get(..64 << 10).unwrap_or(head);
    let has = |key: &str| memchr::memmem::find(head, format!("\"{key}\"").as_bytes()).is_some();
    let any = |keys: &[&str]| keys.iter().any(|k| has(k));
    let found = match () {
        () if has("category") && any(SIGNINS) => "sign-in category",
        () if has("category") && any(OTHERS) && has("resourceId") => "audit or risk category",
        () if has("createdDateTime") && has("userPrincipalName") && any(&["appDisplayName", "clientAppUsed"]) => {
            "Graph sign-ins"
        }
        () if has("UserPrincipalName") && has("ResultType") && has("AppDisplayName") => "SigninLogs table",
        () => return Sniff::No("no keys of an Entra sign-in"),
    };
    Sniff::Yes(92, found.into())
}

const SIGNINS: &[&str] = &[
    "SignInLogs",
    "SigninLogs",
    "NonInteractiveUserSignInLogs",
    "ServicePrincipalSignInLogs",
    "ManagedIdentitySignInLogs",
    "ADFSSignInLogs",
];

const OTHERS: &[&str] = &[
    "AuditLogs",
    "RiskyUsers",
    "UserRiskEvents",
    "ServicePrincipalRiskEvents",
    "ProvisioningLogs",
];

fn record<'t>(outer: Vec<Field<'t>>, offset: u64) -> Raw<'t> {
    let category = member(&outer, "category")
        .or_else(|| member(&outer, "Category"))
        .unwrap_or("")
        .to_owned();
    let inner = properties(&outer);
    let mut raw = Raw::log(kind(&category, &outer, inner.is_some()), offset);
    match inner {
        None => raw.fields = outer.into_iter().filter(is_there).collect(),
        Some(inner) => {
            raw.fields = inner.into_iter().filter(is_there).collect();
            for field in outer.into_iter().filter(|f| f.name != "properties" && is_there(f)) {
                around(&mut raw, field);
            }
        }
    }
    if let Some((ts, quality)) = moment(&raw) {
        (raw.time, raw.quality) = (Some(ts), quality);
    }
    raw
}

/// The properties inside the record that Azure Monitor puts around them.
fn properties<'t>(outer: &[Field<'t>]) -> Option<Vec<Field<'t>>> {
    let inner = outer.iter().find(|f| f.name == "properties")?;
    match &inner.value {
        Value::Raw(Cow::Borrowed(text)) => object(text),
        _ => None,
    }
}

/// Adds a field of the surrounding record: what mappers read beside the properties, the rest into the envelope. A name that
/// the properties have too is told apart.
fn around<'t>(raw: &mut Raw<'t>, field: Field<'t>) {
    let taken = raw.fields.iter().find(|f| f.name == field.name);
    let mut field = field;
    match taken {
        Some(same) if same.value == field.value => {}
        Some(_) => {
            field.name = format!("envelope.{}", field.name).into();
            raw.envelope.push(field);
        }
        None if READ.contains(&&*field.name) => raw.fields.push(field),
        None => raw.envelope.push(field),
    }
}

/// Fields of the surrounding record that the mapper reads.
const READ: &[&str] = &["resultType", "resultDescription", "callerIpAddress", "location", "time"];

fn kind(category: &str, fields: &[Field<'_>], wrapped: bool) -> &'static str {
    let signin = category.ends_with("SignInLogs") || category == "SigninLogs";
    let bare = !wrapped
        && ["createdDateTime", "ResultType", "resultType"]
            .iter()
            .any(|n| member(fields, n).is_some())
        && category.is_empty();
    match category {
        _ if signin || bare => "entra.signin",
        // Sentinel's Category column of its sign-in tables names the log.
        "AuditLogs" => "entra.audit",
        _ if category.contains("Risk") => "entra.risk",
        _ => "entra.event",
    }
}

/// When it happened; `time` is when it was delivered, minutes later.
fn moment(raw: &Raw<'_>) -> Option<(Ts, TimeQuality)> {
    const NAMES: &[&str] = &[
        "createdDateTime",
        "CreatedDateTime",
        "activityDateTime",
        "ActivityDateTime",
        "TimeGenerated",
        "time",
    ];
    NAMES.iter().find_map(|n| {
        let text = raw.get(n)?.as_bytes();
        if let Some((ts, zone)) = time::rfc3339(text) {
            return Some((ts, zone.quality()));
        }
        // Risk events are delivered in the US form, in UTC as everything of Azure Monitor.
        time::us_datetime(text, DateOrder::Mdy).map(|(ts, _)| (ts, TimeQuality::Utc))
    })
}

fn is_there(field: &Field<'_>) -> bool {
    !matches!(&field.value, Value::Null) && field.value.text() != Some("")
}

#[cfg(test)]
mod tests;
