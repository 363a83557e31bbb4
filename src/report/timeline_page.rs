//! A timeline as one page that opens from a disk: no script, nothing from elsewhere, every value escaped.

use askama::Template;

use super::policy::policy;
use crate::base::text::for_terminal;

const CSS: &str = include_str!("templates/report.css");

/// One event, in text as logged.
#[derive(Debug, Clone, Default)]
pub struct TimelineRow {
    /// Time, UTC.
    pub time: String,
    /// Kinds of logs that tell of it.
    pub sources: String,
    /// Table.
    pub table: String,
    /// Acting user.
    pub user: String,
    /// What happened.
    pub what: String,
    /// Where its records lie: file, record, byte.
    pub records: Vec<String>,
}

#[derive(Template)]
#[template(path = "timeline.html")]
struct Html<'a> {
    host: &'a str,
    rows: &'a [TimelineRow],
    notes: &'a [String],
    css: &'static str,
    policy: String,
}

/// The page: the events of a host in the order of time, and what the reader should know about them.
///
/// # Errors
/// Only where the template cannot be filled.
pub fn timeline_page(host: &str, rows: &[TimelineRow], notes: &[String]) -> Result<String, askama::Error> {
    let shown = |text: &String| for_terminal(text).into_owned();
    let rows: Vec<TimelineRow> = rows
        .iter()
        .map(|r| TimelineRow {
            time: shown(&r.time),
            sources: shown(&r.sources),
            table: shown(&r.table),
            user: shown(&r.user),
            what: shown(&r.what),
            records: r.records.iter().map(shown).collect(),
        })
        .collect();
    let notes: Vec<String> = notes.iter().map(shown).collect();
    Html {
        host: &for_terminal(host),
        rows: &rows,
        notes: &notes,
        css: CSS,
        policy: policy(CSS, None),
    }
    .render()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_stays_text() {
        let bad = "<script>x</script>\"><img src=x onerror=y>\u{202e}\u{1b}[31m";
        let row = TimelineRow {
            time: "2025-09-20 11:00:00.000".into(),
            sources: bad.into(),
            table: "process".into(),
            user: bad.into(),
            what: bad.into(),
            records: vec![bad.into()],
        };
        let html = timeline_page(bad, &[row], &[bad.into()]).unwrap();
        let body = html.split_once("</style>").unwrap().1;
        for raw in ["<script", "<img", "\u{202e}", "\u{1b}"] {
            assert!(!body.contains(raw), "{raw:?} stands in the page");
        }
        assert_eq!(body.matches("&#60;script&#62;").count(), 6, "{body}");
        assert!(body.contains("2025-09-20 11:00:00.000"));
    }
}
