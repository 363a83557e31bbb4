use super::*;

const LOGON: &str = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing' Guid='{54849625-5478-4994-a5ba-3e3b0328c30d}'/><EventID Qualifiers='16384'>4624</EventID><Version>2</Version><Level>0</Level><Keywords>0x8020000000000000</Keywords><TimeCreated SystemTime='2024-01-02T03:04:05.123456700Z'/><EventRecordID>42</EventRecordID><Correlation ActivityID='{31491fb2-5b07-0001-4d20-4931075bd801}'/><Execution ProcessID='712' ThreadID='11528'/><Channel>Security</Channel><Computer>DC01.corp.example</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='TargetUserName'>ann &amp;amp; b&#x6F;b</Data><Data Name='Empty'/><Data Name='IpAddress'></Data></EventData><RenderingInfo Culture='en-US'><Message>An account was logged on.</Message></RenderingInfo></Event>";

fn names<'r>(raw: &'r Raw<'_>) -> Vec<(&'r str, &'r str)> {
    raw.fields.iter().map(|f| (&*f.name, f.value.text().unwrap())).collect()
}

#[test]
fn header_and_data_are_read() {
    let raw = parse(LOGON, 9).unwrap();
    assert_eq!((raw.code, raw.record_id, raw.offset), (Some(4624), Some(42), 9));
    assert_eq!(raw.kind, "Microsoft-Windows-Security-Auditing");
    assert_eq!(raw.host.as_deref(), Some("DC01.corp.example"));
    assert_eq!(raw.channel.as_deref(), Some("Security"));
    assert_eq!(raw.user_sid.as_deref(), Some("S-1-5-18"));
    assert_eq!(raw.time, Some(1_704_164_645_123_456), "truncated, not rounded");
    // The message is not the only carrier, so it is dropped.
    assert_eq!(
        names(&raw),
        [("TargetUserName", "ann &amp; bob"), ("Empty", ""), ("IpAddress", "")]
    );
    let around: Vec<_> = raw.envelope.iter().map(|f| &*f.name).collect();
    assert_eq!(
        around,
        [
            "Qualifiers",
            "Version",
            "Keywords",
            "ActivityID",
            "Execution_ProcessID",
            "Execution_ThreadID"
        ]
    );
}

#[test]
fn a_cut_record_gives_its_complete_elements() {
    let cut = LOGON.split("</Data>").next().unwrap();
    let raw = parse(cut, 0).unwrap();
    assert_eq!(raw.code, Some(4624));
    assert!(raw.fields.is_empty(), "half a value is no value");
    assert!(parse(LOGON.get(..120).unwrap(), 0).is_err());
    for end in 0..LOGON.len() {
        let _ = LOGON.get(..end).map(|cut| parse(cut, 0));
    }
}

#[test]
fn tree_view_dashes_and_other_quotes_are_no_hindrance() {
    let text = "- <Event xmlns=\"x\">- <System>  <Provider Name=\"P\" />   <EventID>7</EventID>  <Security />   </System>- <EventData>  <Data Name=\"a\">1</Data>   </EventData>  </Event>";
    let raw = parse(text, 0).unwrap();
    assert_eq!((raw.code, names(&raw)), (Some(7), vec![("a", "1")]));
}

#[test]
fn unnamed_data_are_numbered_from_one_if_there_are_several() {
    let event =
        |data: &str| format!("<Event><System><EventID>1</EventID></System><EventData>{data}</EventData></Event>");
    let one = event("<Data>x</Data><Binary></Binary>");
    assert_eq!(names(&parse(&one, 0).unwrap()), [("Data", "x")]);
    let two = event("<Data>x</Data><Data></Data><Binary>00FF</Binary>");
    assert_eq!(
        names(&parse(&two, 0).unwrap()),
        [("Binary", "00FF"), ("Data_1", "x"), ("Data_2", "")]
    );
}

#[test]
fn user_data_is_flattened_below_its_wrapper() {
    let text = "<Event><System><EventID>1102</EventID></System><UserData><LogFileCleared xmlns='http://m'><SubjectUserName>ann</SubjectUserName><Deep><Er>1</Er></Deep></LogFileCleared></UserData></Event>";
    assert_eq!(
        names(&parse(text, 0).unwrap()),
        [("SubjectUserName", "ann"), ("Deep_Er", "1")]
    );
}

#[test]
fn the_message_is_kept_where_nothing_else_is() {
    let text = "<Event><System><EventID>5</EventID></System><RenderingInfo><Message>The service stopped.</Message></RenderingInfo></Event>";
    assert_eq!(names(&parse(text, 0).unwrap()), [("Message", "The service stopped.")]);
}

#[test]
fn hostile_markup_neither_panics_nor_hangs() {
    let deep = format!(
        "<Event><System><EventID>1</EventID></System><EventData>{}</EventData></Event>",
        "<a>".repeat(100_000)
    );
    let _ = parse(&deep, 0);
    for text in [
        "<Event>&#xFFFFFFFF;&bogus;&</Event>",
        "<Event><System><EventID>1</EventID></System><!DOCTYPE x [<!ENTITY a \"b\">]><EventData><Data Name='n'>&a;</Data></EventData></Event>",
        "<Event attr='unclosed><System>",
        "<Event><![CDATA[",
        "<Event></System></Event></Event><",
    ] {
        let _ = parse(text, 0);
    }
}

#[test]
fn a_lone_event_data_element_is_read() {
    let xml = "<DataItem type=\"System.XmlData\"><EventData xmlns=\"x\">\r\n  <Data Name=\"a\">1</Data>\r\n</EventData></DataItem>";
    assert_eq!(names(&parse_data(xml, Raw::windows(0))), [("a", "1")]);
}
