//! SQL-01: a SQL server is guessed at, opened or blinded.
//!
//! Sees: bursts of failed logins (audit 33205, event 18456), members of powerful roles, enabled or new logins, audits switched off or
//! dropped, and options that run programs from SQL (15457).
//! Why: a database server runs with rights on its host, and xp_cmdshell turns a guessed `sa` into a shell.
//! Benign causes: applications with an old password (one account), database administrators, maintenance.
//! Sources: Microsoft's documentation of SQL Server Audit actions and of sp_configure; MITRE ATT&CK T1110, T1098, T1136, T1505.001, T1685.001.

use std::collections::{BTreeMap, BTreeSet};

use super::deeds::Folded;
use super::event_fields::{self, Fields, events};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{event, process};

/// See the module.
pub struct Sql01;

const FAILURES: f64 = 5.0;
const NAMES_MEDIUM: f64 = 10.0;
const WINDOW_S: f64 = 600.0;

static META: Meta = Meta {
    id: "SQL-01",
    title: "SQL Server attacked or opened",
    sees: "Five failed logins from one client within ten minutes (low; medium with ten names); a member added to a powerful role, a login \
           enabled or created (low; medium for sa and sysadmin); an audit switched off or dropped (medium); xp_cmdshell (medium) or \
           another option that runs programs (low) switched on; xp_cmdshell called though it is off (medium); a server started for a \
           single user, which lets in whoever administers the host (medium).",
    why: "A database server has rights on its host, and its options turn a guessed login into a shell.",
    techniques: &["T1110", "T1098", "T1136", "T1505.001", "T1548", "T1685.001"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &event::TABLE,
            columns: event_fields::COLUMNS,
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "failures",
            value: FAILURES,
            unit: "logins",
            source: "[J] from one client",
        },
        Threshold {
            name: "names_medium",
            value: NAMES_MEDIUM,
            unit: "names",
            source: "[J] as AUTH-03",
        },
        Threshold {
            name: "window",
            value: WINDOW_S,
            unit: "s",
            source: "[J]",
        },
    ],
    benign: &[
        "applications with an old password",
        "database administration",
        "maintenance of audits",
    ],
};

/// Roles that govern others.
const ROLES: &[&str] = &[
    "db_accessadmin",
    "db_ddladmin",
    "db_owner",
    "db_securityadmin",
    "securityadmin",
    "serveradmin",
    "setupadmin",
    "sysadmin",
];
/// Options that let SQL run programs or code.
const RUNNING_OPTIONS: &[&str] = &[
    "clr enabled",
    "external scripts enabled",
    "ole automation procedures",
    "xp_cmdshell",
];

impl Signal for Sql01 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        let mut failures: BTreeMap<String, Vec<(Row<'_>, String)>> = BTreeMap::new();
        for (row, fields) in events(rows.table(&event::TABLE), "mssql", &[15281, 15457, 18456, 33205]) {
            match row.code() {
                15281 => blocked(row, &fields).into_iter().for_each(|h| found.add(h)),
                15457 => option(row, &fields).into_iter().for_each(|h| found.add(h)),
                18456 => {
                    let client = client(fields.get("Data_3"));
                    failures
                        .entry(client)
                        .or_default()
                        .push((row, fields.get("Data_1").to_owned()));
                }
                _ => {
                    let text = fields.get("Data");
                    if value(text, "action_id") == "LGIF" {
                        let name = value(text, "server_principal_name").to_owned();
                        failures.entry(client(statement(text))).or_default().push((row, name));
                    } else if value(text, "succeeded") == "true" {
                        change(row, text).into_iter().for_each(|h| found.add(h));
                    }
                }
            }
        }
        for row in starts(rows.table(&process::TABLE)) {
            single_user(row).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
        for (client, mut of_client) in failures {
            of_client.sort_by_key(|(r, _)| r.ts());
            bursts(cx, &client, &of_client, hits);
        }
    }
}

/// `sqlservr -m`, `net start MSSQLSERVER /m`: every local administrator is sysadmin in that mode (Microsoft's documentation).
fn single_user(row: Row<'_>) -> Option<Hit> {
    let line = row.str(process::CMDLINE).to_lowercase();
    let by_service =
        line.contains("mssql") && starts::is_one_of(row, &["net", "net1", "sc"]) && line.contains(" start ");
    if !by_service && !starts::is_one_of(row, &["sqlservr"]) {
        return None;
    }
    // `-m`, `-m"SQLCMD"` (a single program); no other option of these commands begins with m.
    let alone = |word: &String| word.trim_start_matches(['-', '/']).starts_with('m');
    let mut options = tokenize(&line)
        .into_iter()
        .skip(1)
        .filter(|w| w.starts_with(['-', '/']));
    if !options.any(|w| alone(&w)) {
        return None;
    }
    let explain = format!("SQL Server was started for a single user: {}", starts::command(row));
    Some(
        Hit::at(&META, row, "single user", explain)
            .level(Level::Medium)
            .techniques(&["T1548"]),
    )
}

/// One value of an audit record, which is lines of `name:value`.
fn value<'t>(text: &'t str, name: &str) -> &'t str {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        .unwrap_or("")
        .trim()
}

/// The statement of an audit record, which may have many lines.
fn statement(text: &str) -> &str {
    let from = text.split_once("\nstatement:").map_or("", |(_, rest)| rest);
    from.split_once("\nadditional_information:")
        .map_or(from, |(s, _)| s)
        .trim()
}

/// The client of `… [CLIENT: 10.0.0.5]`.
fn client(text: &str) -> String {
    let named = text.rsplit_once("[CLIENT:").map_or("", |(_, rest)| rest);
    named.split(']').next().unwrap_or("").trim().to_lowercase()
}

fn bursts(cx: &Cx<'_>, client: &str, failures: &[(Row<'_>, String)], hits: &mut Vec<Hit>) {
    let window = (cx.number(&META, "window") * 1e6) as i64;
    // A burst ends where nothing follows within the window.
    for burst in failures.chunk_by(|a, b| b.0.ts() - a.0.ts() <= window) {
        let (Some((first, _)), Some((last, _))) = (burst.first(), burst.last()) else {
            continue;
        };
        let dense = burst.windows((cx.number(&META, "failures") as usize).max(1)).any(|w| {
            w.first()
                .zip(w.last())
                .is_some_and(|(a, b)| b.0.ts() - a.0.ts() <= window)
        });
        if !dense {
            continue;
        }
        let names: BTreeSet<&str> = burst.iter().map(|(_, n)| n.as_str()).collect();
        let shown: Vec<&str> = names.iter().copied().take(8).collect();
        let from = if client.is_empty() { "an unnamed client" } else { client };
        let explain = format!(
            "{} failed logins to SQL Server from {from} with {} names: {}",
            burst.len(),
            names.len(),
            quote(&shown.join(", "))
        );
        let many = names.len() as f64 >= cx.number(&META, "names_medium");
        let mut hit = Hit::at(&META, *first, format!("guess|{client}"), explain)
            .level(if many { Level::Medium } else { Level::Low })
            .techniques(&["T1110"]);
        burst.iter().skip(1).take(19).for_each(|(r, _)| hit.add_row(*r));
        (hit.last, hit.count) = (last.ts(), burst.len() as u64);
        if let Some(address) = ip::parse(client) {
            hit.iocs.push(Ioc::Ip(ip::display(&address)));
        }
        hits.push(hit);
    }
}

/// A call of a procedure that is switched off.
fn blocked(row: Row<'_>, fields: &Fields) -> Option<Hit> {
    let name = ["Data_2", "Data_3", "Data_4"]
        .into_iter()
        .map(|f| fields.get(f))
        .find(|v| {
            let lower = v.trim_start_matches("sys.").to_lowercase();
            RUNNING_OPTIONS.contains(&lower.as_str()) || lower.starts_with("sp_oa")
        })?;
    let explain = format!(
        "SQL Server refused a call of {}, which is switched off: SQL was to run a program",
        quote(name)
    );
    Some(
        Hit::at(&META, row, format!("blocked|{}", name.to_lowercase()), explain)
            .level(Level::Medium)
            .techniques(&["T1505.001"]),
    )
}

fn option(row: Row<'_>, fields: &Fields) -> Option<Hit> {
    let name = fields.get("Data_1").to_lowercase();
    let on = fields.get("Data_2") == "0" && fields.get("Data_3") == "1";
    if !on || !RUNNING_OPTIONS.contains(&name.as_str()) {
        return None;
    }
    let level = if name == "xp_cmdshell" {
        Level::Medium
    } else {
        Level::Low
    };
    let explain = format!("The option '{name}' of SQL Server was switched on: SQL can run programs or code");
    Some(
        Hit::at(&META, row, format!("option|{name}"), explain)
            .level(level)
            .techniques(&["T1505.001"]),
    )
}

fn change(row: Row<'_>, text: &str) -> Option<Hit> {
    let by = value(text, "server_principal_name");
    let object = value(text, "object_name");
    let lower = object.to_lowercase();
    let statement = statement(text);
    let said = statement
        .to_uppercase()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .replace(" = ", "=");
    let (level, technique, what) = match (value(text, "action_id"), value(text, "class_type")) {
        ("APRL", _) if ROLES.contains(&lower.as_str()) => {
            let level = if lower == "sysadmin" || lower == "securityadmin" {
                Level::Medium
            } else {
                Level::Low
            };
            let member = value(text, "target_server_principal_name");
            (level, "T1098", format!("added {member} to the role {object}"))
        }
        ("LGEA", _) => {
            let level = if lower == "sa" { Level::Medium } else { Level::Low };
            (level, "T1098", format!("enabled the login {object}"))
        }
        ("CR", "SL" | "WL") => (Level::Low, "T1136", format!("created the login {object}")),
        ("DR", "A" | "DA" | "SA") => (Level::Medium, "T1685.001", format!("dropped the audit {object}")),
        ("AL", "A" | "DA" | "SA") if said.contains("STATE=OFF") => {
            (Level::Medium, "T1685.001", format!("switched off the audit {object}"))
        }
        _ => return None,
    };
    let by = if by.is_empty() { "somebody" } else { by };
    let mut hit = Hit::at(
        &META,
        row,
        format!("{technique}|{lower}"),
        format!("SQL Server: {} {}", quote(by), quote(&what)),
    )
    .level(level)
    .techniques(&[technique]);
    hit.users.push(by.to_owned());
    Some(hit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::common;
    use crate::signals::testing::Sample;

    fn audit(sample: &mut Sample, second: i64, action: &str, class: &str, name: &str, object: &str, said: &str) {
        let ok = action != "LGIF";
        let text = format!(
            "audit_schema_version:1\naction_id:{action}\nsucceeded:{ok}\nclass_type:{class}\nserver_principal_name:{name}\n\
             target_server_principal_name:web\nobject_name:{object}\nstatement:{said}\nadditional_information:\n"
        );
        event(sample, second, 33205, &serde_json::json!({ "Data": text }));
    }

    fn event(sample: &mut Sample, second: i64, code: i64, extra: &serde_json::Value) {
        sample.row_us(
            &event::TABLE,
            "sql01",
            1_772_442_000_000_000 + second * 1_000_000,
            |b| {
                b.int(common::EVENT_CODE, code);
                b.text(common::PROVIDER, "MSSQL$APP");
                b.text(common::EXTRA, &extra.to_string());
            },
        );
    }

    #[test]
    fn failures_count_in_bursts() {
        let run = |n: i64, gap: i64, names: i64| {
            let mut sample = Sample::default();
            for i in 0..n {
                audit(
                    &mut sample,
                    i * gap,
                    "LGIF",
                    "LX",
                    &format!("u{}", i % names),
                    "",
                    "Login failed. [CLIENT: 10.0.5.21]",
                );
            }
            sample.hits(&Sql01).first().map(|h| (h.level, h.count))
        };
        assert_eq!(run(6, 2, 1), Some((Level::Low, 6)));
        assert_eq!(run(30, 2, 12), Some((Level::Medium, 30)));
        assert_eq!(run(4, 2, 4), None);
        assert_eq!(run(30, 500, 1), None);
    }

    #[test]
    fn changes_count_by_what_they_open() {
        let run = |action: &str, class: &str, object: &str, said: &str| {
            let mut sample = Sample::default();
            audit(&mut sample, 0, action, class, "CORP\\ann", object, said);
            sample
                .hits(&Sql01)
                .first()
                .map(|h| (h.level, h.techniques[0].to_string()))
        };
        let is = |level, id: &str| Some((level, id.to_owned()));
        assert_eq!(run("APRL", "RL", "db_owner", ""), is(Level::Low, "T1098"));
        assert_eq!(run("APRL", "RL", "db_datareader", ""), None);
        assert_eq!(
            run("LGEA", "SL", "sa", "ALTER LOGIN [sa] ENABLE"),
            is(Level::Medium, "T1098")
        );
        assert_eq!(
            run(
                "AL  ",
                "A ",
                "audit1",
                "ALTER SERVER AUDIT [audit1]\r\nWITH (STATE = OFF)"
            ),
            is(Level::Medium, "T1685.001")
        );
        assert_eq!(
            run("AL", "A", "audit1", "ALTER SERVER AUDIT [audit1] WITH (STATE = ON)"),
            None
        );
    }

    #[test]
    fn an_option_counts_when_it_is_switched_on() {
        let run = |name: &str, old: &str, new: &str| {
            let mut sample = Sample::default();
            event(
                &mut sample,
                0,
                15457,
                &serde_json::json!({ "Data_1": name, "Data_2": old, "Data_3": new }),
            );
            sample.hits(&Sql01).first().map(|h| h.level)
        };
        assert_eq!(run("xp_cmdshell", "0", "1"), Some(Level::Medium));
        assert_eq!(run("clr enabled", "0", "1"), Some(Level::Low));
        assert_eq!(run("xp_cmdshell", "1", "0"), None);
        assert_eq!(run("show advanced options", "0", "1"), None);
    }

    #[test]
    fn a_server_for_a_single_user_counts() {
        let run =
            |image: &str, line: &str| crate::signals::starts::testing::hits_of(&Sql01, image, "cmd.exe", line).len();
        assert_eq!(run("net.exe", r"net start MSSQL$RADAR /m"), 1);
        assert_eq!(run("sqlservr.exe", r#"sqlservr.exe -sRADAR -m"SQLCMD""#), 1);
        assert_eq!(run("sqlservr.exe", r"sqlservr.exe -sMSSQLSERVER"), 0);
        assert_eq!(run("net.exe", "net start spooler /m"), 0);
    }
}
