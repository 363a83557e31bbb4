//! ACCT-02: an account is weakened, or prepared to be used without its password.
//!
//! Sees: flags of userAccountControl that are gained (password not required, reversible encryption, DES only, no pre-authentication,
//! delegation, a password that never expires), and directory attributes that give access (service principal names, delegation lists, keys,
//! SID history, alternative identities, logon scripts), set by a person.
//! Why: each keeps or opens a way into the account that a new password does not close.
//! Benign causes: administrators of services, promotion of a domain controller; a password that never expires is info.
//! Sources: MS-SAMR 2.2.1.12 (flags); Microsoft's documentation of events 4738, 4742, 5136; MITRE ATT&CK T1098, T1134.005, T1556.005, T1037.003.

use super::deeds::{Folded, actor, by_person};
use super::meta::{Key, Level, Meta, Reads};
use super::starts::{self, quote, starts};
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::rules::cmdline::tokenize;
use crate::schema::{account as t, common, process};

/// See the module.
pub struct Acct02;

static META: Meta = Meta {
    id: "ACCT-02",
    title: "Account weakened or prepared",
    sees: "A person sets account flags that weaken it (reversible encryption, DES, no pre-authentication, delegation to any service or as any user: \
           medium; password not required: low; password never expires: info), or attributes that give access: service principal names and delegation (low), keys, identities \
           and resource-based delegation (medium), SID history (high).",
    why: "Such settings keep a way into the account that a new password does not close.",
    techniques: &["T1098", "T1556.005", "T1134.005", "T1037.003"],
    stage: "persistence",
    family: "persistence",
    key: Key::Host,
    reads: &[
        Reads {
            table: &t::TABLE,
            columns: &[
                common::ACTION,
                common::EVENT_CODE,
                common::USER,
                common::USER_SID,
                t::TARGET_USER,
                t::OBJECT,
                t::OBJECT_TYPE,
                t::ATTR,
                t::OLD,
                t::NEW,
            ],
        },
        Reads {
            table: &process::TABLE,
            columns: starts::COLUMNS,
        },
    ],
    level: Level::Low,
    decisive: false,
    thresholds: &[],
    benign: &[
        "administration of service accounts",
        "Windows Hello and identity synchronisation",
    ],
};

struct Flag {
    bit: i64,
    what: &'static str,
    level: Level,
    techniques: &'static [&'static str],
}

/// Flags as events 4738 and 4742 write them (MS-SAMR, not the attribute's own values). What gives a password or a key that can be
/// broken is medium (Sigma, weak encryption enabled: high).
static FLAGS: &[Flag] = &[
    Flag {
        bit: 0x4,
        what: "a password is not required",
        level: Level::Low,
        techniques: &["T1098"],
    },
    Flag {
        bit: 0x200,
        what: "the password never expires",
        level: Level::Info,
        techniques: &["T1098"],
    },
    Flag {
        bit: 0x800,
        what: "the password is stored reversibly",
        level: Level::Medium,
        techniques: &["T1098", "T1556.005"],
    },
    Flag {
        bit: 0x2000,
        what: "trusted for delegation to any service",
        level: Level::Medium,
        techniques: &["T1098"],
    },
    Flag {
        bit: 0x8000,
        what: "only DES keys",
        level: Level::Medium,
        techniques: &["T1098"],
    },
    Flag {
        bit: 0x1_0000,
        what: "no Kerberos pre-authentication",
        level: Level::Medium,
        techniques: &["T1098"],
    },
    Flag {
        bit: 0x4_0000,
        what: "may impersonate any user (protocol transition)",
        level: Level::Medium,
        techniques: &["T1098"],
    },
];

/// Attributes (lower case) of 5136 that give access.
static ATTRIBUTES: &[(&str, Level, &str)] = &[
    ("altsecurityidentities", Level::Medium, "T1098"),
    ("msds-allowedtoactonbehalfofotheridentity", Level::Medium, "T1098"),
    ("msds-allowedtodelegateto", Level::Low, "T1098"),
    ("msds-keycredentiallink", Level::Medium, "T1098"),
    ("scriptpath", Level::Low, "T1037.003"),
    ("serviceprincipalname", Level::Low, "T1098"),
    ("sidhistory", Level::High, "T1134.005"),
];

/// Service classes that a machine gets when it joins a domain.
const OF_EVERY_MACHINE: &[&str] = &["host/", "restrictedkrbhost/", "termsrv/", "wsman/", "cifs/"];

impl Signal for Acct02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        let changes = rows.table(&t::TABLE);
        for row in changes
            .iter()
            .filter(|r| r.str(common::ACTION) == "attr_change" && by_person(*r))
        {
            let hit = match row.code() {
                4738 | 4742 => flags(row),
                5136 => attribute(row),
                _ => None,
            };
            hit.into_iter().for_each(|h| found.add(h));
        }
        for row in starts(rows.table(&process::TABLE)) {
            setspn(row).into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

fn flags(row: Row<'_>) -> Option<Hit> {
    let hex = |text: &str| i64::from_str_radix(text.trim().strip_prefix("0x")?, 16).ok();
    let gained = hex(row.str(t::NEW))? & !hex(row.str(t::OLD))?;
    let set: Vec<&Flag> = FLAGS.iter().filter(|f| gained & f.bit != 0).collect();
    let strongest = set.iter().map(|f| f.level).max()?;
    let what: Vec<&str> = set.iter().map(|f| f.what).collect();
    let name = row.str(t::TARGET_USER);
    let explain = format!("{} changed the account {name}: {}", actor(row), what.join(", "));
    let mut ids: Vec<&'static str> = set.iter().flat_map(|f| f.techniques).copied().collect();
    ids.dedup();
    let key = format!("flags|{}|{}", name.to_lowercase(), what.join("+"));
    Some(Hit::at(&META, row, key, explain).level(strongest).techniques(&ids))
}

fn attribute(row: Row<'_>) -> Option<Hit> {
    let name = row.str(t::ATTR).to_lowercase();
    let (attribute, level, technique) = ATTRIBUTES.iter().find(|(a, ..)| *a == name)?;
    // A record that only removes a value has no new one.
    let value = row.text(t::NEW)?;
    let lower = value.to_lowercase();
    let machine = row.str(t::OBJECT_TYPE).eq_ignore_ascii_case("computer");
    let joins =
        *attribute == "serviceprincipalname" && machine && OF_EVERY_MACHINE.iter().any(|p| lower.starts_with(p));
    let user = row.str(common::USER).to_lowercase();
    let synchronised =
        *attribute == "msds-keycredentiallink" && (user.starts_with("msol_") || user.starts_with("aad_"));
    if joins || synchronised {
        return None;
    }
    let object = row.str(t::OBJECT);
    let explain = format!(
        "{} set {} of {} to {}",
        actor(row),
        row.str(t::ATTR),
        quote(object),
        quote(value)
    );
    let key = format!("{attribute}|{}", object.to_lowercase());
    Some(Hit::at(&META, row, key, explain).level(*level).techniques(&[technique]))
}

/// `setspn -a|-s|-u SPN account`.
fn setspn(row: Row<'_>) -> Option<Hit> {
    if !starts::is_one_of(row, &["setspn"]) {
        return None;
    }
    let tokens = tokenize(&row.str(process::CMDLINE).to_lowercase());
    let adds = tokens
        .iter()
        .skip(1)
        .any(|w| matches!(w.trim_start_matches(['-', '/']), "a" | "s") && w.len() == 2);
    let account = tokens.last().filter(|_| adds)?;
    let explain = format!(
        "A service principal name was added by command: {}",
        starts::command(row)
    );
    Some(Hit::at(&META, row, format!("setspn|{account}"), explain).techniques(&["T1098"]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::starts::testing::hits_of;
    use crate::signals::testing::Sample;

    fn change(code: i64, by: &str, cells: &[(crate::schema::Col, &str)]) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
            b.int(common::EVENT_CODE, code);
            b.text(common::ACTION, "attr_change");
            b.text(common::USER, by);
            b.text(t::TARGET_USER, "svc-app");
            cells.iter().for_each(|(c, v)| b.text(*c, v));
        });
        sample.hits(&Acct02)
    }

    #[test]
    fn a_flag_counts_when_it_is_gained() {
        let run = |old: &str, new: &str| change(4738, "adm", &[(t::OLD, old), (t::NEW, new)]);
        assert_eq!(run("0x10", "0x14")[0].level, Level::Low);
        assert_eq!(run("0x10", "0x210")[0].level, Level::Info);
        assert_eq!(run("0x210", "0xA10")[0].techniques, ["T1098", "T1556.005"]);
        assert_eq!(run("0x10", "0x10010")[0].level, Level::Medium);
        assert!(run("0x14", "0x10").is_empty());
        assert!(run("0x15", "0x14").is_empty());
        assert!(run("-", "-").is_empty());
    }

    #[test]
    fn attributes_count_by_what_they_give_and_who_sets_them() {
        let set = |by: &str, kind: &str, attr: &str, value: &str| {
            change(
                5136,
                by,
                &[
                    (t::OBJECT, "CN=x,DC=corp"),
                    (t::OBJECT_TYPE, kind),
                    (t::ATTR, attr),
                    (t::NEW, value),
                ],
            )
            .first()
            .map(|h| h.level)
        };
        assert_eq!(set("adm", "user", "servicePrincipalName", "http/web"), Some(Level::Low));
        assert_eq!(set("adm", "computer", "servicePrincipalName", "HOST/ws9"), None);
        assert_eq!(set("WS9$", "computer", "servicePrincipalName", "http/ws9"), None);
        assert_eq!(
            set("ann", "user", "msDS-KeyCredentialLink", "B:828:00"),
            Some(Level::Medium)
        );
        assert_eq!(set("MSOL_1a2b", "user", "msDS-KeyCredentialLink", "B:828:00"), None);
        assert_eq!(set("adm", "user", "description", "x"), None);
    }

    #[test]
    fn setspn_counts_when_it_adds() {
        let run = |line: &str| hits_of(&Acct02, "setspn.exe", "cmd.exe", line).len();
        assert_eq!(run("setspn -a http/web corp\\svc"), 1);
        assert_eq!(run("setspn -T corp -Q */*"), 0);
    }
}
