//! How rare the key of a hit is in the fleet (detection.md 6).

use std::collections::{BTreeMap, BTreeSet};

use crate::lake::frame::StrId;
use crate::signals::{Hit, Prevalence};

/// Below this many hosts nothing is called rare or common at full strength.
const FULL_FLEET: f64 = 50.0;
/// Seen on this many distinct days, on at least half of the days in between: routine.
const ROUTINE_DAYS: usize = 10;
/// Factor of routine.
const ROUTINE: f64 = 0.7;
const DAY_US: i64 = 86_400_000_000;

/// Rarity factor 0.25 to 1.5 of something that `hosts` of `population` hosts have.
pub fn factor(hosts: u32, population: u32) -> f64 {
    let population = f64::from(population.max(hosts).max(1));
    let hosts = f64::from(hosts.max(1));
    let share = (((population + 1.0) / hosts).ln() / (population + 1.0).ln()).clamp(0.0, 1.0);
    let raw = 0.25 + 1.25 * share;
    1.0 + (raw - 1.0) * (population / FULL_FLEET).min(1.0)
}

/// Hosts and days of each (signal, key).
type Sightings<'a> = BTreeMap<(&'a str, &'a str), (BTreeSet<StrId>, BTreeSet<i64>)>;

/// Where each (signal, key) was hit.
pub struct Counts<'a> {
    seen: Sightings<'a>,
    population: u32,
}

/// Rarity of one hit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rarity {
    /// Factor.
    pub factor: f64,
    /// Hosts with the key.
    pub hosts: u32,
}

impl<'a> Counts<'a> {
    /// Counts all hits, suppressed ones too; `population` is the number of hosts of the fleet.
    pub fn new(hits: &'a [Hit], population: u32) -> Self {
        let mut seen: Sightings<'_> = BTreeMap::new();
        for hit in hits {
            let (hosts, days) = seen.entry((hit.meta.id, hit.key.as_str())).or_default();
            hosts.insert(hit.host);
            days.insert(hit.time.div_euclid(DAY_US));
        }
        Self { seen, population }
    }

    /// Rarity of a hit.
    pub fn of(&self, hit: &Hit) -> Rarity {
        let seen = self.seen.get(&(hit.meta.id, hit.key.as_str()));
        let hosts = seen.map_or(1, |(hosts, _)| hosts.len() as u32);
        match hit.prevalence {
            Prevalence::Neutral => Rarity { factor: 1.0, hosts },
            Prevalence::Hosts { hosts, population } => Rarity {
                factor: factor(hosts, population),
                hosts,
            },
            Prevalence::OfHits => {
                let routine = seen.is_some_and(|(_, days)| is_routine(days));
                Rarity {
                    factor: factor(hosts, self.population) * if routine { ROUTINE } else { 1.0 },
                    hosts,
                }
            }
        }
    }
}

fn is_routine(days: &BTreeSet<i64>) -> bool {
    let span = match (days.first(), days.last()) {
        (Some(first), Some(last)) => last - first + 1,
        _ => return false,
    };
    days.len() >= ROUTINE_DAYS && days.len() as i64 * 2 >= span
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rare_counts_more_common_less_and_a_small_lab_says_nothing() {
        let near = |a: f64, b: f64| assert!((a - b).abs() < 0.005, "{a} is not {b}");
        near(factor(1, 200), 1.5);
        near(factor(3, 200), 1.24);
        near(factor(200, 200), 0.25);
        near(factor(1, 3), 1.03);
        near(factor(3, 3), 0.97);
        near(factor(0, 0), 1.01);
    }

    #[test]
    fn more_hosts_never_make_a_key_rarer() {
        for population in [1, 3, 50, 1000] {
            for hosts in 1..population {
                assert!(factor(hosts + 1, population) <= factor(hosts, population));
            }
        }
    }

    #[test]
    fn routine_is_most_days_of_two_weeks_not_a_burst_nor_now_and_then() {
        assert!(is_routine(&(0..10).collect()));
        assert!(!is_routine(&(0..9).collect()));
        assert!(!is_routine(&(0..10).map(|d| d * 7).collect()));
    }
}
