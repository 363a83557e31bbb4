//! EvtxECmd's CSV. The columns are found by name, because their number and order changed between versions; the event's
//! data stand as JSON in `Payload`, the columns `PayloadData1` to `6` are made from it for display.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::csv_table::{self, Header, Record};
use crate::ingest::encoding;
use crate::ingest::event::{self, system};
use crate::ingest::framing::{CsvRecords, Framing};
use crate::ingest::json::Object;
use crate::ingest::raw::{Field, Raw, Value};
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
        let header = header(csv_table::first_record(head.bytes));
        let has = |name: &str| header.has(name);
        if has("EventId") && has("Payload") && has("Channel") {
            return Sniff::Yes(95, "the columns of EvtxECmd".into());
        }
        if has("RuleTitle") || has("detections") || (has("Details") && has("RecordID")) {
            return Sniff::No("results of a detection tool, not events; give the logs they were made from");
        }
        if header.width() >= 5 && has("Event ID") && has("Task Category") {
            return Sniff::No("CSV of the Event Viewer has no event data; save the log as .evtx or XML instead");
        }
        Sniff::No("not the columns of EvtxECmd")
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        carry.header = csv_table::first_record(head.bytes).into();
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let header = header(&carry.header);
        for (at, bytes) in CsvRecords::new(block.bytes).filter(|(_, r)| !r.trim_ascii().is_empty()) {
            let offset = block.offset + at as u64;
            let (text, _) = encoding::fallback(bytes, codepage);
            match header.read(&text) {
                Record::Header => {}
                Record::Row(cells) => match event(&cells, offset) {
                    Ok(raw) => sink.event(&raw),
                    Err(reason) => sink.reject(offset, reason, bytes),
                },
                Record::Misshapen(_) => sink.reject(offset, "not as many cells as the header has columns", bytes),
            }
        }
    }
}

fn header(line: &[u8]) -> Header {
    Header::parse(&String::from_utf8_lossy(line), |name| Cow::Borrowed(name))
}

fn event<'r>(cells: &'r [(&'r str, Cow<'r, str>)], offset: u64) -> Result<Raw<'r>, event::Reason> {
    let mut raw = Raw::windows(offset);
    let mut payload = None;
    for (name, cell) in cells {
        let canonical = match *name {
            "EventId" => "EventID",
            "EventRecordId" => "EventRecordID",
            // EvtxECmd prints UTC unless told otherwise, without a zone.
            "TimeCreated" => "SystemTime",
            "Provider" | "Channel" | "Computer" | "Keywords" => name,
            "UserId" => "UserID",
            "ProcessId" => "Execution_ProcessID",
            "ThreadId" => "Execution_ThreadID",
            "Payload" => {
                payload = Some(&**cell);
                continue;
            }
            _ => continue,
        };
        event::head(&mut raw, canonical, Value::str(cell));
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
        Some(None) => {
            return Err("the Payload column is no JSON; the CSV was cut or went through a spreadsheet");
        }
        // Without a payload the columns for display are all there is.
        None => {
            let display = cells.iter().filter(|(name, _)| name.starts_with("PayloadData"));
            raw.fields.extend(display.map(|(name, cell)| Field::str(name, cell)));
        }
    }
    event::finish(raw, None)
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
        assert!(matches!(
            testing::sniff(&EvtxecmdCsv, CSV.as_bytes()),
            Sniff::Yes(95, _)
        ));
        let got = testing::decode(&EvtxecmdCsv, CSV.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (2, 1));
        let header = header(csv_table::first_record(CSV.as_bytes()));
        let (_, row) = CsvRecords::new(CSV.as_bytes()).nth(1).unwrap();
        let Record::Row(cells) = header.read(std::str::from_utf8(row).unwrap()) else {
            panic!("no row");
        };
        let raw = event(&cells, 0).unwrap();
        assert_eq!(
            (raw.code, raw.record_id, raw.get("IpAddress")),
            (Some(4624), Some(77), Some("10.0.0.5"))
        );
        assert_eq!(raw.time, Some(1_787_376_407_042_851));
    }

    #[test]
    fn exports_without_event_data_are_refused_with_a_hint() {
        let viewer = b"Level,Date and Time,Source,Event ID,Task Category\nInformation,10/7/2016 06:38:24 PM,X,4658,File System\n";
        assert!(matches!(testing::sniff(&EvtxecmdCsv, viewer), Sniff::No(why) if why.contains(".evtx")));
        let hayabusa = b"Timestamp,RuleTitle,Level,Computer,Channel,EventID,RecordID,Details\n";
        assert!(matches!(testing::sniff(&EvtxecmdCsv, hayabusa), Sniff::No(why) if why.contains("logs")));
    }
}
