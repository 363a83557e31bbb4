//! `findings.csv`: one finding a row, best first; cells that a spreadsheet would run are defused.

use std::io::{self, Write};

use super::{Output, Results, columns};
use crate::base::text::for_csv_cell;
use crate::lake::records::Values;

/// The output.
pub struct FindingsCsv;

impl Output for FindingsCsv {
    fn id(&self) -> &'static str {
        "findings-csv"
    }

    fn file_name(&self) -> &'static str {
        "findings.csv"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        let columns = columns::findings(&results.findings);
        let mut csv = csv::Writer::from_writer(w);
        csv.write_record(columns.iter().map(|(name, _)| *name))?;
        for row in 0..results.findings.len() {
            let cells = columns.iter().map(|(_, values)| cell(values, row));
            csv.write_record(cells.map(|c| for_csv_cell(&c).into_owned()))?;
        }
        csv.flush()
    }
}

fn cell(values: &Values, row: usize) -> String {
    let found = match values {
        Values::Text(v) => v.get(row).cloned().flatten(),
        Values::F64(v) => v.get(row).map(f64::to_string),
        Values::U64(v) => v.get(row).copied().flatten().map(|n| n.to_string()),
        Values::I64(v) => v.get(row).copied().flatten().map(|n| n.to_string()),
    };
    found.unwrap_or_default()
}
