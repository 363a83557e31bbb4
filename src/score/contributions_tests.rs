use proptest::prelude::*;

use super::super::rarity::factor;
use super::super::severity::{band, weight};
use super::*;
use crate::signals::Level;

const H: u32 = 200;
const SECOND: i64 = 1_000_000;

struct S {
    level: Level,
    quality: f64,
    hosts: u32,
    allow: f64,
    link: f64,
    term: Term<'static>,
}

fn signal(
    family: &'static str,
    level: Level,
    quality: f64,
    hosts: u32,
    stage: u8,
    second: i64,
    source: &'static str,
) -> S {
    S {
        level,
        quality,
        hosts,
        allow: 1.0,
        link: 1.0,
        term: Term {
            evidence: 0.0,
            family,
            stage: Some(stage),
            source,
            time: second * SECOND,
            decisive: false,
        },
    }
}

impl S {
    fn term(&self) -> Term<'static> {
        let evidence = weight(self.level) * self.quality * factor(self.hosts, H) * self.allow * self.link;
        Term {
            evidence,
            ..self.term.clone()
        }
    }
    fn decisive(mut self) -> Self {
        self.term.decisive = true;
        self
    }
}

fn proc_01() -> S {
    signal("1", Level::High, 1.0, 1, 2, 140, "endpoint")
}
fn script_01() -> S {
    signal("2", Level::Medium, 0.8, 3, 2, 140, "endpoint")
}
fn net_01() -> S {
    signal("3", Level::Medium, 0.9, 1, 7, 175, "endpoint")
}
fn dns_04() -> S {
    signal("4", Level::Medium, 0.8, 1, 7, 171, "dns")
}
fn dns_01() -> S {
    signal("4", Level::Low, 0.7, 1, 7, 171, "dns")
}
fn auth_04() -> S {
    let mut s = signal("7", Level::Low, 1.0, 1, 1, 0, "auth");
    s.link = 0.6;
    s
}

fn of(signals: &[S], asset: f64) -> Breakdown<'static> {
    let terms: Vec<Term<'static>> = signals.iter().map(S::term).collect();
    score(&terms, asset)
}

/// Score in tenths, band and cap.
fn told(signals: &[S]) -> (i64, Level, Cap) {
    let b = of(signals, 1.0);
    (b.score, band(b.score as f64 / 10.0), b.cap)
}

#[test]
fn the_worked_example_of_the_specification_comes_out_to_a_tenth() {
    let b = of(&[proc_01(), net_01(), dns_04(), script_01(), auth_04(), dns_01()], 1.0);
    let expected = [
        (39.00, 272),
        (18.90, 132),
        (16.80, 117),
        (13.90, 97),
        (5.40, 38),
        (3.15, 22),
        (12.00, 84),
        (11.99, 84),
        (12.00, 84),
    ];
    let items: Vec<f64> = b
        .evidence
        .iter()
        .copied()
        .chain([b.stages, b.order, b.sources])
        .collect();
    for ((evidence, points), (item, got)) in expected.iter().zip(items.iter().zip(&b.points)) {
        assert!((item - evidence).abs() < 0.006, "{item} is not {evidence}");
        assert!((got - points).abs() <= 1, "{got} is not {points}");
    }
    assert!((b.total - 133.14).abs() < 0.006, "{}", b.total);
    assert_eq!((b.score, b.cap), (930, Cap::G3));
    assert_eq!(b.points.iter().sum::<i64>(), 930);
}

#[test]
fn the_other_examples_of_the_specification_come_out_too() {
    use Level::{Critical, High, Info, Low, Medium};
    assert_eq!(told(&[proc_01(), script_01()]), (640, Medium, Cap::G1));
    assert_eq!(told(&[net_01()]), (315, Low, Cap::G0));
    assert_eq!(told(&[dns_04(), dns_01()]), (329, Low, Cap::G0));
    assert_eq!(told(&[auth_04()]), (102, Info, Cap::G0));
    assert_eq!(told(&[net_01(), dns_04(), dns_01()]), (592, Medium, Cap::G2));
    assert_eq!(told(&[proc_01(), script_01(), net_01()]), (813, High, Cap::G2));
    let mut common = script_01();
    common.hosts = 180;
    assert_eq!(told(&[common]).0, 60);
    let (mut agent, mut telemetry) = (script_01(), net_01());
    (agent.allow, agent.hosts, telemetry.allow, telemetry.hosts) = (0.1, 180, 0.1, 190);
    assert_eq!(told(&[agent, telemetry]).0, 13);
    let dcsync = signal("12", Critical, 1.0, 1, 4, 0, "auth").decisive();
    assert_eq!(told(&[dcsync]), (741, High, Cap::G2));
    let ransom = [
        signal("6", Critical, 1.0, 1, 10, 3600, "fileserver").decisive(),
        signal("13", High, 1.0, 1, 10, 3000, "endpoint").decisive(),
    ];
    assert_eq!(told(&ransom), (895, Critical, Cap::G3));
    assert_eq!(
        told(&[signal("9", Medium, 1.0, 1, 7, 0, "endpoint")]),
        (343, Low, Cap::G0)
    );
    let tier_0 = of(&[proc_01(), net_01(), dns_04(), script_01(), auth_04(), dns_01()], 1.5);
    assert_eq!(tier_0.score, 982);
}

#[test]
fn a_lone_powershell_is_never_high() {
    assert_eq!(told(&[script_01()]), (243, Level::Low, Cap::G0));
    // Not even at the highest level, as rare as can be, three hundred times.
    let many: Vec<S> = (0..300)
        .map(|i| signal("2", Level::Critical, 1.0, 1, 2, i, "endpoint"))
        .collect();
    assert_eq!(told(&many), (390, Level::Low, Cap::G0));
}

#[test]
fn an_empty_chain_scores_nothing() {
    let b = score(&[], 1.0);
    assert_eq!((b.score, b.total), (0, 0.0));
}

#[test]
fn a_test_machine_counts_less_and_still_adds_up() {
    let b = of(&[net_01()], 0.8);
    assert!(b.asset < 0.0 && b.score < of(&[net_01()], 1.0).score);
    assert_eq!(b.points.iter().sum::<i64>(), b.score);
}

/// The definition, without a shortcut.
fn slow_order(live: &[(i64, f64)]) -> f64 {
    let mut events = live.to_vec();
    events.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut best = vec![0.0f64; events.len()];
    for i in 0..events.len() {
        for j in 0..i {
            if events[j].1 < events[i].1 && events[j].0 < events[i].0 {
                let days = (events[i].0 - events[j].0) as f64 / ORDER_HALF_US;
                best[i] = best[i].max(best[j] + 6.0 * (-days).exp2());
            }
        }
    }
    best.into_iter().fold(0.0, f64::max)
}

fn any_term() -> impl Strategy<Value = Term<'static>> {
    let families = ["1", "2", "3", "4", "5", "6", "7", "8"];
    let sources = ["endpoint", "dns", "auth", "proxy", "av"];
    (
        0.0..70.0f64,
        0..8usize,
        0..11u8,
        0..5usize,
        0..7 * 86_400i64,
        prop::bool::weighted(0.1),
    )
        .prop_map(move |(evidence, family, stage, source, second, decisive)| Term {
            evidence,
            family: families[family],
            stage: (stage > 0).then_some(stage),
            source: sources[source],
            time: second * SECOND,
            decisive,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn adding_a_signal_never_lowers_a_score(terms in prop::collection::vec(any_term(), 0..14), more in any_term(), asset in 0..4usize) {
        let asset = [0.8, 1.0, 1.25, 1.5][asset];
        let before = score(&terms, asset);
        let mut grown = terms.clone();
        grown.push(more);
        let after = score(&grown, asset);
        prop_assert!(after.score >= before.score && after.total >= before.total - 1e-9 && after.cap >= before.cap);
        prop_assert_eq!(after.points.iter().sum::<i64>(), after.score);
    }

    #[test]
    fn the_order_bonus_is_that_of_the_definition(events in prop::collection::vec((0..400_000i64, 1..11u8), 0..40)) {
        let mut events: Vec<(i64, f64)> = events.into_iter().map(|(t, s)| (t * SECOND, f64::from(s))).collect();
        let slow = slow_order(&events);
        events.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
        prop_assert!((best_path(&events) - slow).abs() < 1e-9);
    }
}
