use proptest::prelude::*;

use super::*;
use crate::ingest::json::outline::Outlines;

fn flat(text: &str) -> Raw<'_> {
    read_object(Raw::windows(0), Object::parse(text).unwrap()).unwrap()
}

#[test]
fn nxlogs_process_is_the_logging_one_and_the_events_own_comes_from_the_message() {
    let raw = flat(
        r#"{"EventTime":"2018-01-29 09:29:05","Hostname":"PC1","EventType":"INFO","EventID":13,"SourceName":"Microsoft-Windows-Sysmon","Keywords":-9223372036854775808,"RecordNumber":31072,"ProcessID":3124,"ThreadID":5216,"Channel":"Microsoft-Windows-Sysmon/Operational","AccountName":"SYSTEM","Domain":"NT AUTHORITY","UserID":"S-1-5-18","Message":"Registry value set:\r\nEventType: SetValue\r\nUtcTime: 2018-01-29 01:29:05.972\r\nProcessId: 9636\r\n","UtcTime":"2018-01-29 01:29:05.972","Image":"C:\\a.exe","SourceModuleName":"in"}"#,
    );
    assert_eq!(raw.get("ProcessId"), Some("9636"));
    assert_eq!(raw.get("EventType"), Some("SetValue"));
    assert_eq!(raw.get("ProcessID"), None);
    assert_eq!(raw.get("Message"), None);
    assert_eq!(
        (raw.record_id, raw.user_sid.as_deref()),
        (Some(31072), Some("S-1-5-18"))
    );
    assert_eq!(raw.quality, TimeQuality::Assumed);
    let around: Vec<_> = raw.envelope.iter().map(|f| &*f.name).collect();
    assert_eq!(
        around,
        ["Execution_ProcessID", "Execution_ThreadID", "AccountName", "Domain"]
    );
}

#[test]
fn renamed_header_fields_leave_the_events_own_alone() {
    let raw = flat(
        r#"{"EventTime":"2020-09-22 14:53:01","EventReceivedTime":"2020-09-22 14:53:04","@timestamp":"2020-09-22T18:53:04.182Z","EventTypeOrignal":"INFO","EventType":"SetValue","EventID":13,"ExecutionProcessID":3172,"ProcessId":"4","host":"wec","SourceName":"Microsoft-Windows-Sysmon","Hostname":"W5"}"#,
    );
    assert_eq!(
        (raw.get("ProcessId"), raw.get("EventType")),
        (Some("4"), Some("SetValue"))
    );
    assert_eq!(raw.observer.as_deref(), Some("wec"));
    assert_eq!(
        raw.time,
        Some(1_600_786_381_000_000),
        "EventTime, not the time of the collector"
    );
    assert_eq!(raw.quality, TimeQuality::Assumed);
}

#[test]
fn the_z_of_powershell_exports_is_not_believed() {
    let raw = flat(
        r#"{"SourceName":"Microsoft-Windows-Security-Auditing","Hostname":"A","TimeCreated":"2021-04-27T04:07:34.160Z","@timestamp":"2021-04-27T04:07:34.160Z","EventID":5058,"Channel":"Security","ProviderName":"Microsoft Software Key Storage Provider"}"#,
    );
    assert_eq!(raw.quality, TimeQuality::Assumed);
    assert_eq!(raw.kind, "Microsoft-Windows-Security-Auditing");
    assert_eq!(raw.get("ProviderName"), Some("Microsoft Software Key Storage Provider"));
}

#[test]
fn the_services_account_is_data_and_not_the_headers() {
    let raw = flat(
        r#"{"EventTime":"2020-09-22 14:53:01","SourceModuleName":"x","SourceName":"Service Control Manager","EventID":7045,"AccountName":"LocalSystem","ServiceName":"s"}"#,
    );
    assert_eq!(raw.get("AccountName"), Some("LocalSystem"));
}

#[test]
fn sentinels_event_data_column_is_opened() {
    let xml = flat(
        r#"{"TenantId":"t","TimeGenerated":"2022-05-13T08:54:05.21Z","Computer":"W5","EventSourceName":"Microsoft-Windows-Security-Auditing","Channel":"Security","EventID":5156,"SourceComputerId":"id","NewProcessId":"","EventData":"<EventData xmlns=\"x\">\r\n<Data Name=\"ProcessID\">3936</Data><Data Name=\"DestPort\">8080</Data></EventData>","DestPort":"8080","IpAddress":null,"Type":"SecurityEvent"}"#,
    );
    let names: Vec<_> = xml.fields.iter().map(|f| (&*f.name, f.value.text().unwrap())).collect();
    assert_eq!(names, [("ProcessID", "3936"), ("DestPort", "8080")]);
    assert_eq!((xml.host_id.as_deref(), xml.quality), (Some("id"), TimeQuality::Utc));
    let json = flat(
        r#"{"TimeGenerated":"2022-05-13T08:54:05.21Z","Computer":"W5","Provider":"Microsoft-Windows-Sysmon","EventID":3,"EventData":"{\"ProcessId\":\"3936\"}","Type":"WindowsEvent"}"#,
    );
    assert_eq!(
        (json.get("ProcessId"), &*json.kind),
        (Some("3936"), "Microsoft-Windows-Sysmon")
    );
}

#[test]
fn get_winevent_as_json_is_read_from_its_message() {
    let raw = flat(
        r#"{"Id":1102,"LogName":"Security","ProviderName":"Microsoft-Windows-Eventlog","MachineName":"DC1","RecordId":7,"TimeCreated":"/Date(1700000000123)/","UserId":{"BinaryLength":28,"Value":"S-1-5-21-1"},"Properties":[{"Value":1}],"Message":"The audit log was cleared.\r\nSubject:\r\n\tSecurity ID:\tS-1-5-21-1\r\n\tAccount Name:\tann\r\n\tDomain Name:\tCORP\r\n\tLogon ID:\t0x1\r\n"}"#,
    );
    assert_eq!(
        (raw.code, raw.record_id, raw.host.as_deref()),
        (Some(1102), Some(7), Some("DC1"))
    );
    assert_eq!((raw.time, raw.quality), (Some(1_700_000_000_123_000), TimeQuality::Utc));
    assert_eq!(
        (raw.get("SubjectUserName"), raw.get("SubjectDomainName")),
        (Some("ann"), Some("CORP"))
    );
    assert!(raw.get("Message").is_some());
}

/// What the reader of plans and the plain one make of an object must be the same.
fn planned_and_plain(text: &str) -> [Result<Raw<'static>, Reason>; 2] {
    let mut outlines = Outlines::default();
    let reads: Vec<_> = (0..2).filter_map(|_| outlines.read(text, 0)).collect();
    let object = outlines.object(reads.into_iter().next_back().unwrap().1);
    let plain = read_object(Raw::windows(7), object.clone()).map(Raw::into_owned);
    let plan = object.outline().unwrap().noted(|names| Plan::new(names, |_| true));
    let planned = match plan.unwrap() {
        Some(plan) => match plan.read(Raw::windows(7), object) {
            Ok(read) => read.map(Raw::into_owned),
            Err(object) => read_object(Raw::windows(7), object).map(Raw::into_owned),
        },
        None => plain.clone(),
    };
    [planned, plain]
}

#[test]
fn a_plan_is_used_and_finds_fields_by_their_places() {
    let text = r#"{"EventTime":"2020-09-22 14:53:01","SourceModuleName":"x","SourceName":"Microsoft-Windows-Sysmon","EventID":1,"UserID":"S-1-5-18","ProcessId":"7","UtcTime":"u","Image":"C:\\a","AccountName":"SYSTEM"}"#;
    let names: Vec<_> = Object::parse(text)
        .unwrap()
        .into_members()
        .map(|(n, _)| n.into_owned())
        .collect();
    let plan = Plan::new(&names, |_| true).unwrap();
    let mut outlines = Outlines::default();
    let reads: Vec<_> = (0..2).filter_map(|_| outlines.read(text, 0)).collect();
    let object = outlines.object(reads.into_iter().next_back().unwrap().1);
    let raw = plan.read(Raw::windows(0), object).unwrap().unwrap();
    assert!(raw.placed.is_some());
    assert_eq!((raw.get("Image"), raw.get("UtcTime")), (Some("C:\\a"), Some("u")));
    assert_eq!((raw.get("UserID"), raw.user_sid.as_deref()), (None, Some("S-1-5-18")));
    assert!(Plan::new(&names, |_| false).is_none());
}

proptest! {
    #[test]
    fn plans_change_nothing(
        members in prop::collection::vec((0..NAMES.len(), 0..VALUES.len()), 1..14),
        with in prop::bool::ANY,
    ) {
        let nxlog = with.then_some((r#""EventTime""#, r#""2020-09-22 14:53:01""#)).into_iter();
        let others = members.iter().map(|(n, v)| (NAMES[*n], VALUES[*v]));
        let all: Vec<_> = nxlog.chain(others).map(|(n, v)| format!("{n}:{v}")).collect();
        let text = format!("{{{}}}", all.join(","));
        let [planned, plain] = planned_and_plain(&text);
        prop_assert_eq!(planned, plain, "{}", text);
    }
}

const NAMES: &[&str] = &[
    r#""EventID""#,
    r#""SourceName""#,
    r#""SourceModuleName""#,
    r#""Hostname""#,
    r#""EventReceivedTime""#,
    r#""ExecutionProcessID""#,
    r#""ProcessID""#,
    r#""UserID""#,
    r#""UserId""#,
    r#""EventType""#,
    r#""AccountName""#,
    r#""ProviderName""#,
    r#""Provider""#,
    r#""TimeCreated""#,
    r#""@timestamp""#,
    r#""TimeGenerated""#,
    r#""Message""#,
    r#""host""#,
    r#""tags""#,
    r#""Properties""#,
    r#""EventData""#,
    r#""Id""#,
    r#""Image""#,
    r#""Keywords""#,
    r#""x""#,
    r#""Channel""#,
    r#""Computer""#,
];

const VALUES: &[&str] = &[
    "1",
    "null",
    "true",
    r#""""#,
    r#""a\\b""#,
    r#""S-1-5-21""#,
    r#"{"Value":"S-1-5-7"}"#,
    "[1,2]",
    r#""INFO""#,
    r#""Service Control Manager""#,
    r#""Microsoft-Windows-Sysmon""#,
    r#""2020-09-22T18:53:04.182Z""#,
    r#""-""#,
    r#""Process:\r\nImage: C:\\x\r\nProcessId: 5""#,
    r#""System""#,
];
