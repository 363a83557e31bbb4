//! Windows events as a table: the CSV export of Microsoft Sentinel and of notebooks, and PowerShell's `Export-Csv`.

use std::borrow::Cow;

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::time::{DateOrder, DateOrderVote};
use crate::ingest::csv_table::{self, Header, Record};
use crate::ingest::encoding;
use crate::ingest::event::flat;
use crate::ingest::framing::{CsvRecords, Framing};
use crate::ingest::raw::{Field, Raw, Value};
use crate::ingest::sink::Sink;

/// The format.
pub struct WindowsCsv;

impl Format for WindowsCsv {
    fn id(&self) -> &'static str {
        "windows_csv"
    }

    fn about(&self) -> &'static str {
        "Windows events as CSV: Sentinel SecurityEvent, PowerShell Export-Csv"
    }

    fn framing(&self) -> Framing {
        Framing::Csv
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let header = header(header_line(head.bytes));
        if header.has("RuleTitle") || header.has("Payload") {
            return Sniff::No("not a plain table of Windows events");
        }
        if header.width() >= 4 && flat::is_windows(&|name| header.has(name)) {
            return Sniff::Yes(85, "columns of Windows events".into());
        }
        Sniff::No("no columns of Windows events")
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        carry.header = header_line(head.bytes).into();
        if carry.date_order.is_none() {
            carry.date_order = Some(order(head.bytes, &header(&carry.header)));
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let header = header(&carry.header);
        let order = carry.date_order.unwrap_or(DateOrder::Unknown);
        for (at, bytes) in CsvRecords::new(block.bytes).filter(|(_, r)| is_row(r)) {
            let offset = block.offset + at as u64;
            let (text, _) = encoding::fallback(bytes, codepage);
            let cells = match header.read(&text) {
                Record::Header => continue,
                Record::Row(cells) => cells,
                Record::Misshapen(_) => {
                    sink.reject(offset, "not as many cells as the header has columns", bytes);
                    continue;
                }
            };
            let fields = cells.into_iter().map(|(name, cell)| Field {
                name: name.into(),
                value: Value::Str(cell),
            });
            match flat::read(Raw::windows(offset), fields.collect(), order) {
                Ok(raw) => sink.event(&raw),
                Err(reason) => sink.reject(offset, reason, bytes),
            }
        }
    }
}

/// PowerShell puts the type of the objects in front of the header.
fn is_row(record: &[u8]) -> bool {
    let record = record.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(record);
    !record.starts_with(b"#TYPE") && !record.trim_ascii().is_empty()
}

fn header_line(bytes: &[u8]) -> &[u8] {
    let line = CsvRecords::new(bytes).map(|(_, record)| record).find(|r| is_row(r));
    csv_table::first_record(line.unwrap_or_default())
}

fn header(line: &[u8]) -> Header {
    Header::parse(&String::from_utf8_lossy(line), |name| Cow::Borrowed(name))
}

/// The order of day and month, from the times in the beginning of the file. The portal of Sentinel always writes the month
/// first.
fn order(bytes: &[u8], header: &Header) -> DateOrder {
    if header.has("TimeGenerated [UTC]") {
        return DateOrder::Mdy;
    }
    let mut vote = DateOrderVote::default();
    for (_, record) in CsvRecords::new(bytes).filter(|(_, r)| is_row(r)) {
        if let Record::Row(cells) = header.read(&String::from_utf8_lossy(record))
            && let Some((_, cell)) = cells.iter().find(|(name, _)| *name == "TimeCreated")
        {
            vote.add(cell.as_bytes());
        }
    }
    vote.decide()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::time::TimeQuality;
    use crate::ingest::formats::testing;

    #[test]
    fn the_portals_export_is_utc_with_the_month_first() {
        let csv = "TenantId,TimeGenerated [UTC],SourceSystem,Account,Computer,EventSourceName,Channel,Task,Level,EventID,IpAddress,EventRecordId,Type\n\
            ,\"10/11/2024, 9:29:21.125 AM\",OpsManager,#NAME?,vm1,Microsoft-Windows-Security-Auditing,Security,12544,0,4625,66.90.100.200,3287814,SecurityEvent\n";
        assert!(matches!(testing::sniff(&WindowsCsv, csv.as_bytes()), Sniff::Yes(85, _)));
        let got = testing::decode(&WindowsCsv, csv.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (1, 0));
        let fields = vec![
            Field::str("TimeGenerated [UTC]", "10/11/2024, 9:29:21.125 AM"),
            Field::str("EventID", "4625"),
        ];
        let raw = flat::read(Raw::windows(0), fields, DateOrder::Mdy).unwrap();
        assert_eq!((raw.time, raw.quality), (Some(1_728_638_961_125_000), TimeQuality::Utc));
    }

    #[test]
    fn export_csv_of_powershell_is_read_with_its_local_dates() {
        let csv = "#TYPE System.Diagnostics.Eventing.Reader.EventLogRecord\r\n\"Message\",\"Id\",\"ProviderName\",\"LogName\",\"RecordId\",\"MachineName\",\"TimeCreated\"\r\n\
            \"The service\r\nstopped.\",\"7036\",\"Service Control Manager\",\"System\",\"5\",\"ws1\",\"23/05/2019 11:28:06\"\r\n";
        assert!(matches!(testing::sniff(&WindowsCsv, csv.as_bytes()), Sniff::Yes(85, _)));
        let got = testing::decode(&WindowsCsv, csv.as_bytes());
        assert_eq!((got.records, got.rejects.len()), (1, 0));
        assert_eq!(
            order(csv.as_bytes(), &header(header_line(csv.as_bytes()))),
            DateOrder::Dmy
        );
    }

    #[test]
    fn other_tables_are_not_claimed() {
        for csv in [
            "a,b,c,d\n1,2,3,4\n",
            "Timestamp,DeviceId,DeviceName,ActionType\n",
            "TenantId,TimeGenerated,FlowStartTime,SrcIP\n",
            "",
        ] {
            assert!(
                matches!(testing::sniff(&WindowsCsv, csv.as_bytes()), Sniff::No(_)),
                "{csv}"
            );
        }
    }
}
