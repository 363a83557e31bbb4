//! The Windows installer (Application log). Verbs: `create` (1033, 11707), `delete` (1034). The data is unnamed:
//! product, version, language, status, maker.

use super::{Claim, Mapper};
use crate::ingest::raw::Raw;
use crate::ingest::row::Row;
use crate::ingest::sink::RecordContext;
use crate::ingest::windows::Source;
use crate::ingest::windows_fields::{set, unnamed};
use crate::schema::builder::TableSet;
use crate::schema::{common, persist as t};

/// Products installed and removed.
pub struct Msi;

impl Mapper for Msi {
    fn id(&self) -> &'static str {
        "msi"
    }

    fn claims(&self) -> &'static [Claim] {
        &[Claim::Windows(Source::Msi, &[1033, 1034, 11707])]
    }

    fn map(&self, raw: &Raw<'_>, out: &mut TableSet, cx: &RecordContext<'_>) {
        let mut row = Row::begin(out, &t::TABLE, raw, cx);
        row.action(if raw.code == Some(1034) { "delete" } else { "create" });
        row.cells.text(t::KIND, "msi");
        let items: Vec<&str> = unnamed(raw).map(|(_, text)| text).take(5).collect();
        if let Some(product) = items.first() {
            // 11707: "Product: NAME -- Installation completed successfully."
            let name = product.strip_prefix("Product: ").unwrap_or(product);
            set(&mut row, t::NAME, name.split(" -- ").next().unwrap_or(name).trim());
        }
        let outcome = match (raw.code, items.get(3)) {
            (Some(11707), _) => "success",
            (_, Some(&"0")) => "success",
            (_, Some(_)) => "failure",
            _ => "",
        };
        set(&mut row, common::OUTCOME, outcome);
        row.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::windows_fields::testing::{event, run};

    #[test]
    fn a_product_is_named_with_its_result() {
        let f = [
            ("Data_1", "ScreenTool"),
            ("Data_2", "1.0"),
            ("Data_3", "1033"),
            ("Data_4", "1603"),
        ];
        let s = run(&event("MsiInstaller", "Application", 1033, &f));
        assert_eq!(
            (s.table, s.text(t::NAME), s.outcome()),
            ("persist", "ScreenTool", "failure")
        );
        let f = [("Data", "Product: ScreenTool -- Installation completed successfully.")];
        let s = run(&event("MsiInstaller", "Application", 11707, &f));
        assert_eq!(
            (s.action(), s.text(t::NAME), s.outcome()),
            ("create", "ScreenTool", "success")
        );
    }
}
