//! `findings.jsonl`: one finding a line, best first.

use std::io::{self, Write};

use super::{Output, Results};

/// The output.
pub struct FindingsJsonl;

impl Output for FindingsJsonl {
    fn id(&self) -> &'static str {
        "findings-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "findings.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        super::json_lines(&results.findings, w)
    }
}
