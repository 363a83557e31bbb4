//! AUTH-03, guessed passwords: a burst of failed logons, the same over many accounts, and the success behind it.
//!
//! Sees: from one source, ten failures of one account in five minutes (guessing); failures of ten or more accounts in five
//! minutes with at most three tries each, or of twenty accounts within a day at regular times (spraying); and a successful
//! logon of the same account from the same source within ten minutes of at least five failures.
//! Why: guessing is loud and cheap; the success is what counts.
//! Benign: a service with an expired password (the same account fails from one source for days: left out), typing errors,
//! shared gateways, vulnerability scanners.
//! Sources: Elastic (statuses that are no guess; five failures then success), Splunk (30 accounts in five minutes).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::logons::{self, CLOUD, account, succeeded};
use super::{Cx, Hit, Ioc, Key, KeyRows, Level, Meta, Reads, RowRef, Signal, Threshold};
use crate::base::ip;
use crate::base::time::{DAY, SECOND, format_rfc3339};
use crate::lake::frame::Row;
use crate::rules::beacon;
use crate::schema::{auth, common};

/// The signal.
pub struct Auth03;

const GUESSES: usize = 10;
const SPRAYED: usize = 10;
const SPRAYED_SURE: usize = 30;
const TRIES: usize = 3;
const SLOW_SPRAYED: usize = 20;
const SLOW_GAP_US: i64 = 60 * SECOND;
const BEFORE_SUCCESS: usize = 5;
const SUCCESS_US: i64 = 600 * SECOND;
const STEADY_DAYS: usize = 3;
const EVIDENCE: usize = 15;

static META: Meta = Meta {
    id: "AUTH-03",
    title: "Failed-logon burst, spray, stuffing",
    sees: "bursts of failed logons from one source against one account (low) or many (medium), many of \
           which do not exist here when a list of stolen names is tried, and a success of the \
           same account from the same source right behind (high)",
    why: "password guessing shows before the account is lost, and the success shows that it is",
    techniques: &["T1110.001", "T1110.003", "T1110.004"],
    stage: "credential-access",
    family: "authentication",
    key: Key::Fleet,
    reads: &[Reads {
        table: &auth::TABLE,
        columns: logons::COLUMNS,
    }],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "window",
            value: 300.0,
            unit: "s",
            source: "Splunk password spraying",
        },
        Threshold {
            name: "guesses",
            value: GUESSES as f64,
            unit: "failures of one account",
            source: "[J]",
        },
        Threshold {
            name: "sprayed",
            value: SPRAYED as f64,
            unit: "accounts; quality 0.5",
            source: "[J]",
        },
        Threshold {
            name: "sprayed_sure",
            value: SPRAYED_SURE as f64,
            unit: "accounts (more than); quality 1",
            source: "Splunk password spraying",
        },
        Threshold {
            name: "tries",
            value: TRIES as f64,
            unit: "failures per sprayed account at most",
            source: "[J] below usual lockout",
        },
        Threshold {
            name: "slow_sprayed",
            value: SLOW_SPRAYED as f64,
            unit: "accounts within 24 h at regular times",
            source: "[J], timing as NET-01",
        },
        Threshold {
            name: "strangers",
            value: 0.3,
            unit: "share of sprayed accounts that do not exist",
            source: "[J] a spray takes its names from the directory, stuffing from other people's leaks",
        },
        Threshold {
            name: "before_success",
            value: BEFORE_SUCCESS as f64,
            unit: "failures",
            source: "Elastic; window widened to 10 min [J]",
        },
        Threshold {
            name: "steady_days",
            value: STEADY_DAYS as f64,
            unit: "days with failures of one account from one source (more than): a forgotten password of a service",
            source: "[J]",
        },
    ],
    benign: &[
        "services with an expired password",
        "typing errors",
        "gateways that hide many people",
        "vulnerability scanners",
    ],
};

/// NTSTATUS values that are no guess: no right to this logon type, no domain controller, clocks apart, Netlogon not
/// started, trust broken, expired password. Source: Elastic's rules, Microsoft's documentation of event 4625.
const NO_GUESS: &[i64] = &[
    0xC000_015B,
    0xC000_005E,
    0xC000_0133,
    0xC000_0192,
    0xC000_00DC,
    0xC000_0071,
    0xC000_0224,
    0xC000_0193,
];
/// Kerberos: unknown account, revoked or locked account, wrong password. Others are clocks, ciphers and policies.
const KERBEROS_GUESS: &[i64] = &[0x6, 0x12, 0x18];
/// NTLM: wrong password, unknown account.
const NTLM_GUESS: &[i64] = &[0xC000_006A, 0xC000_0064];
/// Entra: wrong password, unknown account, locked, wrong or missing credentials.
const CLOUD_GUESS: &[i64] = &[50_126, 50_034, 50_053, 50_056, 50_064, 50_057];

impl Signal for Auth03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    /// Attempts, and what names the address of a client: two are enough to know that there is not one.
    fn gather(&self, rows: &KeyRows<'_>) -> Vec<RowRef> {
        let mut known: HashMap<String, BTreeSet<ip::Ip>> = HashMap::new();
        let mut names = |row: Row<'_>| {
            row.ip(auth::SRC_IP).zip(client(row)).is_some_and(|(address, name)| {
                let of_name = known.entry(name).or_default();
                of_name.len() < 2 && of_name.insert(address)
            })
        };
        let view = rows.table(&auth::TABLE);
        let attempt = |row: Row<'_>| account(row).is_some() && (is_guess(row) || succeeded(row));
        view.iter()
            .filter(|r| names(*r) || attempt(*r))
            .map(RowRef::from)
            .collect()
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let mut attempts = by_source(rows);
        for (source, of_source) in &mut attempts {
            of_source.sort_by_key(|a| a.row.ts());
            let of_source = once(of_source);
            let by_user = by_user(&of_source);
            let steady: BTreeSet<&str> = by_user
                .iter()
                .filter(|(_, a)| failure_days(a) > (cx.number(&META, "steady_days") as usize))
                .map(|(u, _)| *u)
                .collect();
            let failures: Vec<&Attempt<'_>> = of_source
                .iter()
                .filter(|a| a.failed && !steady.contains(a.user.as_str()))
                .collect();
            let sprays = sprays(cx, source, &failures);
            let sprayed: BTreeSet<String> = sprays.iter().flat_map(|h| h.users.clone()).collect();
            hits.extend(sprays);
            for (user, of_user) in by_user.iter().filter(|(u, _)| !steady.contains(*u)) {
                hits.extend(guess(cx, source, user, of_user));
                hits.extend(success(cx, source, user, of_user, sprayed.contains(*user)));
            }
        }
    }
}

struct Attempt<'a> {
    user: String,
    failed: bool,
    row: Row<'a>,
}

/// Attempts by where they came from: the address; else the name of the client, or the address that this name had
/// elsewhere.
fn by_source<'a>(rows: &KeyRows<'a>) -> BTreeMap<String, Vec<Attempt<'a>>> {
    let view = rows.table(&auth::TABLE);
    let mut addresses: HashMap<String, BTreeSet<ip::Ip>> = HashMap::new();
    for row in view.iter() {
        if let (Some(address), Some(name)) = (row.ip(auth::SRC_IP), client(row)) {
            let known = addresses.entry(name).or_default();
            if known.len() < 2 {
                known.insert(address);
            }
        }
    }
    let mut out: BTreeMap<String, Vec<Attempt<'a>>> = BTreeMap::new();
    for row in view.iter() {
        let failed = is_guess(row);
        if !failed && !succeeded(row) {
            continue;
        }
        let address = row.ip(auth::SRC_IP).filter(|a| !ip::is_loopback(a));
        let source = address.map(|a| ip::display(&a)).or_else(|| {
            let name = client(row)?;
            let known = addresses.get(&name).filter(|a| a.len() == 1).and_then(|a| a.first());
            Some(known.filter(|a| !ip::is_loopback(a)).map_or(name, ip::display))
        });
        if let (Some(source), Some(user)) = (source, account(row)) {
            out.entry(source).or_default().push(Attempt { user, failed, row });
        }
    }
    out
}

fn client(row: Row<'_>) -> Option<String> {
    let name = row.text(auth::SRC_HOST)?.trim().trim_start_matches('\\').to_lowercase();
    (!name.is_empty() && name != "-" && name != "localhost").then_some(name)
}

/// Whether the row is a failed logon that can be a guess.
fn is_guess(row: Row<'_>) -> bool {
    if row.str(common::OUTCOME) != "failure" {
        return false;
    }
    let status = row.int(auth::STATUS);
    let codes = [status, row.int(auth::SUB_STATUS)];
    if codes.iter().flatten().any(|c| NO_GUESS.contains(c)) {
        return false;
    }
    let among = |list: &[i64]| codes.iter().flatten().all(|c| *c == 0 || list.contains(c));
    match row.str(common::ACTION) {
        "krb_tgt" => among(KERBEROS_GUESS),
        "ntlm" => among(NTLM_GUESS),
        "logon" if row.int(auth::LOGON_TYPE) == Some(CLOUD) => among(CLOUD_GUESS),
        "logon" => true,
        _ => false,
    }
}

/// Attempts without the second record of the same attempt: a domain controller and the target each write one.
fn once<'a>(attempts: &mut Vec<Attempt<'a>>) -> Vec<Attempt<'a>> {
    let mut last: HashMap<(String, bool), (i64, i64, u32)> = HashMap::new();
    let mut out = Vec::with_capacity(attempts.len());
    for a in attempts.drain(..) {
        let (ts, code, host) = (a.row.ts(), a.row.code(), a.row.id(common::HOST));
        match last.get(&(a.user.clone(), a.failed)) {
            Some((t, c, h)) if ts - t <= SECOND && (*c, *h) != (code, host) => {}
            _ => {
                last.insert((a.user.clone(), a.failed), (ts, code, host));
                out.push(a);
            }
        }
    }
    out
}

fn by_user<'s, 'a>(attempts: &'s [Attempt<'a>]) -> BTreeMap<&'s str, Vec<&'s Attempt<'a>>> {
    let mut out: BTreeMap<&str, Vec<&Attempt<'a>>> = BTreeMap::new();
    for a in attempts {
        out.entry(&a.user).or_default().push(a);
    }
    out
}

fn failure_days(attempts: &[&Attempt<'_>]) -> usize {
    let days: BTreeSet<i64> = attempts
        .iter()
        .filter(|a| a.failed)
        .map(|a| a.row.ts().div_euclid(DAY))
        .collect();
    days.len()
}

/// The strongest burst of failures of one account.
fn guess(cx: &Cx<'_>, source: &str, user: &str, attempts: &[&Attempt<'_>]) -> Option<Hit> {
    let failures: Vec<&Attempt<'_>> = attempts.iter().copied().filter(|a| a.failed).collect();
    let window = (cx.number(&META, "window") * 1e6) as i64;
    let (mut from, mut best) = (0, None);
    for (to, a) in failures.iter().enumerate() {
        while failures.get(from).is_some_and(|f| a.row.ts() - f.row.ts() > window) {
            from += 1;
        }
        let n = to + 1 - from;
        if n >= (cx.number(&META, "guesses") as usize) && best.is_none_or(|(b, _, _)| n > b) {
            best = Some((n, from, to));
        }
    }
    let (n, from, to) = best?;
    let burst = failures.get(from..=to)?;
    let explain = format!("{n} failed logons of {user} from {source} in {}", span(burst));
    let mut hit = build(source, &format!("guess:{user}"), burst, explain)?;
    hit.level = Level::Low;
    hit.users = vec![user.to_owned()];
    hit.techniques = vec![Cow::Borrowed("T1110.001")];
    Some(hit)
}

/// Bursts over many accounts, and one slow spray where there is no burst.
fn sprays(cx: &Cx<'_>, source: &str, failures: &[&Attempt<'_>]) -> Vec<Hit> {
    let mut hits = Vec::new();
    let window = (cx.number(&META, "window") * 1e6) as i64;
    let (mut from, mut tries) = (0, HashMap::<&str, usize>::new());
    // Begin, end and accounts of the burst at its widest.
    let mut burst: Option<(usize, usize, usize)> = None;
    for (to, a) in failures.iter().enumerate() {
        while let Some(old) = failures.get(from).filter(|f| a.row.ts() - f.row.ts() > window) {
            if let Some(n) = tries.get_mut(old.user.as_str()) {
                *n -= 1;
                if *n == 0 {
                    tries.remove(old.user.as_str());
                }
            }
            from += 1;
        }
        *tries.entry(&a.user).or_insert(0) += 1;
        if tries.len() < (cx.number(&META, "sprayed") as usize) {
            if let Some((first, last, most)) = burst.filter(|b| b.1 < from) {
                hits.extend(spray(cx, source, failures.get(first..=last).unwrap_or_default(), most));
                burst = None;
            }
            continue;
        }
        let sprayed = tries
            .values()
            .filter(|n| **n <= (cx.number(&META, "tries") as usize))
            .count();
        if sprayed >= (cx.number(&META, "sprayed") as usize) {
            burst = Some(burst.map_or((from, to, sprayed), |(first, _, most)| (first, to, most.max(sprayed))));
        }
    }
    if let Some((first, last, most)) = burst {
        hits.extend(spray(cx, source, failures.get(first..=last).unwrap_or_default(), most));
    }
    if hits.is_empty() {
        hits.extend(slow_spray(cx, source, failures));
    }
    hits
}

fn spray(cx: &Cx<'_>, source: &str, burst: &[&Attempt<'_>], most: usize) -> Option<Hit> {
    let users = users(burst);
    let explain = format!(
        "{} failed logons over {} accounts from {source} in {} (such as {})",
        burst.len(),
        users.len(),
        span(burst),
        examples(&users)
    );
    let mut hit = build(source, "spray", burst, explain)?;
    hit.quality = if most > (cx.number(&META, "sprayed_sure") as usize) {
        1.0
    } else {
        0.5
    };
    hit.users = users;
    let strangers = strangers(burst);
    let stuffed = strangers as f64 >= cx.number(&META, "strangers") * hit.users.len() as f64;
    hit.techniques = vec![Cow::Borrowed(if stuffed { "T1110.004" } else { "T1110.003" })];
    if stuffed {
        hit.explain += &format!("; {strangers} of them do not exist, as in a list of names from elsewhere");
    }
    Some(hit)
}

/// How many of the accounts do not exist: NTSTATUS no such user, Kerberos client unknown.
fn strangers(burst: &[&Attempt<'_>]) -> usize {
    let unknown = |a: &&&Attempt<'_>| {
        let row = a.row;
        [row.int(auth::STATUS), row.int(auth::SUB_STATUS)]
            .iter()
            .any(|s| matches!(s, Some(0xC000_0064 | 0x6)))
    };
    let names: BTreeSet<&str> = burst.iter().filter(unknown).map(|a| a.user.as_str()).collect();
    names.len()
}

/// Twenty accounts within a day, one after the other at the pace of a clock.
fn slow_spray(cx: &Cx<'_>, source: &str, failures: &[&Attempt<'_>]) -> Option<Hit> {
    let mut from = 0;
    while let Some(first) = failures.get(from) {
        let rest = failures.get(from..)?;
        let n = rest.partition_point(|a| a.row.ts() - first.row.ts() < DAY).max(1);
        let day = rest.get(..n)?;
        from += n;
        let users = users(day);
        let times: Vec<i64> = day.iter().map(|a| a.row.ts()).collect();
        let mut gaps: Vec<i64> = times.iter().zip(times.iter().skip(1)).map(|(a, b)| b - a).collect();
        gaps.sort_unstable();
        let slow = gaps.get(gaps.len() / 2).is_some_and(|g| *g >= SLOW_GAP_US);
        if users.len() < (cx.number(&META, "slow_sprayed") as usize)
            || !slow
            || day.len() > users.len() * (cx.number(&META, "tries") as usize)
        {
            continue;
        }
        if let Some(beat) = beacon::analyze(&times, None).filter(|b| b.fires()) {
            let explain = format!(
                "{} failed logons over {} accounts from {source} in {}, one every {:.0} s with a timing of {:.2} (such as {})",
                day.len(),
                users.len(),
                span(day),
                beat.period_s,
                beat.timing,
                examples(&users),
            );
            let mut hit = build(source, "spray", day, explain)?;
            hit.quality = beat.timing;
            hit.users = users;
            hit.techniques = vec![Cow::Borrowed("T1110.003")];
            return Some(hit);
        }
    }
    None
}

/// The first success right behind failures of the same account.
fn success(cx: &Cx<'_>, source: &str, user: &str, attempts: &[&Attempt<'_>], sprayed: bool) -> Option<Hit> {
    let mut failures: Vec<&Attempt<'_>> = Vec::new();
    for a in attempts {
        if a.failed {
            failures.push(a);
            continue;
        }
        let since = failures.partition_point(|f| a.row.ts() - f.row.ts() > SUCCESS_US);
        let burst = failures.get(since..).unwrap_or_default();
        if burst.len() >= (cx.number(&META, "before_success") as usize) {
            let explain = format!(
                "{user} logged on from {source} at {} after {} failed logons in {}",
                format_rfc3339(a.row.ts()),
                burst.len(),
                span(burst),
            );
            let mut hit = build(source, &format!("success:{user}"), burst, explain)?;
            hit.rows.insert(0, a.row.into());
            hit.host = a.row.id(common::HOST);
            hit.last = a.row.ts();
            hit.level = Level::High;
            hit.users = vec![user.to_owned()];
            hit.iocs.push(Ioc::Account(user.to_owned()));
            hit.techniques = vec![Cow::Borrowed("T1110.001")];
            if sprayed {
                hit.techniques.push(Cow::Borrowed("T1110.003"));
            }
            return Some(hit);
        }
        failures.clear();
    }
    None
}

fn build(source: &str, kind: &str, attempts: &[&Attempt<'_>], explain: String) -> Option<Hit> {
    let (first, last) = (attempts.first()?.row, attempts.last()?.row);
    let mut hit = Hit::at(&META, first, format!("{kind}:{source}"), explain);
    (hit.last, hit.count) = (last.ts(), attempts.len() as u64);
    if let Some(address) = ip::parse(source).filter(|a| !ip::is_internal(a)) {
        hit.iocs.push(Ioc::Ip(ip::display(&address)));
    }
    let rows: Vec<Row<'_>> = attempts.iter().map(|a| a.row).collect();
    for row in super::contacts::spread_out(&rows, EVIDENCE).into_iter().skip(1) {
        hit.add_row(row);
    }
    Some(hit)
}

fn users(attempts: &[&Attempt<'_>]) -> Vec<String> {
    let all: BTreeSet<&str> = attempts.iter().map(|a| a.user.as_str()).collect();
    all.into_iter().take(1_000).map(str::to_owned).collect()
}

fn examples(users: &[String]) -> String {
    users.iter().take(4).cloned().collect::<Vec<_>>().join(", ")
}

fn span(attempts: &[&Attempt<'_>]) -> String {
    let ts = |a: Option<&&Attempt<'_>>| a.map_or(0, |a| a.row.ts());
    let seconds = (ts(attempts.last()) - ts(attempts.first())) / SECOND;
    if seconds < 120 {
        format!("{seconds} s")
    } else {
        format!("{} min", seconds / 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn attempt(s: &mut Sample, at_s: i64, user: &str, outcome: &str, status: i64) {
        s.row_us(&auth::TABLE, "dc01", T0 + at_s * SECOND, |b| {
            b.text(common::ACTION, "logon");
            b.text(common::OUTCOME, outcome);
            b.text(auth::TARGET_USER, user);
            b.ip(auth::SRC_IP, &ip::parse("10.0.5.66").unwrap());
            b.int(auth::LOGON_TYPE, 3);
            b.int(auth::SUB_STATUS, status);
        });
    }

    const WRONG: i64 = 0xC000_006A;

    #[test]
    fn a_spray_is_one_hit_and_the_success_behind_it_is_high() {
        let mut s = Sample::default();
        for i in 0..45 {
            attempt(&mut s, i * 4, &format!("user{i:02}"), "failure", WRONG);
        }
        for i in 0..6 {
            attempt(&mut s, 200 + i * 5, "User07", "failure", WRONG);
        }
        attempt(&mut s, 240, "user07", "success", 0);
        let hits = s.hits(&Auth03);
        let seen: Vec<_> = hits.iter().map(|h| (h.key.as_str(), h.level, h.quality)).collect();
        assert_eq!(
            seen,
            [
                ("spray:10.0.5.66", Level::Medium, 1.0),
                ("success:user07:10.0.5.66", Level::High, 1.0)
            ]
        );
        assert_eq!(hits[0].users.len(), 45);
    }

    #[test]
    fn a_slow_regular_spray_and_a_guessing_burst_fire() {
        let mut s = Sample::default();
        for i in 0..24 {
            attempt(&mut s, i * 1_800, &format!("user{i:02}"), "failure", WRONG);
        }
        for i in 0..12 {
            attempt(&mut s, 90_000 + i * 10, "ann", "failure", WRONG);
        }
        let hits = s.hits(&Auth03);
        let seen: Vec<_> = hits.iter().map(|h| (h.key.as_str(), h.level)).collect();
        assert_eq!(
            seen,
            [("spray:10.0.5.66", Level::Medium), ("guess:ann:10.0.5.66", Level::Low)]
        );
    }

    #[test]
    fn typing_errors_forgotten_services_and_other_statuses_stay_quiet() {
        let mut s = Sample::default();
        for i in 0..3 {
            attempt(&mut s, i * 5, "ann", "failure", WRONG);
        }
        attempt(&mut s, 20, "ann", "success", 0);
        for day in 0..30 {
            for i in 0..10 {
                attempt(&mut s, day * 86_400 + 4_000 + i * 20, "svc_x", "failure", WRONG);
            }
        }
        for i in 0..40 {
            attempt(&mut s, 9_000 + i, &format!("user{i:02}"), "failure", 0xC000_0133);
            attempt(&mut s, 9_000 + i, &format!("pc{i:02}$"), "failure", WRONG);
        }
        let hits = s.hits(&Auth03);
        assert!(hits.is_empty(), "{hits:?}");
    }

    #[test]
    fn two_records_of_one_attempt_count_once() {
        let mut s = Sample::default();
        for i in 0..6 {
            attempt(&mut s, i * 10, "ann", "failure", WRONG);
            s.row_us(&auth::TABLE, "fs01", T0 + i * 10 * SECOND + 200_000, |b| {
                b.text(common::ACTION, "logon");
                b.text(common::OUTCOME, "failure");
                b.text(auth::TARGET_USER, "ann");
                b.ip(auth::SRC_IP, &ip::parse("10.0.5.66").unwrap());
            });
        }
        assert!(s.hits(&Auth03).is_empty());
    }

    #[test]
    fn names_that_do_not_exist_are_a_list_from_elsewhere() {
        let mut s = Sample::default();
        for i in 0..40 {
            let status = if i % 2 == 0 { 0xC000_0064 } else { WRONG };
            attempt(&mut s, i * 4, &format!("user{i:02}"), "failure", status);
        }
        let hits = s.hits(&Auth03);
        assert_eq!((hits.len(), &*hits[0].techniques[0]), (1, "T1110.004"));
    }
}
