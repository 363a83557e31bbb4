use super::super::testing::{Corpus, Rows, meta};
use super::*;
use crate::schema::{auth, dns, file, network, persist, process, process_access, script};
use crate::signals::{Level, Meta, RowRef};

const WORD: &str = r"C:\Office\WINWORD.EXE";
const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";

fn proc_01() -> &'static Meta {
    meta("PROC-01", "process lineage", "execution", Level::High, false)
}

fn chains(corpus: &Corpus, hits: &[Hit]) -> Chains {
    build(hits, &|_| true, &corpus.cx(), &corpus.entities.addresses)
}

/// Members of each chain as (signal, link), chains in order.
fn told(found: &Chains, hits: &[Hit]) -> Vec<Vec<(String, f64)>> {
    let member = |m: &Member| (hits[m.hit].meta.id.to_owned(), m.link);
    found
        .chains
        .iter()
        .map(|c| c.members.iter().map(member).collect())
        .collect()
}

fn all_rows(corpus: &Corpus, of: &[(&'static crate::schema::Table, u32, &'static Meta)]) -> Vec<Hit> {
    of.iter()
        .map(|(t, at, m)| corpus.hit(m, t, *at, &m.id.to_lowercase()))
        .collect()
}

#[test]
fn the_story_of_the_brief_becomes_one_chain_with_a_weak_logon() {
    let mut rows = Rows::default();
    rows.row(&auth::TABLE, "", 10, |b| {
        b.text(common::ACTION, "logon");
        b.text(auth::TARGET_USER, "j.takeda");
    });
    rows.process("pc-takeda", 150, "g2", "g1", POWERSHELL, WORD);
    rows.row(&dns::TABLE, "pc-takeda", 181, |b| {
        b.text(common::SOURCE, "dns");
        b.text(dns::QNAME, "ajk3k9q2x1.command-and-control.top");
    });
    rows.row(&network::TABLE, "pc-takeda", 185, |b| {
        b.text(network::PROC_GUID, "g2");
        b.ip(network::DST_IP, &crate::base::ip::parse("198.51.100.77").unwrap());
    });
    let corpus = rows.corpus();
    let mut hits = all_rows(
        &corpus,
        &[
            (
                &auth::TABLE,
                0,
                meta("AUTH-04", "authentication", "initial-access", Level::Low, false),
            ),
            (&process::TABLE, 0, proc_01()),
            (
                &dns::TABLE,
                0,
                meta("DNS-04", "dns", "command-and-control", Level::Medium, false),
            ),
            (
                &network::TABLE,
                0,
                meta("NET-01", "periodicity", "command-and-control", Level::Medium, false),
            ),
        ],
    );
    hits[0].users = vec!["j.takeda".into()];
    hits[1].users = vec![r"TAKEDA\j.takeda".into()];
    let found = chains(&corpus, &hits);
    assert_eq!(found.chains.len(), 1);
    assert_eq!(corpus.frames.text(found.chains[0].host), Some("pc-takeda"));
    let mut links: Vec<_> = told(&found, &hits).remove(0);
    links.sort_by(|a, b| a.0.cmp(&b.0));
    let expected = [("AUTH-04", 0.6), ("DNS-04", 1.0), ("NET-01", 1.0), ("PROC-01", 1.0)];
    assert_eq!(links, expected.map(|(s, l)| (s.to_owned(), l)));
    let tree = &found.chains[0].processes;
    assert_eq!(tree.len(), 2, "Word and PowerShell");
    assert_eq!(tree[1].parent, Some(0));
    assert_eq!(tree[1].hits.len(), 2);
}

#[test]
fn an_address_that_nobody_claims_stays_an_address() {
    let mut rows = Rows::default();
    rows.process("pc-takeda", 150, "g2", "g1", POWERSHELL, WORD);
    rows.row(&dns::TABLE, "ip:10.0.5.21", 151, |b| {
        b.text(dns::QNAME, "a.command-and-control.top")
    });
    let corpus = rows.corpus();
    let hits = all_rows(
        &corpus,
        &[
            (&process::TABLE, 0, proc_01()),
            (
                &dns::TABLE,
                0,
                meta("DNS-04", "dns", "command-and-control", Level::Medium, false),
            ),
        ],
    );
    let found = chains(&corpus, &hits);
    let hosts: Vec<_> = found
        .chains
        .iter()
        .map(|c| corpus.frames.text(c.host).unwrap())
        .collect();
    assert_eq!(hosts, ["ip:10.0.5.21", "pc-takeda"]);
}

#[test]
fn no_chain_passes_through_a_hub_that_carries_no_signal() {
    let mut rows = Rows::default();
    let explorer = r"C:\Windows\explorer.exe";
    rows.process("pc", 0, "e", "u", explorer, r"C:\Windows\System32\userinit.exe");
    rows.process("pc", 4000, "a", "e", r"C:\x\a.exe", explorer);
    rows.process("pc", 9000, "b", "e", r"C:\x\b.exe", explorer);
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Medium, false);
    let hits = all_rows(&corpus, &[(&process::TABLE, 1, m("A")), (&process::TABLE, 2, m("B"))]);
    assert_eq!(chains(&corpus, &hits).chains.len(), 2);
    let odd = all_rows(
        &corpus,
        &[
            (&process::TABLE, 0, m("E")),
            (&process::TABLE, 1, m("A")),
            (&process::TABLE, 2, m("B")),
        ],
    );
    assert_eq!(chains(&corpus, &odd).chains.len(), 1, "a hub that is itself odd joins");
}

#[test]
fn weak_edges_alone_make_no_chain() {
    let mut rows = Rows::default();
    rows.row(&network::TABLE, "pc", 0, |_| {});
    rows.row(&dns::TABLE, "pc", 60, |_| {});
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Medium, false);
    let hits = all_rows(&corpus, &[(&network::TABLE, 0, m("A")), (&dns::TABLE, 0, m("B"))]);
    let found = chains(&corpus, &hits);
    assert_eq!(told(&found, &hits), [[("A".to_owned(), 1.0)], [("B".to_owned(), 1.0)]]);
    assert_eq!(found.links.len(), 1, "they are told to be near each other");
}

#[test]
fn a_dropped_file_joins_its_writer_and_its_execution_over_days() {
    let mut rows = Rows::default();
    let day = 86_400;
    rows.process("pc", 0, "w", "o", r"C:\x\writer.exe", r"C:\x\o.exe");
    rows.row(&file::TABLE, "pc", 5, |b| {
        b.text(common::ACTION, "create");
        b.text(file::PROC_GUID, "w");
        b.text(file::PATH, r"C:\Users\a\late.exe");
    });
    rows.process(
        "pc",
        3 * day,
        "l",
        "z",
        r"C:\Users\A\late.exe",
        r"C:\Windows\explorer.exe",
    );
    rows.process(
        "pc",
        3 * day + 9,
        "n",
        "z2",
        r"C:\x\other.exe",
        r"C:\Windows\explorer.exe",
    );
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Medium, false);
    let hits = all_rows(
        &corpus,
        &[
            (&process::TABLE, 0, m("W")),
            (&process::TABLE, 1, m("L")),
            (&process::TABLE, 2, m("N")),
        ],
    );
    let found = chains(&corpus, &hits);
    let one = told(&found, &hits);
    assert_eq!(one.len(), 1);
    assert_eq!(
        one[0].last(),
        Some(&("N".to_owned(), 0.4)),
        "the other one only happened nearby"
    );
}

#[test]
fn a_service_joins_the_command_it_runs_and_a_day_of_silence_cuts() {
    let mut rows = Rows::default();
    rows.row(&persist::TABLE, "pc", 0, |b| {
        b.text(persist::NAME, "UpdateSvc");
        b.text(persist::COMMAND, r#""%SystemRoot%\upd.exe" -s"#);
    });
    rows.process(
        "pc",
        3600,
        "u",
        "s",
        r"C:\Windows\upd.exe",
        r"C:\Windows\System32\services.exe",
    );
    rows.row(&network::TABLE, "pc", 200_000, |b| b.text(network::PROC_GUID, "u"));
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Medium, false);
    let hits = all_rows(
        &corpus,
        &[
            (&persist::TABLE, 0, m("S")),
            (&process::TABLE, 0, m("U")),
            (&network::TABLE, 0, m("N")),
        ],
    );
    let found = told(&chains(&corpus, &hits), &hits);
    assert_eq!(
        found,
        [
            vec![("S".to_owned(), 1.0), ("U".to_owned(), 1.0)],
            vec![("N".to_owned(), 1.0)]
        ]
    );
}

#[test]
fn a_service_that_runs_a_shell_joins_it_by_its_whole_command_but_no_hub_does() {
    let mut rows = Rows::default();
    // Longer than what is compared, and expanded by one of the two logs only.
    let long = format!(r"start /b calc.exe {}", "A".repeat(5000));
    rows.row(&persist::TABLE, "pc", 0, |b| {
        b.text(persist::COMMAND, &format!(r"%COMSPEC% /C {long}"))
    });
    rows.row(&persist::TABLE, "pc", 1, |b| {
        b.text(persist::COMMAND, r"C:\Windows\System32\svchost.exe -k UnistackSvcGroup")
    });
    rows.row(&process::TABLE, "pc", 4000, |b| {
        b.text(process::IMAGE, r"C:\Windows\System32\cmd.exe");
        b.text(process::CMDLINE, &format!(r#""C:\Windows\system32\cmd.exe" /C {long}"#));
    });
    rows.row(&process::TABLE, "pc", 9000, |b| {
        b.text(process::IMAGE, r"C:\Windows\System32\svchost.exe");
        b.text(process::CMDLINE, r"C:\Windows\System32\svchost.exe -k UnistackSvcGroup");
    });
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Low, false);
    let hits = all_rows(
        &corpus,
        &[
            (&persist::TABLE, 0, m("S")),
            (&persist::TABLE, 1, m("T")),
            (&process::TABLE, 0, m("C")),
            (&process::TABLE, 1, m("V")),
        ],
    );
    let found = told(&chains(&corpus, &hits), &hits);
    let strong = |c: &Vec<(String, f64)>| {
        c.iter()
            .filter(|m| m.1 >= 1.0)
            .map(|m| m.0.clone())
            .collect::<Vec<_>>()
            .join("")
    };
    assert_eq!(found.iter().map(strong).collect::<Vec<_>>(), ["SC", "V"]);
}

#[test]
fn a_script_record_without_a_process_joins_the_host_application() {
    let mut rows = Rows::default();
    rows.row(&process::TABLE, "pc", 0, |b| {
        b.text(process::IMAGE, POWERSHELL);
        b.text(process::CMDLINE, r#""powershell.exe"  -noP -enc AAAA"#);
    });
    rows.row(&script::TABLE, "pc", 7200, |b| {
        b.text(script::HOST_APP, "powershell.exe -noP -enc AAAA")
    });
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Low, false);
    let hits = all_rows(&corpus, &[(&process::TABLE, 0, m("P")), (&script::TABLE, 0, m("S"))]);
    assert_eq!(chains(&corpus, &hits).chains.len(), 1);
}

#[test]
fn sessions_join_but_not_those_of_the_system_nor_after_a_reboot() {
    let build_hits = |session: i64, reboot: bool| {
        let mut rows = Rows::default();
        rows.row(&persist::TABLE, "pc", 0, |b| b.int(common::LOGON_ID, session));
        if reboot {
            rows.row(&auth::TABLE, "pc", 100, |b| {
                b.text(common::ACTION, "logon");
                b.int(auth::TARGET_LOGON_ID, session);
            });
        }
        rows.row(&file::TABLE, "pc", 7200, |b| b.int(common::LOGON_ID, session));
        let corpus = rows.corpus();
        let m = |id| meta(id, "f", "execution", Level::Medium, false);
        let hits = all_rows(&corpus, &[(&persist::TABLE, 0, m("A")), (&file::TABLE, 0, m("B"))]);
        chains(&corpus, &hits).chains.len()
    };
    assert_eq!(build_hits(0x1234, false), 1);
    assert_eq!(build_hits(0x3e7, false), 2);
    assert_eq!(build_hits(0x1234, true), 2);
}

#[test]
fn chains_of_hosts_stay_apart_and_are_linked_by_a_remote_logon() {
    let mut rows = Rows::default();
    rows.process("ws1", 0, "a", "x", r"C:\x\a.exe", r"C:\x\x.exe");
    rows.row(&auth::TABLE, "srv1", 60, |b| {
        b.text(common::ACTION, "logon");
        b.text(auth::SRC_HOST, "WS1");
        b.text(auth::TARGET_USER, "admin");
        b.ip(auth::SRC_IP, &crate::base::ip::parse("10.0.0.7").unwrap());
    });
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "lateral-movement", Level::Medium, false);
    let hits = all_rows(&corpus, &[(&process::TABLE, 0, m("A")), (&auth::TABLE, 0, m("B"))]);
    let found = chains(&corpus, &hits);
    assert_eq!(found.chains.len(), 2);
    assert_eq!(found.links.len(), 1);
    assert!(found.links[0].strength >= 0.9 && found.links[0].reason.contains("remote logon of admin"));
}

#[test]
fn any_order_of_hits_gives_the_same_chains() {
    let mut rows = Rows::default();
    for i in 0..20 {
        let parent = format!("p{}", i / 3);
        rows.process(
            "pc",
            i * 700,
            &format!("p{i}"),
            &parent,
            &format!(r"C:\x\{i}.exe"),
            r"C:\x\q.exe",
        );
    }
    let corpus = rows.corpus();
    let ids = ["A", "B", "C"].map(|id| meta(id, "f", "execution", Level::Medium, false));
    let hits: Vec<Hit> = (0..20)
        .map(|i| corpus.hit(ids[i as usize % 3], &process::TABLE, i, &format!("k{}", i % 4)))
        .collect();
    let shape = |hits: &[Hit]| {
        let found = chains(&corpus, hits);
        let one = |m: &Member| (hits[m.hit].rows[0].at, m.link.to_bits(), m.started);
        let all: Vec<Vec<_>> = found
            .chains
            .iter()
            .map(|c| c.members.iter().map(one).collect())
            .collect();
        (all, found.links)
    };
    let expected = shape(&hits);
    let mut other = hits.clone();
    for seed in 1..6usize {
        other.rotate_left(seed);
        other.reverse();
        assert_eq!(shape(&other), expected);
    }
}

#[test]
fn a_thousand_hits_of_one_tree_are_split() {
    let mut rows = Rows::default();
    for i in 0..1000 {
        let parent = if i < 2 { "root" } else { ["p0", "p1"][i as usize % 2] };
        rows.process("pc", i, &format!("p{i}"), parent, r"C:\x\a.exe", r"C:\x\q.exe");
    }
    let corpus = rows.corpus();
    let m = meta("A", "f", "execution", Level::Medium, false);
    let hits: Vec<Hit> = (0..1000)
        .map(|i| corpus.hit(m, &process::TABLE, i, &format!("{i}")))
        .collect();
    let found = chains(&corpus, &hits);
    assert_eq!(found.chains.iter().map(|c| c.members.len()).sum::<usize>(), 1000);
    assert!(found.chains.iter().all(|c| c.processes.len() <= MAX_PROCESSES));
    let _: &RowRef = &hits[0].rows[0];
}

#[test]
fn what_a_hub_does_after_an_injection_belongs_to_the_injector() {
    let svchost = r"C:\Windows\System32\svchost.exe";
    let mut rows = Rows::default();
    rows.process("pc", 0, "x", "o", r"C:\x\x.exe", r"C:\Windows\explorer.exe");
    let mut reach = |second, from: &str, image: &str, into: &str, target: &str| {
        rows.row(&process_access::TABLE, "pc", second, |b| {
            b.text(process_access::PROC_GUID, from);
            b.text(process_access::IMAGE, image);
            b.text(process_access::TARGET_GUID, into);
            b.text(process_access::TARGET_IMAGE, target);
        });
    };
    let lsass = r"C:\Windows\System32\lsass.exe";
    reach(5, "s", svchost, "l", lsass);
    reach(10, "x", r"C:\x\x.exe", "s", svchost);
    reach(60, "s", svchost, "l", lsass);
    reach(70, "s2", svchost, "l", lsass);
    let corpus = rows.corpus();
    let m = |id| meta(id, "f", "execution", Level::Medium, false);
    let mut hits = all_rows(
        &corpus,
        &[
            (&process_access::TABLE, 0, m("BEFORE")),
            (&process_access::TABLE, 1, m("INJECT")),
            (&process_access::TABLE, 2, m("AFTER")),
            (&process_access::TABLE, 3, m("OTHER")),
        ],
    );
    let strong = |hits: &[Hit]| {
        let mut joined = told(&chains(&corpus, hits), hits).concat();
        joined.retain(|(_, link)| *link >= links::STRONG);
        joined.into_iter().map(|(id, _)| id).collect::<Vec<_>>()
    };
    assert!(!strong(&hits).contains(&"AFTER".to_owned()) || told(&chains(&corpus, &hits), &hits).len() > 1);
    hits[1] = super::super::testing::with_techniques(hits[1].clone(), &["T1055"]);
    let backbone = strong(&hits);
    assert!(backbone.contains(&"INJECT".to_owned()) && backbone.contains(&"AFTER".to_owned()));
    assert!(!backbone.contains(&"BEFORE".to_owned()) && !backbone.contains(&"OTHER".to_owned()));
}
