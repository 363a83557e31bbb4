//! CRED-07: a Kerberos ticket for a name that is the domain controller's without its `$`.
//!
//! Sees: a ticket asked for and given (4768, 4769) under the name of the very host that gives it, without `$`.
//! Why: a machine account that was renamed so gets tickets of the domain controller (CVE-2021-42278 and CVE-2021-42287).
//! Benign causes: none known; a user who is named like a domain controller.
//! Sources: Microsoft's notes on both vulnerabilities (KB5008102, KB5008380); MITRE ATT&CK T1558.

use super::deeds::Folded;
use super::meta::{Key, Level, Meta, Reads};
use super::{Cx, Hit, Ioc, KeyRows, Signal};
use crate::base::ip;
use crate::schema::{auth as t, common};

/// See the module.
pub struct Cred07;

static META: Meta = Meta {
    id: "CRED-07",
    title: "Ticket for a forged machine name",
    sees: "A Kerberos ticket is given to an account that has the name of the domain controller itself without the $.",
    why: "So a renamed machine account becomes the domain controller.",
    techniques: &["T1558"],
    stage: "credential-access",
    family: "credentials",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::EVENT_CODE,
            common::OUTCOME,
            t::TARGET_USER,
            t::SERVICE,
            t::SRC_IP,
        ],
    }],
    level: Level::High,
    decisive: false,
    thresholds: &[],
    benign: &["a user who is named like a domain controller"],
};

impl Signal for Cred07 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows.table(&t::TABLE).iter().filter(|r| matches!(r.code(), 4768 | 4769)) {
            let name = row.str(t::TARGET_USER).split('@').next().unwrap_or("");
            let forged = !name.is_empty() && name.eq_ignore_ascii_case(row.host());
            if !forged || row.str(common::OUTCOME) == "failure" {
                continue;
            }
            let explain = format!(
                "A ticket for {} was given to {name}, which is this host's own name without $",
                row.str(t::SERVICE)
            );
            let mut hit = Hit::at(&META, row, format!("forged|{}", name.to_lowercase()), explain);
            hit.users = vec![name.to_owned()];
            if let Some(address) = row.ip(t::SRC_IP) {
                hit.iocs.push(Ioc::Ip(ip::display(&address)));
            }
            found.add(hit);
        }
        hits.extend(found.into_hits());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    #[test]
    fn only_the_hosts_own_name_without_its_dollar_counts() {
        let run = |name: &str, outcome: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "dc01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 4769);
                b.text(common::OUTCOME, outcome);
                b.text(t::TARGET_USER, name);
                b.text(t::SERVICE, "krbtgt");
            });
            sample.hits(&Cred07).len()
        };
        assert_eq!(run("DC01@CORP.EXAMPLE", "success"), 1);
        assert_eq!(run("DC01$@CORP.EXAMPLE", "success"), 0);
        assert_eq!(run("ann@CORP.EXAMPLE", "success"), 0);
        assert_eq!(run("dc01", "failure"), 0);
    }
}
