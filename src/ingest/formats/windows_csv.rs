//! Windows events as a table: the CSV export of Microsoft Sentinel and of notebooks, and PowerShell's `Export-Csv`.

use super::{Block, Carry, Format, Head, Sniff};
use crate::base::time::{DateOrder, DateOrderVote};
use crate::ingest::encoding;
use crate::ingest::event::{flat, table};
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
        let columns = table::columns(table::header_line(head.bytes));
        let has = |name: &str| columns.iter().any(|c| c == name);
        if has("RuleTitle") || has("Payload") {
            return Sniff::No("not a plain table of Windows events");
        }
        if columns.len() >= 4 && flat::is_windows(&has) {
            return Sniff::Yes(85, "columns of Windows events".into());
        }
        Sniff::No("no columns of Windows events")
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        let header = table::header_line(head.bytes);
        carry.header = header.into();
        if carry.date_order.is_none() {
            carry.date_order = Some(order(head.bytes, header));
        }
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let codepage = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let columns = table::columns(&carry.header);
        let separator = table::separator(&carry.header);
        let order = carry.date_order.unwrap_or(DateOrder::Unknown);
        for (at, bytes) in CsvRecords::new(block.bytes) {
            let offset = block.offset + at as u64;
            if table::is_header(bytes, &carry.header) {
                continue;
            }
            let (text, _) = encoding::fallback(bytes, codepage);
            let cells = table::cells(&text, separator);
            let fields = columns
                .iter()
                .zip(&cells)
                .filter(|(_, cell)| !cell.is_empty())
                .map(|(name, cell)| Field {
                    name: name.as_str().into(),
                    value: Value::str(cell),
                });
            match flat::read(Raw::windows(offset), fields.collect(), order) {
                Ok(raw) => sink.event(&raw),
                Err(reason) => sink.reject(offset, reason, bytes),
            }
        }
    }
}

/// The order of day and month, from the times in the beginning of the file. The portal of Sentinel always writes the month
/// first.
fn order(bytes: &[u8], header: &[u8]) -> DateOrder {
    let columns = table::columns(header);
    if columns.iter().any(|c| c == "TimeGenerated [UTC]") {
        return DateOrder::Mdy;
    }
    let Some(at) = columns.iter().position(|c| c == "TimeCreated") else {
        return DateOrder::Unknown;
    };
    let separator = table::separator(header);
    let mut vote = DateOrderVote::default();
    for (_, record) in CsvRecords::new(bytes).skip(1) {
        let cells = table::cells(&String::from_utf8_lossy(record), separator);
        if let Some(cell) = cells.get(at) {
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
        let fields = vec![Field::str("TimeGenerated [UTC]", "10/11/2024, 9:29:21.125 AM"), Field::str("EventID", "4625")];
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
        assert_eq!(order(csv.as_bytes(), table::header_line(csv.as_bytes())), DateOrder::Dmy);
    }

    #[test]
    fn other_tables_are_not_claimed() {
        for csv in ["a,b,c,d\n1,2,3,4\n", "Timestamp,DeviceId,DeviceName,ActionType\n", "TenantId,TimeGenerated,FlowStartTime,SrcIP\n", ""] {
            assert!(matches!(testing::sniff(&WindowsCsv, csv.as_bytes()), Sniff::No(_)), "{csv}");
        }
    }
}
