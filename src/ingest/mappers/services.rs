//! The service control manager (System log). Verbs: `create` (7045), `start`, `stop` and `state` (7036, by the state
//! entered), `update` (7040 start type), `control` (7035), `crash` (7034), `fail` (7000, 7009).
//!
//! 7036 gives the display name and a localised state; its binary tail holds the service's own name and the state's
//! number, and is preferred where it is logged.

use super::{Claim, Mapper};
use crate::ingest::decode::{Dec, hex_bytes};
use crate::ingest::raw::Raw;
use crate::ingest::row::{FieldMap, Row};
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{first, set, unmapped};
use crate::schema::builder::TableSet;
use crate::schema::{common, persist as t};

/// Services installed, started, stopped, changed.
pub struct Services;

static INSTALL: FieldMap = FieldMap::new(&[
    ("ServiceName", t::NAME, Dec::Text),
    ("ImagePath", t::COMMAND, Dec::Text),
    ("ServiceType", t::SERVICE_TYPE, Dec::Text),
    ("StartType", t::START_TYPE, Dec::Text),
    ("AccountName", t::ACCOUNT, Dec::Text),
]);

const CODES: &[i32] = &[7000, 7009, 7034, 7035, 7036, 7040, 7045];

impl Mapper for Services {
    fn id(&self) -> &'static str {
        "services"
    }

    fn claims(&self) -> &'static [Claim] {
        &[
            Claim::Windows(Source::Services, CODES),
            Claim::Windows(Source::System, CODES),
        ]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let kind = &*raw.kind;
        if !kind.is_empty() && !kind.to_ascii_lowercase().contains("service") {
            return unmapped(raw, out, cx);
        }
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        match raw.code {
            Some(7045) => install(&mut row),
            Some(7036) => state(&mut row),
            Some(7040) => start_type(&mut row),
            Some(7035) => {
                row.action("control");
                row.field("param1", t::NAME, Dec::Text);
                row.field("param2", t::STATE, Dec::Text);
            }
            Some(7034) => {
                row.action("crash");
                row.field("param1", t::NAME, Dec::Text);
            }
            // 7000 names the service first, 7009 the time-out in milliseconds.
            code => {
                row.action("fail");
                row.cells.text(common::OUTCOME, "failure");
                row.field(if code == Some(7009) { "param2" } else { "param1" }, t::NAME, Dec::Text);
            }
        }
        row.cells.text(t::KIND, "service");
        row.finish();
    }
}

fn install(row: &mut Row<'_, '_>) {
    row.fields(&INSTALL);
    row.action("create");
    let kind = row.peek("ServiceType").unwrap_or("").to_lowercase();
    if kind.contains("driver") || matches!(kind.as_str(), "0x1" | "0x2" | "1" | "2") {
        row.cells.text(t::KIND, "driver_service");
    }
}

fn state(row: &mut Row<'_, '_>) {
    let tail = row.peek("Binary").and_then(binary_tail);
    let state = first(row, &["param2"]).unwrap_or("");
    let known = match &tail {
        Some((_, 4)) => "start",
        Some((_, 1)) => "stop",
        _ => match state.to_lowercase().as_str() {
            "running" => "start",
            "stopped" => "stop",
            _ => "state",
        },
    };
    row.action(known);
    if let Some((name, _)) = &tail {
        set(row, t::NAME, name);
    }
    row.field(
        "param1",
        if tail.is_some() { t::DISPLAY_NAME } else { t::NAME },
        Dec::Text,
    );
    row.field("param2", t::STATE, Dec::Text);
}

/// `BITS/4` in UTF-16: the service's name and the state it entered (1 stopped, 4 running).
fn binary_tail(hex: &str) -> Option<(String, u32)> {
    let bytes = hex_bytes(hex.trim())?;
    let units: Vec<u16> = bytes
        .chunks_exact(2)
        .filter_map(|p| match p {
            [a, b] => Some(u16::from_le_bytes([*a, *b])),
            _ => None,
        })
        .take_while(|u| *u != 0)
        .collect();
    let text = String::from_utf16(&units).ok()?;
    let (name, state) = text.rsplit_once('/')?;
    Some((name.to_owned(), state.parse().ok()?))
}

/// param1 display name, param2 old and param3 new start type, param4 the service's own name (since Windows 10).
fn start_type(row: &mut Row<'_, '_>) {
    row.action("update");
    let short = first(row, &["param4"]).is_some();
    if short {
        row.field("param4", t::NAME, Dec::Text);
    }
    row.field("param1", if short { t::DISPLAY_NAME } else { t::NAME }, Dec::Text);
    if let Some(new) = row.peek("param3") {
        set(row, t::STATE, new);
    }
    row.field("param3", t::START_TYPE, Dec::Text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{Seen, event, run};

    fn scm(code: i32, fields: &[(&str, &str)]) -> Seen {
        run(&event("Service Control Manager", "System", code, fields))
    }

    #[test]
    fn an_installed_service_names_its_program() {
        let s = scm(
            7045,
            &[
                ("ServiceName", "PSEXESVC"),
                ("ImagePath", "%SystemRoot%\\PSEXESVC.exe"),
                ("ServiceType", "user mode service"),
                ("StartType", "demand start"),
                ("AccountName", "LocalSystem"),
            ],
        );
        assert_eq!((s.table, s.action(), s.text(t::KIND)), ("persist", "create", "service"));
        assert_eq!(
            (s.text(t::NAME), s.text(t::COMMAND)),
            ("PSEXESVC", "%SystemRoot%\\PSEXESVC.exe")
        );
        assert_eq!(
            scm(7045, &[("ServiceType", "kernel mode driver")]).text(t::KIND),
            "driver_service"
        );
    }

    #[test]
    fn the_binary_tail_tells_name_and_state_in_any_language() {
        let tail = "42004900540053002F0031000000";
        let s = scm(
            7036,
            &[
                ("param1", "Intelligenter Dienst"),
                ("param2", "beendet"),
                ("Binary", tail),
            ],
        );
        assert_eq!(
            (s.action(), s.text(t::NAME), s.text(t::DISPLAY_NAME)),
            ("stop", "BITS", "Intelligenter Dienst")
        );
        let s = scm(7036, &[("param1", "Software Protection"), ("param2", "running")]);
        assert_eq!(
            (s.action(), s.text(t::NAME), s.text(t::STATE)),
            ("start", "Software Protection", "running")
        );
    }

    #[test]
    fn a_changed_start_type_keeps_the_new_one() {
        let s = scm(
            7040,
            &[
                ("param1", "Windows Event Log"),
                ("param2", "auto start"),
                ("param3", "disabled"),
                ("param4", "EventLog"),
            ],
        );
        assert_eq!(
            (s.action(), s.text(t::NAME), s.text(t::STATE)),
            ("update", "EventLog", "disabled")
        );
        assert_eq!(s.extra("param2").as_deref(), Some("auto start"));
    }

    #[test]
    fn the_same_id_of_another_provider_is_no_service() {
        assert_eq!(run(&event("Vendor-Thing", "System", 7040, &[])).table, "event");
    }
}
