//! NET-02, sustained polling: many connections every minute for many minutes to one place outside.
//!
//! Sees: at least ten consecutive minutes with more than five connections each to one external destination, at a steady
//! number per minute.
//! Why: an interactive command channel polls every few seconds while its operator works; no interval looks regular, but
//! the number per minute hardly changes.
//! Benign: video, voice, synchronisation and chat clients; destinations of half of the fleet are left out.
//! Sources: [`crate::rules::strobe`], measured on a captured command channel (676 connections in 1,841 s).

use std::borrow::Cow;

use super::contacts::{self, Contact, contacts, image, odd_process, spread_out};
use super::{Cx, Hit, Key, KeyRows, Level, Meta, Reads, Signal, Threshold};
use crate::base::text::basename;
use crate::base::time::format_rfc3339;
use crate::knowledge::rmm::Note;
use crate::lake::frame::Row;
use crate::rules::strobe::{self, Strobe, strobe};
use crate::schema::{dns, http, network};

/// The signal.
pub struct Net02;

const EVIDENCE: usize = 12;

static META: Meta = Meta {
    id: "NET-02",
    title: "Sustained polling channel",
    sees: "ten or more consecutive minutes with more than five connections each from one host to one external \
           destination, at a steady number per minute",
    why: "an operator's interactive channel polls every few seconds as long as he works",
    techniques: &["T1071.001", "T1573", "T1571", "T1095", "T1219"],
    stage: "command-and-control",
    family: "periodicity",
    key: Key::Host,
    reads: &[
        Reads {
            table: &network::TABLE,
            columns: contacts::NETWORK,
        },
        Reads {
            table: &http::TABLE,
            columns: contacts::HTTP,
        },
        Reads {
            table: &dns::TABLE,
            columns: contacts::DNS,
        },
    ],
    level: Level::Medium,
    decisive: false,
    thresholds: &[
        Threshold {
            name: "per_minute",
            value: strobe::MIN_PER_MINUTE as f64,
            unit: "connections (more than)",
            source: "[M] captured command channel; common hunting query",
        },
        Threshold {
            name: "minutes",
            value: strobe::MIN_MINUTES as f64,
            unit: "min",
            source: "[M] other long series of that capture: at most 3",
        },
        Threshold {
            name: "variation",
            value: strobe::MAX_VARIATION,
            unit: "coefficient",
            source: "[M] 0.23 on that channel; 0 of 200 simulated weeks of browsing",
        },
    ],
    benign: &[
        "video and voice calls",
        "synchronisation and chat clients",
        "print and license servers outside",
    ],
};

impl Signal for Net02 {
    fn meta(&self) -> &'static Meta {
        &META
    }

    fn scan(&self, cx: &Cx<'_>, rows: &KeyRows<'_>, hits: &mut Vec<Hit>) {
        for contact in contacts(rows) {
            if contact.rows.len() < strobe::MIN_MINUTES * strobe::MIN_PER_MINUTE || contact.is_everywhere(cx) {
                continue;
            }
            let mut best: Option<(Vec<Row<'_>>, Strobe)> = None;
            for series in contact.sensors() {
                let times: Vec<i64> = series.iter().map(|r| r.ts()).collect();
                let enough = |s: &Strobe| {
                    s.fires()
                        && s.run_minutes as f64 >= cx.number(&META, "minutes")
                        && s.variation <= cx.number(&META, "variation")
                };
                let Some(found) = strobe(&times).filter(enough) else {
                    continue;
                };
                if best.as_ref().is_none_or(|(_, b)| found.run_minutes > b.run_minutes) {
                    best = Some((series, found));
                }
            }
            if let Some((series, found)) = best {
                hits.extend(hit(cx, &contact, &series, found));
            }
        }
    }
}

fn hit(cx: &Cx<'_>, contact: &Contact<'_>, series: &[Row<'_>], found: Strobe) -> Option<Hit> {
    let run: Vec<Row<'_>> = series
        .iter()
        .filter(|r| (found.first..=found.last).contains(&r.ts()))
        .copied()
        .collect();
    let lead = contact.process_row(found.first, found.last).or(run.first().copied())?;
    let program = image(lead);
    let odd = program.and_then(odd_process);
    let tool = rmm_tool(cx, contact, program);
    let (hosts, population) = contact.spread(cx);
    let mut explain = format!(
        "{} connected to {} {} times in {} consecutive minutes from {}, {} a minute with a variation of {:.2} (at most {:.2}); {hosts} of {population} hosts go there",
        program.map_or("an unnamed program", basename),
        contact.key,
        found.events,
        found.run_minutes,
        format_rfc3339(found.first),
        found.events / found.run_minutes.max(1),
        found.variation,
        strobe::MAX_VARIATION,
    );
    if let Some(reason) = &odd {
        explain += &format!("; {reason}");
    }
    if let Some(tool) = tool {
        explain += &format!("; it belongs to the remote-management tool {tool}");
    }
    let level = if odd.is_some() { META.level.raised() } else { META.level };
    let mut hit = Hit::at(&META, lead, contact.key.clone(), explain)
        .level(level)
        .prevalence(contact.prevalence(cx))
        .ioc(contact.ioc());
    let mut techniques = contact.techniques();
    if tool.is_some() {
        techniques.insert(0, "T1219");
    }
    hit.techniques = techniques.into_iter().map(Cow::Borrowed).collect();
    (hit.time, hit.last, hit.count) = (found.first, found.last, found.events as u64);
    for row in spread_out(&run, EVIDENCE) {
        if (row.table().ix(), row.at()) != (lead.table().ix(), lead.at()) {
            hit.add_row(row);
        }
    }
    Some(hit)
}

/// The remote-management tool that the destination or the program surely belongs to.
fn rmm_tool<'a>(cx: &Cx<'a>, contact: &Contact<'_>, program: Option<&str>) -> Option<&'a str> {
    let knowledge = cx.knowledge;
    let by_name = contact
        .e2ld
        .as_ref()
        .and_then(|_| knowledge.rmm.domain(contact.key.as_str()));
    let by_program = || program.and_then(|p| knowledge.rmm.binary(&basename(p).to_lowercase()));
    let found = by_name.filter(|m| m.note == Note::None);
    found
        .or_else(|| by_program().filter(|m| m.note == Note::None))
        .map(|m| m.tool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ip;
    use crate::rules::strobe::tests::series;
    use crate::signals::testing::Sample;

    const T0: i64 = 1_772_442_000_000_000;

    fn run(hosts: usize, per_minute: &[usize], image: &str) -> Vec<Hit> {
        let mut s = Sample::default();
        for host in 0..hosts {
            for t in series(per_minute) {
                s.row_us(&network::TABLE, &format!("ws{host:02}"), T0 + t, |b| {
                    b.ip(network::DST_IP, &ip::parse("203.0.113.9").unwrap());
                    b.int(network::DST_PORT, 8443);
                    b.text(network::IMAGE, image);
                });
            }
        }
        s.hits(&Net02)
    }

    #[test]
    fn steady_polling_fires_and_rundll32_raises_it() {
        let hits = run(1, &[24; 13], r"C:\Program Files\x\x.exe");
        assert_eq!((hits.len(), hits[0].level, hits[0].count), (1, Level::Medium, 312));
        let hits = run(1, &[40; 30], r"C:\Windows\System32\rundll32.exe");
        assert_eq!((hits.len(), hits[0].level), (1, Level::High));
        assert_eq!(run(2, &[12; 120], "x.exe").len(), 2);
    }

    #[test]
    fn page_loads_trickles_pauses_and_common_places_stay_quiet() {
        assert!(run(1, &[200], "x.exe").is_empty());
        assert!(run(1, &[3; 60], "x.exe").is_empty());
        assert!(run(1, &[30, 30, 30, 30, 30, 0, 0, 0, 0, 0, 30, 30, 30, 30, 30], "x.exe").is_empty());
        assert!(run(12, &[24; 13], "x.exe").is_empty());
    }
}
