//! Exchange administration ("MSExchange Management" log) 1 and 6: a cmdlet ran (`module`), with success or failure.
//! Its data is unnamed: cmdlet, parameters, user.

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{set_user, unnamed};
use crate::schema::builder::TableSet;
use crate::schema::{common, script as t};

/// Cmdlets of Exchange.
pub struct Exchange;

impl Mapper for Exchange {
    fn id(&self) -> &'static str {
        "exchange"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Exchange, &[1, 6])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.action("module");
        row.cells.text(t::ENGINE, "powershell");
        row.cells
            .text(common::OUTCOME, if raw.code == Some(1) { "success" } else { "failure" });
        let mut items = unnamed(raw).map(|(_, text)| text);
        if let Some(cmdlet) = items.next() {
            let text = format!("{cmdlet} {}", items.next().unwrap_or(""));
            row.cells.text(t::TEXT, text.trim());
        }
        if let Some(user) = items.next() {
            // A path in the directory: corp.example/Users/ann.
            set_user(&mut row, user.rsplit('/').next().unwrap_or(user));
        }
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn cmdlet_and_parameters_are_one_text() {
        let f = [
            ("Data_1", "New-MailboxExportRequest"),
            ("Data_2", "-Mailbox \"ann\""),
            ("Data_3", "corp.example/Users/adm"),
        ];
        let s = run(&event("MSExchange CmdletLogs", "MSExchange Management", 1, &f));
        assert_eq!(
            (s.table, s.text(t::TEXT)),
            ("script", "New-MailboxExportRequest -Mailbox \"ann\"")
        );
        assert_eq!((s.outcome(), s.text(common::USER)), ("success", "adm"));
    }
}
