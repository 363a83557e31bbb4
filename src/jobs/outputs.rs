//! Writing a hunt's outputs: every file under a temporary name, renamed when complete.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::base::error::{Error, Result};
use crate::lake::records;
use crate::report::{OUTPUTS, Results, columns};

/// What is written as a table beside [`OUTPUTS`].
const TABLES: [&str; 2] = ["findings.parquet", "signals.parquet"];

/// Writes all outputs into `out`. `run.json` comes last.
///
/// # Errors
/// Where a file cannot be written; files of an earlier run stay as they were.
pub fn write(results: &Results, out: &Path) -> Result<()> {
    fs::create_dir_all(out).map_err(|e| Error::io(out, "cannot make the output folder", e))?;
    let [findings, signals] = TABLES.map(|name| out.join(format!(".{name}.tmp")));
    records::write(&findings, columns::findings(&results.findings))?;
    records::write(&signals, columns::signals(&results.signals))?;
    for output in OUTPUTS {
        let name = output.file_name();
        let tmp = out.join(format!(".{name}.tmp"));
        let write = || -> std::io::Result<()> {
            let mut w = BufWriter::new(File::create(&tmp)?);
            output.write(results, &mut w)?;
            w.flush()
        };
        write().map_err(|e| Error::io(&tmp, "cannot write an output", e))?;
    }
    for name in names() {
        let (tmp, path) = (out.join(format!(".{name}.tmp")), out.join(&name));
        fs::rename(&tmp, &path).map_err(|e| Error::io(&path, "cannot name an output", e))?;
    }
    Ok(())
}

/// The names of all files that a hunt writes, in the order in which they come to be.
pub fn names() -> Vec<String> {
    let outputs = OUTPUTS.iter().map(|o| o.file_name());
    TABLES.into_iter().chain(outputs).map(str::to_owned).collect()
}
