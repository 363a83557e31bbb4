use super::*;
use crate::base::time::TimeQuality;

fn fields<'r>(raw: &'r Raw<'_>) -> Vec<(&'r str, &'r str)> {
    raw.fields
        .iter()
        .map(|f| (&*f.name, f.value.text().unwrap_or("null")))
        .collect()
}

#[test]
fn all_ways_to_write_an_attribute_give_the_same_event() {
    let time = "2024-01-02T03:04:05.5Z";
    let records = [
        format!(r##"{{"Event":{{"#attributes":{{"xmlns":"x"}},"System":{{"Provider":{{"#attributes":{{"Name":"P","Guid":"G"}}}},"EventID":{{"#attributes":{{"Qualifiers":5}},"#text":7}},"TimeCreated":{{"#attributes":{{"SystemTime":"{time}"}}}},"EventRecordID":9,"Channel":"C","Computer":"H","Security":{{"#attributes":{{"UserID":"S-1-5-18"}}}},"Correlation":null}},"EventData":{{"a":"1","b":2}}}}}}"##),
        format!(r#"{{"Event":{{"System":{{"Provider_attributes":{{"Name":"P"}},"Provider":null,"EventID":7,"EventID_attributes":{{"Qualifiers":5}},"TimeCreated_attributes":{{"SystemTime":"{time}"}},"EventRecordID":9,"Channel":"C","Computer":"H","Security_attributes":{{"UserID":"S-1-5-18"}}}},"EventData":{{"a":"1","b":2}}}}}}"#),
        format!(r##"{{"Event":{{"@xmlns":"x","System":{{"Provider":{{"@Name":"P"}},"EventID":{{"@Qualifiers":"5","#text":"7"}},"TimeCreated":{{"@SystemTime":"{time}"}},"EventRecordID":"9","Channel":"C","Computer":"H","Security":{{"@UserID":"S-1-5-18"}}}},"EventData":{{"Data":[{{"@Name":"a","#text":"1"}},{{"@Name":"b","#text":"2"}}]}}}}}}"##),
        format!(r#"{{"Event":{{"System":{{"Provider":{{"Name":"P"}},"EventID":{{"Qualifiers":"5","text":"7"}},"TimeCreated":{{"SystemTime":"{time}"}},"EventRecordID":"9","Channel":"C","Computer":"H","Security":{{"UserID":"S-1-5-18"}}}},"EventData":{{"Data":[{{"Name":"a","text":"1"}},{{"Name":"b","text":"2"}}]}}}}}}"#),
        r#"{"System":{"Provider":{"Name":"P"},"EventID":{"Value":7,"Qualifiers":5},"TimeCreated":{"SystemTime":1704164645.5},"EventRecordID":9,"Channel":"C","Computer":"H","Correlation":{},"Security":{"UserID":"S-1-5-18"}},"EventData":{"a":"1","b":2},"Message":"dropped"}"#.to_owned(),
    ];
    for text in &records {
        let raw = read(text, 3).unwrap();
        assert_eq!(
            (&*raw.kind, raw.code, raw.record_id, raw.offset),
            ("P", Some(7), Some(9), 3),
            "{text}"
        );
        assert_eq!(
            (raw.channel.as_deref(), raw.host.as_deref()),
            (Some("C"), Some("H")),
            "{text}"
        );
        assert_eq!(
            (raw.time, raw.quality),
            (Some(1_704_164_645_500_000), TimeQuality::Utc),
            "{text}"
        );
        assert_eq!(raw.user_sid.as_deref(), Some("S-1-5-18"), "{text}");
        assert_eq!(fields(&raw), [("a", "1"), ("b", "2")], "{text}");
        assert_eq!(
            raw.envelope.first().map(|f| (&*f.name, f.value.text())),
            Some(("Qualifiers", Some("5"))),
            "{text}"
        );
    }
}

#[test]
fn unnamed_and_user_data_are_named_as_in_xml() {
    let event = |data: &str| format!(r#"{{"Event":{{"System":{{"EventID":1}},{data}}}}}"#);
    let cases = [
        (
            r##""EventData":{"Data":{"#text":["x","y"]},"Binary":null}"##,
            vec![("Data_1", "x"), ("Data_2", "y")],
        ),
        (r##""EventData":{"Data":{"#text":"x"}}"##, vec![("Data", "x")]),
        (r#""EventData":{"Data":"x"}"#, vec![("Data", "x")]),
        (r#""EventData":null"#, vec![]),
        (
            r#""EventData":{"Data":[{"Name":"a"},{"text":"z"}]}"#,
            vec![("a", ""), ("Data", "z")],
        ),
        (
            r##""UserData":{"LogFileCleared":{"#attributes":{"xmlns":"m"},"SubjectUserName":"ann","Deep":{"Er":1}}}"##,
            vec![("SubjectUserName", "ann"), ("Deep_Er", "1")],
        ),
    ];
    for (data, want) in cases {
        let text = event(data);
        assert_eq!(fields(&read(&text, 0).unwrap()), want, "{data}");
    }
}

#[test]
fn winlogbeat_in_three_spellings() {
    let rest = r#""@timestamp":"2023-10-17T14:00:56.524Z","tags":["t"]"#;
    let records = [
        format!(
            r#"{{{rest},"event":{{"created":"2023-10-17T14:09:00Z","code":"13"}},"host":{{"name":"h","id":"u"}},"winlog":{{"channel":"C","computer_name":"PC.example","event_id":"13","record_id":5,"provider_name":"P","event_data":{{"a":"1"}},"user":{{"identifier":"S-1-5-18"}},"process":{{"pid":4,"thread":{{"id":8}}}}}}}}"#
        ),
        format!(
            r#"{{{rest},"winlog.channel":"C","winlog.computer_name":"PC.example","winlog.event_id":13,"winlog.record_id":"5","winlog.provider_name":"P","winlog.event_data.a":"1","winlog.user.identifier":"S-1-5-18","winlog.process.pid":4,"winlog.process.thread.id":8}}"#
        ),
        format!(
            r#"{{{rest},"log_name":"C","computer_name":"PC.example","event_id":13,"record_number":"5","source_name":"P","event_data":{{"a":"1"}},"user":{{"identifier":"S-1-5-18"}},"process_id":4,"thread_id":8,"beat":{{"name":"b"}}}}"#
        ),
        format!(
            r#"{{"_index":"i","_source":{{{rest},"winlog":{{"channel":"C","computer_name":"PC.example","event_id":13,"record_id":5,"provider_name":"P","event_data":{{"a":"1"}},"user":{{"identifier":"S-1-5-18"}},"process":{{"pid":4,"thread":{{"id":8}}}}}}}}}}"#
        ),
    ];
    for text in &records {
        let raw = read(text, 0).unwrap();
        assert_eq!(
            (&*raw.kind, raw.code, raw.record_id),
            ("P", Some(13), Some(5)),
            "{text}"
        );
        assert_eq!(
            (raw.host.as_deref(), raw.user_sid.as_deref()),
            (Some("PC.example"), Some("S-1-5-18")),
            "{text}"
        );
        assert_eq!(
            raw.time,
            Some(1_697_551_256_524_000),
            "the event's time, not when it was read: {text}"
        );
        assert_eq!(fields(&raw), [("a", "1")], "{text}");
        let around: Vec<_> = raw
            .envelope
            .iter()
            .map(|f| &*f.name)
            .filter(|n| *n != "_index")
            .collect();
        assert_eq!(around.len(), 3, "{around:?}");
        for name in ["tags", "Execution_ProcessID", "Execution_ThreadID"] {
            assert!(around.contains(&name), "{name}: {text}");
        }
    }
}

#[test]
fn data_that_a_module_moved_come_back_from_message_and_ecs() {
    let sysmon = r#"{"@timestamp":"2023-10-17T14:00:56.524Z","event":{"module":"sysmon","code":"1"},"process":{"executable":"C:\\a.exe","pid":7},"message":"Process Create:\nUtcTime: 2023-10-17 14:00:56.500\nCommandLine: a.exe -x\n","winlog":{"channel":"Microsoft-Windows-Sysmon/Operational","event_id":"1","provider_name":"Microsoft-Windows-Sysmon","event_data":{"Company":"c"}}}"#;
    let raw = read(sysmon, 0).unwrap();
    assert_eq!(raw.get("CommandLine"), Some("a.exe -x"));
    assert_eq!((raw.get("Image"), raw.get("ProcessId")), (Some("C:\\a.exe"), Some("7")));
}

#[test]
fn xml_inside_json_is_opened() {
    let xml = "<Event><System><Provider Name='P'/><EventID>4624</EventID></System><EventData><Data Name='a'>1</Data></EventData></Event>";
    for text in [
        format!(
            r#"{{"time":"2023-01-01T00:00:00.0000000Z","category":"WindowsEventLogsTable","properties":{{"Channel":"Security","RawXml":"{xml}"}},"resourceId":"r"}}"#
        ),
        format!(r#"{{"xml_string":"{xml}","parser":"winevtx"}}"#),
    ] {
        let raw = read(&text, 0).unwrap();
        assert_eq!((raw.code, fields(&raw)), (Some(4624), vec![("a", "1")]));
        assert_eq!(raw.envelope.len(), 1);
    }
}

#[test]
fn wazuh_alerts_get_their_capitals_back() {
    let text = r#"{"timestamp":"2024-01-01T00:00:00.000+0000","rule":{"id":"1"},"agent":{"name":"a"},"data":{"win":{"system":{"providerName":"P","eventID":"4625","systemTime":"2024-01-02T03:04:05.5000000Z","eventRecordID":"9","channel":"Security","computer":"H","processID":"4"},"eventdata":{"targetUserName":"ann","ipAddress":"1.2.3.4"}}}}"#;
    let raw = read(text, 0).unwrap();
    assert_eq!(fields(&raw), [("TargetUserName", "ann"), ("IpAddress", "1.2.3.4")]);
    assert_eq!(
        (raw.code, raw.record_id, raw.time),
        (Some(4625), Some(9), Some(1_704_164_645_500_000))
    );
}

#[test]
fn enrichment_beside_the_event_reaches_the_mappers() {
    let text = r#"{"Event":{"System":{"EventID":4624},"EventData":{"IpAddress":"1.2.3.4"}},"location":"Osaka","geo":{"city_name":"Osaka","location":{"lat":34.7,"lon":135.5}},"case":"x"}"#;
    let raw = read(text, 0).unwrap();
    assert_eq!(
        fields(&raw),
        [
            ("location", "Osaka"),
            ("city_name", "Osaka"),
            ("lat", "34.7"),
            ("lon", "135.5"),
            ("IpAddress", "1.2.3.4")
        ]
    );
    assert_eq!(raw.envelope.first().map(|f| &*f.name), Some("case"));
}

#[test]
fn other_json_is_not_claimed() {
    for text in [
        r#"{"ts":1591367999.3,"uid":"C1","id.orig_h":"10.0.0.1","query":"a"}"#,
        r#"{"_path":"dns","ts":"2018-01-01T00:00:00Z"}"#,
        r#"{"Timestamp":"2024-01-01T00:00:00Z","DeviceId":"d","DeviceName":"n","ActionType":"ProcessCreated"}"#,
        r#"{"time":"2024-01-01T00:00:00Z","category":"AdvancedHunting-DeviceEvents","properties":{"DeviceId":"d"}}"#,
        r#"{"createdDateTime":"2024-01-01T00:00:00Z","userPrincipalName":"a@b","ipAddress":"1.2.3.4","status":{"errorCode":0}}"#,
        r#"{"timestamp":"2024-01-01T00:00:00","event_type":"alert","src_ip":"1.2.3.4","alert":{}}"#,
        r#"{"Timestamp":"2024-01-01","RuleTitle":"x","Computer":"c","Channel":"Sec","EventID":4624,"Level":"high"}"#,
        r#"{"eventVersion":"1.0","eventName":"ConsoleLogin","eventID":"x"}"#,
    ] {
        let o = Object::parse(text).unwrap();
        let claimed = is_windows(&o).is_some() && !o.has("RuleTitle");
        assert!(!claimed, "{text}");
    }
}
