//! Deeds of people in events: whose a change is, and one hit for repeats.

use std::collections::HashMap;

use super::Hit;
use crate::lake::frame::Row;
use crate::schema::common;

/// Repeats of one deed within this time are one hit. \[J\]
const JOIN_US: i64 = 3_600_000_000;
const EVIDENCE: usize = 20;

/// Accounts of the system: what they do is Windows at work.
const BUILT_IN: &[&str] = &[
    "-",
    "anonymous logon",
    "iusr",
    "local service",
    "local system",
    "network service",
    "system",
];
const BUILT_IN_SIDS: &[&str] = &["S-1-5-7", "S-1-5-18", "S-1-5-19", "S-1-5-20"];

/// Whether a name is an account of a person or a service's own, not of a machine or of the system.
pub fn is_person(name: &str) -> bool {
    let lower = name.trim().to_lowercase();
    let session = lower.starts_with("dwm-") || lower.starts_with("umfd-");
    !lower.is_empty() && !lower.ends_with('$') && !session && !BUILT_IN.contains(&lower.as_str())
}

/// Whether the acting user of a row is a person or a service's own account (see [`is_person`]).
/// Reads `user` and `user_sid`.
pub fn by_person(row: Row<'_>) -> bool {
    is_person(row.str(common::USER)) && !BUILT_IN_SIDS.contains(&row.str(common::USER_SID))
}

/// The acting user, for a sentence.
pub fn actor(row: Row<'_>) -> &str {
    row.text(common::USER).unwrap_or("somebody")
}

/// Hits of one scan, one for each key and hour.
#[derive(Default)]
pub struct Folded {
    hits: Vec<Hit>,
    place: HashMap<String, usize>,
}

impl Folded {
    /// Adds a hit, or adds it to the last one with its key: rows, techniques and count; the last of the highest level explains.
    pub fn add(&mut self, hit: Hit) {
        let earlier = self.place.get(&hit.key).and_then(|at| self.hits.get_mut(*at));
        let Some(earlier) = earlier.filter(|e| hit.time - e.last <= JOIN_US) else {
            self.place.insert(hit.key.clone(), self.hits.len());
            self.hits.push(hit);
            return;
        };
        let room = EVIDENCE.saturating_sub(earlier.rows.len());
        earlier.rows.extend(hit.rows.into_iter().take(room));
        if hit.level >= earlier.level {
            (earlier.level, earlier.explain) = (hit.level, hit.explain);
        }
        earlier.last = earlier.last.max(hit.last);
        earlier.count += hit.count;
        for id in hit.techniques {
            if !earlier.techniques.contains(&id) {
                earlier.techniques.push(id);
            }
        }
    }

    /// The hits in the order of their first rows.
    pub fn into_hits(self) -> Vec<Hit> {
        self.hits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_and_the_system_are_no_people() {
        for name in ["ann", "svc-backup", "Administrator"] {
            assert!(is_person(name), "{name}");
        }
        for name in ["", "-", "WS01$", "SYSTEM", "Local Service", "DWM-2"] {
            assert!(!is_person(name), "{name}");
        }
    }
}
