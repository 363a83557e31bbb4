//! Sign-ins of Entra ID: diagnostic settings, Microsoft Graph, the SigninLogs table.
//!
//! Verb: `logon`, logon type 100. There is no host. An interruption for a second factor, consent or a choice of account is
//! no failure: it has no outcome.

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::decode::{Dec, split_user};
use crate::ingest::json_fields::{member, object};
use crate::ingest::raw::{Field, Raw};
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::schema::builder::TableSet;
use crate::schema::{Col, auth, common};

/// Sign-ins of users, service principals and managed identities.
pub struct EntraSignin;

static FIELDS: FieldMap = FieldMap::new(&[
    ("appDisplayName", auth::APP, Dec::Text),
    ("AppDisplayName", auth::APP, Dec::Text),
    ("userAgent", auth::UA, Dec::Text),
    ("UserAgent", auth::UA, Dec::Text),
    ("riskLevelDuringSignIn", auth::RISK, Dec::Text),
    ("RiskLevelDuringSignIn", auth::RISK, Dec::Text),
    ("authenticationRequirement", auth::MFA, Dec::Text),
    ("AuthenticationRequirement", auth::MFA, Dec::Text),
    ("autonomousSystemNumber", auth::ASN, Dec::Int),
    ("AutonomousSystemNumber", auth::ASN, Dec::Int),
    ("userId", auth::TARGET_SID, Dec::Text),
    ("UserId", auth::TARGET_SID, Dec::Text),
    ("resourceDisplayName", auth::SERVICE, Dec::Text),
    ("ResourceDisplayName", auth::SERVICE, Dec::Text),
]);

/// Errors that only ask for a next step, from Microsoft's list of AADSTS codes: choice of account (16000, 16001), silent
/// sign-in (50058, 50059), second factor to register (50072, 50125, 50203) or to give (50074, 50076, 50078, 50079), device or
/// broker (50097, 50127, 50129, 50199), "stay signed in?" (50140), external challenge (50158), end of a session (50132,
/// 70043, 70044), Windows integrated authentication (51006), consent (65001).
const INTERRUPTS: &[u32] = &[
    16000, 16001, 50058, 50059, 50072, 50074, 50076, 50078, 50079, 50097, 50125, 50127, 50129, 50132, 50140, 50158,
    50199, 50203, 51006, 65001, 70043, 70044,
];

/// Refusals by policy: device state 53000 to 53002, conditional access 53003, 53004, 530032, 530034.
const BLOCKED: &[u32] = &[53000, 53001, 53002, 53003, 53004, 53011, 530032, 530034, 530035];

impl Mapper for EntraSignin {
    fn id(&self) -> &'static str {
        "entra_signin"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Log("entra.signin")]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &auth::TABLE, raw, cx);
        row.action("logon");
        row.cells.int(auth::LOGON_TYPE, 100);
        row.fields(&FIELDS);
        user(&mut row);
        address(&mut row);
        result(&mut row);
        device(&mut row);
        place(&mut row);
        row.finish();
    }
}

/// The first of these fields that is there and not empty.
fn first<'r>(row: &Row<'_, 'r>, names: &[&'static str]) -> Option<&'r str> {
    names.iter().find_map(|n| row.peek(n).filter(|t| !t.is_empty()))
}

fn nested<'r>(row: &Row<'_, 'r>, names: &[&'static str]) -> Vec<Field<'r>> {
    names.iter().find_map(|n| object(row.peek(n)?)).unwrap_or_default()
}

fn user(row: &mut Row<'_, '_>) {
    for name in [
        "userPrincipalName",
        "UserPrincipalName",
        "servicePrincipalName",
        "ServicePrincipalName",
    ] {
        let Some(upn) = row.peek(name).filter(|t| !t.is_empty()) else {
            continue;
        };
        let (user, domain) = split_user(upn);
        row.cells.text(common::USER, user);
        row.cells.text(auth::TARGET_USER, user);
        if let Some(d) = domain {
            row.cells.text(common::USER_DOMAIN, d);
            row.cells.text(auth::TARGET_DOMAIN, d);
        }
        let again = domain.map_or_else(|| user.to_owned(), |d| format!("{user}@{d}"));
        if again == upn {
            row.take(name);
        }
        return;
    }
}

fn address(row: &mut Row<'_, '_>) {
    for name in ["ipAddress", "IPAddress", "callerIpAddress", "CallerIpAddress"] {
        let Some((address, port)) = row.peek(name).and_then(ip::parse_with_port) else {
            continue;
        };
        row.cells.ip(auth::SRC_IP, &address);
        if let Some(p) = port {
            row.cells.int(auth::SRC_PORT, i64::from(p));
        }
        if row.peek(name) == Some(&*ip::display(&address)) {
            row.take(name);
        }
        return;
    }
}

fn result(row: &mut Row<'_, '_>) {
    let status = nested(row, &["status", "Status"]);
    let code = first(row, &["resultType", "ResultType"]).or_else(|| member(&status, "errorCode"));
    let code = code.and_then(|c| c.trim().parse::<u32>().ok());
    if let Some(code) = code {
        row.cells.int(auth::STATUS, i64::from(code));
        let outcome = match code {
            0 => Some("success"),
            c if BLOCKED.contains(&c) => Some("blocked"),
            c if INTERRUPTS.contains(&c) => None,
            _ => Some("failure"),
        };
        if let Some(o) = outcome {
            row.cells.text(common::OUTCOME, o);
        }
    }
    // Graph says "Other." where there is nothing to say.
    let reason = member(&status, "failureReason").or_else(|| first(row, &["resultDescription", "ResultDescription"]));
    if let Some(r) = reason.filter(|r| !r.is_empty() && *r != "Other." && code != Some(0)) {
        row.cells.text(auth::FAIL_REASON, r);
    }
}

fn device(row: &mut Row<'_, '_>) {
    let detail = nested(row, &["deviceDetail", "DeviceDetail"]);
    let named = ["displayName", "deviceId"]
        .into_iter()
        .find_map(|n| member(&detail, n).filter(|t| !t.is_empty()));
    if let Some(d) = named {
        row.cells.text(auth::DEVICE, d);
    }
}

fn place(row: &mut Row<'_, '_>) {
    let place = nested(row, &["location", "LocationDetails"]);
    text(row, auth::CITY, member(&place, "city"));
    text(row, auth::COUNTRY, member(&place, "countryOrRegion"));
    // The record around the properties, and the Location column, hold the country alone.
    let country = first(row, &["location", "Location"]).filter(|t| !t.starts_with('{'));
    text(row, auth::COUNTRY, country);
    let coordinates = member(&place, "geoCoordinates").and_then(object).unwrap_or_default();
    let degree = |name, most: f32| {
        let v = member(&coordinates, name)?.parse::<f32>().ok()?;
        (-most..=most).contains(&v).then_some(v)
    };
    if let (Some(lat), Some(lon)) = (degree("latitude", 90.0), degree("longitude", 180.0)) {
        // 0, 0 is how an unknown place is written.
        if lat != 0.0 || lon != 0.0 {
            row.cells.float(auth::LAT, lat);
            row.cells.float(auth::LON, lon);
        }
    }
}

fn text(row: &mut Row<'_, '_>, col: Col, value: Option<&str>) {
    if let Some(t) = value.filter(|t| !t.is_empty()) {
        row.cells.text(col, t);
    }
}
