//! How regular a series of connections is: the statistic behind "this program calls home every minute".
//!
//! Malware sleeps between check-ins, with jitter; machines are switched off, packets are lost, one check-in may open
//! several connections. So bursts are collapsed, nights are cut out, missing beats folded, and regularity is
//! measured twice: by the spread of the intervals and by the dispersion of counts over eight periods, which is near 0
//! for a sleeping program, 1 for random (Poisson) traffic and far above 1 for people.
//!
//! Thresholds come from simulation (500 series per case, see the tests): every sleeping program up to 50 % jitter or
//! with 30 % missing beats reaches the threshold, no Poisson, log-normal or browsing series does. Timing cannot tell
//! malware from an updater: both sleep. That is left to prevalence and context.

/// Timing from which a series of a hundred check-ins or more is called a beacon; see [`timing_threshold`].
pub const TIMING_FIRES: f64 = 0.60;

/// Timing from which a series of a few dozen check-ins is called a beacon.
pub const TIMING_FIRES_FEW: f64 = 0.70;

/// Fewest check-ins that are judged.
pub const MIN_EVENTS: usize = 8;

/// Shortest series that is judged, in seconds.
pub const MIN_SPAN_S: f64 = 600.0;

/// Most connections per day; beyond it the series is polling, not a sleeping program (RITA's limit).
pub const MAX_EVENTS_PER_DAY: f64 = 86_400.0;

/// Widths of the bursts that count as one check-in, in seconds.
const BURST_S: [f64; 3] = [0.0, 5.0, 30.0];

/// A gap is a pause when it exceeds this many median intervals and [`PAUSE_S`].
const PAUSE_MEDIANS: f64 = 6.0;
const PAUSE_S: f64 = 900.0;

/// Fewest check-ins between two pauses that are kept.
const MIN_PIECE: usize = 6;

/// Fewest connections in a week or day that is judged by itself: many windows give chance many tries.
const MIN_WINDOW_EVENTS: usize = 100;

/// Median distance from the period, in periods, from which nothing is regular about the intervals.
const SPREAD_NONE: f64 = 0.40;

/// Width of the counting bins in periods.
const BIN_PERIODS: f64 = 8.0;

const SECOND: f64 = 1e6;
const DAY_US: i64 = 86_400_000_000;

/// How regular a series is, and when it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Beacon {
    /// Regularity of the times, 0 to 1; see [`TIMING_FIRES`].
    pub timing: f64,
    /// Regularity of the bytes sent per check-in, 0 to 1; `None` without sizes.
    pub size: Option<f64>,
    /// 1 from twelve active hours on, never more than `cov`.
    pub persistence: f64,
    /// Combined score: 0.65 timing + 0.20 size + 0.15 persistence; without sizes the weights of the others grow.
    pub b: f64,
    /// Median interval with missing beats folded, in seconds.
    pub period_s: f64,
    /// Check-ins in the regular pieces.
    pub n: usize,
    /// Share of all check-ins that lie in them, 0 to 1.
    pub cov: f64,
    /// Width of the collapsed bursts, in seconds.
    pub delta_s: f64,
    /// First and last check-in of the regular pieces, microseconds since 1970 UTC.
    pub first: i64,
    /// See `first`.
    pub last: i64,
}

impl Beacon {
    /// Whether the timing is that of a sleeping program.
    pub fn fires(&self) -> bool {
        self.timing >= timing_threshold(self.n)
    }

    /// Strength of the signal, 0.2 to 1.
    pub fn strength(&self) -> f64 {
        ((self.b - 0.40) / 0.50).clamp(0.2, 1.0)
    }
}

/// Timing from which a series with `n` check-ins is called a beacon.
///
/// Few check-ins fill few counting bins, and chance looks steady: of 20,000 Poisson series each, 0.2 % reach 0.60 with
/// 14 check-ins, 2.0 % with 32, 1.0 % with 50, 0.03 % with 100; their 99.9th percentile is 0.70 at worst (40). So the
/// threshold rises to 0.70 between 16 and 24 check-ins and falls back between 60 and 100. Below 16 the score itself
/// is damped by the number.
pub fn timing_threshold(n: usize) -> f64 {
    let n = n as f64;
    let rise = ((n - 16.0) / 8.0).clamp(0.0, 1.0);
    let fall = ((100.0 - n) / 40.0).clamp(0.0, 1.0);
    TIMING_FIRES + (TIMING_FIRES_FEW - TIMING_FIRES) * rise.min(fall)
}

/// Judges a whole series; as [`Kernel::analyze`], for one series.
pub fn analyze(times: &[i64], sizes: Option<&[u64]>) -> Option<Beacon> {
    Kernel::default().analyze(times, sizes)
}

/// Judges a series as a whole, per week and per day; as [`Kernel::best_horizon`], for one series.
pub fn best_horizon(times: &[i64], sizes: Option<&[u64]>) -> Option<Beacon> {
    Kernel::default().best_horizon(times, sizes)
}

/// Buffers that many series share, so that a pass over a host's destinations allocates once.
#[derive(Debug, Default)]
pub struct Kernel {
    /// Times and bytes of the check-ins: the series with bursts collapsed.
    times: Vec<i64>,
    sizes: Vec<f64>,
    /// Intervals inside the pieces, microseconds.
    intervals: Vec<f64>,
    /// What is put in order for a median; its order means nothing between two steps.
    work: Vec<f64>,
}

impl Kernel {
    /// Judges a whole series.
    ///
    /// `times` are microseconds since 1970 UTC, sorted; `sizes` the bytes sent by each connection, in the same order
    /// (ignored when their number differs). `None` below [`MIN_EVENTS`] or [`MIN_SPAN_S`], above
    /// [`MAX_EVENTS_PER_DAY`], when no regular piece is left, and when the spread of the intervals alone says that the timing
    /// stays below [`TIMING_FIRES`]. O(n), 8 bytes per event and a few copies.
    pub fn analyze(&mut self, times: &[i64], sizes: Option<&[u64]>) -> Option<Beacon> {
        let (first, last) = (*times.first()?, *times.last()?);
        let span_s = seconds(last.saturating_sub(first));
        let days = (span_s / 86_400.0).max(1.0);
        if times.len() < MIN_EVENTS || span_s < MIN_SPAN_S || times.len() as f64 > MAX_EVENTS_PER_DAY * days {
            return None;
        }
        let sizes = sizes.filter(|s| s.len() == times.len());
        let mut best: Option<Beacon> = None;
        let shortest = times
            .iter()
            .zip(times.iter().skip(1))
            .map(|(a, b)| b.saturating_sub(*a))
            .min();
        let mut known = usize::MAX;
        for delta_s in BURST_S {
            let delta = (delta_s * SECOND) as i64;
            // A wider burst that takes in no more is the same series.
            if delta > 0 && shortest.is_some_and(|s| s > delta) {
                break;
            }
            self.collapse(times, sizes, delta);
            if self.times.len() == known {
                continue;
            }
            known = self.times.len();
            let candidate = self.at_burst_width(sizes.is_some(), delta_s);
            if let Some(candidate) = candidate
                && best.is_none_or(|b| candidate.timing > b.timing)
            {
                best = Some(candidate);
            }
        }
        best
    }

    /// Judges a series as a whole, per week and per day, and keeps the best: a beacon of one day would drown in a month
    /// of other traffic to the same place. Weeks and days with under 100 connections are judged only as part of the
    /// whole. Arguments as in [`analyze`](Self::analyze).
    pub fn best_horizon(&mut self, times: &[i64], sizes: Option<&[u64]>) -> Option<Beacon> {
        let mut best = self.analyze(times, sizes);
        let (first, last) = (*times.first()?, *times.last()?);
        let sizes = sizes.filter(|s| s.len() == times.len());
        for window in [7 * DAY_US, DAY_US] {
            if last.saturating_sub(first) <= window {
                continue;
            }
            let mut from = 0;
            while let Some(start) = times.get(from) {
                let end = start.saturating_add(window);
                let rest = times.get(from..).unwrap_or_default();
                let to = from + rest.partition_point(|t| *t < end).max(1);
                let part = times.get(from..to).unwrap_or_default();
                let candidate = if part.len() < MIN_WINDOW_EVENTS {
                    None
                } else {
                    self.analyze(part, sizes.and_then(|s| s.get(from..to)))
                };
                if let Some(candidate) = candidate
                    && best.is_none_or(|b| (candidate.fires(), candidate.b) > (b.fires(), b.b))
                {
                    best = Some(candidate);
                }
                from = to;
            }
        }
        best
    }

    /// Keeps an event only when it comes more than `delta` after the last kept one; its size takes in the dropped ones.
    /// With `delta` 0 everything is kept, as simultaneous connections are already no interval.
    fn collapse(&mut self, times: &[i64], sizes: Option<&[u64]>, delta: i64) {
        self.times.clear();
        self.sizes.clear();
        if delta == 0 {
            self.times.extend_from_slice(times);
            self.sizes.extend(sizes.unwrap_or_default().iter().map(|s| *s as f64));
            return;
        }
        let mut kept: Option<i64> = None;
        for (i, time) in times.iter().enumerate() {
            let new = kept.is_none_or(|k| time.saturating_sub(k) > delta);
            if new {
                self.times.push(*time);
                kept = Some(*time);
            }
            let Some(size) = sizes.and_then(|s| s.get(i)) else {
                continue;
            };
            match self.sizes.last_mut() {
                Some(sum) if !new => *sum += *size as f64,
                _ => self.sizes.push(*size as f64),
            }
        }
    }

    fn at_burst_width(&mut self, sized: bool, delta_s: f64) -> Option<Beacon> {
        let (pieces, of_all) = pieces(&self.times, &mut self.work);
        let n: usize = pieces.iter().map(|p| p.len()).sum();
        if n < MIN_EVENTS {
            return None;
        }
        self.intervals.clear();
        pieces.iter().for_each(|p| positive_intervals(p, &mut self.intervals));
        // Most series have no pause: then the intervals are those that the pauses were looked for with.
        let m = if n == self.times.len() && pieces.len() == 1 {
            of_all?
        } else {
            self.work.clone_from(&self.intervals);
            median(&mut self.work)?
        };
        if self.intervals.len() < MIN_PIECE || delta_s * SECOND > 0.2 * m {
            return None;
        }
        self.work.clear();
        self.work.extend(self.intervals.iter().map(|d| folded(*d, m)));
        let period = median(&mut self.work)?;
        if is_scattered(&self.work, period) {
            return None;
        }
        let (low, _, high) = quartiles(&mut self.work)?;
        let spread = median_deviation(&mut self.work, period)? / period;
        let s_mad = (1.0 - spread / SPREAD_NONE).max(0.0);
        let s_skew = 1.0
            - bowley((low, period, high), (0.02 * period).max(SECOND))
                .unwrap_or(0.0)
                .abs();
        let dispersion =
            dispersion(&pieces, BIN_PERIODS * period).unwrap_or_else(|| squared_variation(&self.intervals));
        let s_disp = (1.0 - dispersion).max(0.0);
        let cov = n as f64 / self.times.len() as f64;
        let evidence = 1.0 - (-(n as f64) / 12.0).exp();
        let regularity = 0.45 * s_mad + 0.15 * s_skew + 0.40 * s_disp;
        let timing = regularity * (0.5 + 0.5 * cov) * evidence;
        let size = sized.then(|| size_regularity(&mut self.sizes, &mut self.work));
        let persistence = (active_hours(&pieces) / 12.0).min(1.0).min(cov);
        Some(Beacon {
            timing,
            size,
            persistence,
            b: match size {
                Some(size) => 0.65 * timing + 0.20 * size + 0.15 * persistence,
                None => (0.65 * timing + 0.15 * persistence) / 0.80,
            },
            period_s: period / SECOND,
            n,
            cov,
            delta_s,
            first: *pieces.first()?.first()?,
            last: *pieces.last()?.last()?,
        })
    }
}

/// The series without its pauses, and its median interval; short remainders are dropped. `work` is overwritten.
fn pieces<'t>(times: &'t [i64], work: &mut Vec<f64>) -> (Vec<&'t [i64]>, Option<f64>) {
    work.clear();
    positive_intervals(times, work);
    let median = median(work);
    let pause = match median {
        Some(m) if times.len() > 3 => (PAUSE_MEDIANS * m).max(PAUSE_S * SECOND) as i64,
        _ => i64::MAX,
    };
    let pieces = times
        .chunk_by(|a, b| b.saturating_sub(*a) <= pause)
        .filter(|piece| piece.len() >= MIN_PIECE);
    (pieces.collect(), median)
}

/// Adds the intervals of a piece in microseconds, without zeros.
fn positive_intervals(piece: &[i64], out: &mut Vec<f64>) {
    let pairs = piece.iter().zip(piece.iter().skip(1));
    out.extend(pairs.map(|(a, b)| b.saturating_sub(*a) as f64));
    if out.iter().any(|d| *d <= 0.0) {
        out.retain(|d| *d > 0.0);
    }
}

/// An interval divided by the number of beats it spans (rounded, halves to even), at most four: a missing beat is no irregularity.
fn folded(interval: f64, median: f64) -> f64 {
    let beats = interval / median;
    let more = |least: bool| f64::from(u8::from(least));
    interval / (1.0 + more(beats >= 1.5) + more(beats > 2.5) + more(beats >= 3.5))
}

/// Whether the median distance from the period is so great that full marks for all else leave the timing below
/// [`TIMING_FIRES`]. Most series end here, so it counts and puts nothing in order.
fn is_scattered(folded: &[f64], period: f64) -> bool {
    let least = SPREAD_NONE * (1.0 - (TIMING_FIRES - 0.15 - 0.40) / 0.45) * period;
    let far = folded.iter().filter(|v| (**v - period).abs() > least).count();
    far > folded.len() / 2 + 1
}

/// Variance over mean of the counts in bins of `width` microseconds inside the pieces; `None` below three bins.
/// Only bins that hold something are visited: a series can span far more empty bins than it has events.
fn dispersion(pieces: &[&[i64]], width: f64) -> Option<f64> {
    let (mut bins, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for piece in pieces {
        let (Some(first), Some(last)) = (piece.first(), piece.last()) else {
            continue;
        };
        let whole = (last.saturating_sub(*first) as f64 / width).floor();
        if whole < 1.0 {
            continue;
        }
        bins += whole;
        let (mut current, mut count) = (-1.0, 0.0);
        for time in *piece {
            let position = time.saturating_sub(*first) as f64 / width;
            // The right edge belongs to the last bin; what lies behind it is in no whole bin.
            let bin = if position == whole {
                whole - 1.0
            } else {
                position as i64 as f64
            };
            if bin >= whole {
                break;
            }
            if bin != current {
                sum += count;
                squares += count * count;
                (current, count) = (bin, 0.0);
            }
            count += 1.0;
        }
        sum += count;
        squares += count * count;
    }
    if bins < 3.0 {
        return None;
    }
    let mean = sum / bins;
    Some((squares / bins - mean * mean).max(0.0) / mean.max(1e-9))
}

/// Squared coefficient of variation: what the dispersion of a renewal process tends to.
fn squared_variation(values: &[f64]) -> f64 {
    let n = values.len().max(1) as f64;
    let mean = values.iter().sum::<f64>() / n;
    let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / n;
    if mean > 0.0 { variance / (mean * mean) } else { 1.0 }
}

/// RITA's data-size score: symmetry and narrowness of the bytes per check-in. Both buffers are overwritten.
fn size_regularity(sizes: &mut [f64], work: &mut Vec<f64>) -> f64 {
    let Some((low, median, high)) = quartiles(sizes) else {
        return 0.0;
    };
    // A median on a quartile is a skew of ±1 by definition: for bytes that only says that one size is common.
    let skew = bowley((low, median, high), 10.0)
        .filter(|skew| skew.abs() < 1.0)
        .unwrap_or(0.0);
    work.clear();
    work.extend_from_slice(sizes);
    let narrow = if median >= 1.0 {
        ((median - median_deviation(work, median).unwrap_or(0.0)) / median).max(0.0)
    } else {
        0.0
    };
    ((1.0 - skew.abs()) + narrow) / 2.0
}

/// Bowley's skewness from the quartiles, −1 to 1; `None` when they are closer than `least`.
fn bowley((low, mid, high): (f64, f64, f64), least: f64) -> Option<f64> {
    let range = high - low;
    (range >= least).then(|| (low + high - 2.0 * mid) / range)
}

fn active_hours(pieces: &[&[i64]]) -> f64 {
    let lengths = pieces.iter().filter_map(|p| {
        let (first, last) = (p.first()?, p.last()?);
        Some(seconds(last.saturating_sub(*first)))
    });
    lengths.sum::<f64>() / 3_600.0
}

/// Median of the distances from `centre`; the values become distances.
fn median_deviation(values: &mut [f64], centre: f64) -> Option<f64> {
    values.iter_mut().for_each(|v| *v = (*v - centre).abs());
    median(values)
}

/// Median; the values are put into another order. O(n).
fn median(values: &mut [f64]) -> Option<f64> {
    split(values).map(|(_, median, _)| median)
}

/// Medians of the lower half, of all and of the upper half, the middle value in neither half; order as in [`median`].
fn quartiles(values: &mut [f64]) -> Option<(f64, f64, f64)> {
    let even = values.len().is_multiple_of(2);
    let half = values.len() / 2;
    let (_, mid, _) = split(values)?;
    let (lower, upper) = values.split_at_mut_checked(half)?;
    let upper = if even { upper } else { upper.get_mut(1..)? };
    Some((median(lower)?, mid, median(upper)?))
}

/// The values around the middle place, and the median: what is smaller, the median, what is greater.
fn split(values: &mut [f64]) -> Option<(&mut [f64], f64, &mut [f64])> {
    if values.is_empty() {
        return None;
    }
    let even = values.len().is_multiple_of(2);
    // Intervals, distances and sizes are not negative, so their bits are in their order, and cheaper to compare.
    let (lower, upper, rest) = values.select_nth_unstable_by_key(values.len() / 2, |v| v.to_bits());
    let mid = if even {
        let below = lower.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (below + *upper) / 2.0
    } else {
        *upper
    };
    Some((lower, mid, rest))
}

fn seconds(microseconds: i64) -> f64 {
    microseconds as f64 / SECOND
}

#[cfg(test)]
#[path = "beacon_tests.rs"]
pub(crate) mod tests;
