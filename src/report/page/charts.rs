//! Charts as paths: strips of cells, histograms, marks. Only numbers of our own get into a path.

use std::fmt::Write;

use super::{count, cut, finding, when};
use crate::base::time::{Ts, format_rfc3339, rfc3339};
use crate::report::charts::{CELLS, FindingCharts};
use crate::report::lang::Lang;
use crate::score::finding::{Finding, SignalHit};

/// Height of a strip in its own units; a cell or bar is 1 wide.
const HEIGHT: f64 = 10.0;
/// Width of the mark of a single event.
const NARROWEST: f64 = 0.7;
/// Signals marked.
const MARKS: usize = 200;

/// What is drawn beside a finding.
pub struct Drawn {
    /// Begin, middle and end of the window.
    pub axis: [String; 3],
    /// Signals, a lane per tactic in the order in which they begin.
    pub tactics: Vec<(String, Vec<Mark>)>,
    /// A lane per source.
    pub lanes: Vec<DrawnLane>,
    /// Series of check-ins.
    pub beacons: Vec<DrawnBeacon>,
    /// Questions about suspicious domains.
    pub dns: Vec<DrawnDns>,
}

/// A signal on a strip of [`CELLS`].
pub struct Mark {
    /// Begin.
    pub x: String,
    /// Length.
    pub width: String,
    /// Level.
    pub level: String,
    /// Time and title.
    pub title: String,
}

/// Rows of one source over the window.
pub struct DrawnLane {
    /// Source.
    pub source: String,
    /// Rows.
    pub total: String,
    /// Path of the cells.
    pub path: String,
}

/// A series of check-ins.
pub struct DrawnBeacon {
    /// In words.
    pub words: String,
    /// Path of the check-ins over time.
    pub strip: String,
    /// First and last check-in.
    pub ends: [String; 2],
    /// Path of the histogram of intervals.
    pub bars: String,
    /// Shortest, median and longest interval of the histogram.
    pub axis: [String; 3],
    /// Intervals beyond, in words; empty for none.
    pub longer: String,
}

/// Questions about one domain.
pub struct DrawnDns {
    /// In words.
    pub words: String,
    /// Path of the questions over time.
    pub strip: String,
    /// First and last question.
    pub ends: [String; 2],
}

/// Draws the charts of a finding.
pub fn draw(f: &Finding, c: &FindingCharts, lang: Lang) -> Drawn {
    let middle = c.from.midpoint(c.to);
    Drawn {
        axis: [at(c.from), at(middle), at(c.to)],
        tactics: tactics(f, c, lang),
        lanes: c
            .lanes
            .iter()
            .map(|l| DrawnLane {
                source: cut(&l.source, 40),
                total: count(l.total),
                path: path(&l.cells),
            })
            .collect(),
        beacons: c.beacons.iter().map(|b| beacon(b, lang)).collect(),
        dns: c.dns.iter().map(|d| dns(d, lang)).collect(),
    }
}

fn tactics(f: &Finding, c: &FindingCharts, lang: Lang) -> Vec<(String, Vec<Mark>)> {
    let mut out: Vec<(String, Vec<Mark>)> = Vec::new();
    for s in f.signals.iter().take(MARKS) {
        let tactic = finding::words(&s.stage, lang);
        let mark = mark(s, c);
        match out.iter_mut().find(|(t, _)| *t == tactic) {
            Some((_, marks)) => marks.push(mark),
            None => out.push((tactic, vec![mark])),
        }
    }
    out
}

fn mark(s: &SignalHit, c: &FindingCharts) -> Mark {
    let span = c.to.saturating_sub(c.from).max(1) as f64;
    let width = CELLS as f64;
    let place = |t: &str| {
        let ts = rfc3339(t.as_bytes()).map_or(c.from, |(ts, _)| ts);
        (ts.saturating_sub(c.from) as f64 / span * width).clamp(0.0, width - NARROWEST)
    };
    let (x, end) = (place(&s.time), place(&s.last));
    Mark {
        x: format!("{x:.1}"),
        width: format!("{:.1}", (end - x).max(NARROWEST)),
        level: cut(&s.level, 20),
        title: format!("{} {}", when(&s.time), cut(&s.title, 120)),
    }
}

fn beacon(b: &crate::report::charts::Beacon, lang: Lang) -> DrawnBeacon {
    DrawnBeacon {
        words: lang.fill(
            "{} as {} saw it: {} connections, every {} in the median.",
            &[
                &cut(&b.to, 120),
                &cut(&b.source, 40),
                &count(b.total),
                &seconds(b.median_s),
            ],
        ),
        strip: path(&b.cells),
        ends: [at(b.first), at(b.last)],
        bars: path(&b.bars),
        axis: ["0".to_owned(), seconds(b.median_s), seconds(2.0 * b.median_s)],
        longer: match b.longer {
            0 => String::new(),
            n => lang.fill("{} longer intervals (pauses)", &[&count(u64::from(n))]),
        },
    }
}

fn dns(d: &crate::report::charts::DnsVolume, lang: Lang) -> DrawnDns {
    DrawnDns {
        words: lang.fill(
            "{}: {} questions for {} different names, the longest has {} characters.",
            &[&cut(&d.domain, 120), &count(d.total), &count(d.names), &d.longest],
        ),
        strip: path(&d.cells),
        ends: [at(d.first), at(d.last)],
    }
}

fn at(ts: Ts) -> String {
    when(&format_rfc3339(ts))
}

/// `1.5 s`, `60 s`, `12 min`, `3.0 h`.
fn seconds(s: f64) -> String {
    match s {
        s if s < 10.0 => format!("{s:.1} s"),
        s if s < 600.0 => format!("{s:.0} s"),
        s if s < 7_200.0 => format!("{:.0} min", s / 60.0),
        s => format!("{:.1} h", s / 3_600.0),
    }
}

/// Bars on a base line; the root keeps few rows beside many visible. Neighbours of one height are one piece.
fn path(cells: &[u32]) -> String {
    let top = cells.iter().copied().max().unwrap_or(0).max(1);
    let height = |n: u32| match n {
        0 => 0,
        n => ((f64::from(n) / f64::from(top)).sqrt() * HEIGHT * 10.0)
            .round()
            .max(10.0) as i64,
    };
    let mut out = String::new();
    let mut x = 0;
    for run in cells.chunk_by(|a, b| height(*a) == height(*b)) {
        let tenths = run.first().map_or(0, |n| height(*n));
        if tenths > 0 {
            // Writing into a String cannot fail.
            let _ = write!(out, "M{x} 10v-{}.{}h{}V10z", tenths / 10, tenths % 10, run.len());
        }
        x += run.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_a_piece_per_run_of_cells() {
        assert_eq!(path(&[0, 4, 4, 1, 0]), "M1 10v-10.0h2V10zM3 10v-5.0h1V10z");
        assert_eq!(path(&[0, 0]), "");
    }

    #[test]
    fn intervals_have_units() {
        let all: Vec<String> = [1.5, 60.0, 720.0, 86_400.0].into_iter().map(seconds).collect();
        assert_eq!(all, ["1.5 s", "60 s", "12 min", "24.0 h"]);
    }
}
