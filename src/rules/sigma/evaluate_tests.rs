//! Rules over real rows: events go through the mappers into columns, as in a lake, and rules must find them there.

use std::sync::Arc;

use proptest::prelude::*;

use super::document;
use super::hunt::{Found, hunt_batches};
use super::link::link;
use super::load::{RuleSet, Selection};
use super::placeholders::Placeholders;
use crate::ingest::mappers;
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::RecordContext;
use crate::lake::batch::from_builder;
use crate::schema::builder::TableSet;

const SYSMON: (&str, &str) = ("Microsoft-Windows-Sysmon", "Microsoft-Windows-Sysmon/Operational");
const SECURITY: (&str, &str) = ("Microsoft-Windows-Security-Auditing", "Security");
const DEFENDER: (&str, &str) = (
    "Microsoft-Windows-Windows Defender",
    "Microsoft-Windows-Windows Defender/Operational",
);
const POWERSHELL: (&str, &str) = ("PowerShell", "Windows PowerShell");

fn event<'a>(log: (&'a str, &'a str), code: i32, fields: &[(&'a str, &'a str)]) -> Raw<'a> {
    let mut raw = Raw::windows(0);
    raw.kind = log.0.into();
    raw.channel = Some(log.1.into());
    raw.code = Some(code);
    raw.host = Some("WS01".into());
    raw.fields = fields.iter().map(|(n, v)| Field::str(n, v)).collect();
    raw
}

fn set(text: &str) -> RuleSet {
    let (documents, rejected) = document::read(&Arc::from("f"), text, &Placeholders::default());
    let set = link(documents, rejected, &Selection::default());
    assert_eq!(set.rejected, [], "{text}");
    set
}

fn run(set: &RuleSet, events: &[Raw<'_>]) -> Found {
    let cx = RecordContext {
        input: 0,
        format: "evtx",
        fallback_time: 0,
        zone: None,
        input_host: None,
    };
    let mut rows = TableSet::default();
    for raw in events {
        mappers::find(raw).map(raw, &mut rows, &cx);
    }
    let batches: Vec<_> = rows
        .into_builders()
        .map(|b| (b.table(), from_builder(b).unwrap()))
        .collect();
    hunt_batches(&set.program, &batches, false)
}

fn rule(logsource: &str, detection: &str) -> String {
    format!("title: t\nid: t\nlogsource: {{{logsource}}}\ndetection: {detection}\n")
}

/// How many of the events a rule matches.
fn count(logsource: &str, detection: &str, events: &[Raw<'_>]) -> u64 {
    run(&set(&rule(logsource, detection)), events)
        .tallies
        .values()
        .map(|t| t.matches)
        .sum()
}

fn start(fields: &[(&'static str, &'static str)]) -> Raw<'static> {
    event(SYSMON, 1, fields)
}

const CREATION: &str = "product: windows, category: process_creation";

#[test]
fn texts_are_compared_as_the_log_wrote_them() {
    let hashes = "SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,MD5=D41D8CD98F00B204E9800998ECF8427E";
    let odd = "MD5=D41D8CD98F00B204E9800998ECF8427E,SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709";
    let e = start(&[
        ("Image", r"C:\Windows\System32\cmd.exe"),
        ("User", r"NT AUTHORITY\SYSTEM"),
        ("LogonId", "0x3e7"),
        ("ProcessId", "4711"),
        ("Company", "-"),
        ("Hashes", hashes),
        ("RuleName", "technique_id=T1059"),
    ]);
    for yes in [
        r"{s: {User: 'NT AUTHORITY\SYSTEM'}, condition: s}",
        "{s: {LogonId: '0x3e7'}, condition: s}",
        "{s: {ProcessId: 4711}, condition: s}",
        "{s: {ProcessId|gte: 4711}, condition: s}",
        "{s: {Company: '-'}, condition: s}",
        "{s: {Hashes|contains: 'MD5=d41d8cd98f00b204e9800998ecf8427e'}, condition: s}",
        "{s: {md5: 'd41d8cd98f00b204e9800998ecf8427e'}, condition: s}",
        "{s: {RuleName|contains: T1059}, condition: s}",
        "{s: {CommandLine: null}, condition: s}",
        "{s: {CommandLine|exists: false, Image|exists: true}, condition: s}",
        "{s: {Image|endswith: cmd.exe}, f: {CommandLine|contains: x}, condition: s and not f}",
        "{s: {EventID: 1, Channel|contains: Sysmon, Computer: ws01}, condition: s}",
        "{s: {Image|re: 'System32.cmd'}, condition: s}",
        "{k: ['T1059'], condition: k}",
        "{k: ['system32'], condition: k}",
    ] {
        assert_eq!(count(CREATION, yes, std::slice::from_ref(&e)), 1, "{yes}");
    }
    for no in [
        "{s: {User: SYSTEM}, condition: s}",
        "{s: {LogonId: '999'}, condition: s}",
        "{s: {Company: null}, condition: s}",
        "{s: {EventID: 4688}, condition: s}",
        "{s: {NoSuchField: x}, condition: s}",
        "{k: ['nowhere'], condition: k}",
    ] {
        assert_eq!(count(CREATION, no, std::slice::from_ref(&e)), 0, "{no}");
    }
    let other = start(&[("Hashes", odd)]);
    assert_eq!(
        count(CREATION, "{s: {Hashes|startswith: 'MD5='}, condition: s}", &[other]),
        1,
        "in the order of the log"
    );
}

#[test]
fn sysmons_names_find_security_events() {
    let e = event(
        SECURITY,
        4688,
        &[
            ("NewProcessName", r"C:\a\b.exe"),
            ("ProcessId", "0x1f4"),
            ("CommandLine", "b -x"),
        ],
    );
    let yes = r"{s: {Image|endswith: '\b.exe', CommandLine|contains: ' -X'}, condition: s}";
    assert_eq!(count(CREATION, yes, std::slice::from_ref(&e)), 1);
    assert_eq!(
        count(
            "product: windows, service: security",
            "{s: {EventID: 4688, ProcessId: '0x1f4'}, condition: s}",
            &[e]
        ),
        1
    );
}

#[test]
fn joined_values_of_the_registry_and_of_lists() {
    let set_value = event(
        SYSMON,
        13,
        &[
            ("EventType", "SetValue"),
            ("TargetObject", r"HKLM\SOFTWARE\Run\evil"),
            ("Details", "DWORD (0x00000001)"),
        ],
    );
    let detection =
        r"{s: {TargetObject|endswith: '\Run\evil', Details: 'DWORD (0x00000001)', EventType: SetValue}, condition: s}";
    assert_eq!(
        count("product: windows, category: registry_set", detection, &[set_value]),
        1
    );
    let deleted = event(
        SYSMON,
        12,
        &[
            ("EventType", "DeleteValue"),
            ("TargetObject", r"HKLM\SOFTWARE\Run\evil"),
        ],
    );
    let detection = r"{s: {TargetObject|contains: '\Run\evil'}, condition: s}";
    assert_eq!(
        count(
            "product: windows, category: registry_delete",
            detection,
            std::slice::from_ref(&deleted)
        ),
        1
    );
    assert_eq!(
        count("product: windows, category: registry_add", detection, &[deleted]),
        0
    );
}

#[test]
fn names_with_blanks_and_unnamed_data() {
    let defender = event(
        DEFENDER,
        1116,
        &[
            ("Threat Name", "EICAR"),
            ("Path", "file:_C:\\x"),
            ("Source Name", "Downloads"),
        ],
    );
    let detection = "{s: {ThreatName: eicar, SourceName: Downloads}, condition: s}";
    assert_eq!(count("product: windows, service: windefend", detection, &[defender]), 1);
    let classic = event(
        POWERSHELL,
        400,
        &[
            ("Data", "Available"),
            ("Data_2", "None"),
            ("Data_3", "\tHostVersion=2.0\n\tHostApplication=x"),
        ],
    );
    let detection = "{s: {Data|contains: 'HostVersion=2'}, condition: s}";
    assert_eq!(
        count("product: windows, category: ps_classic_start", detection, &[classic]),
        1
    );
}

#[test]
fn another_fields_value_is_compared_in_the_same_event() {
    let same = start(&[("Image", r"C:\a.exe"), ("ParentImage", r"c:\A.exe")]);
    let not = start(&[("Image", r"C:\a.exe"), ("ParentImage", r"C:\b.exe")]);
    assert_eq!(
        count(
            CREATION,
            "{s: {Image|fieldref: ParentImage}, condition: s}",
            &[same, not]
        ),
        1
    );
}

#[test]
fn a_rule_that_could_not_match_says_why() {
    let e = start(&[("Image", "a")]);
    let why = |logsource: &str, detection: &str| {
        let found = run(&set(&rule(logsource, detection)), std::slice::from_ref(&e));
        found.blind.first().map_or_else(String::new, |(_, why)| why.clone())
    };
    assert!(why("product: aws, service: cloudtrail", "{s: {a: b}, condition: s}").contains("aws"));
    assert!(
        why(
            "product: windows, category: dns_query",
            "{s: {QueryName: b}, condition: s}"
        )
        .contains("has no logs of")
    );
    assert!(
        why(CREATION, "{s: {CommandLine: b}, condition: s}")
            .contains("no event of its logs has a value in CommandLine")
    );
    assert!(why(CREATION, "{s: {EventID: 7}, condition: s}").contains("event id"));
    assert_eq!(why(CREATION, "{s: {Image: b}, condition: s}"), "");
}

#[test]
fn matched_fields_are_told() {
    let found = run(
        &set(&rule(
            CREATION,
            "{s: {Image|endswith: x.exe, CommandLine|contains: [k, q]}, f: {User: z}, condition: s and not f}",
        )),
        &[start(&[("Image", "x.exe"), ("CommandLine", "a k b")])],
    );
    let (_, matches) = found.matches.first().unwrap();
    let values: Vec<&str> = matches[0].fields.iter().map(|(_, v)| v.as_str()).collect();
    assert_eq!(values, ["x.exe", "a k b"]);
}

proptest! {
    /// Columns, automaton, anchors and `extra` answer as a look at the event itself would.
    #[test]
    fn columns_answer_as_the_event_itself_does(
        events in prop::collection::vec(prop::collection::vec((0..5usize, "[abAB-]{0,3}"), 0..5), 1..12),
        searches in prop::collection::vec((0..5usize, 0..4usize, prop::collection::vec("[abAB*-]{1,3}", 1..3)), 1..4),
        shape in 0..4usize,
    ) {
        const FIELDS: [&str; 5] = ["Image", "CommandLine", "User", "Other", "Product"];
        const MODIFIERS: [&str; 4] = ["", "|contains", "|startswith", "|endswith|cased"];
        let raws: Vec<Raw<'_>> = events.iter().map(|fields| {
            let mut raw = event(SYSMON, 1, &[]);
            for (f, v) in fields {
                if raw.get(FIELDS[*f]).is_none() {
                    raw.fields.push(Field { name: FIELDS[*f].into(), value: Value::str(v) });
                }
            }
            raw
        }).collect();
        let names = ["s0", "s1", "s2"];
        let mut text = String::from("{");
        for (i, (f, m, values)) in searches.iter().enumerate() {
            let list = values.iter().map(|v| format!("'{v}'")).collect::<Vec<_>>().join(", ");
            text += &format!("{}: {{'{}{}': [{list}]}}, ", names[i], FIELDS[*f], MODIFIERS[*m]);
        }
        let joined = names[..searches.len()].join([" and ", " or ", " and not ", " or not "][shape]);
        text += &format!("condition: {joined}}}");
        let (documents, rejected) = document::read(&Arc::from("f"), &rule(CREATION, &text), &Placeholders::default());
        prop_assert!(rejected.is_empty());
        let super::model::Document::Rule(own) = &documents[0] else { unreachable!() };
        let expected = raws.iter().filter(|raw| own.condition.eval(&mut |ask: &super::modifiers::Ask| {
            let value = raw.get(ask.field.as_deref().unwrap());
            value.is_some_and(|v| ask.question.matches(v, &super::pattern::lower(v)))
        })).count() as u64;
        prop_assert_eq!(count(CREATION, &text, &raws), expected, "{}", text);
    }
}
