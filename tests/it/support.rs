//! Running the program as a user would.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// The project's folder.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the binary with arguments; its output.
pub fn coldtrail<S: AsRef<std::ffi::OsStr>>(args: &[S]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_coldtrail"))
        .args(args)
        .output()
        .unwrap()
}

/// Hunts over `input` into a fresh folder and returns that folder.
pub fn hunt(input: &Path, extra: &[&str]) -> tempfile::TempDir {
    let out = tempfile::tempdir().unwrap();
    hunt_into(&[input], out.path(), extra);
    out
}

/// Hunts over inputs into `out`.
pub fn hunt_into(inputs: &[&Path], out: &Path, extra: &[&str]) {
    let mut args: Vec<String> = vec!["hunt".into()];
    args.extend(inputs.iter().map(|i| i.display().to_string()));
    args.extend(["--out".into(), out.display().to_string(), "--quiet".into()]);
    args.extend(extra.iter().map(|e| (*e).to_owned()));
    let done = coldtrail(&args);
    let code = done.status.code();
    assert!(
        matches!(code, Some(0 | 1 | 4)),
        "{args:?} ended with {code:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// The objects of a JSON lines file.
pub fn json_lines(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// A JSON file.
pub fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The shared folder beside the project, where it is.
pub fn shared() -> Option<PathBuf> {
    let path = root().join("../shared/data");
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: the folder ../shared is not there");
    None
}
