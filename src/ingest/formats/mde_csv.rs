//! Defender for Endpoint as CSV: advanced hunting from the portal (unions of tables included), the device timeline, and the
//! raw schema of older exports.
//!
//! Columns are matched by name, so any projection of a query is read. Each row is routed by its own `ActionType`.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Block, Carry, Format, Head, Sniff};
use crate::ingest::csv_table::{Header, Record, first_record};
use crate::ingest::encoding::fallback;
use crate::ingest::framing::{CsvRecords, Framing};
use crate::ingest::mde;
use crate::ingest::raw::{Raw, Value};
use crate::ingest::sink::Sink;

/// Hunting and timeline CSV.
pub struct MdeCsv;

impl Format for MdeCsv {
    fn id(&self) -> &'static str {
        "mde_csv"
    }

    fn about(&self) -> &'static str {
        "Microsoft Defender for Endpoint: advanced hunting CSV, device timeline CSV"
    }

    fn framing(&self) -> Framing {
        Framing::Csv
    }

    fn sniff(&self, head: &Head<'_>) -> Sniff {
        let Ok(line) = std::str::from_utf8(first_record(head.bytes)) else {
            return Sniff::No("the first line is no text");
        };
        if line.len() > 64 << 10 || !line.contains([',', ';', '\t']) {
            return Sniff::No("the first line is no CSV header");
        }
        let header = Header::parse(line, mde::canonical);
        match telling(&header) {
            Some((sure, why)) => Sniff::Yes(sure, why.to_owned()),
            None => Sniff::No("no header of a Defender table"),
        }
    }

    fn open(&self, head: &Head<'_>, carry: &mut Carry) {
        carry.header = Arc::from(first_record(head.bytes));
    }

    fn decode(&self, block: &Block<'_>, carry: &Carry, sink: &mut Sink<'_>) {
        let page = carry.codepage.unwrap_or(encoding_rs::WINDOWS_1252);
        let (line, _) = fallback(&carry.header, page);
        let header = Header::parse(&line, mde::canonical);
        for (at, record) in CsvRecords::new(block.bytes) {
            if record.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            let offset = block.offset + at as u64;
            let (text, _) = fallback(record, page);
            match header.read(&text) {
                Record::Header => {}
                Record::Row(cells) => row(cells, offset, sink),
                Record::Misshapen(n) => {
                    let want = header.width();
                    let reason =
                        format!("{n} cells where the header has {want}: the line is cut or its quotes are broken");
                    sink.reject(offset, reason, record);
                }
            }
        }
    }
}

fn row(cells: Vec<(&str, Cow<'_, str>)>, offset: u64, sink: &mut Sink<'_>) {
    let mut raw = Raw::log(mde::kind::EVENT, offset);
    let mut table = None;
    for (name, text) in cells {
        // The table's name: `union withsource`, and the Type column of Log Analytics.
        if matches!(name, "$table" | "SourceTable" | "Type") && table.is_none() {
            table = Some(text.to_string());
        }
        raw.push(name, Value::Str(text));
    }
    mde::settle(&mut raw, table.as_deref(), None);
    sink.event(&raw);
}

/// What makes a header one of Defender's.
fn telling(header: &Header) -> Option<(u8, &'static str)> {
    let has = |names: &[&str]| names.iter().all(|n| header.has(n));
    let device = header.has("DeviceId") || header.has("DeviceName");
    let time = header.has("Timestamp") || header.has("TimeGenerated");
    Some(match () {
        () if device && time && has(&["ActionType", "Data Type"]) => (95, "device timeline"),
        () if device && has(&["ActionType"]) => (95, "advanced hunting"),
        () if device && has(&["ConfigurationId", "IsCompliant"]) => (95, "secure configuration assessment"),
        () if device && has(&["ProcessCommandLine", "InitiatingProcessFileName"]) => (90, "process rows"),
        () if device && has(&["InitiatingProcessFileName"]) => (85, "rows of a hunting query"),
        () if device && time && has(&["RemoteIP", "RemotePort"]) => (80, "network rows of a hunting query"),
        () if device && time && has(&["OnboardingStatus"]) => (90, "DeviceInfo"),
        () if device && has(&["NetworkAdapterName", "IPAddresses"]) => (90, "DeviceNetworkInfo"),
        () if device && time && has(&["ProcessCommandLine"]) => (70, "process rows of a hunting query"),
        () if time && has(&["AlertId", "ServiceSource"]) => (85, "alerts"),
        () if time && has(&["LogonType", "AccountUpn", "Application"]) => (80, "IdentityLogonEvents"),
        () => return None,
    })
}

#[cfg(test)]
mod tests;
