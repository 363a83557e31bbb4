//! Writing a hunt's outputs: every file under a temporary name, renamed when complete.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::base::error::{Error, Result};
use crate::base::lock;
use crate::lake::records;
use crate::report::{OUTPUTS, Results, columns};

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
        _lock: lock::take(dir.join(".lock"), dir)?,
    })
}

/// Writes all outputs. `run.json` comes last.
///
/// # Errors
/// Where a file cannot be written; files of an earlier run stay as they were.
pub fn write(results: &Results, into: &Outputs) -> Result<()> {
    let out = into.dir.as_path();
    let mut names = Vec::new();
    parquet(
        out,
        "findings.parquet",
        columns::findings(&results.findings),
        &mut names,
    )?;
    parquet(out, "signals.parquet", columns::signals(&results.signals), &mut names)?;
    for output in OUTPUTS {
        let name = output.file_name();
        let tmp = out.join(format!(".{name}.tmp"));
        let write = || -> std::io::Result<()> {
            let mut w = BufWriter::new(File::create(&tmp)?);
            output.write(results, &mut w)?;
            w.flush()
        };
        write().map_err(|e| Error::io(&tmp, "cannot write an output", e))?;
        names.push(name.to_owned());
    }
    for name in names {
        let (tmp, path) = (out.join(format!(".{name}.tmp")), out.join(&name));
        fs::rename(&tmp, &path).map_err(|e| Error::io(&path, "cannot name an output", e))?;
    }
    Ok(())
}

fn parquet(out: &Path, name: &str, columns: Vec<(&str, records::Values)>, names: &mut Vec<String>) -> Result<()> {
    records::write(&out.join(format!(".{name}.tmp")), columns)?;
    names.push(name.to_owned());
    Ok(())
}
