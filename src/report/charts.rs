//! What is drawn beside a finding: plain numbers, counted by the job over the rows of the hunt.

use std::collections::BTreeMap;

use crate::base::time::Ts;

/// Findings that are told in full, with charts; those behind them are told in short.
pub const DRAWN: usize = 100;
/// Cells of a strip: each counts the rows of an equal part of its time.
pub const CELLS: usize = 120;
/// Cells of a strip of check-ins, so narrow that most stand alone.
pub const CHECK_INS: usize = 400;
/// Bars of a histogram of intervals.
pub const BARS: usize = 30;

/// Charts by finding id; only findings that are told in full have some.
pub type Charts = BTreeMap<String, FindingCharts>;

/// Charts of one finding.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FindingCharts {
    /// Begin of the window, microseconds UTC: somewhat before the first signal.
    pub from: Ts,
    /// End of the window.
    pub to: Ts,
    /// All rows of the host in the window, a lane per source.
    pub lanes: Vec<Lane>,
    /// Series of check-ins.
    pub beacons: Vec<Beacon>,
    /// Questions about suspicious domains.
    pub dns: Vec<DnsVolume>,
}

/// Rows of one source over the window.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lane {
    /// Source, such as `sysmon`.
    pub source: String,
    /// All its rows.
    pub total: u64,
    /// Rows per cell.
    pub cells: Vec<u32>,
}

/// A series of check-ins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Beacon {
    /// Destination.
    pub to: String,
    /// Which sensor saw this series.
    pub source: String,
    /// Check-ins.
    pub total: u64,
    /// First check-in.
    pub first: Ts,
    /// Last check-in.
    pub last: Ts,
    /// Check-ins per cell of [`CHECK_INS`] between first and last.
    pub cells: Vec<u32>,
    /// Median of the intervals, seconds.
    pub median_s: f64,
    /// Intervals per bar; the bars reach from 0 to twice the median.
    pub bars: Vec<u32>,
    /// Longer intervals.
    pub longer: u32,
}

/// Questions about the names of one domain.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DnsVolume {
    /// Registrable domain.
    pub domain: String,
    /// Questions.
    pub total: u64,
    /// Different names asked for.
    pub names: u64,
    /// Characters of the longest name.
    pub longest: usize,
    /// First question.
    pub first: Ts,
    /// Last question.
    pub last: Ts,
    /// Questions per cell between first and last.
    pub cells: Vec<u32>,
}

/// Counts times into [`CELLS`] equal parts of `from..=to`; times outside are left out.
pub fn cells(times: impl IntoIterator<Item = Ts>, from: Ts, to: Ts) -> Vec<u32> {
    parts(times, from, to, CELLS)
}

fn parts(times: impl IntoIterator<Item = Ts>, from: Ts, to: Ts, parts: usize) -> Vec<u32> {
    let mut out = vec![0u32; parts];
    let span = (i128::from(to) - i128::from(from)).max(0) + 1;
    for t in times.into_iter().filter(|t| (from..=to).contains(t)) {
        let at = (i128::from(t) - i128::from(from)) * parts as i128 / span;
        if let Some(cell) = usize::try_from(at).ok().and_then(|at| out.get_mut(at)) {
            *cell = cell.saturating_add(1);
        }
    }
    out
}

/// The series of sorted times as strip and histogram; `None` below three times.
pub fn beacon(to: &str, source: &str, times: &[Ts]) -> Option<Beacon> {
    let (first, last) = (*times.first()?, *times.last()?);
    let mut gaps: Vec<Ts> = times
        .windows(2)
        .filter_map(|w| Some(w.last()?.saturating_sub(*w.first()?)))
        .collect();
    gaps.sort_unstable();
    if gaps.len() < 2 {
        return None;
    }
    let median = (*gaps.get(gaps.len() / 2)?).max(1);
    let mut bars = vec![0u32; BARS];
    let mut longer = 0;
    for gap in gaps {
        let at = i128::from(gap) * BARS as i128 / (2 * i128::from(median));
        match usize::try_from(at).ok().and_then(|at| bars.get_mut(at)) {
            Some(bar) => *bar += 1,
            None => longer += 1,
        }
    }
    Some(Beacon {
        to: to.to_owned(),
        source: source.to_owned(),
        total: times.len() as u64,
        first,
        last,
        cells: parts(times.iter().copied(), first, last, CHECK_INS),
        median_s: median as f64 / 1e6,
        bars,
        longer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_count_every_time_inside_once() {
        let cells = cells([0, 1, 50, 119, 120, -1], 0, 119);
        assert_eq!(cells.iter().sum::<u32>(), 4);
        assert_eq!((cells[0], cells[1], cells[119]), (1, 1, 1));
        assert_eq!(super::cells([7, 7], 7, 7)[0], 2, "a window of one moment");
        assert_eq!(
            super::cells([i64::MIN, i64::MAX], i64::MIN, i64::MAX)
                .iter()
                .sum::<u32>(),
            2
        );
    }

    #[test]
    fn a_regular_series_is_one_bar_in_the_middle_and_pauses_are_longer() {
        let mut times: Vec<Ts> = (0..20).map(|i| i * 60_000_000).collect();
        times.push(times[19] + 3_600_000_000);
        let b = beacon("c2.example", "squid", &times).unwrap();
        assert_eq!((b.median_s, b.longer, b.bars[BARS / 2]), (60.0, 1, 19));
        assert!(beacon("x", "y", &[1, 2]).is_none());
    }
}
