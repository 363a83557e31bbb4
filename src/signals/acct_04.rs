//! ACCT-04: permissions, owners, policies and trusts of the directory are changed.
//!
//! Sees: security descriptors (5136), owners and permissions taken (4662), group policies and their links, trusts, and rights that are shown under
//! a false name, changed by a person or by a machine that is no domain controller.
//! Why: one entry on AdminSDHolder, the domain or a policy gives power over everything below, and nobody looks there.
//! Benign causes: delegation by administrators, Exchange's setup, ordinary work on policies (all low).
//! Sources: Microsoft's documentation of events 4662, 4706, 5136; SpecterOps on directory permissions; MITRE ATT&CK T1222.001, T1484.

use super::deeds::{Folded, actor, by_person};
use super::meta::{Key, Level, Meta, Reads};
use super::starts::quote;
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{account as t, common};

/// See the module.
pub struct Acct04;

const WRITE_DAC: i64 = 0x4_0000;
const WRITE_OWNER: i64 = 0x8_0000;
/// Class of users, computers and groups as 4662 writes it.
const ACCOUNTS: &[&str] = &[
    "bf967a86-0de6-11d0-a285-00aa003049e2",
    "bf967a9c-0de6-11d0-a285-00aa003049e2",
    "bf967aba-0de6-11d0-a285-00aa003049e2",
];
/// Rights to replicate all secrets, as a security descriptor writes them.
const REPLICATION: &str = "1131f6ad-9c07-11d1-f79f-00c04fc2dcd2";
/// Client-side extensions that run programs: scripts, immediate and scheduled tasks.
const RUNNING_EXTENSIONS: &[&str] = &[
    "42b5faae-6536-11d2-ae5a-0000f87571e3",
    "aadced64-746c-4633-a97c-d61349046527",
];

static META: Meta = Meta {
    id: "ACCT-04",
    title: "Directory permission, policy or trust changed",
    sees: "A security descriptor of AdminSDHolder, the domain or a policy is changed (medium; high with the right to replicate secrets), of \
           another object (low); an owner or permissions are taken; a policy gets scripts or tasks (medium) or is changed (low); a trust is \
           added (medium); a right is shown under another name (medium).",
    why: "One entry high in the directory gives power over everything below.",
    techniques: &["T1222.001", "T1098", "T1484.001", "T1484.002", "T1564"],
    stage: "defense-impairment",
    family: "persistence",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::ACTION,
            common::EVENT_CODE,
            common::USER,
            common::USER_SID,
            t::OBJECT,
            t::OBJECT_TYPE,
            t::ATTR,
            t::NEW,
            t::OLD,
            t::ACCESS_MASK,
        ],
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[],
    benign: &[
        "delegation by administrators",
        "setup of Exchange",
        "ordinary work on policies",
    ],
};

impl Signal for Acct04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter() {
            let hit = match row.code() {
                5136 => attribute(row),
                4662 if by_person(row) => taken(row),
                4706 if by_person(row) => trust(row),
                _ => None,
            };
            hit.into_iter().for_each(|h| found.add(h));
        }
        hits.extend(found.into_hits());
    }
}

/// A person, or a machine other than the domain controller itself.
fn by_other(row: Row<'_>) -> bool {
    let user = row.str(common::USER);
    let own = user
        .strip_suffix('$')
        .is_some_and(|m| m.eq_ignore_ascii_case(row.host()));
    by_person(row) || (user.ends_with('$') && !own)
}

fn attribute(row: Row<'_>) -> Option<Hit> {
    let name = row.str(t::ATTR).to_lowercase();
    match name.as_str() {
        "ntsecuritydescriptor" if by_other(row) => Some(descriptor(row)),
        "gplink" | "gpcfilesyspath" | "gpcmachineextensionnames" | "gpcuserextensionnames" | "versionnumber"
            if by_person(row) =>
        {
            policy(row, &name)
        }
        "localizationdisplayid"
            if by_person(row) && row.str(t::OBJECT_TYPE).eq_ignore_ascii_case("controlAccessRight") =>
        {
            let explain = format!(
                "{} changed the name under which {} is shown",
                actor(row),
                quote(row.str(t::OBJECT))
            );
            let key = format!("shown|{}", row.str(t::OBJECT).to_lowercase());
            Some(
                Hit::at(&META, row, key, explain)
                    .level(Level::Medium)
                    .techniques(&["T1564"]),
            )
        }
        _ => None,
    }
}

fn descriptor(row: Row<'_>) -> Hit {
    let object = row.str(t::OBJECT);
    let lower = object.to_lowercase();
    let class = row.str(t::OBJECT_TYPE).to_lowercase();
    let holder = lower.starts_with("cn=adminsdholder,");
    let new = row.str(t::NEW).to_lowercase();
    // Old and new values are records of their own.
    let replicates =
        class == "domaindns" && new.contains(REPLICATION) && new.matches(REPLICATION).count() > usual(&new);
    let level = match (
        replicates,
        holder || class == "domaindns" || class == "grouppolicycontainer",
    ) {
        (true, _) => Level::High,
        (false, true) => Level::Medium,
        (false, false) => Level::Low,
    };
    let techniques: &[&str] = if holder || matches!(class.as_str(), "user" | "group" | "computer") {
        &["T1222.001", "T1098"]
    } else if class == "grouppolicycontainer" {
        &["T1484.001", "T1222.001"]
    } else {
        &["T1222.001"]
    };
    let explain = format!("{} changed the permissions of {}", actor(row), quote(object));
    Hit::at(&META, row, format!("sd|{lower}"), explain)
        .level(level)
        .techniques(techniques)
}

/// How many entries with the right to replicate secrets a domain has from its setup: of domain controllers and administrators.
fn usual(descriptor: &str) -> usize {
    descriptor
        .split('(')
        .filter(|ace| ace.contains(REPLICATION))
        .filter(|ace| {
            let trustee = ace
                .trim_end_matches([')', ' '])
                .rsplit(';')
                .next()
                .unwrap_or("")
                .trim_end_matches(')');
            matches!(trustee, "ba" | "ed" | "dd" | "da" | "ea" | "sy")
                || trustee.ends_with("-516")
                || trustee.ends_with("-498")
        })
        .count()
}

fn policy(row: Row<'_>, attribute: &str) -> Option<Hit> {
    let new = row.str(t::NEW).to_lowercase();
    let runs = attribute.ends_with("extensionnames") && RUNNING_EXTENSIONS.iter().any(|e| new.contains(e));
    // The version changes with every edit, also where nothing else is logged.
    let is_policy = row.str(t::OBJECT_TYPE).eq_ignore_ascii_case("groupPolicyContainer");
    if !is_policy && attribute != "gplink" {
        return None;
    }
    let explain = format!(
        "{} changed {} of {}{}",
        actor(row),
        row.str(t::ATTR),
        quote(row.str(t::OBJECT)),
        if runs { ": it runs scripts or tasks" } else { "" }
    );
    let key = format!("policy|{}", row.str(t::OBJECT).to_lowercase());
    let level = if runs { Level::Medium } else { Level::Low };
    Some(
        Hit::at(&META, row, key, explain)
            .level(level)
            .techniques(&["T1484.001"]),
    )
}

/// Owner or permissions of an object taken (4662).
fn taken(row: Row<'_>) -> Option<Hit> {
    let mask = row.int(t::ACCESS_MASK)?;
    let what = match (mask & WRITE_OWNER != 0, mask & WRITE_DAC != 0) {
        (true, _) => "the owner",
        (false, true) => "the permissions",
        _ => return None,
    };
    let class = row.str(t::OBJECT_TYPE).to_lowercase();
    let account = ACCOUNTS.iter().any(|c| class.contains(c)) || matches!(class.as_str(), "user" | "group" | "computer");
    let techniques: &[&str] = if account {
        &["T1222.001", "T1098"]
    } else {
        &["T1222.001"]
    };
    let object = row.str(t::OBJECT);
    let explain = format!(
        "{} changed {what} of the directory object {}",
        actor(row),
        quote(object)
    );
    Some(Hit::at(&META, row, format!("taken|{what}|{}", object.to_lowercase()), explain).techniques(techniques))
}

fn trust(row: Row<'_>) -> Option<Hit> {
    let domain = row.text(t::OBJECT)?;
    let explain = format!("{} added a trust with the domain {}", actor(row), quote(domain));
    Some(
        Hit::at(&META, row, format!("trust|{}", domain.to_lowercase()), explain)
            .level(Level::Medium)
            .techniques(&["T1484.002"]),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    fn change(code: i64, by: &str, object: (&str, &str), attr: &str, value: &str, mask: i64) -> Vec<Hit> {
        let mut sample = Sample::default();
        sample.row(&t::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
            b.int(common::EVENT_CODE, code);
            b.text(common::USER, by);
            b.text(t::OBJECT, object.0);
            b.text(t::OBJECT_TYPE, object.1);
            b.text(t::ATTR, attr);
            b.text(t::NEW, value);
            b.int(t::ACCESS_MASK, mask);
        });
        sample.hits(&Acct04)
    }

    const UNIT: (&str, &str) = ("OU=Staff,DC=corp", "organizationalUnit");
    const DOMAIN: (&str, &str) = ("DC=corp,DC=example", "domainDNS");

    #[test]
    fn permissions_count_by_the_object_and_by_whom() {
        let sd = |by, object, value| {
            change(5136, by, object, "nTSecurityDescriptor", value, 0)
                .first()
                .map(|h| h.level)
        };
        assert_eq!(sd("adm", UNIT, "O:DA"), Some(Level::Low));
        assert_eq!(sd("SRV02$", UNIT, "O:DA"), Some(Level::Low));
        assert_eq!(sd("DC01$", UNIT, "O:DA"), None);
        assert_eq!(sd("SYSTEM", UNIT, "O:DA"), None);
        assert_eq!(
            sd("adm", ("CN=AdminSDHolder,CN=System,DC=corp", "container"), "O:DA"),
            Some(Level::Medium)
        );
        let usual = "(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;BA)";
        let own = "(OA;;CR;1131f6ad-9c07-11d1-f79f-00c04fc2dcd2;;S-1-5-21-1-2-3-1101)";
        assert_eq!(sd("adm", DOMAIN, usual), Some(Level::Medium));
        assert_eq!(sd("adm", DOMAIN, &format!("{usual}{own}")), Some(Level::High));
    }

    #[test]
    fn owners_policies_and_trusts_are_told_apart() {
        let user = ("%{1}", "%{bf967aba-0de6-11d0-a285-00aa003049e2}");
        assert_eq!(
            change(4662, "adm", user, "", "", 0x8_0000)[0].techniques,
            ["T1222.001", "T1098"]
        );
        assert!(change(4662, "adm", user, "", "", 0x100).is_empty());
        let gpo = ("CN={1},CN=Policies,CN=System,DC=corp", "groupPolicyContainer");
        let runs = "[{AADCED64-746C-4633-A97C-D61349046527}{CAB54552-DEEA-4691-817E-ED4A4D1AFC72}]";
        assert_eq!(
            change(5136, "adm", gpo, "gPCMachineExtensionNames", runs, 0)[0].level,
            Level::Medium
        );
        assert_eq!(change(5136, "adm", gpo, "versionNumber", "4", 0)[0].level, Level::Low);
        assert_eq!(
            change(4706, "adm", ("other.example", ""), "", "", 0)[0].techniques,
            ["T1484.002"]
        );
    }
}
