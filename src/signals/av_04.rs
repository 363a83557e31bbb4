//! AV-04: the host's firewall is switched off or opened for everything.
//!
//! Sees: a profile of the firewall switched off (events 2003, 4950; netsh and PowerShell commands), and a new inbound rule that allows every
//! protocol from everywhere to every program.
//! Why: it opens the host to whatever comes next, and a call home out.
//! Benign causes: another firewall product, tests by administrators.
//! Sources: Microsoft's documentation of events 2003, 2004, 4950 and of netsh advfirewall; MITRE ATT&CK T1686.003.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads};
use super::script_blocks::{self, blocks};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{common, posture as t, process, script};

/// See the module.
pub struct Av04;

static META: Meta = Meta {
    id: "AV-04",
    title: "Firewall switched off or opened",
    sees: "A profile of the Windows firewall is switched off by event, command or script or a rule allows everything inbound (medium).",
    why: "It opens the host to whatever comes next.",
    techniques: &["T1686.003"],
    stage: "defense-impairment",
    family: "protection",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::EXTRA,
                common::USER,
                t::KIND,
                t::SETTING,
                t::NEW,
                t::IMAGE,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
        Reads {
            table: &script::TABLE,
            columns: script_blocks::COLUMNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[],
    benign: &["another firewall product", "tests by administrators"],
};

impl Signal for Av04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        let changes = rows.table(&t::TABLE);
        for row in changes.iter().filter(|r| r.str(t::KIND) == "fw_change") {
            by_event(row).into_iter().for_each(|h| found.add(h));
        }
        for row in starts(rows.table(&process::TABLE)) {
            if starts::is_one_of(row, &["netsh"]) && switches_off(row.str(process::CMDLINE)) {
                found.add(off(row, &format!("by command: {}", starts::command(row))));
            }
        }
        for block in blocks(rows.table(&script::TABLE)) {
            let lower = block.text.to_lowercase();
            if by_script(&lower) {
                found.add(off(block.row, &format!("by script: {}", quote(&block.text))));
            }
        }
        hits.extend(found.into_hits());
    }
}

fn off(row: Row<'_>, how: &str) -> Hit {
    Hit::at(&META, row, "off", format!("The firewall was switched off {how}"))
}

fn by_event(row: Row<'_>) -> Option<Hit> {
    let new = row.str(t::NEW);
    match row.code() {
        // 2003 writes the setting's number: 1 is whether the profile is on.
        2003 | 4950 => {
            let switch = matches!(
                row.str(t::SETTING),
                "1" | "Enable Windows Firewall" | "Enable Windows Defender Firewall"
            );
            let by = row
                .text(t::IMAGE)
                .map_or_else(String::new, |i| format!(" by {}", quote(i)));
            (switch && new.eq_ignore_ascii_case("no")).then(|| off(row, &format!("for a profile{by}")))
        }
        2004 | 2097 => any_to_any(row),
        _ => None,
    }
}

/// An active inbound rule that allows every protocol, program, port and address.
fn any_to_any(row: Row<'_>) -> Option<Hit> {
    let fields = super::event_fields::Fields::of(row);
    let is = |name: &str, values: &[&str]| values.contains(&fields.get(name));
    let all = is("Action", &["3"])
        && is("Direction", &["1"])
        && is("Protocol", &["256"])
        && is("LocalPorts", &["", "*"])
        && is("RemoteAddresses", &["*"])
        && is("LocalAddresses", &["*"])
        && is("ServiceName", &["", "*"])
        && matches!(row.str(t::NEW), "" | "*")
        && fields.get("EmbeddedContext").is_empty();
    let explain = format!(
        "The firewall rule {} allows everything inbound",
        quote(row.str(t::SETTING))
    );
    all.then(|| {
        Hit::at(
            &META,
            row,
            format!("rule|{}", row.str(t::SETTING).to_lowercase()),
            explain,
        )
    })
}

/// `netsh advfirewall set …profile state off`, also in netsh's abbreviations, and the older `firewall set opmode disable`.
fn switches_off(line: &str) -> bool {
    let lower = line.to_lowercase();
    let tokens: Vec<String> = tokenize(&lower).into_iter().skip(1).collect();
    let word = |i: usize| tokens.get(i).map_or("", String::as_str);
    let short = |word: &str, of: &str| !word.is_empty() && of.starts_with(word);
    let new = short(word(0), "advfirewall")
        && short(word(1), "set")
        && [
            "allprofiles",
            "currentprofile",
            "domainprofile",
            "privateprofile",
            "publicprofile",
        ]
        .iter()
        .any(|p| short(word(2), p))
        && short(word(3), "state")
        && word(4) == "off";
    let old = word(0) == "firewall" && word(1) == "set" && word(2) == "opmode" && lower.contains("disable");
    new || old
}

fn by_script(lower: &str) -> bool {
    let Some((_, rest)) = lower.split_once("set-netfirewallprofile") else {
        return false;
    };
    let line: String = rest.lines().next().unwrap_or("").split_whitespace().collect();
    line.contains("-enabledfalse")
        || line.contains("-enabled:false")
        || line.contains("-enabled$false")
        || line.contains("-enabled:$false")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn event(code: i64, setting: &str, new: &str, extra: &str) -> Option<Level> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
            b.int(common::EVENT_CODE, code);
            b.text(t::KIND, "fw_change");
            b.text(t::SETTING, setting);
            b.text(t::NEW, new);
            b.text(common::EXTRA, extra);
        });
        sample.hits(&Av04).first().map(|h| h.level)
    }

    #[test]
    fn a_profile_counts_when_it_goes_off_and_a_rule_when_it_allows_all() {
        assert_eq!(event(4950, "Enable Windows Firewall", "No", "{}"), Some(Level::Medium));
        assert_eq!(event(2003, "1", "No", "{}"), Some(Level::Medium));
        assert_eq!(event(2003, "1", "Yes", "{}"), None);
        assert_eq!(event(4950, "Default Inbound Action", "No", "{}"), None);
        let rule = |action: &str, protocol: &str| {
            format!(
                r#"{{"Action":"{action}","Direction":"1","Protocol":"{protocol}","LocalPorts":"","RemoteAddresses":"*","LocalAddresses":"*","ServiceName":""}}"#
            )
        };
        assert_eq!(event(2004, "x", "", &rule("3", "256")), Some(Level::Medium));
        assert_eq!(event(2004, "x", "", &rule("2", "256")), None);
        assert_eq!(event(2004, "x", "", &rule("3", "6")), None);
    }

    #[test]
    fn commands_count_in_full_and_in_short() {
        assert!(switches_off("netsh advfirewall set allprofiles state off"));
        assert!(switches_off("netsh  a s p state off"));
        assert!(switches_off("netsh firewall set opmode mode=disable"));
        assert!(!switches_off("netsh advfirewall set allprofiles state on"));
        assert!(!switches_off("netsh advfirewall show allprofiles"));
        assert!(by_script(
            "set-netfirewallprofile -profile domain,public -enabled false"
        ));
        assert!(!by_script("set-netfirewallprofile -enabled true"));
    }
}
