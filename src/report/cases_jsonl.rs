//! `cases.jsonl`: findings that belong together over hosts: the path between them, where it began, the accounts used.

use std::io::{self, Write};

use super::{Output, Results};

/// The output.
pub struct CasesJsonl;

impl Output for CasesJsonl {
    fn id(&self) -> &'static str {
        "cases-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "cases.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        super::json_lines(&results.cases, w)
    }
}
