//! The text of Splunk's Windows agent: a date, `Key=value` lines, and the rendered message at the end.

use std::borrow::Cow;

use super::{Reason, finish, head};
use crate::base::time::{self, DateOrder, TimeQuality};
use crate::ingest::raw::{Raw, Value};

/// Whether a text is such an event.
pub fn is_event(text: &str) -> bool {
    text.get(..2_000)
        .unwrap_or(text)
        .lines()
        .take(12)
        .any(|l| l.starts_with("EventCode="))
        && text.contains("LogName=")
}

/// Reads one event. Its own date is local time; the caller has a better one if the export carries `_time`.
pub fn parse(text: &str, offset: u64) -> Result<Raw<'_>, Reason> {
    let mut raw = Raw::windows(offset);
    let mut message = None;
    let mut rest = text;
    let mut first = true;
    while !rest.is_empty() {
        let (line, behind) = rest.split_once('\n').unwrap_or((rest, ""));
        let line = line.trim_end_matches('\r');
        if let Some(m) = rest.strip_prefix("Message=") {
            message = Some(Cow::Borrowed(m.trim_end()));
            break;
        }
        rest = behind;
        match line.split_once('=') {
            Some((key, value)) => pair(&mut raw, key.trim(), value),
            // The agent writes month and day in the order of the United States whatever the culture of the host.
            None if first => {
                if let Some((ts, _)) = time::us_datetime(line.as_bytes(), DateOrder::Mdy) {
                    raw.time = Some(ts);
                    raw.quality = TimeQuality::Assumed;
                }
            }
            None => {}
        }
        first = false;
    }
    finish(raw, message)
}

fn pair<'a>(raw: &mut Raw<'a>, key: &'a str, value: &'a str) {
    let name = match key {
        "EventCode" => "EventID",
        "LogName" => "Channel",
        "SourceName" => "Provider",
        "ComputerName" => "Computer",
        "RecordNumber" => "EventRecordID",
        "Sid" => "UserID",
        "EventType" | "SidType" | "Type" | "OpCode" => return,
        "TaskCategory" => "Task",
        _ => key,
    };
    head(raw, name, Value::str(value));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_agents_text_is_read_with_its_message() {
        let text = "10/07/2016 06:38:24 PM\nLogName=Security\nSourceName=Microsoft Windows security auditing.\nEventCode=4688\n\
            EventType=0\nType=Information\nComputerName=ws1.example.com\nTaskCategory=Process Creation\nRecordNumber=77\n\
            Message=A new process has been created.\r\n\r\nSubject:\r\n\tSecurity ID:\t\tS-1-5-18\r\n\tAccount Name:\t\tWS1$\r\n\r\n\
            Process Information:\r\n\tNew Process ID:\t\t0x1a4\r\n\tNew Process Name:\tC:\\Windows\\System32\\cmd.exe\r\n";
        assert!(is_event(text));
        let raw = parse(text, 5).unwrap();
        assert_eq!(
            (raw.code, raw.record_id, raw.host.as_deref()),
            (Some(4688), Some(77), Some("ws1.example.com"))
        );
        assert_eq!(raw.get("SubjectUserName"), Some("WS1$"));
        assert_eq!(raw.get("NewProcessName"), Some("C:\\Windows\\System32\\cmd.exe"));
        assert!(raw.get("Message").is_some(), "the only carrier is kept");
        assert_eq!(
            (raw.time, raw.quality),
            (Some(1_475_865_504_000_000), TimeQuality::Assumed)
        );
    }
}
