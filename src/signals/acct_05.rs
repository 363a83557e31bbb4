//! ACCT-05: a server that registers itself as a domain controller.
//!
//! Sees: a server object below the configuration's sites made by a person, high when it is deleted again within the hour; replication
//! service names put on a computer account.
//! Why: DCShadow replicates changes of its own into the directory without any log of them.
//! Benign causes: promotion of a domain controller.
//! Sources: the published DCShadow technique; Microsoft's documentation of event 5137; MITRE ATT&CK T1207.

use std::collections::HashMap;

use super::deeds::{Folded, actor, by_person};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, KeyRows, Signal};
use crate::lake::frame::Row;
use crate::schema::{account as t, common};

/// See the module.
pub struct Acct05;

const SHORT_S: f64 = 3600.0;
/// Class of the directory replication service in a service principal name.
const REPLICATION_SERVICE: &str = "e3514235-4b06-11d1-ab04-00c04fc2dcd2/";

static META: Meta = Meta {
    id: "ACCT-05",
    title: "Rogue domain controller",
    sees: "A person creates a server object below the sites of the configuration (medium; high when it is deleted within an hour), or gives a \
           computer account the service name of directory replication.",
    why: "DCShadow writes into the directory without any log of the change.",
    techniques: &["T1207"],
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
        ],
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[Threshold {
        name: "short",
        value: SHORT_S,
        unit: "s",
        source: "[J] DCShadow cleans up within seconds",
    }],
    benign: &["promotion of a domain controller"],
};

impl Signal for Acct05 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        let mut made: HashMap<String, Row<'_>> = HashMap::new();
        for row in rows.table(&t::TABLE).iter().filter(|r| by_person(*r)) {
            let object = row.str(t::OBJECT).to_lowercase();
            match row.code() {
                5137 if is_server(row, &object) => {
                    let explain = format!(
                        "{} registered {} as a domain controller",
                        actor(row),
                        quote(row.str(t::OBJECT))
                    );
                    found.add(Hit::at(&META, row, format!("server|{object}"), explain));
                    made.insert(object, row);
                }
                5141 => {
                    let start = made.remove(&object);
                    if let Some(start) = start.filter(|s| row.ts() - s.ts() <= (cx.number(&META, "short") * 1e6) as i64)
                    {
                        let seconds = (row.ts() - start.ts()) / 1_000_000;
                        let explain = format!(
                            "{} registered {} as a domain controller and removed it after {seconds} s",
                            actor(row),
                            quote(row.str(t::OBJECT))
                        );
                        found.add(Hit::at(&META, row, format!("server|{object}"), explain).level(Level::High));
                    }
                }
                5136 if row.str(t::NEW).to_lowercase().starts_with(REPLICATION_SERVICE) => {
                    let explain = format!(
                        "{} gave {} the service name of replication",
                        actor(row),
                        quote(row.str(t::OBJECT))
                    );
                    found.add(Hit::at(&META, row, format!("service|{object}"), explain));
                }
                _ => {}
            }
        }
        hits.extend(found.into_hits());
    }
}

fn is_server(row: Row<'_>, object: &str) -> bool {
    row.str(t::OBJECT_TYPE).eq_ignore_ascii_case("server")
        && object.contains(",cn=servers,")
        && object.contains(",cn=sites,cn=configuration,")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const SERVER: &str = "CN=WS09,CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=corp,DC=example";

    fn row(sample: &mut Sample, second: u32, code: i64, by: &str, object: &str) {
        sample.row(&t::TABLE, "dc01", &format!("2026-03-02T09:00:{second:02}Z"), |b| {
            b.int(common::EVENT_CODE, code);
            b.text(common::USER, by);
            b.text(t::OBJECT, object);
            b.text(t::OBJECT_TYPE, "server");
        });
    }

    #[test]
    fn a_server_object_is_medium_and_one_for_seconds_is_high() {
        let run = |by: &str, object: &str, gone: bool| {
            let mut sample = Sample::default();
            row(&mut sample, 0, 5137, by, object);
            if gone {
                row(&mut sample, 9, 5141, by, object);
            }
            sample.hits(&Acct05).first().map(|h| h.level)
        };
        assert_eq!(run("ann", SERVER, false), Some(Level::Medium));
        assert_eq!(run("ann", SERVER, true), Some(Level::High));
        assert_eq!(run("DC02$", SERVER, true), None);
        assert_eq!(run("ann", "CN=x,OU=Staff,DC=corp", true), None);
    }
}
