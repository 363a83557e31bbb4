//! `signals.jsonl`: every hit before chaining, suppressed ones included.

use std::io::{self, Write};

use super::{Output, Results};

/// The output.
pub struct SignalsJsonl;

impl Output for SignalsJsonl {
    fn id(&self) -> &'static str {
        "signals-jsonl"
    }

    fn file_name(&self) -> &'static str {
        "signals.jsonl"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        super::json_lines(&results.signals, w)
    }
}
