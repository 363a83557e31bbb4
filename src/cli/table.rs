//! Aligned columns that fit the terminal, and CSV, of text that comes from logs.

use std::io::IsTerminal;

use crate::base::error::{Error, Result};
use crate::base::text::{cells, cut_cells, for_csv_cell, for_terminal, pad_cells};

/// Narrowest column that is still cut.
const MIN: usize = 8;
/// Between columns.
const GAP: usize = 2;

/// Columns of the terminal; `None` where the output goes elsewhere and nothing is cut.
pub fn terminal_width() -> Option<usize> {
    let columns = std::env::var("COLUMNS").ok().and_then(|c| c.parse::<usize>().ok());
    let asked = || {
        let stdout = std::io::stdout();
        stdout
            .is_terminal()
            .then(|| console::Term::stdout().size_checked())
            .flatten()
    };
    columns
        .or_else(|| asked().map(|(_, w)| usize::from(w)))
        .map(|w| w.max(60))
}

/// Whether colours are wanted: on a terminal, unless `NO_COLOR` is set.
pub fn wants_colour() -> bool {
    std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty())
}

/// Rows under their headers. Cells are made safe for terminals; where the lines are too long, the columns that `give` way
/// are cut, the widest first, and where that is not enough the others.
pub fn table(headers: &[&str], rows: &[Vec<String>], width: Option<usize>, give: &[usize]) -> String {
    let rows: Vec<Vec<String>> = rows
        .iter()
        .map(|r| r.iter().map(|c| for_terminal(c).into_owned()).collect())
        .collect();
    let longest = |i: usize, name: &str| {
        let of_rows = rows.iter().filter_map(|r| r.get(i)).map(|c| cells(c));
        of_rows.chain([cells(name)]).max().unwrap_or(0)
    };
    let mut widths: Vec<usize> = headers.iter().enumerate().map(|(i, h)| longest(i, h)).collect();
    if let Some(width) = width {
        let room = width.saturating_sub(GAP * headers.len().saturating_sub(1));
        fit(&mut widths, room, |i| give.contains(&i));
        fit(&mut widths, room, |_| true);
    }
    let mut out = String::new();
    let mut line = |row: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = row
            .zip(&widths)
            .map(|(c, w)| pad_cells(&cut_cells(c, *w), *w))
            .collect();
        out.push_str(padded.join("  ").trim_end());
        out.push('\n');
    };
    line(&mut headers.iter().copied());
    for r in &rows {
        line(&mut r.iter().map(String::as_str));
    }
    out
}

/// CSV with a header; formulas lose their power.
///
/// # Errors
/// Where memory cannot be written to, which is a defect.
pub fn csv(headers: &[&str], rows: &[Vec<String>]) -> Result<String> {
    let failed = |e: &dyn std::fmt::Display| Error::Internal(format!("cannot write CSV: {e}"));
    let mut w = csv::Writer::from_writer(Vec::new());
    w.write_record(headers).map_err(|e| failed(&e))?;
    for row in rows {
        w.write_record(row.iter().map(|c| for_csv_cell(c).into_owned()))
            .map_err(|e| failed(&e))?;
    }
    let bytes = w.into_inner().map_err(|e| failed(&e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Takes from the widest of some columns until the sum fits, or until they are narrow.
fn fit(widths: &mut [usize], room: usize, may: impl Fn(usize) -> bool) {
    loop {
        let over = widths.iter().sum::<usize>().saturating_sub(room);
        let some = || widths.iter().enumerate().filter(|(i, _)| may(*i)).map(|(_, w)| *w);
        let widest = some().max().unwrap_or(0);
        if over == 0 || widest <= MIN {
            return;
        }
        let second = some().filter(|w| *w < widest).max().unwrap_or(0).max(MIN);
        let same = some().filter(|w| *w == widest).count().max(1);
        let step = (widest - second).min(over.div_ceil(same)).max(1);
        for (_, w) in widths.iter_mut().enumerate().filter(|(i, w)| may(*i) && **w == widest) {
            *w -= step;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_fit_and_the_widest_columns_give_way() {
        let rows = vec![
            vec!["a".to_owned(), "x".repeat(300), "y".repeat(90)],
            vec!["日本".to_owned(), "\x1b[31m".into(), "z".into()],
        ];
        for width in [60, 80, 200] {
            for l in table(&["A", "LONG", "LONG TOO"], &rows, Some(width), &[1]).lines() {
                assert!(cells(l) <= width, "{width}: {l}");
                assert!(!l.contains('\x1b'));
            }
        }
        assert!(table(&["A", "B", "C"], &rows, None, &[]).contains(&"x".repeat(300)));
        let text = table(&["A", "B", "C"], &rows, Some(120), &[1]);
        assert!(
            text.contains(&"y".repeat(90)) && !text.contains(&"x".repeat(30)),
            "{text}"
        );
    }

    #[test]
    fn csv_has_no_formulas() {
        let text = csv(&["a"], &[vec!["=cmd".to_owned()]]).unwrap();
        assert_eq!(text, "a\n'=cmd\n");
    }
}
