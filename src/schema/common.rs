//! The columns that every table begins with.

use super::{Col, Column, Kind};

macro_rules! common {
    ($($konst:ident $name:literal $kind:ident $about:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms)]
        enum Ix { $($konst),* }
        $(#[doc = $about] pub const $konst: Col = Col(Ix::$konst as u16);)*
        /// The common columns in order.
        pub static COLUMNS: &[Column] = COLUMN_LIST;
        const COLUMN_LIST: &[Column] = &[$(Column { name: $name, kind: Kind::$kind, doc: $about }),*];
    };
}

common! {
    TS "ts" Ts "Event time as the record says it: UTC where it names its zone, else as written (see time_quality).";
    TIME_QUALITY "time_quality" Dict "How the time is known: utc, offset, assumed, year_inferred, none (then ts is that of the record before it in the input, if there is one, else the input's own time).";
    UTC_TIME "utc_time" Ts "The sensor's own UTC clock inside the record (Sysmon UtcTime); stale in events 3 and 22 after a resume.";
    HOST "host" Dict "Host the event happened on: lower-case short name, or ip:ADDRESS where only an address is known.";
    HOST_RAW "host_raw" Dict "Host as logged (FQDN, DeviceName).";
    HOST_ID "host_id" Dict "Stable id of the host (MDE DeviceId, agent id).";
    SOURCE "source" Dict "Kind of log: sysmon, security, mde, zeek, squid …";
    FORMAT "format" Dict "Syntax it was read from: evtx, windows-json, zeek-tsv …";
    OBSERVER "observer" Dict "Proxy, firewall, DNS server or collector that wrote the log.";
    EVENT_CODE "event_code" I32 "Event id of the source (Windows EventID).";
    PROVIDER "provider" Dict "Windows provider or vendor's log name.";
    CHANNEL "channel" Dict "Windows event log channel.";
    ACTION "action" Dict "What happened, from the small verb set of the table.";
    OUTCOME "outcome" Dict "success, failure or blocked; null where the record does not say.";
    USER "user" Dict "Acting user without domain.";
    USER_DOMAIN "user_domain" Dict "Domain of the acting user.";
    USER_SID "user_sid" Dict "Security identifier of the acting user.";
    LOGON_ID "logon_id" U64 "Logon session of the acting user on this host.";
    FILE_ID "file_id" U64 "Input the row came from: first eight bytes of the BLAKE3 of its content (table inputs).";
    ROW "row" U64 "Byte offset of the record in its decompressed input.";
    RECORD_ID "record_id" U64 "EventRecordID, ReportId or line's own id.";
    EXTRA "extra" Text "JSON object with every original field that no column holds, under its original name.";
}
