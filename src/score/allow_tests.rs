use super::*;
use crate::base::time::DAY;
use crate::chain::testing::{Corpus, Rows, meta};
use crate::schema::{network, persist, process};
use crate::signals::Level;

const NOW: i64 = 20_000 * DAY;

fn list(entry: &str) -> Allowlist {
    Allowlist::parse(&format!("[[allow]]\nreason = \"r\"\n{entry}"), "a.toml", NOW).unwrap()
}

fn error(text: &str) -> String {
    Allowlist::parse(text, "a.toml", NOW).unwrap_err().to_string()
}

fn corpus() -> Corpus {
    Rows::default()
        .row(&process::TABLE, "pc-1", 0, |b| {
            b.text(crate::schema::common::USER, "Svc-Deploy");
            b.text(process::IMAGE, r"C:\Program Files\Agent\agent.exe");
            b.text(process::IMAGE_NAME, "powershell.exe");
            b.text(process::PARENT_NAME, "agent.exe");
            b.text(process::CMDLINE, "powershell -enc AAAA");
            b.fixed(process::SHA1, &[0xab; 20]);
        })
        .row(&network::TABLE, "pc-1", 0, |b| {
            b.text(network::TLS_SNI, "relay.tool.example");
            b.ip(network::DST_IP, &crate::base::ip::parse("203.0.113.9").unwrap());
        })
        .row(&persist::TABLE, "pc-1", 0, |b| {
            b.text(persist::KIND, "task");
            b.text(persist::NAME, r"\Vendor\Update");
        })
        .corpus()
}

fn hit(c: &Corpus, table: &'static crate::schema::Table, decisive: bool) -> Hit {
    let m = meta("SCRIPT-01", "scripts", "execution", Level::Medium, decisive);
    c.hit(m, table, 0, "k")
}

#[test]
fn every_key_matches_what_it_says_and_nothing_else() {
    let c = corpus();
    let p: &'static crate::schema::Table = &process::TABLE;
    let hash = "ab".repeat(20);
    let hash_entry = format!("hash = \"{}\"", hash.to_uppercase());
    for (table, entry, expected) in [
        (p, hash_entry.as_str(), true),
        (p, r"image_path_glob = 'c:\program files\agent\*.exe'", true),
        (p, r"image_path_glob = 'c:\windows\*'", false),
        (p, "parent_child = 'Agent.exe > powershell.exe'", true),
        (p, "parent_child = 'winword.exe>powershell.exe'", false),
        (p, "cmdline_regex = '-ENC\\s+a+$'", true),
        (p, "user = 'CORP\\svc-*'\nexpires = 2030-01-01", true),
        (p, "host = ['x', 'pc-*']\nexpires = 2030-01-01", true),
        (p, "host = 'pc-2'\nexpires = 2030-01-01", false),
        (&network::TABLE, "domain = 'tool.example'\nexpires = '2030-01-01'", true),
        (&network::TABLE, "domain = 'ool.example'\nexpires = '2030-01-01'", false),
        (
            &network::TABLE,
            "ip_cidr = '203.0.113.0/24'\nexpires = '2030-01-01'",
            true,
        ),
        (&persist::TABLE, r"task_name = '\vendor\*'", true),
        (&persist::TABLE, "service_name = 'vendor'", false),
        (p, "time_window = 'thu 00:00-01:00'\nexpires = '2030-01-01'", true),
        (p, "time_window = 'fri-wed 00:00-24:00'\nexpires = '2030-01-01'", false),
        (p, "time_window = 'wed 22:00-02:00'\nexpires = '2030-01-01'", true),
        (p, "parent_child = 'agent.exe>*'\nhost = 'pc-2'", false),
    ] {
        let verdicts = list(entry).judge(&[hit(&c, table, false)], &c.cx());
        assert_eq!(verdicts.of(0).is_some(), expected, "{entry}");
    }
}

#[test]
fn damp_is_a_tenth_suppress_is_nothing_and_both_are_counted() {
    let c = corpus();
    let text = "[[allow]]\nreason='a'\nhost='pc-1'\nexpires='2030-01-01'\neffect='damp'\n\n[[allow]]\nreason='b'\nparent_child='agent.exe>*'\n";
    let all = Allowlist::parse(text, "a.toml", NOW).unwrap();
    let v = all.judge(
        &[hit(&c, &process::TABLE, false), hit(&c, &network::TABLE, false)],
        &c.cx(),
    );
    assert_eq!((v.factor(0), v.keeps(0)), (0.0, false));
    assert_eq!((v.factor(1), v.keeps(1)), (0.1, true));
    let told: Vec<_> = v
        .suppressions
        .iter()
        .map(|s| (s.entry.as_str(), s.effect, s.hits))
        .collect();
    assert_eq!(told, [("a.toml:2", "damp", 1), ("a.toml:8", "suppress", 1)]);
}

#[test]
fn a_host_alone_never_silences_a_decisive_hit() {
    let c = corpus();
    let v = list("host='pc-1'\nexpires='2030-01-01'").judge(&[hit(&c, &process::TABLE, true)], &c.cx());
    assert!(v.of(0).is_none() && v.refused.len() == 1 && v.refused[0].contains("decisive"));
    let v =
        list("host='pc-1'\nparent_child='agent.exe>powershell.exe'").judge(&[hit(&c, &process::TABLE, true)], &c.cx());
    assert!(v.of(0).is_some());
}

#[test]
fn an_expired_entry_does_not_apply_and_is_said() {
    let all = list("host='pc-1'\nexpires='2001-01-01'");
    assert!(all.entries().is_empty());
    assert!(all.warnings()[0].contains("a.toml:2") && all.warnings()[0].contains("2001-01-01"));
}

#[test]
fn mistakes_are_named_with_line_and_nearest_word() {
    let cases = [
        ("[[allow]]\nreason='r'\nimage_path='x'", "a.toml:3", "image_path_glob"),
        ("[[allow]]\nreason='r'\nhost='x'", "a.toml:2", "expires"),
        ("[[allow]]\nhash='xyz'\nreason='r'", "a.toml:2", "hexadecimal"),
        ("[[allow]]\nreason='r'", "a.toml:2", "at least one key"),
        ("[[allow]]\nparent_child='a>b'", "a.toml:2", "reason"),
        (
            "[[allow]]\nreason='r'\neffect='supress'\nparent_child='a>b'",
            "a.toml:3",
            "suppress",
        ),
        (
            "[[allow]]\nreason='r'\ncmdline_regex='('",
            "a.toml:3",
            "regular expression",
        ),
        ("[[allow]]\nreason='r'\ncmdline_regex='.*'", "a.toml:2", "broad"),
        ("[[allow]]\nreason='r'\nhost=7", "a.toml:3", "list of texts"),
        ("[[alow]]\nreason='r'", "a.toml:1", "[[allow]]"),
        ("[allow]\nreason='r'", "a.toml:1", "double brackets"),
        ("[[allow]]\nreason='r\n", "a.toml:2", "not TOML"),
        ("[[allow]]\nreason='r'\ntime_window='noon'", "a.toml:3", "mon-fri"),
    ];
    for (text, place, word) in cases {
        let message = error(text);
        assert!(
            message.contains(place) && message.contains(word),
            "{text:?} gave {message}"
        );
    }
}
