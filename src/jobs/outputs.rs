//! Writing a hunt's outputs: every file under a temporary name, renamed when complete.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::lock;
use crate::lake::records;
use crate::report::{OUTPUTS, Results, columns};

/// What is written as a table beside [`OUTPUTS`].
const TABLES: [&str; 2] = ["findings.parquet", "signals.parquet"];
/// Held while a run writes.
const LOCK: &str = ".lock";

/// A folder for outputs that no other run writes into.
#[derive(Debug)]
pub struct Outputs {
    dir: PathBuf,
    /// Held until the end of the run.
    _lock: File,
}

/// Makes the folder and takes its lock: of two runs neither may write half of what is there.
///
/// # Errors
/// Where it cannot be made; [`Error::Locked`] where another run writes there.
pub fn claim(dir: &Path) -> Result<Outputs> {
    fs::create_dir_all(dir).map_err(|e| Error::io(dir, "cannot make the output folder", e))?;
    Ok(Outputs {
        dir: dir.to_path_buf(),
        _lock: lock::take(dir.join(LOCK), dir)?,
    })
}

/// Writes all outputs. `run.json` comes last.
///
/// # Errors
/// Where a file cannot be written; files of an earlier run stay as they were.
pub fn write(results: &Results, into: &Outputs) -> Result<()> {
    let out = into.dir.as_path();
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
    for name in written() {
        let (tmp, path) = (out.join(format!(".{name}.tmp")), out.join(name));
        fs::rename(&tmp, &path).map_err(|e| Error::io(&path, "cannot name an output", e))?;
    }
    Ok(())
}

/// What a hunt writes, in the order in which it comes to be.
fn written() -> impl Iterator<Item = &'static str> {
    TABLES.into_iter().chain(OUTPUTS.iter().map(|o| o.file_name()))
}

/// The names of all files in a folder of outputs.
pub fn names() -> Vec<String> {
    written().chain([LOCK]).map(str::to_owned).collect()
}
