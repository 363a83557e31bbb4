use super::allow::Allowlist;
use super::*;
use crate::chain::testing::{Corpus, Rows, meta, with_techniques};
use crate::entity::lists::Lists;
use crate::schema::{auth, common, dns, network, process};
use crate::signals::{Ioc, Level, Prevalence};

const WORD: &str = r"C:\Office\WINWORD.EXE";
const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";

fn scored(c: &Corpus, hits: &[Hit], allow: &Allowlist) -> Scored {
    let cx = c.cx();
    let verdicts = allow.judge(hits, &cx);
    let chains = crate::chain::build(hits, &|i| verdicts.keeps(i), &cx, &c.entities.addresses);
    score(&chains, hits, &cx, &verdicts, &|id| format!("input-{id}"))
}

fn rare(hosts: u32) -> Prevalence {
    Prevalence::Hosts { hosts, population: 200 }
}

/// The brief's samples A to D, with the address claimed and the measured beacon of the worked example.
fn brief() -> (Corpus, Vec<Hit>) {
    let us = |text: &str| crate::base::time::rfc3339(text.as_bytes()).unwrap().0 / 1_000_000;
    let mut rows = Rows::default();
    rows.row(&auth::TABLE, "", us("2025-09-20T11:05:10Z"), |b| {
        b.text(common::ACTION, "logon");
        b.text(auth::TARGET_USER, "j.takeda");
    });
    rows.process("pc-takeda", us("2025-09-20T11:07:30Z"), "g2", "g1", POWERSHELL, WORD);
    rows.row(&dns::TABLE, "pc-takeda", us("2025-09-20T11:08:01Z"), |b| {
        b.text(common::SOURCE, "bind");
        b.text(dns::QNAME, "ajk3k9q2x1.command-and-control.top");
    });
    rows.row(&network::TABLE, "pc-takeda", us("2025-09-20T11:08:05Z"), |b| {
        b.text(network::PROC_GUID, "g2");
        b.ip(network::DST_IP, &crate::base::ip::parse("198.51.100.77").unwrap());
    });
    let c = rows.corpus();
    let hit = |id, family, stage, level, q, hosts, table, key: &str| {
        c.hit(meta(id, family, stage, level, false), table, 0, key)
            .quality(q)
            .prevalence(rare(hosts))
    };
    let c2 = "command-and-control";
    let mut hits = vec![
        hit(
            "AUTH-04",
            "authentication",
            "initial-access",
            Level::Low,
            1.0,
            1,
            &auth::TABLE,
            "ru",
        ),
        hit(
            "PROC-01",
            "process lineage",
            "execution",
            Level::High,
            1.0,
            1,
            &process::TABLE,
            "winword.exe>powershell.exe",
        ),
        hit(
            "SCRIPT-01",
            "scripts",
            "stealth",
            Level::Medium,
            0.8,
            3,
            &process::TABLE,
            "encoded",
        ),
        hit(
            "DNS-04",
            "dns",
            c2,
            Level::Medium,
            0.8,
            1,
            &dns::TABLE,
            "command-and-control.top",
        ),
        hit(
            "DNS-01",
            "dns",
            c2,
            Level::Low,
            0.7,
            1,
            &dns::TABLE,
            "command-and-control.top",
        ),
        hit(
            "NET-01",
            "periodicity",
            c2,
            Level::Medium,
            0.9,
            1,
            &network::TABLE,
            "198.51.100.77:443",
        ),
    ];
    for i in [0, 1] {
        hits[i].users = vec!["j.takeda".into()];
    }
    hits[1] = with_techniques(hits[1].clone(), &["T1204.002", "T1059.001", "T1562.001"]);
    hits[3].iocs = vec![Ioc::Domain("command-and-control.top".into())];
    (c, hits)
}

#[test]
fn the_brief_scores_as_in_the_worked_example() {
    let (c, hits) = brief();
    let all = scored(&c, &hits, &Allowlist::default());
    assert_eq!(all.findings.len(), 1);
    let f = &all.findings[0];
    assert_eq!(
        (f.score, f.severity.as_str(), f.gate.id.as_str()),
        (93.0, "critical", "G3")
    );
    assert_eq!((f.host.as_str(), f.rank), ("pc-takeda", 1));
    let tenths: i64 = f.contributions.iter().map(|c| (c.points * 10.0).round() as i64).sum();
    assert_eq!(tenths, 930);
    assert_eq!(f.contributions[0].points, 27.2);
    assert!(f.contributions[0].item.starts_with("PROC-01"));
    assert_eq!(f.signals.iter().find(|s| s.signal == "AUTH-04").unwrap().link, 0.6);
    assert_eq!(f.sources, ["auth", "dns", "endpoint"]);
    assert_eq!(f.tactics.first().map(String::as_str), Some("initial-access"));
    let techniques: Vec<&str> = f.techniques.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(
        techniques,
        ["T1059.001", "T1204.002", "T1685"],
        "a revoked id is told by its successor"
    );
    assert_eq!(f.iocs.domains, ["command-and-control.top"]);
    assert!(f.next_steps.iter().any(|s| s.contains("isolate pc-takeda")));
    assert!(
        f.next_steps
            .iter()
            .any(|s| s.contains("block") && s.contains("command-and-control.top"))
    );
    assert_eq!(
        (f.first_seen.as_str(), f.last_seen.as_str()),
        ("2025-09-20T11:05:10Z", "2025-09-20T11:08:05Z")
    );
    assert_eq!(f.signals[0].evidence[0].source_file, "input-1");
    assert!(
        all.signals
            .iter()
            .all(|s| s.finding_id.as_deref() == Some(&f.finding_id))
    );
}

#[test]
fn a_lone_powershell_is_never_high() {
    let (c, hits) = brief();
    let lone = [hits[2].clone()];
    let f = &scored(&c, &lone, &Allowlist::default()).findings[0];
    assert_eq!((f.score, f.severity.as_str()), (24.3, "low"));
    let both = [hits[1].clone(), hits[2].clone()];
    let f = &scored(&c, &both, &Allowlist::default()).findings[0];
    assert_eq!((f.score, f.severity.as_str(), f.gate.applied), (64.0, "medium", true));
}

#[test]
fn any_order_of_hits_gives_the_same_findings() {
    let (c, hits) = brief();
    let expected = scored(&c, &hits, &Allowlist::default());
    let mut other = hits.clone();
    for turn in 1..7 {
        other.rotate_left(turn);
        other.reverse();
        let got = scored(&c, &other, &Allowlist::default());
        assert_eq!(got, expected);
    }
}

#[test]
fn only_an_address_stays_an_address() {
    let c = Rows::default()
        .row(&dns::TABLE, "ip:10.0.5.21", 0, |b| b.text(dns::QNAME, "a.example"))
        .corpus();
    let m = meta("DNS-04", "dns", "command-and-control", Level::Medium, false);
    let f = &scored(&c, &[c.hit(m, &dns::TABLE, 0, "k")], &Allowlist::default()).findings[0];
    assert_eq!(f.host, "ip:10.0.5.21");
    assert!(f.next_steps.iter().any(|s| s.contains("find the host")));
}

#[test]
fn what_the_allowlist_takes_is_still_listed_and_counted() {
    let (c, hits) = brief();
    let text = "[[allow]]\nreason='training'\nsignal='x:1'\nhost='pc-takeda'\nexpires='2099-01-01'";
    assert!(
        scored(&c, &hits, &Allowlist::parse(text, "a", 0).unwrap())
            .suppressions
            .is_empty()
    );
    let text = "[[allow]]\nreason='training'\nhost='pc-takeda'\nexpires='2099-01-01'";
    let all = scored(&c, &hits, &Allowlist::parse(text, "a.toml", 0).unwrap());
    assert_eq!(all.findings.len(), 1, "only the logon, which lies on no host, is left");
    assert_eq!(all.suppressions[0].hits, 5);
    let taken: Vec<_> = all.signals.iter().filter(|s| s.suppressed_by.is_some()).collect();
    assert_eq!(taken.len(), 5);
    assert!(taken.iter().all(|s| s.finding_id.is_none() && s.points == 0.0));
    let damped = Allowlist::parse(&format!("{text}\neffect='damp'"), "a.toml", 0).unwrap();
    let damped = scored(&c, &hits, &damped);
    assert!(damped.findings[0].score < 93.0 && damped.signals.iter().filter(|s| s.allow == 0.1).count() == 5);
}

#[test]
fn repeats_fold_into_one_with_count_and_span() {
    let mut rows = Rows::default();
    for i in 0..300 {
        rows.process("pc", i, &format!("p{i}"), "root", POWERSHELL, r"C:\x\agent.exe");
    }
    let c = rows.corpus();
    let m = meta("SCRIPT-01", "scripts", "stealth", Level::Medium, false);
    let hits: Vec<Hit> = (0..300).map(|i| c.hit(m, &process::TABLE, i, "same")).collect();
    let all = scored(&c, &hits, &Allowlist::default());
    assert_eq!((all.findings.len(), all.signals.len()), (1, 300));
    let f = &all.findings[0];
    assert_eq!((f.signals.len(), f.signals[0].count), (1, 300));
    assert!(f.signals[0].evidence.len() <= 20 && f.score < 30.0);
    assert_eq!(f.last_seen, "1970-01-01T00:04:59Z");
}

#[test]
fn many_rules_on_one_event_are_one_piece_of_evidence() {
    let (c, hits) = brief();
    let rule = |id, level| c.hit(meta(id, "execution", "execution", level, false), &process::TABLE, 0, id);
    let own = scored(&c, &hits[2..3], &Allowlist::default()).findings[0].score;
    let with = |rules: &[Hit]| {
        let mut all = vec![hits[2].clone()];
        all.extend_from_slice(rules);
        scored(&c, &all, &Allowlist::default()).findings.remove(0)
    };
    let weak = with(&[
        rule("sigma:a", Level::Low),
        rule("sigma:b", Level::Low),
        rule("sigma:c", Level::Info),
    ]);
    assert_eq!((weak.score, weak.signals.len()), (own, 4));
    let strong = with(&[rule("sigma:a", Level::High), rule("sigma:b", Level::High)]);
    assert!(strong.score > own && strong.score <= 39.0 && strong.gate.id == "G0");
    assert_eq!(
        strong
            .signals
            .iter()
            .find(|s| s.signal == "sigma:a")
            .unwrap()
            .rule_id
            .as_deref(),
        Some("a")
    );
}

#[test]
fn a_tier_0_host_counts_more_and_says_so() {
    let (mut c, hits) = brief();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("assets.csv");
    std::fs::write(&path, "PC-TAKEDA,tier-0\n").unwrap();
    let files = crate::entity::lists::ListFiles {
        assets: Some(path),
        ..Default::default()
    };
    c.lists = Lists::load(&files).unwrap();
    let f = &scored(&c, &hits, &Allowlist::default()).findings[0];
    assert_eq!(f.score, 98.2);
    assert!(
        f.contributions
            .iter()
            .any(|c| c.item.starts_with("asset") && c.points == 32.7)
    );
}

#[test]
fn linked_hosts_become_a_case() {
    let mut rows = Rows::default();
    rows.process("ws1", 0, "a", "x", r"C:\x\a.exe", r"C:\x\x.exe");
    rows.process("srv1", 60, "b", "y", r"C:\x\b.exe", r"C:\x\y.exe");
    let c = rows.corpus();
    let m = meta("A", "files", "execution", Level::Critical, true);
    let mut hits = vec![c.hit(m, &process::TABLE, 0, "k"), c.hit(m, &process::TABLE, 1, "k")];
    for h in &mut hits {
        h.iocs = vec![Ioc::Sha256("ab".repeat(32))];
    }
    let all = scored(&c, &hits, &Allowlist::default());
    assert_eq!((all.findings.len(), all.cases.len()), (2, 1));
    assert_eq!(all.cases[0].hosts, ["srv1", "ws1"]);
    assert!(all.findings.iter().all(|f| f.case_id.is_some() && f.related.len() == 1));
    assert!(all.findings[0].related[0].reason.contains("same file hash"));
}

#[test]
fn a_finding_keeps_its_id_when_the_file_is_another() {
    let id = |shift: i64| {
        let mut rows = Rows::default();
        for _ in 0..shift {
            rows.process("other", 0, "q", "x", r"C:\x\q.exe", r"C:\x\x.exe");
        }
        rows.row(&process::TABLE, "pc", 9, |b| b.int(common::RECORD_ID, 77));
        let c = rows.corpus();
        let at = shift as u32;
        let hit = c.hit(
            meta("A", "files", "execution", Level::High, false),
            &process::TABLE,
            at,
            "k",
        );
        scored(&c, &[hit], &Allowlist::default()).findings[0].finding_id.clone()
    };
    assert_eq!(id(0), id(3));
    assert_eq!(id(0).len(), 16);
}
