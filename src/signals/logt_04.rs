//! LOGT-04: somebody sets the clock of a host.
//!
//! Sees: the system time moved by five minutes or more by a person's program (Security 4616).
//! Why: a wrong clock puts events and files where nobody looks, and outlives tickets and certificates.
//! Benign causes: setting the clock of a new machine; time services of hypervisors run as the system and do not count.
//! Sources: Microsoft's documentation of event 4616; the limit is Kerberos' default tolerance; MITRE ATT&CK T1070.006.

use super::deeds::{Folded, actor, by_person};
use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::starts::quote;
use super::{Cx, Hit, KeyRows, Signal};
use crate::base::time;
use crate::lake::frame::Row;
use crate::schema::{common, posture as t};

/// See the module.
pub struct Logt04;

const MOVED_S: f64 = 300.0;

static META: Meta = Meta {
    id: "LOGT-04",
    title: "System time set by hand",
    sees: "The clock is moved by five minutes or more by a program of a person.",
    why: "A wrong clock hides events and files among others and outlives tickets.",
    techniques: &["T1070.006"],
    stage: "stealth",
    family: "log tampering",
    key: Key::Host,
    reads: &[Reads {
        table: &t::TABLE,
        columns: &[
            common::EVENT_CODE,
            common::USER,
            common::USER_SID,
            t::KIND,
            t::OLD,
            t::NEW,
            t::IMAGE,
        ],
    }],
    level: Level::Low,
    decisive: false,
    thresholds: &[Threshold {
        name: "moved",
        value: MOVED_S,
        unit: "s",
        source: "Kerberos' default tolerance of clocks",
    }],
    benign: &["setting the clock of a new machine"],
};

impl Signal for Logt04 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, _: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut found = Folded::default();
        for row in rows
            .table(&t::TABLE)
            .iter()
            .filter(|r| r.code() == 4616 && by_person(*r))
        {
            if let Some(hit) = moved(row) {
                found.add(hit);
            }
        }
        hits.extend(found.into_hits());
    }
}

fn moved(row: Row<'_>) -> Option<Hit> {
    let at = |text: &str| Some(time::rfc3339(text.trim().as_bytes())?.0);
    let (old, new) = (at(row.str(t::OLD))?, at(row.str(t::NEW))?);
    let seconds = new.checked_sub(old)? / 1_000_000;
    if (seconds.unsigned_abs() as f64) < MOVED_S {
        return None;
    }
    let explain = format!(
        "{} moved the clock by {seconds} s from {} with {}",
        actor(row),
        row.str(t::OLD),
        quote(row.text(t::IMAGE).unwrap_or("an unnamed program"))
    );
    Some(Hit::at(
        &META,
        row,
        format!("clock|{}", row.str(common::USER).to_lowercase()),
        explain,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    #[test]
    fn a_person_who_moves_the_clock_far_counts() {
        let run = |user: &str, new: &str| {
            let mut sample = Sample::default();
            sample.row(&t::TABLE, "ws01", "2026-03-02T09:00:00Z", |b| {
                b.int(common::EVENT_CODE, 4616);
                b.text(common::USER, user);
                b.text(t::OLD, "2026-03-02T09:00:00.1234567Z");
                b.text(t::NEW, new);
            });
            sample.hits(&Logt04).len()
        };
        assert_eq!(run("ann", "2026-02-28T09:00:00.0000000Z"), 1);
        assert_eq!(run("ann", "2026-03-02T09:00:10.0000000Z"), 0);
        assert_eq!(run("LOCAL SERVICE", "2026-02-28T09:00:00.0000000Z"), 0);
    }
}
