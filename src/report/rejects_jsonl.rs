//! `rejects.jsonl`: every record that could not be read.

use std::io::{self, Write};

use super::{Output, Results};

/// The output.
pub struct RejectsJsonl;

impl Output for RejectsJsonl {
    fn id(&self) -> &'static str {
        "rejects-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "rejects.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        super::json_lines(&results.run.rejects, w)
    }
}
