//! Cases over several hosts as a path: a box per host in the order in which the path meets them, an arc per step.

use std::collections::BTreeMap;

use super::{cut, first, listed, when};
use crate::report::lang::Lang;
use crate::score::finding::Finding;
use crate::score::rank::{Case, Step};

/// Cases drawn.
const CASES: usize = 8;
/// Hosts drawn per case.
const HOSTS: usize = 12;
/// Steps and links drawn per case.
const LINKS: usize = 24;
/// Accounts named per case.
const ACCOUNTS: usize = 8;
/// Vertical distance of two boxes, and their height.
const STEP: i64 = 62;
const BOX: i64 = 46;
/// Left edge of the boxes; the arcs have the room before it.
const LEFT: i64 = 96;
/// Characters of a box's second line, so that it stays within.
const LINE: usize = 38;

/// A case as a path.
pub struct CasePath {
    /// Id.
    pub id: String,
    /// In words.
    pub words: String,
    /// `a → b → c`; empty where no step between hosts was seen.
    pub route: String,
    /// Accounts used; empty where none is known.
    pub accounts: String,
    /// Boxes from above.
    pub hosts: Vec<CaseHost>,
    /// Hosts left out.
    pub hosts_more: usize,
    /// Arcs.
    pub links: Vec<CaseLink>,
    /// Height of the drawing.
    pub height: i64,
}

/// A box.
pub struct CaseHost {
    /// Rank of its best finding.
    pub rank: u32,
    /// Name.
    pub host: String,
    /// Severity of its best finding.
    pub severity: String,
    /// When its story begins.
    pub time: String,
    /// With what it begins, cut to the box.
    pub what: String,
    /// Upper edge.
    pub y: i64,
}

/// An arc with its number.
pub struct CaseLink {
    /// Number, from 1.
    pub number: usize,
    /// When the step was made; empty for two hosts that only have something in common.
    pub time: String,
    /// Path.
    pub path: String,
    /// Path of its arrow head; empty without a direction.
    pub tip: String,
    /// Where the number stands.
    pub x: i64,
    /// Where the number stands.
    pub y: i64,
    /// Where it began.
    pub from: String,
    /// Where it led.
    pub to: String,
    /// How, or why both belong together.
    pub reason: String,
}

/// The cases over several hosts, best first.
pub fn cases(cases: &[Case], findings: &[Finding], lang: Lang) -> Vec<CasePath> {
    let mut members: BTreeMap<&str, Vec<&Finding>> = BTreeMap::new();
    for f in findings.iter().filter(|f| !f.is_gone()) {
        if let Some(id) = f.case_id.as_deref() {
            members.entry(id).or_default().push(f);
        }
    }
    cases
        .iter()
        .filter(|c| c.hosts.len() > 1)
        .take(CASES)
        .filter_map(|c| Some(case(c, members.get(c.case_id.as_str())?, lang)))
        .collect()
}

fn case(case: &Case, members: &[&Finding], lang: Lang) -> CasePath {
    let mut best: BTreeMap<&str, &Finding> = BTreeMap::new();
    for f in members {
        // Members come best first.
        best.entry(&f.host).or_insert(f);
    }
    let hosts = in_order(case, &best);
    let place: BTreeMap<&str, i64> = hosts
        .iter()
        .enumerate()
        .map(|(i, f)| (f.host.as_str(), i as i64))
        .collect();
    let boxes: Vec<CaseHost> = hosts.iter().enumerate().map(|(i, f)| host(i as i64, f)).collect();
    CasePath {
        id: cut(&case.case_id, 60),
        words: lang.fill(
            "{} hosts; it begins on {}.",
            &[&best.len(), &cut(&case.entry_host, 100)],
        ),
        route: route(case),
        accounts: accounts(case, ACCOUNTS, lang),
        hosts_more: best.len() - boxes.len(),
        links: links(case, members, &place),
        height: boxes.len() as i64 * STEP + 4,
        hosts: boxes,
    }
}

/// The steps in one line: `a → b → c` where each goes on from the last, `a → b, c` where several leave one host, `; ` before a
/// step from elsewhere. Steps that are left out are counted.
pub fn route(case: &Case) -> String {
    let mut out = String::new();
    let mut before: Option<&Step> = None;
    let mut fanned = false;
    for step in case.path.iter().take(LINKS) {
        let (goes_on, again) = before.map_or((false, false), |b| (b.to == step.from, b.from == step.from));
        let (joint, from) = match (goes_on && !fanned, again) {
            (true, _) => (" → ", None),
            (_, true) => (", ", None),
            _ if before.is_some() => ("; ", Some(&step.from)),
            _ => ("", Some(&step.from)),
        };
        fanned = joint == ", ";
        out.push_str(joint);
        if let Some(from) = from {
            out.push_str(&cut(from, 100));
            out.push_str(" → ");
        }
        out.push_str(&cut(&step.to, 100));
        before = Some(step);
    }
    if case.path.len() > LINKS {
        out.push_str(&format!(" … (+{})", case.path.len() - LINKS));
    }
    out
}

/// Accounts with which the steps were made; empty where no step tells.
pub fn accounts(case: &Case, max: usize, lang: Lang) -> String {
    match case.path.iter().any(|step| step.user.is_some()) {
        true => listed(lang, &case.accounts, max),
        false => String::new(),
    }
}

/// The best finding of each host: the hosts of the path in its order, then the others as they begin. Where there are too
/// many, the entry and the best stay.
fn in_order<'a>(case: &Case, best: &BTreeMap<&str, &'a Finding>) -> Vec<&'a Finding> {
    let mut kept: Vec<&Finding> = best.values().copied().collect();
    kept.sort_by_key(|f| (f.host != case.entry_host, f.rank));
    kept.truncate(HOSTS);
    kept.sort_by_cached_key(|f| {
        let on_route = case.route.iter().position(|h| *h == f.host);
        (on_route.unwrap_or(usize::MAX), begin(f).to_owned(), f.rank)
    });
    kept
}

fn begin(f: &Finding) -> &str {
    first::onset(f).map_or(f.first_seen.as_str(), |s| s.time.as_str())
}

fn host(i: i64, f: &Finding) -> CaseHost {
    let what = first::onset(f).map_or("", |s| s.title.as_str());
    CaseHost {
        rank: f.rank,
        host: cut(&f.host, 28),
        severity: cut(&f.severity, 20),
        time: when(begin(f)),
        what: cut(what, LINE),
        y: i * STEP + 2,
    }
}

/// The steps of the path in the order of time; then what else holds the case together: of the links that only say what two
/// hosts have in common, those that join what the steps do not.
fn links(case: &Case, members: &[&Finding], place: &BTreeMap<&str, i64>) -> Vec<CaseLink> {
    let at = |host: &str| place.get(host).copied();
    let mut parts = Parts(place.values().map(|at| (*at, *at)).collect());
    let mut out: Vec<CaseLink> = Vec::new();
    for step in &case.path {
        if let (Some(a), Some(b)) = (at(&step.from), at(&step.to)) {
            parts.join(a, b);
            out.push(arc(out.len() + 1, (a, b), &step.from, &step.to).stepped(step));
        }
    }
    let host_of: BTreeMap<&str, &str> = members
        .iter()
        .map(|f| (f.finding_id.as_str(), f.host.as_str()))
        .collect();
    for f in members {
        for r in &f.related {
            let Some(other) = host_of.get(r.finding_id.as_str()) else {
                continue;
            };
            let (Some(a), Some(b)) = (at(&f.host), at(other)) else {
                continue;
            };
            if parts.join(a, b) {
                let (upper, lower) = if a < b {
                    (f.host.as_str(), *other)
                } else {
                    (*other, f.host.as_str())
                };
                out.push(arc(out.len() + 1, (a.min(b), a.max(b)), upper, lower).shared(&r.reason));
            }
        }
    }
    out.truncate(LINKS);
    out
}

/// Which part of a case each host is in.
struct Parts(BTreeMap<i64, i64>);

impl Parts {
    /// Makes one of two parts; `false` where they were one.
    fn join(&mut self, a: i64, b: i64) -> bool {
        let (Some(&to), Some(&from)) = (self.0.get(&a), self.0.get(&b)) else {
            return false;
        };
        if to != from {
            self.0
                .values_mut()
                .filter(|part| **part == from)
                .for_each(|part| *part = to);
        }
        to != from
    }
}

fn arc(number: usize, (a, b): (i64, i64), from: &str, to: &str) -> CaseLink {
    // Arcs leave a box below its middle and enter above it, so that both can be told apart.
    let (y1, y2) = (a * STEP + 2 + BOX * 2 / 3, b * STEP + 2 + BOX / 3);
    let reach = (22 + 12 * (b - a).abs()).min(LEFT - 10);
    let x = LEFT - reach;
    CaseLink {
        number,
        time: String::new(),
        path: format!("M{LEFT} {y1}C{x} {y1} {x} {y2} {} {y2}", LEFT - 6),
        tip: format!("M{} {y2}l-8-4v8z", LEFT - 1),
        // A cubic curve is at three quarters of its reach in the middle.
        x: LEFT - reach * 3 / 4,
        y: (y1 + y2) / 2,
        from: cut(from, 100),
        to: cut(to, 100),
        reason: String::new(),
    }
}

impl CaseLink {
    /// A step that rows show.
    fn stepped(mut self, step: &Step) -> Self {
        self.time = when(&step.time);
        self.reason = cut(&step.how, 300);
        if let Some(user) = step.user.as_deref().filter(|user| !step.how.contains(user)) {
            self.reason.push_str(&format!(" ({})", cut(user, 100)));
        }
        self
    }

    /// Two hosts with something in common: no direction, no time.
    fn shared(mut self, reason: &str) -> Self {
        self.tip = String::new();
        self.reason = cut(reason, 300);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::score::finding::Related;

    fn finding(rank: u32, host: &str, first_seen: &str, related: &[(&str, &str)]) -> Finding {
        Finding {
            finding_id: format!("id-{host}"),
            rank,
            host: host.to_owned(),
            first_seen: first_seen.to_owned(),
            case_id: Some("case-1".to_owned()),
            related: related
                .iter()
                .map(|(id, reason)| Related {
                    finding_id: (*id).to_owned(),
                    reason: (*reason).to_owned(),
                })
                .collect(),
            ..Finding::default()
        }
    }

    fn step(time: &str, from: &str, to: &str, user: &str) -> Step {
        Step {
            time: time.to_owned(),
            from: from.to_owned(),
            to: to.to_owned(),
            how: "remote logon of eve".to_owned(),
            user: Some(user.to_owned()),
            ..Step::default()
        }
    }

    fn of(path: Vec<Step>, route: &[&str]) -> Case {
        let text = |hosts: &[&str]| hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>();
        Case {
            case_id: "case-1".to_owned(),
            hosts: text(&["a", "b", "c", "d"]),
            entry_host: "c".to_owned(),
            route: text(route),
            accounts: text(&["eve", "adm"]),
            path,
            ..Case::default()
        }
    }

    fn findings() -> Vec<Finding> {
        vec![
            finding(
                1,
                "a",
                "2025-09-20T09:00:00Z",
                &[("id-d", "the same rare file"), ("id-c", "x")],
            ),
            finding(2, "b", "2025-09-20T08:00:00Z", &[]),
            finding(3, "c", "2025-09-20T10:00:00Z", &[]),
            finding(4, "d", "2025-09-20T07:00:00Z", &[]),
        ]
    }

    #[test]
    fn a_path_is_drawn_in_its_own_order_whatever_the_ranks() {
        let path = vec![
            step("2025-09-20T10:00:00Z", "c", "b", "eve"),
            step("2025-09-20T11:00:00Z", "b", "a", "adm"),
            step("2025-09-20T12:00:00Z", "a", "c", "eve"),
        ];
        let drawn = cases(&[of(path, &["c", "b", "a"])], &findings(), Lang::En);
        let case = &drawn[0];
        let hosts: Vec<&str> = case.hosts.iter().map(|h| h.host.as_str()).collect();
        assert_eq!(hosts, ["c", "b", "a", "d"]);
        assert_eq!(case.route, "c → b → a → c");
        assert_eq!(case.words, "4 hosts; it begins on c.");
        assert_eq!(case.accounts, "eve, adm");
        let links: Vec<(&str, &str, &str, bool)> = case
            .links
            .iter()
            .map(|l| (l.from.as_str(), l.to.as_str(), l.reason.as_str(), l.tip.is_empty()))
            .collect();
        assert_eq!(
            links,
            [
                ("c", "b", "remote logon of eve", false),
                ("b", "a", "remote logon of eve (adm)", false),
                ("a", "c", "remote logon of eve", false),
                // No step was seen to d; it has something in common with a. What a and c share is told by their step.
                ("a", "d", "the same rare file", true),
            ]
        );
    }

    #[test]
    fn a_route_says_from_where_each_step_went() {
        let told = |steps: &[(&str, &str)]| {
            let path = steps
                .iter()
                .map(|(from, to)| step("2025-09-20T10:00:00Z", from, to, "eve"));
            route(&of(path.collect(), &[]))
        };
        assert_eq!(told(&[]), "");
        assert_eq!(told(&[("a", "b"), ("b", "c")]), "a → b → c");
        assert_eq!(told(&[("a", "b"), ("a", "c"), ("a", "d")]), "a → b, c, d");
        assert_eq!(told(&[("a", "b"), ("a", "c"), ("c", "d")]), "a → b, c; c → d");
        assert_eq!(told(&[("a", "b"), ("b", "c"), ("b", "d")]), "a → b → c, d");
        assert_eq!(told(&[("a", "b"), ("b", "c"), ("a", "d")]), "a → b → c; a → d");
        let many: Vec<(&str, &str)> = (0..30).map(|_| ("a", "b")).collect();
        assert!(told(&many).ends_with("b … (+6)"));
    }

    #[test]
    fn a_case_without_steps_has_no_route() {
        let drawn = cases(&[of(Vec::new(), &["c"])], &findings(), Lang::En);
        assert_eq!(drawn[0].route, "");
        let hosts: Vec<&str> = drawn[0].hosts.iter().map(|h| h.host.as_str()).collect();
        assert_eq!(hosts, ["c", "d", "b", "a"]);
        assert!(drawn[0].links.iter().all(|l| l.time.is_empty()));
        assert_eq!(drawn[0].accounts, "", "those of the findings may be victims");
    }

    #[test]
    fn the_entry_is_drawn_however_many_hosts_there_are() {
        let many: Vec<Finding> = (1..=40)
            .map(|i| finding(i, &format!("h{i}"), "2025-09-20T09:00:00Z", &[]))
            .collect();
        let mut case = of(Vec::new(), &["h40"]);
        case.entry_host = "h40".to_owned();
        let drawn = cases(&[case], &many, Lang::En);
        assert_eq!(drawn[0].hosts[0].host, "h40");
        assert_eq!((drawn[0].hosts.len(), drawn[0].hosts_more), (12, 28));
    }
}
