//! What could be seen and what could not: absence of findings must not read as absence of attack.

use std::collections::BTreeMap;

use super::{Unseen, count, counted, cut, listed, shown};
use crate::base::time::{DAY, day_string, rfc3339};
use crate::report::lang::Lang;
use crate::report::run::{Coverage, HostDay, RunSummary};
use crate::signals::SIGNALS;

/// Hosts with a line of their own.
const HOSTS: usize = 300;
/// Addresses and accounts named that have no host.
const OTHERS: usize = 200;
/// Latest days that are drawn.
const DAYS: i64 = 400;
/// Ranges of days named in one cell.
const RANGES: usize = 6;
/// A source that is there on this share of a host's days is expected on all of them.
const REGULAR: f64 = 0.8;
/// Active days from which a source can be expected.
const ENOUGH_DAYS: usize = 5;

/// What could be seen.
#[derive(Default)]
pub struct Seen {
    /// First day drawn.
    pub from: String,
    /// Last day drawn.
    pub to: String,
    /// A line per host.
    pub hosts: Vec<HostLine>,
    /// Hosts left out.
    pub hosts_more: usize,
    /// How many addresses and accounts have rows but no host.
    pub others: usize,
    /// Some of them.
    pub others_named: String,
    /// Clock offsets: host, days, hours.
    pub clocks: Vec<(String, String, String)>,
}

/// One host over all days.
pub struct HostLine {
    /// Host.
    pub host: String,
    /// Days with rows.
    pub days: usize,
    /// Rows per source.
    pub sources: String,
    /// Days without any row.
    pub silent: String,
    /// Sources that are missing on some days.
    pub lacking: String,
    /// The days drawn: beginning and width in percent, `full` or `part`.
    pub strip: Vec<(String, String, &'static str)>,
}

/// Whether a key of the coverage is a host, not an address or account that found none.
pub fn is_host(key: &str) -> bool {
    !key.starts_with("ip:") && !key.starts_with("user:")
}

/// How times are known, in words.
pub fn time_quality(name: &str, lang: Lang) -> String {
    let words = match name {
        "host_offset" => "zone learnt from the host's other events",
        "assumed" => "zone assumed or given by an option",
        "year_inferred" => "year inferred",
        "none" => "no time of its own",
        other => return shown(other),
    };
    lang.t(words).to_owned()
}

/// Draws the coverage.
pub fn seen(coverage: &Coverage, lang: Lang) -> Seen {
    let mut by_host: BTreeMap<&str, BTreeMap<i64, &HostDay>> = BTreeMap::new();
    for d in &coverage.host_days {
        if let Some(day) = day_number(&d.day) {
            by_host.entry(&d.host).or_default().insert(day, d);
        }
    }
    let Some((first, last)) = window(by_host.values().flat_map(|d| d.keys().copied()).collect()) else {
        return Seen::default();
    };
    let (hosts, others): (Vec<_>, Vec<_>) = by_host.iter().partition(|(h, _)| is_host(h));
    let names: Vec<String> = others.iter().map(|(h, _)| (**h).to_owned()).collect();
    Seen {
        from: day_name(first),
        to: day_name(last),
        hosts: hosts
            .iter()
            .take(HOSTS)
            .map(|(h, d)| host_line(h, d, first, last, lang))
            .collect(),
        hosts_more: hosts.len().saturating_sub(HOSTS),
        others: others.len(),
        others_named: listed(lang, &names, OTHERS),
        clocks: clocks(coverage, lang),
    }
}

/// The span of at most [`DAYS`] that holds the most rows of days: one record dated 2099 must not push the rest out.
fn window(mut days: Vec<i64>) -> Option<(i64, i64)> {
    days.sort_unstable();
    let mut best: Option<(usize, i64, i64)> = None;
    let mut from = days.iter().enumerate().peekable();
    for (i, to) in days.iter().enumerate() {
        while from.next_if(|(_, f)| to - **f >= DAYS).is_some() {}
        let (j, f) = from.peek().copied()?;
        if best.is_none_or(|(n, ..)| i - j + 1 >= n) {
            best = Some((i - j + 1, *f, *to));
        }
    }
    best.map(|(_, first, last)| (first, last))
}

fn host_line(host: &str, days: &BTreeMap<i64, &HostDay>, first: i64, last: i64, lang: Lang) -> HostLine {
    let mut rows: BTreeMap<&str, u64> = BTreeMap::new();
    let mut on: BTreeMap<&str, usize> = BTreeMap::new();
    for d in days.values() {
        for (source, n) in &d.sources {
            *rows.entry(source).or_default() += n;
            *on.entry(source).or_default() += 1;
        }
    }
    let enough = days.len() >= ENOUGH_DAYS;
    let regular: Vec<&str> = on
        .iter()
        .filter(|(_, n)| enough && **n as f64 >= REGULAR * days.len() as f64)
        .map(|(s, _)| *s)
        .collect();
    let lacks = |source: &str| -> Vec<i64> {
        days.iter()
            .filter(|(_, d)| !d.sources.contains_key(source))
            .map(|(day, _)| *day)
            .collect()
    };
    let lacking: Vec<String> = regular
        .iter()
        .map(|s| (s, lacks(s)))
        .filter(|(_, missing)| !missing.is_empty())
        .map(|(s, missing)| lang.fill("{} on {}", &[&cut(s, 60), &ranges(&missing, lang)]))
        .collect();
    let silent: Vec<i64> = (first..=last).filter(|d| !days.contains_key(d)).collect();
    HostLine {
        host: cut(host, 100),
        days: days.len(),
        sources: rows
            .iter()
            .map(|(s, n)| format!("{} {}", cut(s, 60), count(*n)))
            .collect::<Vec<_>>()
            .join(", "),
        silent: ranges(&silent, lang),
        lacking: lacking.join("; "),
        strip: strip(days, &regular, first, last),
    }
}

/// Days of one kind in a row are one bar.
fn strip(
    days: &BTreeMap<i64, &HostDay>,
    regular: &[&str],
    first: i64,
    last: i64,
) -> Vec<(String, String, &'static str)> {
    let share = |n: i64| 100.0 * n as f64 / (last - first + 1) as f64;
    let mut bars: Vec<(i64, i64, &'static str)> = Vec::new();
    for (day, d) in days.range(first..=last) {
        let all = regular.iter().all(|s| d.sources.contains_key(*s));
        let kind = if all { "full" } else { "part" };
        match bars.last_mut() {
            Some((from, n, k)) if *k == kind && *from + *n == *day => *n += 1,
            _ => bars.push((*day, 1, kind)),
        }
    }
    bars.into_iter()
        .map(|(from, n, kind)| (format!("{:.2}", share(from - first)), format!("{:.2}", share(n)), kind))
        .collect()
}

fn clocks(coverage: &Coverage, lang: Lang) -> Vec<(String, String, String)> {
    let mut runs: Vec<(&str, f64, Vec<i64>)> = Vec::new();
    for c in &coverage.clock_offsets {
        let day = day_number(&c.day);
        match runs.last_mut() {
            Some((host, hours, days)) if *host == c.host && *hours == c.hours => days.extend(day),
            _ => runs.push((&c.host, c.hours, day.into_iter().collect())),
        }
    }
    runs.iter()
        .take(HOSTS)
        .map(|(host, hours, days)| (cut(host, 100), ranges(days, lang), format!("{hours:+.2} h")))
        .collect()
}

/// What could not be seen, and why.
pub fn unseen(run: &RunSummary, lang: Lang) -> Vec<Unseen> {
    let mut out: Vec<Unseen> = run
        .coverage
        .blind
        .iter()
        .map(|b| {
            let title = SIGNALS
                .iter()
                .map(|s| s.meta())
                .find(|m| m.id == b.signal)
                .map_or("", |m| m.title);
            Unseen {
                what: format!("{} {}", shown(&b.signal), lang.tell(title))
                    .trim_end()
                    .to_owned(),
                why: shown(&b.why),
                whom: if b.hosts.is_empty() {
                    lang.t("all hosts").to_owned()
                } else {
                    listed(lang, &b.hosts, 40)
                },
            }
        })
        .collect();
    let mut add = |what: String, why: &str, whom: String| {
        out.push(Unseen {
            what,
            why: why.to_owned(),
            whom,
        });
    };
    let c = &run.coverage;
    if c.addresses_unjoined > 0 {
        add(
            counted(
                lang,
                c.addresses_unjoined,
                "{} row without a host",
                "{} rows without a host",
            ),
            lang.t("they carry only an address that no lease, logon or sensor ties to a host at that time"),
            counted(
                lang,
                c.addresses_joined,
                "{} row found its host",
                "{} rows found theirs",
            ),
        );
    }
    if !c.shared_addresses.is_empty() {
        add(
            counted(
                lang,
                c.shared_addresses.len() as u64,
                "{} shared address",
                "{} shared addresses",
            ),
            lang.t("too many hosts claim them at once (NAT, proxy, VPN pool), so nothing is tied to one host"),
            listed(lang, &c.shared_addresses, 40),
        );
    }
    let rejected: u64 = run.inputs.iter().map(|i| i.rejected).sum();
    if rejected > 0 {
        let files: Vec<String> = run
            .inputs
            .iter()
            .filter(|i| i.rejected > 0)
            .map(|i| i.path.clone())
            .collect();
        add(
            counted(lang, rejected, "{} rejected record", "{} rejected records"),
            lang.t("they could not be read; see rejects.jsonl"),
            listed(lang, &files, 40),
        );
    }
    for (list, what) in [
        (&run.unreadable, "Unreadable input"),
        (&run.skipped, "Left out"),
        (&run.sigma.rejected, "Sigma rule not usable"),
        (&run.warnings, "Warning"),
    ] {
        for text in list.iter().take(OTHERS) {
            add(lang.t(what).to_owned(), &shown(text), String::new());
        }
        if list.len() > OTHERS {
            add(
                lang.fill("{}: {} more", &[&lang.t(what), &count((list.len() - OTHERS) as u64)]),
                lang.t("see run.json"),
                String::new(),
            );
        }
    }
    out
}

fn day_number(day: &str) -> Option<i64> {
    let (ts, _) = rfc3339(format!("{day}T00:00:00Z").as_bytes())?;
    Some(ts.div_euclid(DAY))
}

fn day_name(day: i64) -> String {
    day_string(day * DAY)
}

/// Days as ranges: `2025-09-06 to 2025-09-07, 2025-09-13`.
fn ranges(days: &[i64], lang: Lang) -> String {
    let mut runs: Vec<(i64, i64)> = Vec::new();
    for &day in days {
        match runs.last_mut() {
            Some((_, to)) if *to + 1 == day => *to = day,
            _ => runs.push((day, day)),
        }
    }
    let name = |&(from, to): &(i64, i64)| match to - from {
        0 => day_name(from),
        _ => lang.fill("{} to {}", &[&day_name(from), &day_name(to)]),
    };
    let mut out: Vec<String> = runs.iter().take(RANGES).map(name).collect();
    if runs.len() > RANGES {
        let rest: i64 = runs.iter().skip(RANGES).map(|(from, to)| to - from + 1).sum();
        out.push(counted(lang, rest.unsigned_abs(), "{} more day", "{} more days"));
    }
    out.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(host: &str, day: &str, sources: &[&str]) -> HostDay {
        HostDay {
            host: host.to_owned(),
            day: day.to_owned(),
            sources: sources.iter().map(|s| ((*s).to_owned(), 2)).collect(),
        }
    }

    #[test]
    fn gaps_of_a_host_and_of_one_source_are_named() {
        let mut host_days: Vec<HostDay> = (1..=8)
            .map(|d| day("pc1", &format!("2025-09-0{d}"), &["sysmon", "security"]))
            .collect();
        host_days.remove(2);
        if let Some(d) = host_days.get_mut(4) {
            d.sources.remove("security");
        }
        host_days.push(day("user:x", "2025-09-01", &["entra"]));
        let seen = seen(
            &Coverage {
                host_days,
                ..Coverage::default()
            },
            Lang::En,
        );
        assert_eq!(
            (seen.from.as_str(), seen.to.as_str(), seen.others),
            ("2025-09-01", "2025-09-08", 1)
        );
        let pc = &seen.hosts[0];
        assert_eq!(pc.silent, "2025-09-03");
        assert_eq!(pc.lacking, "security on 2025-09-06");
        assert_eq!(
            pc.strip.iter().map(|s| s.2).collect::<Vec<_>>(),
            ["full", "full", "part", "full"]
        );
    }

    #[test]
    fn a_wrong_clock_does_not_push_the_other_days_out() {
        assert_eq!(window(vec![20_000, 20_001, 20_001, 47_000]), Some((20_000, 20_001)));
        assert_eq!(window(vec![]), None);
    }

    #[test]
    fn days_become_ranges() {
        assert_eq!(ranges(&[0, 1, 2, 4], Lang::En), "1970-01-01 to 1970-01-03, 1970-01-05");
        let every_other: Vec<i64> = (0..20).map(|d| d * 2).collect();
        assert!(ranges(&every_other, Lang::En).ends_with("14 more days"));
    }
}
