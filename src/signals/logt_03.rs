//! LOGT-03: evidence is missing where it was steady.
//!
//! Sees: a channel that logged at least every ten minutes and falls silent for an hour or more while other channels of the host go on;
//! record numbers missing from an otherwise complete log; record numbers that begin anew without a cleared log.
//! Why: stopped services, suspended threads and edited logs leave holes; a retrospective hunt must say where it was blind.
//! Benign causes: an outage of the collector (then many hosts fall silent at once), a changed policy, exports in pieces.
//! Sources: ATT&CK T1685.001; limits are judgement.

use super::meta::{Key, Level, Meta, Reads, Threshold};
use super::{Cx, Hit, KeyRows, Neighbour, Prevalence, Signal};
use crate::base::time::SECOND;
use crate::entity::gaps::{Gap, Kind, Limits, of_host};
use crate::schema::{TABLES, auth, common, event, process};

/// See the module.
pub struct Logt03;

static META: Meta = Meta {
    id: "LOGT-03",
    title: "Evidence gap",
    sees: "A channel that logged at least every ten minutes falls silent for an hour or more while others of the host go on; record \
           numbers are missing from a complete log or begin anew without a cleared log. Info, for exports are seldom whole; medium where \
           other families report the host at high or above both in the day before the gap and in the day after it.",
    why: "Stopped and edited logs leave holes, and a hunt must say where it was blind.",
    techniques: &["T1685.001"],
    stage: "defense-impairment",
    family: "log tampering",
    key: Key::Host,
    reads: &[
        Reads {
            table: &event::TABLE,
            columns: &[common::CHANNEL, common::EVENT_CODE, common::RECORD_ID],
        },
        Reads {
            table: &process::TABLE,
            columns: &[common::CHANNEL, common::RECORD_ID],
        },
        Reads {
            table: &auth::TABLE,
            columns: &[common::CHANNEL, common::RECORD_ID],
        },
    ],
    level: Level::Info,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "silence",
            value: 3600.0,
            unit: "s",
            source: "detection notes LOGT-03 [J]",
        },
        Threshold {
            name: "times_usual",
            value: 6.0,
            unit: "times the 99th percentile of the channel's pauses",
            source: "detection notes LOGT-03 [J]",
        },
        Threshold {
            name: "steady",
            value: 600.0,
            unit: "s, longest usual pause of a steady channel",
            source: "detection notes LOGT-03 [J]",
        },
        Threshold {
            name: "records",
            value: 200.0,
            unit: "records of the channel",
            source: "[J]",
        },
        Threshold {
            name: "complete",
            value: 0.98,
            unit: "share of numbers that follow on, in a complete log",
            source: "[J]",
        },
        Threshold {
            name: "outage_share",
            value: 0.3,
            unit: "share of hosts silent at once",
            source: "detection notes LOGT-03 [J]",
        },
    ],
    benign: &[
        "an outage of the collector",
        "a changed logging policy",
        "exports in pieces",
    ],
};

impl Signal for Logt03 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        let limits = Limits {
            silence_us: (cx.number(&META, "silence") * SECOND as f64) as i64,
            times_usual: cx.number(&META, "times_usual"),
            steady_us: (cx.number(&META, "steady") * SECOND as f64) as i64,
            records: cx.number(&META, "records") as usize,
            complete: cx.number(&META, "complete"),
            ..Limits::default()
        };
        let all = TABLES.iter().flat_map(|t| rows.table(t).iter());
        hits.extend(of_host(all, &limits).iter().map(|gap| hit(cx, gap)));
    }

    fn beside(&self, hit: &mut Hit, others: &[Neighbour]) {
        if is_spanned(hit, others) {
            hit.level = Level::Medium;
            hit.explain += "; other signals lie on both sides of it";
        }
    }

    /// A silence of many hosts at once is the collector's.
    fn settle(&self, cx: &Cx<'_>, hits: &mut [Hit]) {
        let hosts = f64::from(cx.facts.hosts());
        let silent: Vec<(i64, i64, u32)> = hits
            .iter()
            .filter(|h| is_silence(h))
            .map(|h| (h.time, h.last, h.host))
            .collect();
        for hit in hits.iter_mut().filter(|h| is_silence(h)) {
            let mut others: Vec<u32> = silent
                .iter()
                .filter(|(from, to, _)| *from < hit.last && hit.time < *to)
                .map(|(.., host)| *host)
                .collect();
            others.sort_unstable();
            others.dedup();
            if others.len() >= 3 && others.len() as f64 >= cx.number(&META, "outage_share") * hosts {
                hit.quality = 0.0;
                hit.explain += &format!("; {} hosts at once, as when a collector fails", others.len());
            }
        }
    }
}

/// Whether something was reported on both sides of a gap: what lies between is what somebody would hide.
fn is_spanned(hit: &Hit, others: &[Neighbour]) -> bool {
    others.iter().any(|n| n.time <= hit.time) && others.iter().any(|n| n.time >= hit.last)
}

fn is_silence(hit: &Hit) -> bool {
    hit.key.starts_with(Kind::Silent.name())
}

fn hit(cx: &Cx<'_>, gap: &Gap<'_>) -> Hit {
    let channel = cx.frames.text(gap.channel).unwrap_or("the log");
    let explain = match gap.kind {
        Kind::Silent => format!(
            "{channel} was silent for {:.1} h, while other channels of the host wrote {} records",
            (gap.after.ts() - gap.before.ts()) as f64 / 3.6e9,
            gap.count
        ),
        Kind::Missing => format!(
            "{} records are missing from {channel}, which is complete otherwise",
            gap.count
        ),
        Kind::Restart => format!("The record numbers of {channel} begin anew, and no cleared log explains it"),
    };
    let mut hit = Hit::at(
        &META,
        gap.before,
        format!("{}|{}", gap.kind.name(), channel.to_lowercase()),
        explain,
    )
    .prevalence(Prevalence::Neutral);
    hit.users.clear();
    hit.last = gap.after.ts();
    hit.add_row(gap.after);
    hit
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::dns;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn sample(hosts: usize) -> Vec<Hit> {
        let mut s = Sample::default();
        for host in 0..hosts {
            let host = format!("ws{host:02}");
            for n in 0..600_i64 {
                let silence = if n < 300 { 0 } else { 18_000 };
                s.row_us(&process::TABLE, &host, T0 + (n * 30 + silence) * SECOND, |b| {
                    b.text(common::CHANNEL, "Security");
                });
            }
            for n in 0..60 {
                s.row_us(&dns::TABLE, &host, T0 + n * 600 * SECOND, |_| {});
            }
        }
        s.hits(&Logt03)
    }

    #[test]
    fn a_silence_is_worth_knowing() {
        let hits = sample(1);
        assert_eq!((hits.len(), hits[0].level), (1, Level::Info));
        assert_eq!(hits[0].last - hits[0].time, 18_030 * SECOND);
    }

    #[test]
    fn a_gap_inside_a_story_is_medium() {
        let run = |after: i64| {
            let mut hit = sample(1).remove(0);
            let at = |time| Neighbour {
                meta: super::super::by_id("PROC-01").unwrap().meta(),
                time,
                host: hit.host,
            };
            let others = [at(hit.time - SECOND), at(hit.last + after)];
            Logt03.beside(&mut hit, &others);
            hit.level
        };
        assert_eq!(run(SECOND), Level::Medium);
        assert_eq!(run(-SECOND), Level::Info);
    }
}
