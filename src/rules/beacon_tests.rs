//! The simulation behind the thresholds, with its own generator so that a run is the same everywhere.

use super::*;
use std::f64::consts::TAU;

const HOUR: f64 = 3_600.0;
const DAY: f64 = 86_400.0;
const RUNS: usize = 500;

/// SplitMix64.
pub(crate) struct Random(pub u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.uniform()).ln()
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.uniform()).ln()).sqrt() * (TAU * self.uniform()).cos()
    }

    fn geometric(&mut self, p: f64) -> usize {
        (((1.0 - self.uniform()).ln() / (1.0 - p).ln()).ceil() as usize).max(1)
    }

    fn pareto(&mut self, shape: f64) -> f64 {
        (1.0 - self.uniform()).powf(-1.0 / shape) - 1.0
    }
}

#[derive(Clone, Copy)]
pub(crate) enum Jitter {
    /// Up to this share shorter, as implants do it.
    Sleep(f64),
    /// This share to both sides.
    Symmetric(f64),
    /// Normal with this share as standard deviation.
    Gauss(f64),
}

/// Whole seconds, as most logs write them.
fn micros(mut seconds: Vec<f64>) -> Vec<i64> {
    seconds.sort_by(f64::total_cmp);
    seconds.iter().map(|s| s.floor() as i64 * 1_000_000).collect()
}

pub(crate) fn beacon(
    r: &mut Random,
    period: f64,
    jitter: Jitter,
    span: f64,
    missing: f64,
    connections: usize,
) -> Vec<f64> {
    let (mut t, mut out) = (0.0, Vec::new());
    loop {
        t += match jitter {
            Jitter::Sleep(j) => period * (1.0 - j * r.uniform()),
            Jitter::Symmetric(j) => period * (1.0 + j * (2.0 * r.uniform() - 1.0)),
            Jitter::Gauss(sd) => (period * (1.0 + sd * r.normal())).max(1.0),
        };
        if t >= span {
            return out;
        }
        if r.uniform() >= missing {
            out.extend((0..connections).map(|i| t + 2.0 * i as f64 * r.uniform()));
        }
    }
}

pub(crate) fn office(times: Vec<f64>) -> Vec<f64> {
    let at_work = |t: &f64| ((t / DAY) as i64 % 7) < 5 && (8.0..18.0).contains(&(t % DAY / HOUR));
    times.into_iter().filter(at_work).collect()
}

pub(crate) fn poisson(r: &mut Random, per_second: f64, span: f64) -> Vec<f64> {
    let (mut t, mut out) = (r.exponential(1.0 / per_second), Vec::new());
    while t < span {
        out.push(t);
        t += r.exponential(1.0 / per_second);
    }
    out
}

pub(crate) fn browsing(r: &mut Random, days: usize) -> Vec<f64> {
    let mut out = Vec::new();
    for day in (0..days).filter(|d| d % 7 < 5) {
        let mut t = day as f64 * DAY + 8.0 * HOUR + r.exponential(1_800.0);
        while t < day as f64 * DAY + 18.0 * HOUR {
            for _ in 0..=r.geometric(0.12) {
                out.push(t);
                t += r.pareto(1.3) * 4.0 + 1.0;
            }
            t += r.exponential(2_400.0) + 60.0;
        }
    }
    out
}

fn lognormal(r: &mut Random, per_second: f64, span: f64) -> Vec<f64> {
    let mean = (1.2f64 * 1.2 / 2.0).exp();
    let (mut t, mut out) = (0.0, Vec::new());
    loop {
        t += (1.2 * r.normal()).exp() / mean / per_second;
        if t >= span {
            return out;
        }
        out.push(t);
    }
}

type Judge = fn(&[i64], Option<&[u64]>) -> Option<Beacon>;

/// How many of `RUNS` series are called beacons.
fn fired(judge: Judge, seed: u64, mut series: impl FnMut(&mut Random) -> Vec<f64>) -> usize {
    let mut r = Random(seed);
    (0..RUNS)
        .filter(|_| judge(&micros(series(&mut r)), None).is_some_and(|b| b.fires()))
        .count()
}

#[test]
fn sleeping_programs_are_found() {
    use Jitter::*;
    let h6 = 6.0 * HOUR;
    let d14 = 14.0 * DAY;
    // period, jitter, span, missing, connections per check-in, office hours only
    let cases = [
        (60.0, Sleep(0.0), h6, 0.0, 1, false),
        (60.0, Sleep(0.1), h6, 0.0, 1, false),
        (60.0, Sleep(0.2), h6, 0.0, 1, false),
        (60.0, Sleep(0.3), h6, 0.0, 1, false),
        (60.0, Sleep(0.5), h6, 0.0, 1, false),
        (60.0, Symmetric(0.2), h6, 0.0, 1, false),
        (60.0, Symmetric(0.3), h6, 0.0, 1, false),
        (60.0, Symmetric(0.5), h6, 0.0, 1, false),
        (60.0, Sleep(0.5), HOUR, 0.0, 1, false),
        (60.0, Sleep(0.2), 900.0, 0.0, 1, false),
        (60.0, Sleep(0.2), h6, 0.1, 1, false),
        (60.0, Sleep(0.2), h6, 0.3, 1, false),
        (60.0, Sleep(0.5), h6, 0.3, 1, false),
        (60.0, Sleep(0.2), h6, 0.0, 3, false),
        (300.0, Sleep(0.3), d14, 0.0, 1, true),
        (3_600.0, Sleep(0.2), d14, 0.0, 1, true),
        (3_600.0, Sleep(0.5), 7.0 * DAY, 0.0, 1, false),
        (21_600.0, Sleep(0.1), d14, 0.0, 1, false),
        (60.0, Gauss(0.25), h6, 0.0, 1, false),
    ];
    for (i, (period, jitter, span, missing, connections, at_work)) in cases.into_iter().enumerate() {
        let hits = fired(analyze, 20_261_122 + i as u64, |r| {
            let times = beacon(r, period, jitter, span, missing, connections);
            if at_work { office(times) } else { times }
        });
        assert!(hits * 100 >= RUNS * 99, "case {i}: {hits} of {RUNS}");
    }
}

#[test]
fn none_of_3500_random_series_is_called_a_beacon() {
    let hits = [
        fired(best_horizon, 1, |r| poisson(r, 1.0 / 60.0, 6.0 * HOUR)),
        fired(best_horizon, 2, |r| poisson(r, 1.0 / 300.0, DAY)),
        fired(best_horizon, 3, |r| poisson(r, 1.0 / HOUR, 7.0 * DAY)),
        fired(best_horizon, 4, |r| poisson(r, 12.0 / HOUR, HOUR)),
        fired(best_horizon, 5, |r| browsing(r, 5)),
        fired(best_horizon, 6, |r| browsing(r, 1)),
        fired(best_horizon, 7, |r| lognormal(r, 1.0 / 120.0, DAY)),
    ];
    assert_eq!(hits, [0; 7]);
}

#[test]
fn few_check_ins_of_random_traffic_rarely_look_steady() {
    for n in [12, 18, 24, 32, 40, 50, 60, 80] {
        let hits = fired(analyze, n, |r| poisson(r, 1.0 / HOUR, n as f64 * HOUR));
        assert!(hits * 100 <= RUNS, "{n} check-ins: {hits} of {RUNS}");
    }
}

#[test]
fn the_result_describes_the_series() {
    let times: Vec<i64> = (0..360).map(|i| 1_000_000 + i * 60_000_000).collect();
    let sizes = vec![512u64; times.len()];
    let found = analyze(&times, Some(&sizes)).unwrap();
    assert!(found.timing > 0.99 && found.fires());
    assert_eq!(found.size, Some(1.0));
    assert_eq!(found.period_s, 60.0);
    assert_eq!((found.n, found.cov, found.delta_s), (360, 1.0, 0.0));
    assert_eq!((found.first, found.last), (times[0], times[359]));
    assert!((found.persistence - 359.0 / 720.0).abs() < 1e-9);
    let expected = 0.65 * found.timing + 0.20 + 0.15 * found.persistence;
    assert!((found.b - expected).abs() < 1e-12);
    let without = analyze(&times, None).unwrap();
    assert_eq!(without.size, None);
    assert!(without.strength() > 0.9);
}

#[test]
fn bytes_of_a_burst_are_added_up() {
    let times: Vec<i64> = (0..60)
        .flat_map(|i| [i * 60_000_000, i * 60_000_000 + 1_000_000])
        .collect();
    let sizes: Vec<u64> = (0..120).map(|i| if i % 2 == 0 { 100 } else { 900 }).collect();
    let found = analyze(&times, Some(&sizes)).unwrap();
    assert_eq!(found.delta_s, 5.0);
    assert_eq!(found.size, Some(1.0));
}

#[test]
fn a_day_of_beaconing_is_found_in_a_month_of_other_traffic() {
    let mut r = Random(9);
    let mut times = browsing(&mut r, 26);
    let day = 27.0 * DAY;
    times.extend(
        beacon(&mut r, 60.0, Jitter::Sleep(0.2), DAY, 0.0, 1)
            .iter()
            .map(|t| day + t),
    );
    let times = micros(times);
    let found = best_horizon(&times, None).unwrap();
    assert!(found.fires(), "{found:?}");
    assert!(found.first >= 27 * DAY_US);
}

#[test]
fn what_cannot_be_judged_is_not() {
    let every_minute = |n: i64| (0..n).map(|i| i * 60_000_000).collect::<Vec<_>>();
    assert_eq!(analyze(&[], None), None);
    assert_eq!(best_horizon(&[], None), None);
    assert_eq!(analyze(&every_minute(7), None), None);
    assert_eq!(analyze(&[0; 100], None), None);
    assert_eq!(
        analyze(&(0..300).map(|i| i * 1_000_000).collect::<Vec<_>>(), None),
        None
    );
    let flood: Vec<i64> = (0..100_000).map(|i| i * 10_000).collect();
    assert_eq!(analyze(&flood, None), None);
}

#[test]
fn hostile_times_neither_panic_nor_allocate_by_their_span() {
    let extremes: Vec<i64> = [i64::MIN; 10]
        .into_iter()
        .chain([0; 10])
        .chain([i64::MAX; 10])
        .collect();
    let _ = best_horizon(&extremes, None);
    // Microsecond intervals with gaps just below a pause: billions of empty bins.
    let sparse: Vec<i64> = (0..400).map(|i| (i / 4) * 899_000_000 + i % 4).collect();
    let _ = analyze(&sparse, None);
}
