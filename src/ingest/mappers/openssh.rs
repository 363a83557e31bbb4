//! OpenSSH for Windows, event 4: one line of sshd. A line on authentication becomes `auth` (`logon` with its outcome,
//! `logoff`); any other line stays in `event`.

use super::{Claim, Mapper};
use crate::base::ip;
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{set, unmapped};
use crate::schema::builder::TableSet;
use crate::schema::{auth as t, common};

/// Lines of sshd.
pub struct OpenSsh;

/// What a line on authentication says.
#[derive(Debug, PartialEq, Eq)]
struct Line<'t> {
    verb: &'static str,
    outcome: &'static str,
    method: &'t str,
    user: &'t str,
    from: &'t str,
    port: Option<u16>,
}

impl Mapper for OpenSsh {
    fn id(&self) -> &'static str {
        "openssh"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::OpenSsh, &[4])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let Some(line) = raw.get("payload").and_then(read) else {
            return unmapped(raw, out, cx);
        };
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.action(line.verb);
        set(&mut row, common::OUTCOME, line.outcome);
        set(&mut row, t::AUTH_PKG, line.method);
        set(&mut row, t::TARGET_USER, line.user);
        row.cells.text(t::SERVICE, "sshd");
        match ip::parse(line.from) {
            Some(address) => row.cells.ip(t::SRC_IP, &address),
            None => set(&mut row, t::SRC_HOST, line.from),
        }
        if let Some(port) = line.port {
            row.cells.int(t::SRC_PORT, i64::from(port));
        }
        row.finish();
    }
}

/// Reads `Accepted|Failed METHOD for [invalid user ]USER from ADDRESS port N`, `Invalid user USER from …` and
/// `Disconnected from user USER ADDRESS port N`. A user's name may itself hold blanks and ` from `: the last one counts.
fn read(line: &str) -> Option<Line<'_>> {
    let line = line.trim();
    if let Some(rest) = line.strip_prefix("Disconnected from user ") {
        let (who, port) = port(rest);
        let (user, from) = who.rsplit_once(' ')?;
        return Some(Line {
            verb: "logoff",
            outcome: "",
            method: "",
            user,
            from,
            port,
        });
    }
    let (outcome, method, rest) = if let Some(rest) = line.strip_prefix("Invalid user ") {
        ("failure", "", rest)
    } else {
        let (outcome, rest) = match line.split_once(' ')? {
            ("Accepted", r) => ("success", r),
            ("Failed", r) => ("failure", r),
            _ => return None,
        };
        let (method, rest) = rest.split_once(" for ")?;
        (outcome, method, rest.strip_prefix("invalid user ").unwrap_or(rest))
    };
    let (user, from) = rest.rsplit_once(" from ")?;
    let (from, port) = port(from);
    Some(Line {
        verb: "logon",
        outcome,
        method,
        user,
        from,
        port,
    })
}

/// Splits ` port N …` from the end.
fn port(text: &str) -> (&str, Option<u16>) {
    match text.rsplit_once(" port ") {
        Some((head, tail)) => (head, tail.split(' ').next().and_then(|p| p.parse().ok())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{Seen, event, run};

    fn sshd(payload: &str) -> Seen {
        run(&event(
            "OpenSSH",
            "OpenSSH/Operational",
            4,
            &[("process", "sshd"), ("payload", payload)],
        ))
    }

    #[test]
    fn logons_are_read_and_other_lines_stay_events() {
        let s = sshd("Accepted publickey for corp\\ann from 10.0.0.5 port 51000 ssh2: RSA SHA256:x");
        assert_eq!((s.table, s.action(), s.outcome()), ("auth", "logon", "success"));
        assert_eq!(
            (s.text(t::TARGET_USER), s.ip(t::SRC_IP).as_str(), s.int(t::SRC_PORT)),
            ("corp\\ann", "10.0.0.5", Some(51000))
        );
        let s = sshd("Failed password for invalid user a from b from 10.0.0.5 port 1 ssh2");
        assert_eq!(
            (s.outcome(), s.text(t::TARGET_USER), s.text(t::AUTH_PKG)),
            ("failure", "a from b", "password")
        );
        assert_eq!(sshd("Disconnected from user ann 10.0.0.5 port 5").action(), "logoff");
        assert_eq!(sshd("Server listening on 0.0.0.0 port 22.").table, "event");
    }
}
