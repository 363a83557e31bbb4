//! `run.json`: what was read, what could be seen, what it took.

use std::io::{self, Write};

use super::{Output, Results};

/// The output.
pub struct RunJson;

impl Output for RunJson {
    fn id(&self) -> &'static str {
        "run-json"
    }

    fn file_name(&self) -> &'static str {
        "run.json"
    }

    fn write(&self, results: &Results, w: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *w, &results.run)?;
        w.write_all(b"\n")
    }
}
