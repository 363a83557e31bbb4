//! EvtxECmd's CSV. The columns are found by name, because their number and order changed between versions; the event's
//! data stand as JSON in `Payload`, the columns `PayloadData1` to `6` are made from it for display.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::encoding;
use crate::ingest::event::{self, system, table};
use crate::ingest::framing::{CsvRecords, Framing};
use crate::ingest::json::Object;
use crate::ingest::raw::{Raw, Value};
use crate::ingest::sink::Sink;

/// The format.
pub struct EvtxecmdCsv;

impl Format for EvtxecmdCsv {
    fn id(&self) -> &'static str {
        "evtxecmd_csv"
    }

    fn about(&self) -> &'static str {
        "CSV of EvtxECmd"
    }

    fn framing(&self) -> Framing {
        Framing::Csv
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let header = table::columns(table::header_line(head.bytes));
        let has = |name: &str| header.iter().any(|c| c.eq_ignore_ascii_case(name));
        if has("EventId") && has("Payload") && has("Channel") {
            return Sniff::Yes(95, "the columns of EvtxECmd".into());
        }
        if has("RuleTitle") || has("detections") || (has("Details") && has("RecordID")) {
            return Sniff::No("results of a detection tool, not events; give the logs they were made from");
        }
        if header.len() >= 5 && has("Event ID") && has("Task Category") {
            return Sniff::No("CSV of the Event Viewer has no event data; save the log as .evtx or XML instead");
        }
        Sniff::No("not the columns of EvtxECmd")
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        carry.header = table::header_line(head.bytes).into();
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let header = table::columns(&carry.header);
        let separator = table::separator(&carry.header);
        for (at, bytes) in CsvRecords::new(block.bytes) {
            let offset = block.offset + at as u64;
            if table::is_header(bytes, &carry.header) {
                continue;
            }
            let (text, _) = encoding::fallback(bytes, codepage);
            let cells = table::cells(&text, separator);
            let done = record(&header, &cells, offset, &mut |raw| sink.event(raw));
            if let Err(reason) = done {
                sink.reject(offset, reason, bytes);
            }
        }
    }
}

fn record(header: &[String], cells: &[String], offset: u64, take: &mut dyn FnMut(&Raw<'_>)) -> Result<(), event::Reason> {
    let mut raw = Raw::windows(offset);
    let mut payload = None;
    for (name, cell) in header.iter().zip(cells).filter(|(_, c)| !c.is_empty()) {
        let value = Value::str(cell);
        match &*name.to_ascii_lowercase() {
            "eventid" => event::head(&mut raw, "EventID", value),
            "eventrecordid" => event::head(&mut raw, "EventRecordID", value),
            // EvtxECmd prints UTC unless told otherwise, without a zone.
            "timecreated" => event::head(&mut raw, "SystemTime", value),
            "provider" => event::head(&mut raw, "Provider", value),
            "channel" => event::head(&mut raw, "Channel", value),
            "computer" => event::head(&mut raw, "Computer", value),
            "userid" => event::head(&mut raw, "UserID", value),
            "processid" => event::head(&mut raw, "Execution_ProcessID", value),
            "threadid" => event::head(&mut raw, "Execution_ThreadID", value),
            "keywords" => event::head(&mut raw, "Keywords", value),
            "payload" => payload = Some(cell.as_str()),
            _ => {}
        }
    }
    match payload.map(Object::parse) {
        Some(Some(members)) => {
            if let Some(data) = members.get("EventData") {
                system::event_data(&mut raw, data);
            }
            if let Some(data) = members.get("UserData") {
                system::user_data(&mut raw, data);
            }
        }
        Some(None) => return Err("the Payload column is no JSON; the CSV was cut or went through a spreadsheet"),
        None => display_columns(&mut raw, header, cells),
    }
    let raw = event::finish(raw, None)?;
    take(&raw);
    Ok(())
}

/// Without a payload the columns for display are all there is.
fn display_columns<'a>(raw: &mut Raw<'a>, header: &'a [String], cells: &'a [String]) {
    for (name, cell) in header.iter().zip(cells) {
        if name.starts_with("PayloadData") && !cell.is_empty() {
            raw.push(Cow::Borrowed(name.as_str()), Value::str(cell));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::formats::testing;

    const CSV: &str = "\u{feff}RecordNumber,EventRecordId,TimeCreated,EventId,Level,Provider,Channel,ProcessId,ThreadId,Computer,ChunkNumber,UserId,MapDescription,UserName,RemoteHost,PayloadData1,ExecutableInfo,HiddenRecord,SourceFile,Keywords,ExtraDataOffset,Payload\r\n\
        1,77,2026-08-22 05:26:47.0428511,4624,LogAlways,Microsoft-Windows-Security-Auditing,Security,712,11528,DC1,0,S-1-5-18,Successful logon,a,b,c,,False,x.evtx,Audit success,0,\"{\"\"EventData\"\":{\"\"Data\"\":[{\"\"@Name\"\":\"\"IpAddress\"\",\"\"#text\"\":\"\"10.0.0.5\"\"},{\"\"@Name\"\":\"\"IpPort\"\",\"\"#text\"\":\"\"0\"\"}]}}\"\r\n\
        2,78,2026-08-22 05:26:48.0000000,1102,Info,Microsoft-Windows-Eventlog,Security,712,11528,DC1,0,,x,a,b,c,,False,x.evtx,,0,\"{\"\"EventData\"\r\n";

    #[test]
    fn rows_become_events_with_the_data_of_the_payload() {
        assert!(matches!(testing::sniff(&EvtxecmdCsv, CSV.as_bytes()), Sniff::Yes(95, _)));
        let got = testing::decode(&EvtxecmdCsv, CSV.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (2, 1));
        let header = table::columns(table::header_line(CSV.as_bytes()));
        let row = CsvRecords::new(CSV.as_bytes()).nth(1).unwrap();
        let cells = table::cells(std::str::from_utf8(row.1).unwrap(), b',');
        let mut seen = 0;
        record(&header, &cells, 0, &mut |raw| {
            seen += 1;
            assert_eq!((raw.code, raw.record_id, raw.get("IpAddress")), (Some(4624), Some(77), Some("10.0.0.5")));
            assert_eq!(raw.time, Some(1_787_376_407_042_851));
        })
        .unwrap();
        assert_eq!(seen, 1);
    }

    #[test]
    fn exports_without_event_data_are_refused_with_a_hint() {
        let viewer = b"Level,Date and Time,Source,Event ID,Task Category\nInformation,10/7/2016 06:38:24 PM,X,4658,File System\n";
        assert!(matches!(testing::sniff(&EvtxecmdCsv, viewer), Sniff::No(why) if why.contains(".evtx")));
        let hayabusa = b"Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details\n";
        assert!(matches!(testing::sniff(&EvtxecmdCsv, hayabusa), Sniff::No(why) if why.contains("logs")));
    }
}
